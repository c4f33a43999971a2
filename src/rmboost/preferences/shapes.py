"""The shapes of preference rows: where the prompt and both texts are found in a row of some trainer's format."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rmboost.preferences.packed import both_unpacked, unpacked

Turn = tuple[str, str]  # role and text

_NAMES = {
    "chosen": ("chosen", "chosen_response"),
    "rejected": ("rejected", "rejected_response", "rejected_messages"),
}
_PROMPTS = ("prompt", "messages", "conversations", "question", "instruction")
_ELSE = ("input", "query", "context", "trajectory", "conversation")
"""Where a prompt may stand, too, if it stands nowhere else: an input beside an instruction is a part of it."""
_OF_A_TURN = ("role", "content", "from", "value")
_CALLS = ("tool_calls", "function_call")
"""Of what else a turn may have beside a text, such as a name or a date, these are part of the answer."""
_ROLES = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "developer": "system",
}
_SPEAKER = re.compile(r"(?:^|(?:\r?\n){2})(Human|Assistant):[ ]?")
_TRANSCRIPT = re.compile(r"\s*Human:.*(?:\r?\n){2}Assistant:", re.DOTALL)


def side(data: Mapping[str, Any], name: str) -> Any:
    """What the row holds for ``chosen``, ``rejected``, or a side of a reject; None where it holds nothing."""
    names = _NAMES.get(name, (name,))
    found = next((data[key] for key in names if data.get(key) is not None), None)
    if found is None and name == "chosen" and data.keys().isdisjoint(names):
        return _accepted(data)
    return found


def has_side(data: Mapping[str, Any], name: str) -> bool:
    """Whether the row has it, if an empty one."""
    return any(key in data for key in _NAMES.get(name, (name,))) or (name == "chosen" and _accepted(data) is not None)


def _accepted(data: Mapping[str, Any]) -> Any:
    """The chosen answer in ms-swift's rows, which name only the rejected one."""
    said: Any = data.get("messages")
    if data.get("rejected_messages"):
        return said
    if not data.get("rejected_response"):
        return None
    ends = isinstance(said, list) and readable(said) and _role(said[-1]) == "assistant"
    return said[-1:] if ends else data.get("response")


def readable(value: Any) -> bool:
    """Whether a side is a text, a message or a list of messages."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(turn, dict) and _role(turn) for turn in value)
    return isinstance(value, str) or (isinstance(value, dict) and bool(_role(value)))


def conversation(data: Mapping[str, Any], sides: tuple[str, str]) -> tuple[tuple[Turn, ...], str, str]:
    """The turns that both sides answer, and the two answers. An answer of several turns is one transcript.

    Nothing is packed into a text where lists are seen to be lists, and in rows of ours.
    """
    given = side(data, sides[0]), side(data, sides[1])
    ours = "chosen" not in sides or isinstance(data.get("rmboost"), dict)
    packs = not ours and isinstance(given[0], str) and isinstance(given[1], str)
    left, right = (turns(each, "assistant") for each in (both_unpacked(*given) if packs else given))
    common, before = _common(left, right), tuple(_before(data))
    answers = transcript(left[len(common) :]), transcript(right[len(common) :])
    asked = _asked(data, _PROMPTS if common else (*_PROMPTS, *_ELSE), packs=packs)
    asked = () if asked == left else _unanswered(asked, answers)  # () where messages are the chosen conversation
    asked = _joined(asked, common)
    prompt = asked if asked[: len(before)] == before else (*before, *asked)
    return prompt, *answers


def turns(value: Any, role: str) -> tuple[Turn, ...]:
    """A value as turns; a text is one turn of ``role``, unless it is a transcript as in HH-RLHF."""
    if value is None:
        return ()
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list) and readable(value):
        return tuple((_role(turn), _content(turn)) for turn in value)
    if isinstance(value, str) and _TRANSCRIPT.match(value):
        return tuple(_spoken(value))
    return ((role, text(value)),)


def transcript(said: tuple[Turn, ...]) -> str:
    """Turns as one text: that of the only one, else each with its role before it."""
    if len(said) == 1:
        return said[0][1]
    return "\n\n".join(f"{role.capitalize()}: {words}" for role, words in said)


def text(value: Any) -> str:
    """A value as text; what is none, as the JSON that it is."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)


def names_prompt(data: Mapping[str, Any]) -> bool:
    """Whether the row has a column for what was asked, if an empty one."""
    return not data.keys().isdisjoint((*_PROMPTS, *_ELSE))


def _asked(data: Mapping[str, Any], names: Sequence[str], *, packs: bool) -> tuple[Turn, ...]:
    name = next((name for name in names if data.get(name)), "prompt")
    asked = turns(unpacked(data.get(name)) if packs else data.get(name), "user")
    if name in ("instruction", "question") and (more := text(data.get("input"))):
        asked = (("user", f"{transcript(asked)}\n{more}"),)
    if asked and asked[-1] == ("assistant", ""):
        asked = asked[:-1]  # a transcript that ends where the answer is to begin
    return asked


def _before(data: Mapping[str, Any]) -> Iterator[Turn]:
    """A system text and earlier rounds that stand in columns of their own."""
    system = data.get("system") or data.get("system_prompt")
    if isinstance(system, str) and system:
        yield "system", system
    history = data.get("history")
    for asked in history if isinstance(history, list) else []:
        if isinstance(asked, list) and len(asked) == 2:
            yield from (("user", text(asked[0])), ("assistant", text(asked[1])))


def _spoken(value: str) -> Iterator[Turn]:
    _, *pieces = _SPEAKER.split(value if value.startswith("\n\n") else f"\n\n{value.lstrip()}")
    for speaker, words in zip(pieces[::2], pieces[1::2], strict=True):
        yield ("user" if speaker == "Human" else "assistant"), words


def _role(turn: Mapping[str, Any]) -> str:
    role = text(turn.get("role") or turn.get("from"))
    return _ROLES.get(role, role)


def _content(turn: Mapping[str, Any]) -> str:
    """A turn's text. Parts that are no text, and calls of tools, are shown as the JSON that they are."""
    content = turn.get("content") if "role" in turn else turn.get("value")
    if isinstance(content, list):
        content = "\n".join(map(_part, content))
    shown = _CALLS if content else [key for key in turn if key not in _OF_A_TURN]
    extra = {key: turn[key] for key in shown if turn.get(key) not in (None, [], {})}
    return "\n".join(filter(None, (text(content), text(extra or None))))


def _part(part: Any) -> str:
    """A part of a turn; tables give a picture an empty ``text``, too."""
    words = part.get("text") if isinstance(part, dict) else None
    return text(part if words is None else words)


def _unanswered(asked: tuple[Turn, ...], answers: Sequence[str]) -> tuple[Turn, ...]:
    """The turns without a last one that is one of the answers, as where ``messages`` are a whole conversation."""
    ends = len(asked) > 1 and asked[-1][0] == "assistant" and asked[-1][1].strip() in map(str.strip, answers)
    return asked[:-1] if ends else asked


def _joined(asked: tuple[Turn, ...], common: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """What the prompt says, and what both conversations begin with; nothing twice."""
    said, begun = _stripped(asked), _stripped(common)
    if not begun or said[-len(begun) :] == begun:
        return asked
    if not said or said[-1] in begun or said[0] == begun[0]:
        return common  # whole conversations on both sides: their beginning says all that the prompt says
    return asked + common


def _stripped(said: tuple[Turn, ...]) -> list[Turn]:
    """Turns without the space around them, which files cut off in one column and not in another."""
    return [(role, words.strip()) for role, words in said]


def _common(left: tuple[Turn, ...], right: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns that both conversations begin with; each keeps at least its last one."""
    same = 0
    while same < min(len(left), len(right)) - 1 and left[same] == right[same]:
        same += 1
    return left[:same]
