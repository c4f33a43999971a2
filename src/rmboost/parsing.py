"""Reading what models write. A reply that does not have the form that was asked for is a ReplyError, never a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from rmboost.errors import ReplyError
from rmboost.records import Message, Response

# Thinking stands first. Some chat templates open the block themselves, so that the reply begins inside of it; then what
# closes it begins a line, follows a sentence, or ends one: it is no word of it, as in an answer about such tags.
_INSIDE = r"(?:(?!<think>).)*?"
_OPENED = rf"{_INSIDE}(?:(?:^|(?<=[.!?…。！？]))[ \t]*</think>|</think>(?![ \t]+\S|[`'\"»”,.;:)]))"
_THINK = re.compile(rf"\A(?:<think>{_INSIDE}</think>|{_OPENED})", re.DOTALL | re.MULTILINE)

_MARKS = {
    "[THINK]": "[/THINK]",
    "<thought>": "</thought>",
    "<seed:think>": "</seed:think>",
    "<|channel|>analysis<|message|>": "<|channel|>final<|message|>",
}
"""How thinking begins and ends with Magistral, Gemini, Seed and gpt-oss, where their server leaves it in the reply."""
_WHOLE = ("stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete")
"""Finish reasons of a whole answer; servers spell them differently, some in capitals."""
_CUT = ("length", "model_length", "max_tokens")
_FILTERED = (
    *("content_filter", "content_filtered", "guardrail_intervened", "refusal"),
    *("safety", "recitation", "blocklist", "prohibited_content", "spii"),
)


def without_thinking(text: str, asked: Iterable[Message] = ()) -> str:
    """The text without the block of thinking that some models begin with; it is no part of the response.

    asked: what it answers. A mark that is spoken of there is the answer's own.
    """
    if "</think>" in text:
        return _THINK.sub("", text.lstrip()).lstrip()
    start = text.lstrip()
    end = next((end for mark, end in _MARKS.items() if start.startswith(mark)), "") if start[:1] in ("<", "[") else ""
    if not end or end not in start or any(end in message["content"] for message in asked):
        return text
    return start.partition(end)[2].lstrip()


def whole(response: Response, asked: Iterable[Message] = ()) -> Response:
    """The response without thinking, unless it was cut: half a text is a failure, not an answer. Raises ReplyError."""
    ended = response.finish_reason.lower().partition(":")[0]
    if ended in _WHOLE:
        text = without_thinking(response.text, asked)
        if not text or text.isspace():
            raise ReplyError("empty", "the reply holds no answer", response)
        return response if text is response.text else replace(response, text=text)
    if ended in _FILTERED:
        raise ReplyError("filtered", "the server's content filter cut the answer", response)
    if ended in _CUT:
        where = "" if response.text else " before it began, by what the model thinks first"
        raise ReplyError("truncated", f"the answer was cut at the token limit{where}", response)
    raise ReplyError("unfinished", f"the answer ended by {response.finish_reason!r}", response)


def tagged(response: Response, tag: str) -> tuple[str, str]:
    """The text between the only ``<tag>`` and ``</tag>``, and what stands around it.

    Raises ReplyError("unreadable") when the tags are missing, repeated or the wrong way round: a reply cut or
    garbled is not a response, and the words of a plan must never become data.
    """
    text = without_thinking(response.text)
    opening, closing = f"<{tag}>", f"</{tag}>"
    start, end = text.find(opening), text.rfind(closing)
    if text.count(opening) != 1 or text.count(closing) != 1 or end < start:
        raise ReplyError("unreadable", f"no single {opening}…{closing} in the reply", response)
    return text[start + len(opening) : end].strip(), (text[:start] + text[end + len(closing) :]).strip()


def names(response: Response, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The known names in ``text``, in the order in which they stand there, at least one.

    Raises ReplyError("unreadable") when there is none.
    """
    found = {name: match.start() for name in known if (match := re.search(rf"\b{re.escape(name)}\b", text, re.I))}
    if not found:
        raise ReplyError("unreadable", f"none of {', '.join(known)} is named", response)
    return tuple(sorted(found, key=found.__getitem__))
