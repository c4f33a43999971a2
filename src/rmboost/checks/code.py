"""Where code stands in a text: what is noise in prose (a bracket, a sign, an indent) is meaning there."""

from __future__ import annotations

import re

_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[^`\n]*\n(?P<body>[\s\S]*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_LINE = re.compile(
    r"(?:(?:def|class|elif|else|try|except|finally|for|while|if|with|async)\b.*:$"
    r"|import [\w.]+|from [\w.]+ import\b|return\b|print\(|@\w+|#(?:include|define|!)|//"
    r"|(?:const|let|var) \w+ ?[=:]|(?:public|private|static|function|func|fn|struct) \w+.*[({]"
    r"|(?:SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|JOIN|CREATE)\b"
    r"|</?[a-z][^<>]*>|.*[;{}]$|[\w.\[\]]+ ?[-+*/]?= ?\S|[\w.]+\([^()]*\)$)"
)


def spans(text: str) -> str:
    """The code in a text: its fenced and inline spans; all of it when it is code without a fence; else nothing."""
    if "`" in text or "~~~" in text:
        fenced = [match["body"] for match in _FENCED.finditer(text)]
        return "\n".join([*fenced, *_INLINE.findall(_FENCED.sub("", text))])
    return text if _is_bare_code(text) else ""


def without(text: str) -> str:
    """The text without its fenced and inline code."""
    return _INLINE.sub(" ", _FENCED.sub("\n", text))


def _is_bare_code(text: str) -> bool:
    """Do most lines look like code? A line of prose may end in a bracket or begin with `return`, most do not."""
    lines = [stripped for line in text.splitlines() if (stripped := line.strip())]
    return bool(lines) and 2 * sum(_LINE.match(line) is not None for line in lines) > len(lines)
