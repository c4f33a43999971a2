"""The Python door: ``rmboost.generate`` with paths or plain Python values."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, BinaryIO

import jsonlines

from rmboost import config as configs
from rmboost.client.meter import Meter
from rmboost.config import Config
from rmboost.errors import ConfigError, InputError
from rmboost.run import run
from rmboost.run.listener import Listener
from rmboost.run.summary import Summary
from rmboost.run.tally import Tally
from rmboost.sources.spool import keep_beside

log = logging.getLogger("rmboost")


class Logged(Listener):
    """Writes to the log of Python what a person at a terminal would be told."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def notice(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            log.info(line)

    def progress(self, tally: Tally, meter: Meter, total: int) -> None:  # noqa: ARG002 - the contract's
        for line in meter.remarks:
            self.notice(line)


def generate(
    prompts: str | Path | Iterable[str | Mapping[str, Any]],
    output: str | Path,
    config: str | Path | Config | Mapping[str, Any] | None = None,
    *,
    fresh: bool = False,
    listener: Listener | None = None,
    **settings: Any,
) -> Summary:
    """Make preference pairs; the same call again resumes where it was left.

    prompts: a file, or strings, or mappings like the lines of a JSONL file. config: a YAML file, what would stand
    in one as a mapping, or a Config.
    settings: what ``--set`` takes, with ``__`` for the dot: ``model="fake"``, ``rewriter__temperature=0.7``. listener:
    hears what is told while it goes on; none: the logger ``rmboost``, as info. Raises rmboost.RMBoostError. Ctrl-C,
    SIGTERM and SIGHUP let calls in flight end, and then do what they would have done at once.

    >>> rmboost.generate(["Why is the sky blue?"], "pairs.jsonl", model="fake").tally.kept
    1
    """
    target = Path(output)
    if isinstance(config, Config) and settings:
        raise ConfigError("settings beside a Config would not be used", "config.model_copy(update={…})")
    chosen = config if isinstance(config, Config) else _load(config, settings)
    source = Path(prompts) if isinstance(prompts, str | Path) else _write(prompts, target, fresh)
    summary = run.generate(source, target, chosen, fresh=fresh, listener=listener or Logged())
    if summary.cause == "signal":
        signal.raise_signal(signal.Signals[summary.reason.removeprefix("by ")])
    return summary


def _load(config: str | Path | Mapping[str, Any] | None, settings: Mapping[str, Any]) -> Config:
    flags = {name.replace("__", "."): value for name, value in settings.items()}
    if isinstance(config, Mapping):
        if not all(isinstance(name, str) for name in config):
            raise ConfigError("config: the names of settings are texts", "config={'model': 'fake'}")
        return configs.load(None, {**deepcopy(dict(config)), **flags})  # a copy, as flags go into its parts
    if config is not None and not isinstance(config, str | Path):
        raise ConfigError(
            f"config: a {type(config).__name__} is none", "config={'model': 'fake'}, or the path of a YAML file"
        )
    return configs.load(Path(config) if config else None, flags)


_EACH = "each is a text, or what a line of a JSONL file may be"


def _write(prompts: Iterable[str | Mapping[str, Any]], output: Path, fresh: bool) -> Path:
    """Prompts given as values, as a file in the run's folder, so that it can be resumed like any other."""
    gives_names = isinstance(prompts, Mapping) or hasattr(prompts, "columns")  # those of columns
    if gives_names or not isinstance(prompts, Iterable):
        problem = f"prompts: a {type(prompts).__name__} is no list of prompts"
        hint = "[prompt]; the rows of a table: frame.to_dict('records'), table.to_pylist(); one split: splits['train']"
        raise InputError(problem, hint)

    def write(file: BinaryIO) -> None:
        writer = jsonlines.Writer(file)
        for number, each in enumerate(prompts, 1):
            _write_line(writer, each, number)

    nothing = InputError("there are no prompts", "an iterator that was read before gives nothing a second time")
    return keep_beside(output, "prompts.jsonl", write, nothing, fresh=fresh)


def _write_line(file: jsonlines.Writer, prompt: str | Mapping[str, Any], number: int) -> None:
    """Raises InputError for what JSON or UTF-8 does not have."""
    if not (isinstance(prompt, str) or hasattr(prompt, "keys")):
        raise InputError(f"prompt {number}: {type(prompt).__name__} is neither a text nor a mapping", _EACH)
    if isinstance(prompt, Mapping) and {*prompt} == {"role", "content"}:
        raise InputError(f"prompt {number} is a turn of a conversation", "[{'messages': turns}]")
    try:
        file.write({"prompt": prompt} if isinstance(prompt, str) else dict(prompt))
    except (TypeError, ValueError) as error:
        raise InputError(f"prompt {number}: {error}", _EACH) from None
