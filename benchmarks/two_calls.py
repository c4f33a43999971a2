"""What the programs beside rmboost do with a prompt: ask for a first response, then for an edited one."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

EDIT = "Write an edited response that is BETTER than this one, between <response> and </response>.\n\n{}\n\n{}"
"""The second call; prompt and first response go in."""


def read(path: Path) -> Iterator[str]:
    """The prompts of a JSON Lines file, one at a time."""
    return (json.loads(line)["prompt"] for line in path.open(encoding="utf-8"))


def arguments(about: str | None) -> argparse.ArgumentParser:
    """What runner.py tells a program: the prompts, where the endpoint is, how many calls at once."""
    options = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("prompts", type=Path)
    options.add_argument("--base-url", required=True)
    options.add_argument("--concurrency", type=int, required=True)
    return options
