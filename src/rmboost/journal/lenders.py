"""Journals of other runs, which lend their answers: a call that one of them made is not made again."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from rmboost.errors import StoreError
from rmboost.journal.reader import JournalReader
from rmboost.records import Response

log = logging.getLogger("rmboost")


class Lenders:
    """Reads the journals at these paths. One that cannot be read lends nothing from then on: it costs calls, no run."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._files = ExitStack()
        self._readers: list[JournalReader] = []
        for path in paths:
            try:
                self._readers.append(self._files.enter_context(JournalReader.opened(path)))
            except StoreError as error:
                log.warning("no answers are taken from it: %s", error)

    def find(self, key: bytes) -> tuple[Response, float] | None:
        """The answer to this call and the seconds that it took, if one of the journals has it."""
        for reader in tuple(self._readers):
            try:
                if answer := reader.get(key):
                    return answer, reader.seconds(key)
            except StoreError as error:
                self._readers.remove(reader)
                log.warning("no answers are taken from it any more: %s", error)
        return None

    def close(self) -> None:
        """Close the files."""
        self._files.close()
