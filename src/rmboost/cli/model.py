"""``rmboost model``: the embedded models, and whether their weights are here."""

from __future__ import annotations

from collections.abc import Sequence

import click

from rmboost import weights
from rmboost.cache import cache_folder


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def model() -> None:
    """List and pull the embedded models.

    They run in this process on any CPU, without a key or a server: rmboost generate --model local:NAME
    """


@model.command("list")
def list_models() -> None:
    """Show the models there are, and which are fetched."""
    rows = [("NAME", "SIZE", "LICENCE", "CONTEXT", "FETCHED", "WHAT IT IS")]
    for each in weights.catalogue().models:
        name = f"local:{each.name}"
        fetched = "yes" if each.is_cached else "no"
        rows.append((name, f"{each.size / 1e6:.0f} MB", each.licence, str(each.context), fetched, each.description))
    for line in _columns(rows):
        click.echo(line)
    click.echo(f"local alone is local:{weights.catalogue().default}; files: {cache_folder()}", err=True)


@model.command()
@click.argument("name", default="local")
def pull(name: str) -> None:
    """Fetch the weights of NAME, or of the default.

    Prints where they lie.
    """
    click.echo(weights.pull(weights.find(name)))


@model.command()
@click.argument("name", default="local")
def path(name: str) -> None:
    """Print where the weights of NAME belong.

    Without NAME, those of the default model.
    """
    found = weights.find(name)
    click.echo(found.path)
    if not found.is_cached:
        click.echo(f"not fetched yet: rmboost model pull {found.name}", err=True)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
