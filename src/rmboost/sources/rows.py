"""A row becomes a prompt, or an InputError that says what is wrong with it; the caller adds where."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Any, NamedTuple, get_args

from rmboost.errors import InputError
from rmboost.records import Message, Prompt, Role, content_id

ROLES = get_args(Role)
LIKELY = ("prompt", "question", "instruction", "input", "text", "query")
_TO_A_QUESTION = 'until(length == 0 or .[-1].role == "user"; .[:-1])'
"""For jq: turns without the answers after the last question."""
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
KINDS = {str: "a string", list: "a list", dict: "an object", bool: "a boolean", type(None): "null"}


class Fields(NamedTuple):
    """What the keys of a row are called."""

    prompt: str
    messages: str
    id: str
    system: str


def has_id(row: dict[str, Any], fields: Fields) -> bool:
    """Whether the row brings an id. A table has an empty cell where it brings none."""
    return row.get(fields.id) not in (None, "")


def to_prompt(row: dict[str, Any], fields: Fields) -> Prompt:
    """The prompt in this row. Takes the fields out of it: what is left is the metadata. Raises InputError."""
    name = fields.messages if row.get(fields.prompt) is None else fields.prompt
    value = row.get(name)
    if value is None:
        raise _missing(row, fields)
    single = isinstance(value, str) and name == fields.prompt
    if not single and not isinstance(value, list):
        wanted = "a string or a list of turns" if name == fields.prompt else "a list of turns"
        raise InputError(f"{quote(name)} must be {wanted}, not {_kind(value)}")
    messages: tuple[Message, ...] = (_message("user", name, value),) if single else _turns(name, value)
    if has_system := row.get(fields.system) not in (None, ""):
        messages = (_system(fields.system, row[fields.system], messages), *messages)
    prompt_id = _id(fields.id, row[fields.id]) if has_id(row, fields) else content_id(messages)
    for key in (fields.prompt, fields.id, fields.system):
        row.pop(key, None)
    # Messages beside a prompt stay metadata: data sets have the whole talk in them, with its answers.
    if name == fields.messages or row.get(fields.messages) is None:
        row.pop(fields.messages, None)
    return Prompt(prompt_id, messages, plain=single and not has_system, metadata=row)


def quote(text: str) -> str:
    """A string of the input within a message: short, and unable to drive a terminal."""
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    return f'"{shown}"' if shown.isprintable() else ascii(shown)


def _id(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise InputError(f"{quote(name)} must be a string or an integer, not {_kind(value)}")
    text = str(value)
    if CONTROL.search(text):
        raise InputError(f"{quote(name)} holds a control character: {quote(text)}")
    return text


def _system(name: str, value: Any, messages: tuple[Message, ...]) -> Message:
    if messages[0]["role"] == "system":
        raise InputError(f"{quote(name)} is given, and the first turn is a system turn as well")
    return _message("system", name, value)


def _turns(name: str, value: list[Any]) -> tuple[Message, ...]:
    turns: list[Message] = []
    for turn in value:
        try:
            turns.append(_turn(turn))
        except InputError as error:
            raise InputError(
                f"{quote(name)}, turn {len(turns) + 1}: {error.message}", error.hint or _share_gpt(name, value)
            ) from None
    if not turns:
        raise InputError(f"{quote(name)} is an empty list")
    if turns[-1]["role"] != "user":
        problem = f"{quote(name)} must end with a user turn, not with one of role {turns[-1]['role']}"
        program = shlex.quote(f".{json.dumps(name)} |= {_TO_A_QUESTION}")
        hint = f"where FILE is JSON lines, without the answers at the end: jq -c {program} FILE > prompts.jsonl"
        raise InputError(problem, hint)
    return tuple(turns)


def _turn(turn: Any) -> Message:
    if not isinstance(turn, dict):
        raise InputError(f"must be an object with role and content, not {_kind(turn)}")
    for key in ("role", "content"):
        if key not in turn:
            raise InputError(f"{quote(key)} is missing (fields: {_names(turn)})")
    # Tables give every turn the keys of all turns, with null where there is nothing.
    more = [key for key, value in turn.items() if value is not None and key not in ("role", "content")]
    if more:
        raise InputError(f"only role and content are understood, not {_names(more)}")
    if turn["role"] not in ROLES:
        raise InputError(f"unknown role {quote(str(turn['role']))}", f"the roles are {', '.join(ROLES)}")
    return _message(turn["role"], "content", turn["content"])


def _message(role: Role, name: str, content: Any) -> Message:
    if not isinstance(content, str):
        raise InputError(f"{quote(name)} must be a string, not {_kind(content)}")
    if not content or content.isspace():
        raise InputError(f"{quote(name)} is empty")
    return {"role": role, "content": content}


def _missing(row: dict[str, Any], fields: Fields) -> InputError:
    name = fields.prompt
    if name in row:
        return InputError(f"{quote(name)} is null")
    return InputError(f"{quote(name)} is missing (fields: {_names(row) or 'none'})", _meant(row, fields))


def _meant(row: dict[str, Any], fields: Fields) -> str:
    """Where the prompt may stand in a row: a field with a likely name, a conversation, any text."""
    near = get_close_matches(fields.prompt, filter(str.isprintable, row), 1, 0.82)
    if likely := near + [key for key in LIKELY if isinstance(row.get(key), str)]:
        return f"--prompt-field {shlex.quote(likely[0])}"
    named = {key: value for key, value in row.items() if key.isprintable() and key not in (fields.id, fields.system)}
    for key, value in named.items():
        if hint := _share_gpt(key, value):
            return hint
        if _has_turns(value, "role", "content"):
            return f"--set {shlex.quote(f'input.messages_field={key}')}"
    texts = [shlex.quote(key) for key, value in named.items() if isinstance(value, str)]
    if len(texts) > 1:
        return f"--prompt-field NAME, of the field that holds the prompt: {_names(texts)}"
    return f"--prompt-field {texts[0]}" if texts else ""


def _has_turns(value: Any, *keys: str) -> bool:
    return isinstance(value, list) and any(isinstance(turn, dict) and turn.keys() >= {*keys} for turn in value)


def _share_gpt(name: str, value: Any) -> str:
    """The command for a conversation whose turns have ``from`` and ``value``; nothing for any other."""
    if not (_has_turns(value, "from", "value") and name.isprintable()):
        return ""
    key = json.dumps(name)
    roles = '{human: "user", gpt: "assistant", chatgpt: "assistant"}'
    turns = f"[.{key}[] | {{role: ({roles}[.from] // .from), content: .value}}]"
    program = f"({turns} | {_TO_A_QUESTION}) as $turns | del(.{key}) | .messages = $turns"
    return f"this looks like ShareGPT; where FILE is JSON lines: jq -c {shlex.quote(program)} FILE > prompts.jsonl"


def _names(keys: Iterable[str]) -> str:
    """Up to ten field names; as ``quote`` does, short and unable to drive a terminal."""
    names = [key[:60] if key.isprintable() else ascii(key[:60]) for key in islice(keys, 11)]
    return ", ".join(names[:10]) + (", …" if len(names) > 10 else "")


def _kind(value: Any) -> str:
    return KINDS.get(type(value), "a number")
