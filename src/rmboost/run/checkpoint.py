"""The checkpoint of a run: how far its files are good. It is kept in the journal, beside the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rmboost.run.tally import Tally


@dataclass(frozen=True)
class Mark:
    """A place in the files: so many jobs settled, in so many bytes of pairs and rejects with these sha256."""

    jobs: int = 0
    pairs: tuple[int, str] = (0, "")
    rejects: tuple[int, str] = (0, "")
    tally: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Mark:
        mark = cls(**values)
        Tally.load(dict(mark.tally))
        return cls(mark.jobs, (mark.pairs[0], mark.pairs[1]), (mark.rejects[0], mark.rejects[1]), mark.tally)


@dataclass(frozen=True)
class Checkpoint:
    """How far the files are good, for the settings and input that ``run`` is the hash of.

    first_failure: the place before the first job that got no answer; from there the run goes on once it is through.
    closed: the process that wrote it ended in peace, so whatever is different now was done by other hands.
    changed: when the files were last written to, if closed (``RowFile.changed``).
    """

    run: str = ""
    end: Mark = Mark()
    first_failure: Mark | None = None
    closed: bool = False
    changed: tuple[int, int] = (0, 0)

    @classmethod
    def load(cls, values: Mapping[str, Any] | None) -> Checkpoint:
        """From its JSON. One of another version counts as none: its files are written anew."""
        if values is None or values.keys() != cls.__dataclass_fields__.keys():
            return cls()
        try:
            failure = values["first_failure"] and Mark.load(values["first_failure"])
            end = Mark.load(values["end"])
        except (KeyError, TypeError):
            return cls()
        return cls(values["run"], end, failure, values["closed"], (values["changed"][0], values["changed"][1]))

    def start(self, jobs: int) -> Mark | None:
        """From where a run over so many jobs goes on; None: from the beginning, with the files written anew."""
        if self.end.jobs > jobs:
            return None
        if self.end.jobs == jobs and self.end.tally.get("failed"):
            return self.first_failure
        return self.end
