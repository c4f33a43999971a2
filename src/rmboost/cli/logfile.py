"""The log of a run on request: one JSON object a line, with time, level, message and what belongs to it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import click

from rmboost.errors import StoreError

_OWN = set(vars(logging.makeLogRecord({}))) | {"message"}


class _JSONLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
        extra = {name: value for name, value in vars(record).items() if name not in _OWN}
        line = {"at": at, "level": record.levelname.lower(), "message": record.getMessage(), **extra}
        return json.dumps(line, ensure_ascii=False, default=str)


class _File(logging.FileHandler):
    """The log. Where there is no room for more, that is said once, and the run goes on without it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - the contract's
        from rmboost.cli import leave

        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            raise
        click.echo(f"{self.baseFilename} cannot be written any more: {error.strerror}; the run goes on", err=True)
        if self.stream:
            leave(self.stream)


@contextmanager
def logging_to(path: Path | None, level: str) -> Iterator[None]:
    """Append what happens in the meantime to a file. Raises StoreError when it cannot be written."""
    if path is None:
        yield
        return
    try:
        handler = _File(path, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None
    handler.setFormatter(_JSONLines())
    log = logging.getLogger("rmboost")
    log.addHandler(handler)
    log.setLevel(level.upper())
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
        handler.close()
