"""Sources: prompts from a file, streamed and validated, each id and each content once.

A file is read twice: ``survey`` looks at all of it before the first call, ``Source.prompts`` feeds the run.
Both go through ``_read``, so that what the first one promises is what the second one yields.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import islice
from typing import Any, Literal

from pydantic import Field, PositiveInt

from rmboost import __version__
from rmboost.errors import InputError
from rmboost.records import Prompt, stable_hash
from rmboost.registry import Component
from rmboost.sources import files, formats
from rmboost.sources.formats import Row
from rmboost.sources.rows import Fields, has_id, quote, to_prompt
from rmboost.sources.seen import Seen

__all__ = ["InputOptions", "Source", "Survey", "survey"]

SKIP = "--skip-bad-lines leaves such lines out and counts them"
_AS_TEXT = "if each line is a prompt: --set input.format=txt"


class InputOptions(Component):
    """How a file of prompts is read.

    format: ``auto`` goes by the suffix, else by the first bytes. The fields name keys or columns; where a row
    has both prompt and messages, the prompt counts. skip_bad_lines: count what cannot be used instead of
    stopping. limit: use the first so many good prompts, and look no further.
    """

    format: Literal["auto", "jsonl", "txt", "csv", "parquet"] = "auto"
    prompt_field: str = "prompt"
    messages_field: str = "messages"
    id_field: str = "id"
    system_field: str = "system"
    skip_bad_lines: bool = False
    limit: PositiveInt | None = Field(None, le=sys.maxsize)

    @cached_property
    def fields(self) -> Fields:
        """The names above, as rows are read by them."""
        return Fields(self.prompt_field, self.messages_field, self.id_field, self.system_field)


class Source(InputOptions):
    """A file of prompts."""

    path: str

    def prompts(self, survey: Survey | None = None, start: int = 0) -> Iterator[Prompt]:
        """The good prompts in input order: exactly those that ``survey`` counts, from number ``start`` on.

        survey: of this source; if nothing is left out, a million prompts are passed over in a fifth of a second.
        Raises InputError, while it is iterated, for a file or a line that cannot be used.
        """
        if survey and survey.clean:
            return _known_good(self, survey.count, start)
        return islice(_read(self, _Tally()), start, None)

    def begins_with(self, sha256: str, size: int) -> bool:
        """Whether the file's first ``size`` bytes have this hash, and whole lines stand in them: it has only grown."""
        return files.grew_from(self.path, sha256, size) and files.check(self.path, self.format) != "parquet"

    @property
    def reading(self) -> str:
        """A hash of how the file is read. The same bytes, read in the same way, have the same survey."""
        return f"{stable_hash(self.model_dump(mode='json', exclude={'path'}), __version__):x}"


@dataclass(frozen=True)
class Survey:
    """What a source holds. ``sha256`` and ``bytes`` are of the whole file, the rest ends at the limit.

    count: prompts. plain: each of them is one string without a system text. bare: none has further fields.
    bad: lines that were skipped, the first of them told in ``first_bad``. duplicates: rows left out that repeat a
    prompt and have no id. writers: the models that wrote the responses, where the file has responses and says so.
    reading: a hash of how the source was read.
    """

    count: int
    plain: bool
    bare: bool
    bad: int
    first_bad: str
    duplicates: int
    sha256: str
    bytes: int
    reading: str = ""
    writers: tuple[str, ...] = ()

    @property
    def form(self) -> tuple[bool, bool]:
        """What the columns of the pairs follow from."""
        return self.plain, self.bare

    @property
    def clean(self) -> bool:
        """Whether each row is a prompt."""
        return not self.bad and not self.duplicates


def survey(source: Source, known: Mapping[str, Any] | None = None) -> Survey:
    """Read all that the run will use, before it costs anything. Raises InputError, also for no prompt.

    known: fields of an earlier survey, which is taken at its word when it was of the same bytes, read in the same way.
    """
    files.check(source.path, source.format)
    sha256, size = files.digest(source.path)
    names = {each.name for each in fields(Survey)}
    if known and known.keys() >= names and (known["sha256"], known["reading"]) == (sha256, source.reading):
        return Survey(**{**{name: known[name] for name in names}, "writers": tuple(known["writers"])})
    tally, count, plain, bare = _Tally(), 0, True, True
    for prompt in _read(source, tally):
        count += 1
        plain, bare = plain and prompt.plain, bare and not prompt.metadata
    if not count and tally.bad:
        lines = "the only line cannot" if tally.bad == 1 else f"none of the {tally.bad:,} lines can"
        text = _AS_TEXT if ": not JSON: " in tally.first_bad else ""
        first = "" if tally.bad == 1 else ", the first"
        raise InputError(f"{lines} be used{first}: {tally.first_bad}", tally.hint or text)
    if not count:
        raise InputError(f"{source.path} holds no prompt")
    return Survey(count, plain, bare, tally.bad, tally.first_bad, tally.duplicates, sha256, size, source.reading)


@dataclass
class _Tally:
    """What was left out on the way."""

    bad: int = 0
    first_bad: str = ""
    hint: str = ""
    duplicates: int = 0

    def skip(self, error: InputError) -> None:
        self.bad += 1
        if self.bad == 1:
            self.first_bad, self.hint = error.message, error.hint


def _read(source: Source, tally: _Tally) -> Iterator[Prompt]:
    return islice(_good(source, tally), source.limit)


def _good(source: Source, tally: _Tally) -> Iterator[Prompt]:
    seen = Seen()
    for place, row in _rows(source):
        try:
            prompt = _fresh(row, source, seen)
        except InputError as error:
            problem = f"{source.path}, {place}: {error.message}"
            if not source.skip_bad_lines:
                raise InputError(problem, error.hint or SKIP) from None
            tally.skip(InputError(problem, error.hint))
            continue
        if prompt is None:
            tally.duplicates += 1
        else:
            yield prompt


def _known_good(source: Source, count: int, start: int) -> Iterator[Prompt]:
    """Prompts of a file in which each row was one when it was surveyed."""
    for place, row in islice(_rows(source, skip=start), count - start):
        try:
            prompt = _fresh(row, source, None)
        except InputError as error:
            problem = f"{source.path} was changed meanwhile; {place}: {error.message}"
            raise InputError(problem, "the same command reads it anew") from None
        if prompt:
            yield prompt


def _rows(source: Source, skip: int = 0) -> Iterator[tuple[str, Row]]:
    kind = files.check(source.path, source.format)
    unit = "row" if kind == "parquet" else "line"
    for number, row in formats.rows(source.path, kind, source.prompt_field, skip):
        yield f"{unit} {number}", row


def _fresh(row: Row, source: Source, seen: Seen | None) -> Prompt | None:
    """The row's prompt, or None when it repeats an earlier one and has no id to say that this is meant.

    seen: the ids so far; None when it is known that none comes twice.
    """
    if isinstance(row, InputError):
        raise row
    named = has_id(row, source.fields)
    prompt = to_prompt(row, source.fields)
    if seen is None or seen.add(prompt.id):
        return prompt
    if named:
        raise _repeated(source, prompt.id)
    return None


def _repeated(source: Source, prompt_id: str) -> InputError:
    """Reads the file again to find who had the id first; not where the run goes on, as it may be often."""
    message = f"the id {quote(prompt_id)} is given twice"
    if source.skip_bad_lines:
        return InputError(message)
    places = (p for p, row in _rows(source) if isinstance(row, dict) and _has(row, source, prompt_id))
    return InputError(f"{message}, first on {next(places, 'an earlier one')}")


def _has(row: dict[str, Any], source: Source, prompt_id: str) -> bool:
    return to_prompt(row, source.fields).id == prompt_id
