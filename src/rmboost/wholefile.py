"""A file that is written as a whole: what stood in its place stays until the new one is complete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from rmboost.errors import StoreError, way_out


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """The file to write to, beside the path until the block ends; nothing is left of it where it ends early.

    Raises StoreError.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    except BaseException as error:
        draft.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreError(f"{path} cannot be written: {error.strerror}", way_out(error)) from None
        raise
