"""Tables: CSV; and parquet files and the folders that ``datasets`` saves to disk, which need pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rmboost.errors import InputError
from rmboost.sources import formats

_BATCH = 1000  # rows


def comma_separated(path: Path) -> Iterator[tuple[int, Any]]:
    """The records with the lines that they begin on, each cell a text. Raises InputError for what cannot be read."""
    for line, row in formats.rows(str(path), "csv", "prompt"):
        yield line, _good(row, f"{path}, line {line}")


def parquet(path: Path) -> Iterator[tuple[int, Any]]:
    """The rows with their numbers from 1. Raises InputError for what cannot be read."""
    for number, row in formats.rows(str(path), "parquet", "prompt"):
        yield number, _good(row, f"{path}, row {number}")


def arrow(folder: Path) -> Iterator[tuple[int, Any]]:
    """The rows of a saved ``Dataset``, or of a saved ``DatasetDict`` that has one split."""
    try:
        import pyarrow
    except ImportError:
        raise InputError(f"{folder} needs pyarrow to be read", "pip install pyarrow") from None
    number = 0
    for shard in _shards(folder):
        try:
            with pyarrow.memory_map(str(shard)) as file, pyarrow.ipc.open_stream(file) as stream:
                for batch in stream:
                    for row in _rows(batch):
                        number += 1
                        yield number, _good(formats.as_json(row), f"{folder}, row {number}")
        except (pyarrow.ArrowException, ValueError, OSError) as error:  # no UTF-8, not there
            raise InputError(f"{shard} cannot be read: {error}") from None


def _rows(batch: Any) -> Iterator[dict[str, Any]]:
    for start in range(0, batch.num_rows, _BATCH):
        yield from batch.slice(start, _BATCH).to_pylist()


def _shards(folder: Path) -> list[Path]:
    """The files of the data set, in its order."""
    splits = _listed(folder / "dataset_dict.json", "splits")
    if len(splits) == 1:
        return _shards(folder / splits[0])
    if splits:
        hint = f"name one: {', '.join(str(folder / split) for split in splits)}"
        raise InputError(f"{folder} is a folder with {len(splits)} splits", hint)
    files = _listed(folder / "state.json", "_data_files")
    if not files:
        kinds = ("jsonl", "json", "parquet", "gz")
        found = sorted(str(path) for kind in kinds for path in folder.glob(f"*.{kind}"))
        found += sorted(map(str, folder.glob("*/pairs.jsonl")))  # a comparison has a folder a method
        hint = f"name a file in it: {', '.join(found[:5])}" if found else f"name a file, such as {folder}/pairs.jsonl"
        raise InputError(f"{folder} is a folder, and no data set that `datasets` has saved", hint)
    return [folder / file for file in files]


def _listed(path: Path, field: str) -> list[str]:
    """The names in a list of a JSON file, which lie beside it; none where it is not there. Raises InputError."""
    found = _read(path).get(field, [])
    if isinstance(found, list):
        names: list[Any] = [each.get("filename") if isinstance(each, dict) else each for each in found]
        if all(isinstance(name, str) and Path(name).name == name not in ("", "..") for name in names):
            return names
    raise InputError(f"{path}: {field} is no list of names")


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    return found if isinstance(found, dict) else {}


def _good(row: Any, where: str) -> Any:
    if isinstance(row, InputError):
        raise InputError(f"{where}: {row.message}", row.hint)
    return row
