"""``rmboost verify``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rmboost.amounts import number

if TYPE_CHECKING:
    from rmboost.run.proof import FileProof, Proof

_DIFFERS = 7


@click.command()
@click.argument("output", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--prompts", type=click.Path(path_type=Path), help="Where the prompt file is now, if it was moved.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for other programs.")
def verify(output: Path, prompts: Path | None, as_json: bool) -> None:
    """Prove that FILE, and its rejects, are what the run's journal says.

    Every row is made again from the answers in the journal, by the run's own method and checks, and compared byte by
    byte; nobody is asked. Exit codes: 0 the same, 7 something differs, 2 the prompts or templates are not the run's,
    3 there is no run, or it is going on.
    """
    from tqdm import tqdm

    from rmboost.run.proof import prove
    from rmboost.visible import json_line, visible

    with tqdm(total=0, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False, unit=" jobs") as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        proof = prove(output, prompts, show)
    for line in proof.notices:
        click.echo(visible(line), err=True)
    if as_json:
        values = asdict(proof) | {"same": proof.same}
        click.echo(json_line(values | {"files": [asdict(file) | {"path": str(file.path)} for file in proof.files]}))
    else:
        for line in _lines(proof):
            click.echo(visible(line))
    sys.exit(0 if proof.same else _DIFFERS)


def _lines(proof: Proof) -> Iterator[str]:
    yield from map(_of_file, proof.files)
    yield from proof.differences
    if (more := proof.count - len(proof.differences)) > 0:
        yield f"… and {number(more, 'more difference')}"
    if proof.missing:
        yield f"jobs that cannot be made again, as the journal has no answer to a call of theirs: {proof.missing:,}"
    if proof.same:
        but = f", but for {proof.waiting:,} that failed and were asked again since" if proof.waiting else ""
        yield f"the same: all rows of {number(proof.jobs, 'job')} were made again from the journal{but}"
    if proof.status != "finished":
        yield "the run is not finished: what it has noted as settled was compared, and rows after that it makes again"


def _of_file(file: FileProof) -> str:
    says = "as it should be" if file.wanted == file.found else f"and should be {file.wanted}"
    return f"{file.path}: {number(file.rows, 'row')}, sha256 {file.found}, {says}"
