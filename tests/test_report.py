"""`rmboost report` end to end: the page, the JSON, the limits, and what a user is told when something is wrong."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from conftest import ACTIVE, Outcome, Shell, write_jsonl
from rmboost.report.catalogue import FIGURES

CONFIG = """
checks:
  - {name: similarity, min_similarity: 0.01}
  - {name: length, max_ratio: 1.4, min_length: 50, on_fail: drop}
verify: {sample: 60%}
prices: {fake: {input: 1, output: 2}}
"""


def rows(count: int, longer: float = 0.5) -> list[dict[str, Any]]:
    """Pairs of which the chosen response is the longer one in this share."""
    random = Random(0)
    words = [f"{a}{b}" for a in ("al", "be", "ce", "do", "fu") for b in ("na", "ra", "ta", "ma", "va")]

    def said(length: int) -> str:
        return " ".join(random.choices(words, k=length))

    lengths = [(30, 20) if number < longer * count else (20, 30) for number in range(count)]
    return [{"prompt": said(15), "chosen": said(one), "rejected": said(other)} for one, other in lengths]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "pairs.jsonl", rows(200, longer=0.8))


def figures(done: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.out)["figures"]
    return found


def test_a_run_of_ours_from_prompts_to_page(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    out = tmp_path / "out.jsonl"
    assert rmboost("generate", prompts, "-o", out, "--model", "fake", "-c", config, "--set", "tries=2").code == 0
    kept, dropped = (len(path.read_text().splitlines()) for path in (out, tmp_path / "out.run" / "rejects.jsonl"))
    assert kept + dropped == 24 and dropped, "the test needs both"
    done = rmboost("report", out, "--json", "-o", tmp_path / "page.html")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["figures"].keys() == FIGURES.keys()
    assert found["figures"]["kept_share"]["value"] == pytest.approx(kept / 24)
    assert found["figures"]["cost"]["value"] == 0
    assert found["rejects"] == {"length": dropped}
    assert sum(cell["pairs"] for cell in found["cells"]) == kept
    assert found["run"]["summary"]["calls"] == found["figures"]["calls"]["value"] > 48
    assert {"label", "aspect"} <= {key for group in found["label_noise"] for key in group}
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for part in (
        "What became of the prompts",
        "Label noise",
        "rmboost/plan-better.md.j2",
        "method.aspects",
        ">length<",
    ):
        assert part in page


def test_a_file_of_others_gets_a_page_beside_it(rmboost: Shell, pairs: Path) -> None:
    done = rmboost("report", pairs)
    assert done.code == 0
    assert done.out.startswith("Not ready to train on: length. How often the labels are wrong was not measured.\n")
    assert "The longer response wins 80.0 %" in done.out
    assert done.err == f"page: {pairs.with_suffix('.html')}\n"
    page = pairs.with_suffix(".html").read_text(encoding="utf-8")
    assert "<form" not in page, "there is nothing to choose among"
    assert "What became of the prompts" not in page, "nothing is known of it, so nothing is said"
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_the_same_file_gives_the_same_page(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    for page in pages:
        rmboost("report", pairs, "-o", page)
    assert pages[0].read_bytes() == pages[1].read_bytes()
    rmboost("report", pairs, "-o", pages[1], "--seed", 1)
    assert pages[0].read_bytes() != pages[1].read_bytes()


def test_json_alone_writes_no_page(rmboost: Shell, pairs: Path) -> None:
    done = rmboost("report", pairs, "--json")
    assert figures(done)["longer_wins"]["value"] == 0.8
    assert figures(done)["label_noise"] == {"value": None, "n": 0, "why": "no pair was judged"}
    assert not pairs.with_suffix(".html").exists()


def test_a_pipe_in_and_out(rmboost: Shell, pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pairs.open("rb") as file:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(file))
        done = rmboost("report", "-", "-o", "-")
    assert done.out.startswith("<!doctype html>")
    assert done.err == ""


@pytest.mark.parametrize(
    ("limits", "code", "says"),
    [
        (["longer_wins>0.60"], 8, "longer_wins>0.60: it is 0.8"),
        (["longer_wins > 0.9", "longer_wins<0.1", "pairs<100"], 0, ""),
        (["longer_wins.low>=0.7", "identical_pairs>0"], 8, "longer_wins.low>=0.7: it is 0.739"),
        (["longer_wins.high>0.9"], 0, ""),
        (["label_noise>0.10"], 8, "label_noise was not measured (no pair was judged)"),
    ],
)
def test_limits_set_the_exit_code(rmboost: Shell, pairs: Path, limits: list[str], code: int, says: str) -> None:
    flags = [part for limit in limits for part in ("--fail-on", limit)]
    done = rmboost("report", pairs, "--json", *flags)
    assert (done.code, done.err.count("failed:")) == (code, 1 if code else 0)
    assert says in done.err
    assert figures(done), "the figures come all the same"


@pytest.mark.parametrize(
    ("flags", "code", "message", "hint"),
    [
        (["--fail-on", "longer_win>0.6"], 2, "there is no figure 'longer_win'", "did you mean 'longer_wins'?"),
        (["--fail-on", "longer_wins"], 2, "'longer_wins' is no limit", "--fail-on 'longer_wins>0.60'"),
        (["--fail-on", "longer_wins>many"], 2, "is no limit", ""),
        (["--fail-on", "longer_wins>1.2.3"], 2, "is no limit", ""),
        (["--fail-on", "contaminated_prompts_8>0"], 2, "needs a file to compare with", "--against"),
        (["--versus", "nowhere.jsonl"], 2, "nowhere.jsonl: no such file", ""),
        (["--against", "nowhere.jsonl"], 2, "nowhere.jsonl: no such file", ""),
        (["--gold", "nowhere.jsonl"], 2, "nowhere.jsonl: no such file", "rmboost judge FILE --gold -o gold.jsonl"),
        (["-o", "nowhere/page.html"], 3, "nowhere is no folder", "mkdir"),
        (["-o", "other.html"], 3, "exists and is no report", "choose another -o"),
        (["-o", "-", "--json"], 2, "cannot both go to standard output", "-o report.html"),
        (["--tokenizer", "nowhere.json"], 2, "tokenizer", ""),
    ],
)
def test_what_is_wrong_is_said_before_any_work(
    rmboost: Shell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: list[str],
    code: int,
    message: str,
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.html").write_text("someone else's")
    Path("unreadable.jsonl").write_text("never read\n")
    done = rmboost("report", "unreadable.jsonl", *flags)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert hint in done.err
    assert "unreadable" not in done.err
    assert ("rmboost generate" in done.err) == ("--versus" in flags), "it makes pairs, and nothing to hold them against"
    assert Path("other.html").read_text() == "someone else's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.html", "unreadable.jsonl"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no pair in the file"),
        ('{"prompt": "a", "chosen": "b"}\n', "line 1: no 'rejected' in the row"),
        ('{"prompt": "a", "reason": "leak", "first": "b", "second": "c"}\n', "line 1: a reject, and no pair"),
        ("not JSON\n", "line 1: not JSON"),
    ],
)
def test_a_file_without_pairs(rmboost: Shell, tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(content)
    done = rmboost("report", path)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert not path.with_suffix(".html").exists()


def test_a_torn_last_line_is_left_out_and_said(rmboost: Shell, pairs: Path) -> None:
    with pairs.open("a") as file:
        file.write('{"prompt": "torn')
    assert figures(rmboost("report", pairs, "--json"))["pairs"]["value"] == 200
    assert "the last line is not complete" in rmboost("report", pairs, "-o", "-").out


def test_two_files_side_by_side(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    other = write_jsonl(tmp_path / "other.jsonl", rows(200, longer=0.5))
    page = tmp_path / "both.html"
    found = json.loads(rmboost("report", pairs, "--versus", other, "--json", "-o", page).out)
    assert [each["file"] for each in found["reports"]] == [str(pairs), str(other)]
    apart = found["differences"]["longer_wins"]
    assert apart["value"] == pytest.approx(0.3)
    assert 0.2 < apart["low"] < 0.3 < apart["high"] < 0.4
    assert "Side by side" in page.read_text(encoding="utf-8")
    limits = rmboost("report", other, "--versus", pairs, "--json", "--fail-on", "longer_wins>0.6")
    assert limits.code == 0, "limits are for the first file"


def test_another_suffix_of_rows_is_read_as_well(rmboost: Shell, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pytest.importorskip("pyarrow").Table.from_pylist(rows(40))
    parquet.write_table(table, tmp_path / "pairs.parquet")
    assert figures(rmboost("report", tmp_path / "pairs.parquet", "--json"))["pairs"]["value"] == 40


def test_the_folder_that_one_is_in_is_read_like_any_other(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``Dataset.save_to_disk`` writes it."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.Table.from_pylist(rows(40))
    with pyarrow.OSFile(str(tmp_path / "data.arrow"), "wb") as file, pyarrow.ipc.new_stream(file, table.schema) as out:
        out.write_table(table)
    (tmp_path / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    monkeypatch.chdir(tmp_path)
    assert figures(rmboost("report", ".", "--json"))["pairs"]["value"] == 40
    done = rmboost("report", ".")
    assert (done.code, "a report on the folder . needs a name" in done.err) == (2, True), done.err


def test_a_comparison_is_no_file_of_pairs(rmboost: Shell, tmp_path: Path) -> None:
    (tmp_path / "comparison.json").write_text("{\n}\n")
    (tmp_path / "comparison.run").mkdir()
    (tmp_path / "comparison.run" / "manifest.json").write_text('{"output": "comparison.json"}')
    done = rmboost("report", tmp_path / "comparison.json")
    assert (done.code, "line 1: not JSON" in done.err) == (2, True), done.err


@pytest.mark.parametrize(("prompts", "longer"), [(1, 0), (1, 5), (2, 5), (9, 5)])
def test_many_pairs_of_few_prompts_are_never_called_good(
    rmboost: Shell, tmp_path: Path, prompts: int, longer: int
) -> None:
    """Of one prompt, with responses as long as each other, nothing could be measured, and nothing was said of it."""
    random = Random(prompts)

    def text(words: int) -> str:
        return " ".join(str(random.randrange(1000)) for _ in range(words))

    rows = [
        {"prompt": f"Question {n % prompts}", "chosen": text(10 + n % 7), "rejected": text(10 + n % 7 + more)}
        for n in range(40 * prompts)
        for more in (longer, -longer)
    ]
    done = rmboost("report", write_jsonl(tmp_path / "pairs.jsonl", rows))
    assert done.code == 0, done.err
    assert done.out.startswith("Nothing bad is certain, but there are too few prompts to be sure of ")
    assert "telling words: fewer than 30 different prompts." in done.out


def test_gold_of_another_judge_is_said(rmboost: Shell, tmp_path: Path) -> None:
    def judged(name: str, model: str) -> Path:
        rows = [
            {
                "prompt": f"{number}?",
                "chosen": f"a {number}",
                "rejected": "b",
                "judge": {"winner": "chosen", "model": model},
            }
            for number in range(20)
        ]
        return write_jsonl(tmp_path / name, rows)

    file, gold = judged("file.jsonl", f"judge-a{ACTIVE}"), judged("gold.jsonl", "judge-b")
    said = rmboost("report", file, "--gold", gold, "--json").err
    assert "file.jsonl by judge-a␛]0;t␇<U+009B>2J<U+202E>" in said and "gold.jsonl by judge-b" in said
    dated = judged("dated.jsonl", "judge-b-2026-08-01")
    for one, other in ((file, file), (gold, dated), (dated, gold)):
        assert "different models" not in rmboost("report", one, "--gold", other, "--json").err


def test_a_column_of_texts_called_label_makes_no_groups_without_end(rmboost: Shell, tmp_path: Path) -> None:
    rows = [{"prompt": f"{n}?", "chosen": f"a {n}", "rejected": "b", "label": f"reference {n}"} for n in range(600)]
    done = rmboost("report", write_jsonl(tmp_path / "x.jsonl", rows), "-o", tmp_path / "x.html")
    assert done.code == 0
    assert (tmp_path / "x.html").read_text().count("reference 5") < 200


def test_names_that_look_alike_have_a_dot_each_in_the_chart_of_noise(rmboost: Shell, tmp_path: Path) -> None:
    names = (
        "all",
        "a long name of an aspect that differs at its end 1",
        "a long name of an aspect that differs at its end 2",
    )
    rows = [
        {"prompt": f"{n}?", "chosen": f"a {n}", "rejected": "b", "aspect": names[n % 3], "judge": {"winner": "chosen"}}
        for n in range(60)
    ]
    rmboost("report", write_jsonl(tmp_path / "x.jsonl", rows), "-o", tmp_path / "x.html")
    chart = re.search(r'aria-label="labels contradicted 0".*?</svg>', (tmp_path / "x.html").read_text(), re.DOTALL)
    assert chart and (chart[0].count(">all<"), chart[0].count("a long name of an aspect")) == (2, 2)
