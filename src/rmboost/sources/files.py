"""The file behind a source: whether it can be read, in which format, and its bytes as a whole."""

from __future__ import annotations

import codecs
import hashlib
import json
import math
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from shlex import quote

from rmboost.errors import InputError

SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".txt": "txt",
    ".csv": "csv",
    ".parquet": "parquet",
}
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz", b"BZh91AY": "bzip2"}
_SAVE = "save the prompts in a file, and name that"
_PIPE = "rmboost generate - -o pairs.jsonl"
_OBJECT = re.compile(rb'\s*\{\s*"(?:[^\n]*[{,\s]")?(?:prompt|messages)"\s*:')
"""How a line of JSONL begins; such a line may be long."""
CHUNK = 1 << 20


def check(path: str, given: str = "auto") -> str:
    """The file's format, ``given`` or found. Raises InputError for what is no readable file of prompts."""
    if path == "-" and not Path(path).exists():
        raise InputError("prompts are read twice here, and standard input can be read once only", _SAVE)
    with reading(path):
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{path} is a directory", _inside(Path(path)))
        if not stat.S_ISREG(mode):
            raise InputError(
                f"{path} is not a regular file, and it is read twice",
                f"{_SAVE}; generate reads standard input: … | {_PIPE}",
            )
        with Path(path).open("rb") as file:
            head = file.read(4096)
    if not head:
        raise InputError(f"{path} is empty")
    found = _format(path, head) if given == "auto" else given
    if found != "parquet":
        check_text(path, head)
    if (given, found) == ("auto", "txt") and _OBJECT.match(head.removeprefix(codecs.BOM_UTF8)):
        problem = f"{path}: its first line is a JSON object with a prompt, its name says a prompt a line"
        raise InputError(problem, "--set input.format=jsonl (or txt, if the line itself is the prompt)")
    if found == "jsonl" and _start(head) == b"[":
        lines = quote(f"{Path(path).stem}-lines.jsonl")
        raise InputError(f"{path} is one JSON array, not one object a line", f"jq -c '.[]' {quote(path)} > {lines}")
    return found


def _format(path: str, head: bytes) -> str:
    """By suffix, else parquet by its magic and JSONL by its first character."""
    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if head.startswith(b"PAR1"):
        return "parquet"
    check_text(path, head)
    if _start(head) in (b"{", b"["):
        return "jsonl"
    raise InputError(f"{path}: its name does not tell what it holds", "--set input.format=txt (or jsonl, csv, parquet)")


def check_text(path: str, head: bytes) -> None:
    """Raises InputError for a file that begins as no text in UTF-8 does: one that is packed, or UTF-16."""
    for magic, packer in PACKED.items():
        if head.startswith(magic):
            plain = Path(path).name if Path(path).suffix in SUFFIXES else Path(path).stem
            target = quote(f"unpacked-{plain}")
            raise InputError(f"{path} is compressed ({packer})", f"{packer} -dc {quote(path)} > {target}")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in head[:4]:
        target = quote(f"utf8-{Path(path).name}")
        raise InputError(f"{path} is UTF-16, not UTF-8", f"iconv -f UTF-16 -t UTF-8 {quote(path)} > {target}")


def _start(head: bytes) -> bytes:
    return head.removeprefix(codecs.BOM_UTF8).lstrip()[:1]


@contextmanager
def reading(path: str) -> Iterator[None]:
    """What the system says of this file, as InputError."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} does not exist", nearest(Path(path))) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def nearest(path: Path) -> str:
    """A hint for a file that is not there: one beside it whose name is like it, or that its folder is missing, too."""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either"
    # glob and not iterdir: a folder that may not be listed has no suggestion to make.
    names = {entry.name for entry in path.parent.glob("*")}
    close = get_close_matches(path.name, names, n=1, cutoff=0.75)  # a suffix alone makes two names alike
    return f"did you mean {path.parent / close[0]}?" if close else ""


def _inside(folder: Path) -> str:
    if saved := _saved(folder):
        return saved
    names = sorted(str(entry) for entry in folder.iterdir() if entry.suffix.lower() in SUFFIXES)
    return f"name a file in it: {', '.join(names[:5])}" if names else "name a file"


def _saved(folder: Path) -> str:
    """How to make a file of what ``datasets`` saved in this folder; nothing where it saved nothing."""
    splits = sorted(each.parent.name for each in folder.glob("*/state.json"))
    if (folder / "state.json").is_file():
        chosen = ""
    elif splits and (folder / "dataset_dict.json").is_file():
        chosen = f"[{json.dumps('train' if 'train' in splits else splits[0])}]"
    else:
        return ""
    source, target = json.dumps(str(folder)), json.dumps(f"{folder.resolve().name}.jsonl")
    code = f"from datasets import load_from_disk; load_from_disk({source}){chosen}.to_json({target})"
    return f"`datasets` saved it; to have a file of it: python -c {quote(code)}"


def digest(path: str, upto: float = math.inf) -> tuple[str, int]:
    """sha256 in hex and size in bytes of the whole file, or of its first ``upto`` bytes."""
    total, size = hashlib.sha256(), 0
    with reading(path), Path(path).open("rb") as file:
        while chunk := file.read(int(min(CHUNK, upto - size))):
            total.update(chunk)
            size += len(chunk)
    return total.hexdigest(), size


def grew_from(path: str, sha256: str, size: int) -> bool:
    """Whether this is the file of that hash and size, with further lines after it."""
    file_size = Path(path).stat().st_size if Path(path).is_file() else 0
    if not 0 < size < file_size or digest(path, size)[0] != sha256:
        return False
    with Path(path).open("rb") as file:
        file.seek(size - 1)
        return b"\n" in file.read(2)  # the last line had ended, or ends now
