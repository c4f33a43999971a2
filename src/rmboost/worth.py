"""Worth: whether anything comes of what a role answers. Where all is cut or empty, the list need not be paid for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rmboost import parsing
from rmboost.errors import ReplyError
from rmboost.records import Request, Response


class Worth:
    """Looks at the answers of each role until one is whole: what is cut after that is a prompt's fault.

    enough: so many answers without a whole one among them tell that none will be. proven: roles that gave whole ones.
    """

    def __init__(self, enough: int, proven: Iterable[str]) -> None:
        self._enough, self._proven = enough, {*proven}
        self._wasted: Counter[str] = Counter()

    def flaw(self, role: str, response: Response) -> str:
        """What is wrong with an answer, while no better one was seen."""
        if role not in self._proven:
            try:
                parsing.whole(response)
            except ReplyError as error:
                return "" if error.reason == "filtered" else error.message
            self._proven.add(role)
        return ""

    def paid(self, role: str, request: Request, response: Response) -> str:
        """Why no more should be paid for, in words; nothing as long as there is hope."""
        flaw = self.flaw(role, response)
        self._wasted[role] += bool(flaw)
        if not flaw or self._wasted[role] < self._enough:
            return ""
        limit = next((name for name in request.sampling if name.startswith("max_")), "")
        way_out = f"; set a larger {limit} for the {role}, or none" if limit and flaw.startswith("truncated") else ""
        return f"not one of {self._wasted[role]} answers of the {role} is whole, the last: {flaw}{way_out}"
