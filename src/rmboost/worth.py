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
        limit = next((name for name, value in request.sampling.items() if _is_limit(name, value)), "")
        way_out = ""
        if limit and flaw.startswith("truncated"):
            place = f"{settings or role}.{limit}" if limit == "max_tokens" else f"{settings or role}.extra.{limit}"
            more = max(_MORE_TOKENS, 2 * request.sampling[limit])
            way_out = f"; give it more: --set {place}={more} (only what that changes is asked again)"
        return f"not one of {self._wasted[role]} answers of the {role} is whole, the last: {flaw}{way_out}"


def _is_limit(name: str, value: object) -> bool:
    """Whether a setting of the sampling says how long an answer may be; ``extra`` may hold anything."""
    return name.startswith("max_") and isinstance(value, int) and value > 0
