"""Where a text ends: after its last sentence, or in the middle of it."""

from __future__ import annotations

import re

from rmboost.checks import code
from rmboost.checks.phrases import read

_LISTED = re.compile(r"[-*+•|>#–—]|\d+[.)]|\w+:")
_MARKER = re.compile(r"\d+[.)]|[-+•]")
_HANGS = re.compile(r"(?<![:;=-])[,;:–—(\[{“„«，、；：（]\Z")
_INTERVAL = re.compile(r"\[[^()\[\]]{0,40},[^()\[\]]{0,40}\)|\([^()\[\]]{0,40},[^()\[\]]{0,40}\]")
"""Half open: from 0 to 1, without 0 or without 1. Its brackets do not match, and nothing is missing."""
_OPTION = re.compile("[A-HJ-Z]")
"""The answer to a question with several to choose from."""
_CLOSING = re.compile(r"[^\W\d_]+(?: [^\W\d_]+){0,2},")
_WORD = re.compile(r"[\"'“‘(\[]*[^\W\d_]+(?:['’-][^\W\d_]+)*")
_GAP = re.compile(r"[\s，、；：]")
_SENTENCE_END = re.compile(r"[.!?] +(?=[A-ZÀ-ÞА-Я])|[。！？]")
_END = slice(-40, None)
_STOPS = frozenset(".!?…。！？")
_WORDS_OF_SENTENCE, _WORDS_OF_PARAGRAPH, _CHARACTERS = 3, 8, 8
"""How much there is of a sentence, of a paragraph, or of a sentence without spaces, for its end to be missed."""


def broken_off(text: str) -> str:
    """The end of a text that stops in the middle, or nothing. Lists, verse, names, titles and code need no stop."""
    text = text.rstrip()
    if text[-1:] in _STOPS and not text[-2:-1].isdigit():  # as most texts; a number may be that of a list
        return ""
    before, _, line = text.rpartition("\n")
    bare = line.strip(" \t*_#")
    if (_hangs(bare, before) or _lacks_an_end(bare, before, text)) and not code.spans(text):
        return line[-40:]
    return ""


def _hangs(line: str, before: str) -> bool:
    """Does it end with a sign after which something must come: a comma, an open bracket, the number of a list?"""
    above = before.rstrip().rpartition("\n")[2]
    if _MARKER.fullmatch(line):
        return bool(_LISTED.match(above))
    if line[-1:] in _STOPS or _CLOSING.fullmatch(line) or (line.endswith(":") and above.endswith(":")):
        return False  # a sentence; the end of a letter; a form with fields to fill in
    bare = _INTERVAL.sub("", line)
    return bool(_HANGS.search(line[-2:])) or bare.count("(") > bare.count(")") + bare.count(":(")


def _lacks_an_end(line: str, before: str, text: str) -> bool:
    """Is it prose, and does it end with a word where other sentences of it end with a stop?"""
    *sentences, begun = _SENTENCE_END.split(line)
    last = _GAP.split(begun)[-1]
    if not line[-1:].isalpha() or not _WORD.fullmatch(last) or _OPTION.fullmatch(last):
        return False
    if last == last.lower() and read(text).find("unfinished", _END):  # not "option A", "a logical AND"
        return True
    if _LISTED.match(line):
        return False
    count = len(begun.split())
    if not sentences:
        return count >= _WORDS_OF_PARAGRAPH and before.rstrip().endswith((".", "!", "?"))
    long_enough = count >= _WORDS_OF_SENTENCE or (not begun.isascii() and len(begun) >= _CHARACTERS)
    return long_enough and not _LISTED.match(begun)
