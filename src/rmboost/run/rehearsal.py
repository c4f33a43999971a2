"""The rehearsal: the first job played through with the fake, so that a template's mistake costs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from rmboost import budget
from rmboost.backends.fake import FakeBackend
from rmboost.config import Config
from rmboost.errors import ReplyError
from rmboost.records import Job, Message, Pair, Request, Response, stable_hash
from rmboost.run import roles
from rmboost.run.recipe import Recipe, refuse_undefined
from rmboost.templates import Templates
from rmboost.together import run


class _Rehearsing:
    """``ask`` that renders every call, lets the fake answer, and remembers what was sent."""

    def __init__(self, recipe: Recipe, job: Job) -> None:
        self._recipe = recipe
        self._job = job
        self.sent: list[tuple[str, str, tuple[Message, ...]]] = []
        self.calls = 0
        """all that were made: some are asked again with the same messages, such as votes"""

    async def __call__(
        self, role: str, template: str, /, *, logprobs: int = 0, again: Response | None = None, **values: Any
    ) -> Response:
        messages = self._recipe.templates.render(template, **values)
        if not again:
            self.sent.append((role, template, messages))
        self.calls += 1
        seed = stable_hash(self._job.key, self.calls)
        return await FakeBackend().complete(Request(messages, seed, logprobs=logprobs))


def prepare(prompts: Path, config: Config, known: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of a run, with all that can be found wrong before the first call. Raises what ``Recipe.prepare`` does.

    known: fields of a survey that an earlier run made of its prompts, which may be the same.
    """
    recipe = Recipe.prepare(prompts, config, known)
    budget.check(recipe.config.ceilings, roles.models(recipe.config), recipe.config.prices)
    roles.seats(recipe.config)  # an option of a backend that it does not know
    refuse_undefined(recipe.config.verified_aspects, recipe.method)
    return replace(recipe, calls=run(play_all(recipe)))


def prepare_judge(recipe: Recipe, config: Config) -> None:
    """Raises ConfigError for what is wrong with a judge that will look at the recipe's pairs in a run of its own."""
    budget.check(config.ceilings, roles.models(config), config.prices)
    judging = replace(recipe, config=config, templates=Templates(config.prompts))
    if judging.verify:
        job = next(recipe.jobs())
        run(judging.verify.run(_unwritten(job), _Rehearsing(judging, job)))


async def _play(recipe: Recipe, job: Job) -> _Rehearsing:
    """What would be sent for a job: role, template and messages of each call. Raises ConfigError."""
    ask = _Rehearsing(recipe, job)
    pair = _unwritten(job)
    with suppress(ReplyError):  # the fake's words are no test of a method: what counts is that its templates render
        pair = await recipe.method.make_pair(job, ask)
    if recipe.verify:
        await recipe.verify.run(pair, ask)
    return ask


def _unwritten(job: Job) -> Pair:
    return Pair(job.prompt, Response("…", ""), Response("…", ""), "")


async def play_all(recipe: Recipe) -> int:
    """The first job with every order that the plan can give it: no template is left for later. Raises ConfigError.

    Returns how many calls a job takes at most, where no reply is drawn again.
    """
    job = next(recipe.jobs())
    return max([(await _play(recipe, replace(job, spec=spec))).calls for spec in recipe.method.cells() or (job.spec,)])


def show(recipe: Recipe) -> str:
    """Settings, plan and first messages of a run, as text: what ``--dry-run`` prints."""
    sent = run(_play(recipe, next(recipe.jobs()))).sent
    settings = yaml.safe_dump(recipe.config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    parts = [f"# settings\n{settings}", _plan(recipe)]
    for number, (role, template, messages) in enumerate(sent, 1):
        turns = "\n".join(f"[{message['role']}]\n{message['content']}" for message in messages)
        parts.append(f"# call {number} of the first job: {role}, template {template}\n{turns}\n")
    return "\n".join([*parts, "# nothing was asked: where an answer of the model stands above, it is made up"])


def _plan(recipe: Recipe) -> str:
    """How often each label and each aspect is ordered over this input; nothing for a method that orders none."""
    if not recipe.method.cells():
        return ""
    specs = [spec for index in range(recipe.ordered) if (spec := recipe.plan.spec(index))]
    labels = Counter(spec.label for spec in specs)
    aspects = Counter(spec.aspects[0] if spec.aspects else "the model's choice" for spec in specs)
    rows = [
        f"{kind}: {', '.join(f'{name} {count}' for name, count in sorted(counts.items()))}"
        for kind, counts in (("labels", labels), ("aspects", aspects))
    ]
    over = f"the first {recipe.ordered} pairs" if recipe.config.target else recipe.extent
    return "\n".join([f"# plan over {over}", *rows, ""])
