"""Public forms that name no chosen response: how each is told by its columns, and the command that makes pairs of it.

They are not read as they are: somebody has to say what becomes of ties, and which two of several responses are a pair.
The commands say it where everybody sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Form:
    """``columns``, with spaces between, are those that its rows have; ``makes`` is a program of jq."""

    name: str
    columns: str
    makes: str
    flags: str = "-c"

    @property
    def command(self) -> str:
        """What to type, for a FILE of JSON lines."""
        return f"jq {self.flags} '{self.makes}' FILE > other-pairs.jsonl"

    @property
    def hint(self) -> str:
        """What to do about a row of this form."""
        return f"this looks like {self.name}; where FILE is JSON lines: {self.command}"


def _two(name: str, columns: str, responses: tuple[str, str], first: str, keep: str = "", more: str = "") -> Form:
    """Two responses, of which ``first`` says whether the first is better; ``keep``: no tie; ``more``: other columns."""
    left, right = responses
    wanted = f"select({keep}) | " if keep else ""
    ranked = f"(if {first} then [{left}, {right}] else [{right}, {left}] end) as [$c, $r]"
    return Form(name, columns, f"{wanted}{ranked} | . + {{{more}chosen: $c, rejected: $r}}")


def _best(name: str, columns: str, ranked: str, text: str, score: str) -> Form:
    """Several responses, of which the last of ``ranked`` is better than the first, unless ``score`` is the same."""
    differ, made = f"$s[0]{score} != $s[-1]{score}", f"chosen: $s[-1]{text}, rejected: $s[0]{text}"
    return Form(name, columns, f"{ranked} as $s | select({differ}) | . + {{{made}}}")


_SAID = (
    "([.prompt, .response_a, .response_b] | map(fromjson)) as [$p, $a, $b]"
    ' | def said($r): [$p, $r] | transpose | map({role: "user", content: .[0]}, {role: "assistant", content: .[1]}); '
)
FORMS = (
    _two(
        "Chatbot Arena",
        "conversation_a conversation_b winner",
        (".conversation_a", ".conversation_b"),
        first='.winner == "model_a"',
        keep='.winner == "model_a" or .winner == "model_b"',
        more="judge: null, ",
    ),
    Form(
        "LMArena's human preferences",
        "prompt response_a response_b winner_model_a winner_tie",
        f"select(.winner_tie == 0) | {_SAID}. + {{prompt: null}} + "
        "if .winner_model_a == 1 then {chosen: said($a), rejected: said($b)} "
        "else {chosen: said($b), rejected: said($a)} end",
    ),
    _two(
        "HelpSteer3",
        "response1 response2 overall_preference",
        (".response1", ".response2"),
        first=".overall_preference < 0",
        keep=".overall_preference != 0",
    ),
    _two(
        "HelpSteer2's preferences",
        "response_1 response_2 preference_strength",
        (".response_1", ".response_2"),
        first=".preference_strength < 0",
        keep=".preference_strength != 0",
    ),
    Form(
        "HelpSteer2",
        "prompt response helpfulness",
        "group_by(.prompt)[] | sort_by(.helpfulness) | select(.[0].helpfulness != .[-1].helpfulness)"
        " | {prompt: .[0].prompt, chosen: .[-1].response, rejected: .[0].response}",
        "-cs",
    ),
    _two(
        "PKU-SafeRLHF",
        "response_0 response_1 better_response_id",
        (".response_0", ".response_1"),
        first=".better_response_id == 0",
    ),
    _two(
        "SHP",
        "history human_ref_A human_ref_B labels",
        (".human_ref_A", ".human_ref_B"),
        first=".labels == 1",
        more="prompt: .history, ",
    ),
    _two(
        "WebGPT's comparisons",
        "answer_0 answer_1 score_0 score_1",
        (".answer_0", ".answer_1"),
        first=".score_0 > .score_1",
        keep=".score_0 != .score_1",
        more="prompt: .question.full_text, ",
    ),
    _two(
        "OpenAI's summaries",
        "info summaries choice",
        (".summaries[0].text", ".summaries[1].text"),
        first=".choice == 0",
        more="prompt: (.info.post // .info.article), ",
    ),
    _two(
        "JudgeBench",
        "response_A response_B label",
        (".response_A", ".response_B"),
        first='.label == "A>B"',
        keep='.label == "A>B" or .label == "B>A"',
    ),
    Form(
        "pairs of Stack Exchange",
        "response_j response_k",
        ". + {chosen: .response_j, rejected: .response_k}",
    ),
    _best(
        "Nectar",
        "prompt answers",
        "(.answers | sort_by(-.rank))",
        ".answer",
        ".rank",
    ),
    _best(
        "UltraFeedback before it was binarized",
        "instruction completions models",
        '(.completions | sort_by(."fine-grained_score"))',
        ".response",
        '."fine-grained_score"',
    ),
    _best(
        "the output of distilabel",
        "generations ratings",
        "([.generations, .ratings] | transpose | map(select(.[1] != null)) | sort_by(.[1]))",
        "[0]",
        "[1]",
    ),
    _best(
        "NeMo-RL",
        "context completions",
        "(.completions | sort_by(-.rank))",
        ".completion",
        ".rank",
    ),
    Form(
        "KTO",
        "prompt completion label",
        "group_by(.prompt)[] | map(select(.label))[] as $c | map(select(.label | not))[] as $r"
        " | {prompt: $c.prompt, chosen: $c.completion, rejected: $r.completion}",
        "-cs",
    ),
)
SEVERAL = Form(
    "RewardBench 2, with several texts to a side",
    "chosen rejected",
    ".chosen[] as $c | .rejected[] as $r | . + {chosen: $c, rejected: $r}",
)


def hint_for(data: Mapping[str, Any]) -> str:
    """The hint for a row that has no chosen or no rejected response; "" where its form is not known."""
    return next((form.hint for form in FORMS if data.keys() >= set(form.columns.split())), "")


def hint_for_side(side: Any) -> str:
    """The hint for what cannot be read as one response; "" where it is not several."""
    return SEVERAL.hint if isinstance(side, list) and side and all(isinstance(one, str) for one in side) else ""
