"""docs/experiment.md and its pictures, from the figures of a comparison: regenerated, never edited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rmboost import weights
from rmboost.compare import table
from rmboost.compare.page import apart, drawn, leaning, sets
from rmboost.report.charts import curves

Values = Mapping[str, Any]
SOURCES = {
    "qa_feedback": "QA Feedback, dev set (Wu et al. 2023, allenai/FineGrainedRLHF, Apache-2.0)",
    "hhh_alignment": "HHH alignment (Askell et al. 2021, BIG-bench, Apache-2.0)",
    "pandalm": "PandaLM test set v1 (Wang et al. 2023, WeOpenML/PandaLM, Apache-2.0), ties removed",
    "general": "everyday instructions of Self-Instruct, MT-bench and Vicuna bench (Apache-2.0)",
}
"""Public files by the names that they have here; others are called by their file name."""
_COLORS = {
    "--ink": "#1c2024",
    "--faint": "#c3cad1",
    "--link": "#0b57a4",
    "--chosen": "#0b7a55",
    "--rejected": "#b3401f",
}
_LOCAL = "local"


def write(found: Values, docs: Path, remarks: Sequence[str] = (), redrawn: Sequence[Values] = ()) -> list[Path]:
    """Write the document and a picture for each test set and reward model; what was written.

    remarks: what a reader should know of this run besides. redrawn: see redraws.py.
    """
    pictures = {
        docs / "experiment" / f"{name.replace('/', '-')}.svg": standing_alone(svg)
        for name, svg in drawn(found, curves).items()
    }
    files = {
        docs / "experiment.md": document(found, [path.relative_to(docs) for path in pictures], remarks, redrawn),
        **pictures,
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def standing_alone(svg: str) -> str:
    """A picture that was drawn for a page, with colours of its own."""
    for name, color in _COLORS.items():
        svg = svg.replace(f"var({name})", color)
    return svg.replace("<svg ", '<svg style="background:#fff;font-family:sans-serif" ', 1) + "\n"


def document(
    found: Values, pictures: Sequence[Path] = (), remarks: Sequence[str] = (), redrawn: Sequence[Values] = ()
) -> str:
    """The document as Markdown."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"source": source, "apart": apart, "cell": _cell, "named": named}
    return environment.get_template("experiment.md.j2").render(
        found=found,
        signal=found["signal"],
        pictures=pictures,
        models=sorted({named(model) for row in found["methods"] for model in row["models"].values()}),
        embedded=all(_is_embedded(model) for row in found["methods"] for model in row["models"].values()),
        clear=list(beyond_chance(found)),
        doubts=[*doubts(found), *remarks],
        redrawn=redrawn,
        percent=table.percent,
        plain=table.plain,
        share=table.share,
        sets=sets(found),
        leanings=list(leaning(found)),
        sources=table.sources,
        source_name=table.source_name,
        accuracy=table.accuracy,
        blind=table.blind,
    )


def source(file: str) -> str:
    """A file by its public source, else by its name."""
    return SOURCES.get(Path(file).stem, f"`{Path(file).name}`")


def _is_embedded(model: str) -> bool:
    """Whether it is one of the models that come along, and no file of the reader's."""
    return model.startswith(_LOCAL) and not weights.is_file(model)


def named(model: str) -> str:
    """A model by its own name, without the folder that its file lies in here."""
    if model == _LOCAL:
        return f"{_LOCAL}:{weights.find(model).name}"
    return f"{_LOCAL}:{Path(model).name}" if model.startswith(f"{_LOCAL}:/") else model


def _cell(text: object) -> str:
    """Text that cannot end a cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def beyond_chance(found: Values) -> Iterator[Values]:
    """The differences whose interval leaves out 0: between methods, and between people's pairs with and without one."""
    signal = found["signal"] or {"differences": []}
    yield from (each for each in signal["differences"] if each["low"] > 0 or each["high"] < 0)


def doubts(found: Values) -> Iterator[str]:
    """What the figures themselves say against concluding much from them."""
    for row in found["methods"]:
        if row["status"] not in ("finished", "at budget"):
            yield f"{row['name']} is {row['status']}, its figures are those of {row['kept']} pairs."
    kept = sorted((row["kept"], row["name"]) for row in found["methods"])
    if kept[0][0] < 0.8 * kept[-1][0]:
        (few, less), (many, more) = kept[0], kept[-1]
        yield f"{less} kept {few} pairs and {more} {many}: compare them by the rows with equally many pairs."
    for row in found["methods"]:
        if row["noise"] and row["noise"]["own"]:
            yield f"The judge gave {row['name']} its labels, so that its verdict on them proves nothing."
    for row in found["methods"]:
        if drafter := row["models"].get("drafter"):
            yield (
                f"Where {row['name']} orders a better second response, {named(drafter)} writes the first: what "
                "its pairs teach may be how two models differ."
            )
    if found["signal"]:
        yield from _of_signal(found["signal"])


def _of_signal(signal: Values) -> Iterator[str]:
    comparisons = len(signal["differences"])
    if comparisons:
        by_chance = 0.05 * comparisons
        yield (
            f"{comparisons} differences were looked at. If no two sources differed, about {by_chance:.1f} of the 95 % "
            "intervals would leave out 0 by chance alone."
        )
    for test in signal["tests"]:
        blind_to = [
            model
            for model in signal["models"]
            if (upper := table.accuracy(signal, test, model, ("human", None))) and upper["low"] <= 0.5
        ]
        if blind_to:
            yield (
                f"On {test} {', '.join(blind_to)} learn nothing certain from people's own pairs (the interval holds "
                "50 %): that a method's pairs teach them as little says nothing against the method."
            )
