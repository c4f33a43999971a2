"""Candidates: several responses to one prompt, each with its score. For methods that rank what they sampled."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from random import Random

from rmboost.ask import Ask
from rmboost.aspects import Aspect
from rmboost.errors import ReplyError
from rmboost.judges import Scorer, Scores
from rmboost.records import Job, Response
from rmboost.together import together


@dataclass(frozen=True, slots=True)
class Candidate:
    """A response, and how good it is: the mean over the aspects that it was scored on."""

    response: Response
    scores: Scores
    mean: float


async def rated(
    job: Job, responses: Sequence[Awaitable[Response]], scorer: Scorer, ask: Ask, aspects: Sequence[Aspect] = ()
) -> list[Candidate]:
    """The responses, asked for all at once and then scored all at once. Equal ones are one candidate.

    Raises ReplyError where all are equal, which draws all but the first again, and where a score cannot be read, which
    draws the scores again and leaves the responses: a default in its place would be a made-up label.
    """
    written = await together(*responses)
    different: dict[str, Response] = {}
    for response in written:
        different.setdefault(response.text, response)
    if len(different) == 1:
        raise ReplyError("identical", f"all {len(written)} responses are the same", written[1])
    found = await together(*(scorer.score(job.prompt, text, ask, aspects) for text in different))
    candidates = []
    for response, scores in zip(different.values(), found, strict=True):
        if scores.mean is None:
            raise ReplyError("unreadable", scores.problem, replace(written[-1], text="", call=written[-1].call + 1))
        candidates.append(Candidate(response, scores, round(scores.mean, 6)))
    return candidates


def best(candidates: Sequence[Candidate], random: Random) -> Candidate:
    """One of those with the highest mean. Drawn: always the one that was written first would tell the label."""
    highest = max(each.mean for each in candidates)
    return random.choice([each for each in candidates if each.mean == highest])


def worse_than(chosen: Candidate, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those with a lower mean. Raises ReplyError("tie"), which is final, where there is none: ties are no pairs."""
    if worse := [each for each in candidates if each.mean < chosen.mean]:
        return worse
    detail = f"all {len(candidates)} different responses have the score {chosen.mean:g}"
    raise ReplyError("tie", detail, candidates[-1].response, final=True)


def worst(chosen: Candidate, candidates: Sequence[Candidate], random: Random) -> Candidate:
    """One of those with the lowest mean, drawn as in ``best``. Raises ReplyError as ``worse_than``."""
    worse = worse_than(chosen, candidates)
    lowest = min(each.mean for each in worse)
    return random.choice([each for each in worse if each.mean == lowest])
