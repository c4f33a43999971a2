"""Worth: whether anything comes of what a role answers. Where all is cut or empty, the list need not be paid for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rmboost import parsing
from rmboost.errors import ReplyError
from rmboost.records import Request, Response

_MORE_TOKENS = 2000
"""Enough for a thought and an answer, as most are."""


class Worth:
    """Looks at the answers of each role until one is whole: what is cut after that is a prompt's fault.

    enough: so many answers without a whole one among them tell that none will be, once the first so many that were
    asked for are among them: what is empty comes sooner. proven: roles that gave whole ones.
    """

    def __init__(self, enough: int, proven: Iterable[str]) -> None:
        self._enough, self._proven = enough, {*proven}
        self._wasted: Counter[str] = Counter()
        self._first: Counter[str] = Counter()
        """calls of a role that were among the first to be sent, and not in vain"""
        self._awaited: set[tuple[str, bytes]] = set()
        """those of them that are under way, each with its role"""

    def flaw(self, role: str, response: Response) -> str:
        """What is wrong with an answer, while no better one was seen."""
        if role not in self._proven:
            try:
                parsing.whole(response)
            except ReplyError as error:
                return "" if error.reason == "filtered" else error.message
            self._proven.add(role)
        return ""

    def sent(self, role: str, key: bytes) -> None:
        """A call is under way."""
        if role not in self._proven and self._first[role] < self._enough:
            self._first[role] += 1
            self._awaited.add((role, key))

    def lost(self, role: str, key: bytes) -> None:
        """It came to nothing; another takes its place."""
        if (role, key) in self._awaited:
            self._awaited.remove((role, key))
            self._first[role] -= 1

    def paid(self, role: str, key: bytes, request: Request, response: Response, settings: str) -> str:
        """Why no more should be paid for, in words; nothing as long as there is hope.

        settings: where those of the role stand.
        """
        self._awaited.discard((role, key))
        flaw = self.flaw(role, response)
        self._wasted[role] += bool(flaw)
        if not flaw or self._wasted[role] < self._enough or any(of == role for of, _ in self._awaited):
            return ""
        more = _more(request, response, settings or role) if flaw.startswith("truncated") else ""
        return f"not one of {self._wasted[role]} answers of the {role} is whole, the last: {flaw}{more}"


def _more(request: Request, response: Response, settings: str) -> str:
    """How an answer that was cut is given more room."""
    for name, value in request.sampling.items():
        if _is_limit(name, value):
            place = f"{settings}.{name}" if name == "max_tokens" else f"{settings}.extra.{name}"
            enough = max(_MORE_TOKENS, 2 * value)
            return f"; give it more: --set {place}={enough} (only what that changes is asked again)"
    if response.model.startswith("local:"):
        return f"; its context is full; a larger one: --set {settings}.options.context=16384"
    return "; no setting limits it: its context is full, or the server has a limit of its own"


def _is_limit(name: str, value: object) -> bool:
    """Whether a setting of the sampling says how long an answer may be; ``extra`` may hold anything."""
    return name.startswith("max_") and isinstance(value, int) and value > 0
