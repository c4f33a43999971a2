"""Formats: a file as numbered rows. A row that cannot be read is an InputError in its place."""

from __future__ import annotations

import codecs
import csv
import json
import math
import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from rmboost.errors import InputError
from rmboost.sources.files import reading
from rmboost.sources.rows import quote

Row = dict[str, Any] | InputError


def rows(path: str, kind: str, prompt_field: str, skip: int = 0) -> Iterator[tuple[int, Row]]:
    """The rows of the file, streamed, with their line numbers (parquet: row numbers) from 1.

    skip: so many rows are passed over without a look at what is in them.
    Raises InputError when the file as a whole is wrong.
    """
    with reading(path):
        if kind in ("txt", "csv"):
            yield from {"txt": _txt, "csv": _csv}[kind](path, prompt_field, skip)
        else:
            yield from {"jsonl": _jsonl, "parquet": _parquet}[kind](path, skip)


def _lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank. Bytes, as text would be split at U+2028 and hide where it is not UTF-8."""
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, 1):
            # Not only on line 1: files that were put together with `cat` have more than one mark.
            line = line.removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n")
            if line and not line.isspace():
                yield number, line


def _txt(path: str, prompt_field: str, skip: int) -> Iterator[tuple[int, Row]]:
    for number, line in islice(_lines(path), skip, None):
        try:
            yield number, {prompt_field: line.decode()}
        except UnicodeDecodeError as error:
            yield number, _not_utf8(error)


def _jsonl(path: str, skip: int) -> Iterator[tuple[int, Row]]:
    # json and not jsonlines: that numbers only lines that do not parse; here a parsed one may be bad too.
    for number, line in islice(_lines(path), skip, None):
        try:
            yield number, _object(line)
        except InputError as error:
            yield number, error
        except UnicodeDecodeError as error:
            yield number, _not_utf8(error)
        except json.JSONDecodeError as error:
            yield number, InputError(f"not JSON: {error.msg} (column {error.colno})")
        except ValueError:  # Python's limit, against the time that such a number takes
            yield number, InputError("a number of more than 4,300 digits")
        except RecursionError:
            yield number, InputError("nested too deeply")


def _not_utf8(error: UnicodeDecodeError) -> InputError:
    return InputError(f"not UTF-8 at byte {error.start + 1}")


def _object(line: bytes) -> dict[str, Any]:
    row = DECODER.decode(line.decode())
    if not isinstance(row, dict):
        raise InputError("not a JSON object")
    if b"\\ud" in line or b"\\uD" in line:
        try:
            json.dumps(row, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise InputError("half a surrogate pair (\\ud800 to \\udfff), which is no character") from None
    return row


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InputError(f"the number {text[:20]} is too large")
    return number


def _no_constant(text: str) -> None:
    raise InputError(f"{text} is not JSON", "write null")


DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)


def _csv(path: str, prompt_field: str, skip: int) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(2**31 - 1)  # the default refuses a cell of 128 KiB
    # What is not UTF-8 comes through as lone surrogates, and is found in the row that has it.
    with Path(path).open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        _refuse_other_marks(path, file.readline(), prompt_field)
        file.seek(0)
        records = _records(csv.reader(file, strict=True), path)
        number, header = next(records, (1, []))
        if isinstance(header, InputError):
            raise InputError(f"{path}, line {number}: {header.message}")
        if twice := [name for name in header if header.count(name) > 1]:
            raise InputError(f"{path}: the header has the column {quote(twice[0])} twice")
        for number, cells in islice(records, skip, None):
            if isinstance(cells, InputError):
                yield number, cells
            elif len(cells) != len(header):
                yield number, InputError(f"{len(cells)} cells under a header of {len(header)}")
            else:
                yield number, dict(zip(header, cells, strict=True))


def _refuse_other_marks(path: str, header: str, prompt_field: str) -> None:
    """Raises InputError for columns with another mark between them: where numbers have commas, Excel writes it so."""
    if len(_cells(header, ",")) == 1 and header.strip() != prompt_field:
        for mark in (mark for mark in ";\t" if len(_cells(header, mark)) > 1):
            problem = f"{path}: its columns are separated by {mark!r}, and not by a comma"
            raise InputError(problem, _with_commas(Path(path), mark))


def _cells(line: str, mark: str) -> list[str]:
    return next(csv.reader([line.replace("\0", "")], delimiter=mark), [])


def _with_commas(path: Path, mark: str) -> str:
    """The command that makes a CSV in UTF-8 of it."""
    try:
        path.read_text(encoding="utf-8")
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "cp1252"  # as Excel has it in the same parts of the world
    opened = f'open({json.dumps(str(path))}, encoding="{encoding}", newline="")'
    rows = f"csv.reader({opened}, delimiter={json.dumps(mark)})"
    code = f"import csv, sys; csv.writer(sys.stdout).writerows({rows})"
    return f"python -c {shlex.quote(code)} > {shlex.quote(f'commas-{path.name}')}"


def _records(reader: Any, path: str) -> Iterator[tuple[int, list[str] | InputError]]:
    """Records that are not blank, with the line that each begins on."""
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
            "".join(cells).encode()
        except StopIteration:
            return
        except csv.Error as error:
            lines = (
                f" (lines {number} to {reader.line_num} were read as one record)" if reader.line_num > number else ""
            )
            if lines and "unexpected end" in str(error):  # to leave that out would be to leave out the rest of the file
                raise InputError(f"{path}: not CSV: {error}{lines}", f"close the quote in line {number}") from None
            yield number, InputError(f"not CSV: {error}{lines}")
        except UnicodeEncodeError:
            yield number, InputError("not UTF-8")
        else:
            if cells:
                yield number, cells


def _parquet(path: str, skip: int) -> Iterator[tuple[int, Row]]:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise InputError(f"{path} needs pyarrow to be read", "pip install pyarrow") from None
    try:
        with ParquetFile(path) as file:
            first = 1
            for batch in file.iter_batches(1000):
                passed = min(max(skip + 1 - first, 0), batch.num_rows)
                for number, row in enumerate(batch.slice(passed).to_pylist(), first + passed):
                    yield number, as_json(row)
                first += batch.num_rows
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as parquet: {error}") from None


def as_json(row: dict[str, Any]) -> Row:
    """The row as JSON has it: dates and decimals as text, and null for NaN, a table's sign for nothing."""
    try:
        as_json: dict[str, Any] = json.loads(json.dumps(row, default=_text), parse_constant=lambda _: None)
    except InputError as error:
        return error
    return as_json


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        raise InputError("a column holds bytes, which JSON cannot", "leave that column out")
    return str(value.isoformat() if hasattr(value, "isoformat") else value)
