"""`rmboost inspect`: what is read, which rows are taken, and what a user is told."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from conftest import turns
from rmboost.cli.inspect import inspect
from rmboost.errors import InputError
from rmboost.inspection import Wanted, sample


def pair(number: int, **changes: Any) -> dict[str, Any]:
    """A row as the trl export writes it."""
    return {
        "prompt": f"Question {number}?",
        "chosen": f"Answer {number}, in full.",
        "rejected": f"Answer {number}.",
        "aspect": ("completeness", "coherence")[number % 2],
        "label": ("better", "worse")[number // 2 % 2],
        "aspects": [("completeness", "coherence")[number % 2]],
        "id": f"{number:04x}beef#0",
        "metadata": {},
        "rmboost": {"method": "rmboost", "first": "rejected", "second": "chosen"},
        **changes,
    }


def reject(number: int, **changes: Any) -> dict[str, Any]:
    """A row as the run keeps it beside its output."""
    return {
        "id": f"r{number}#0",
        "reason": "near-copy",
        "detail": "99% the same",
        "prompt": "Why?",
        "first": "Because it is.",
        "second": "Because it is so.",
        "label": "worse",
        "aspect": "coherence",
        "aspects": ["coherence"],
        "metadata": {},
        "attempts": [{"reason": "leak", "detail": "tags"}, {"reason": "near-copy", "detail": "99% the same"}],
        "kind": "dropped",
        "error": None,
        **changes,
    }


def write(path: Path, rows: list[Any], end: str = "") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + end, encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write(tmp_path / "pairs.jsonl", [pair(number) for number in range(20)])


@pytest.fixture
def rejects(pairs: Path) -> Path:
    rows = [reject(1), reject(2), reject(3, reason="leak"), reject(4, kind="failed", reason="failed", second=None)]
    return write(pairs.parent / "pairs.run" / "rejects.jsonl", rows)


def run(*arguments: str | Path, stdin: bytes | None = None, **environment: str) -> Result:
    return CliRunner().invoke(inspect, [str(a) for a in arguments], input=stdin, env={"COLUMNS": None, **environment})


def shown(*arguments: str | Path, **options: Any) -> str:
    result = run(*arguments, **options)
    assert result.exception is None, result.exception
    return result.stdout


def rows(*arguments: str | Path, **options: Any) -> list[Any]:
    return [json.loads(line) for line in shown(*arguments, "--json", **options).splitlines()]


def refused(*arguments: str | Path) -> InputError:
    error = run(*arguments).exception
    assert isinstance(error, InputError), error
    return error


def test_shows_what_differs_and_how_the_pair_came_to_be(pairs: Path) -> None:
    page = shown(pairs, "--id", "0003beef#0")
    assert "pairs.jsonl:1of20pairs,1shown" in "".join(page.split()), "however long the folder's name is"
    assert "label worse   aspect coherence   chosen is 2.00× as long" in page
    assert "Answer 3{+, in full+}." in page
    assert "chosen · 4 words, 18 characters, written second" in page
    assert "Question 3?" in page


def test_samples_are_drawn_by_seed_and_shown_in_the_order_of_the_file(pairs: Path) -> None:
    ids = [row["id"] for row in rows(pairs, "-n", "5", "--seed", "7")]
    assert ids == sorted(ids) and len(set(ids)) == 5
    assert ids == [row["id"] for row in rows(pairs, "-n", "5", "--seed", "7")]
    assert ids != [row["id"] for row in rows(pairs, "-n", "5", "--seed", "8")]


def test_every_row_is_equally_likely(pairs: Path) -> None:
    drawn = Counter(row.id for seed in range(1000) for row in sample(pairs, n=4, seed=seed).rows)
    assert len(drawn) == 20
    assert all(140 < count < 260 for count in drawn.values())  # 200 expected, standard deviation 13


def test_more_than_there_are_shows_all(pairs: Path) -> None:
    assert rows(pairs, "-n", "100") == [pair(number) for number in range(20)]


@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (["--aspect", "coherence"], {"coherence"}),
        (["--label", "worse"], {"completeness", "coherence"}),
        (["--label", "worse", "--aspect", "completeness"], {"completeness"}),
    ],
)
def test_filters(pairs: Path, options: list[str], taken: set[str]) -> None:
    found = rows(pairs, "-n", "20", *options)
    assert {row["aspect"] for row in found} == taken
    assert len(found) in (5, 10)
    if "worse" in options:
        assert {row["label"] for row in found} == {"worse"}


def test_an_aspect_that_is_not_the_primary_one_is_found(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", [pair(0, aspects=["completeness", "tone"]), pair(1)])
    assert [row["id"] for row in rows(path, "--aspect", "tone")] == ["0000beef#0"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("abc#0", ["abc#0"]),
        ("abc", ["abc#0", "abc#1"]),
        ("abcd", ["abcd#0"]),
        ("abcde", ["abcde#0"]),
        ("xy", ["xyz#0"]),
        ("issue#12", ["issue#12#0"]),
    ],
)
def test_an_id_whole_or_its_beginning(tmp_path: Path, given: str, found: list[str]) -> None:
    ids = ["abcd#0", "abc#0", "abc#1", "abcde#0", "xyz#0", "issue#12#0", "issue#1#0"]
    path = write(tmp_path / "p.jsonl", [pair(0, id=id) for id in ids])
    assert [row["id"] for row in rows(path, "--id", given)] == found


def test_a_beginning_that_several_ids_share_names_them(pairs: Path) -> None:
    error = refused(pairs, "--id", "000")
    assert "several ids begin with '000'" in error.message
    assert "0000beef, 0001beef" in error.hint


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (["--aspect", "tone"], "none of the 20 pairs has aspect 'tone'", "completeness (10), coherence (10)"),
        (
            ["--aspect", "tone", "--label", "worse"],
            "aspect 'tone' and label 'worse'",
            "labels in the file: better (10)",
        ),
        (["--id", "zz"], "has id 'zz'", "ids look like 0000beef#0, 0001beef#0, 0002beef#0"),
    ],
)
def test_no_match_says_what_there_is(pairs: Path, options: list[str], message: str, hint: str) -> None:
    error = refused(pairs, *options)
    assert message in error.message and str(pairs) in error.message
    assert hint in error.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no rows in the file"),
        (b"\n  \n", "no rows in the file"),
        (b"[1]\n", "row 1: a JSON number, not an object"),
        (b"1\n", "line 1: a JSON number, not an object"),
        (b'{"prompt": "p", "chosen": "c"}\n', "line 1: no 'rejected' in the row, only: prompt, chosen"),
        (b'{"chosen": 1, "rejected": "r"}\n', "line 1: 'chosen' is neither a text nor a list of messages"),
        (b'{"chosen": ["c"], "rejected": "r"}\n', "line 1: 'chosen' is neither"),
        (b'{"chosen": "c", "rejected": []}\n', "line 1: 'rejected' is neither"),
        (b'{"chosen": "c", "rejected": "r"}\n\n{oops}\n', "line 3: not JSON (Expecting property name"),
        (b'{"chosen": "\xff", "rejected": "r"}\n', "line 1: not JSON (not UTF-8 at byte 13)"),
        (b"[" * 100_000 + b"\n", "not a JSON array (nested too deeply)"),
        (b'{"a":' * 100_000 + b"\n", "line 1: not JSON (nested too deeply)"),
        (
            b'{"chosen": "c", "rejected": "r", "n": ' + b"9" * 5000 + b"}\n",
            "not JSON (a number of more than 4,300 digits)",
        ),
        (b'{"chosen": "c", "rejected": "r"}\n{"kind": "dropped", "reason": "leak"}\n', "line 2: a reject among pairs"),
        (b'{"kind": "dropped", "reason": "leak"}\n{"chosen": "c", "rejected": "r"}\n', "line 2: a pair among rejects"),
        (b'{"\x1b[2J": 1}\n', "line 1: not JSON"),
        (b'{"\\u001b[2J": 1}\n', "no 'chosen' in the row, only: \u241b[2J"),
        (b'{"chosen": "c", "rej', "no complete row yet"),
    ],
)
def test_what_is_no_preference_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_bytes(content)
    error = refused(path)
    assert message in error.message and error.message.startswith(str(path))
    assert error.hint
    assert str(refused(path, "--stats")) == str(error)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "pairs.jsonl").message
    assert "is a folder" in refused(tmp_path).message


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    whole = json.dumps(pair(2)).encode()
    path = write(tmp_path / "pairs.jsonl", [pair(0), pair(1)])
    for cut in range(1, len(whole), 7):
        path.write_bytes(b"".join(json.dumps(pair(n)).encode() + b"\n" for n in range(2)) + whole[:cut])
        result = run(path, "--json")
        assert len(result.stdout.splitlines()) == 2
        assert "not complete" in result.stderr


def test_a_last_line_without_its_end_counts_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(pair(0)))
    result = run(path, "--json")
    assert json.loads(result.stdout) == pair(0)
    assert result.stderr == ""


def test_standard_input_a_mark_and_windows_lines(pairs: Path) -> None:
    marked = b"\xef\xbb\xbf" + pairs.read_bytes()
    piped = marked.replace(b"\n", b"\r\n")
    assert rows("-", "-n", "20", stdin=piped) == [pair(number) for number in range(20)]
    assert "stdin: 20 pairs, 3 shown" in shown("-", stdin=piped)
    assert "stdin: 40 pairs, 3 shown" in shown("-", stdin=2 * marked), "as `cat` puts files together"


def test_json_is_the_row_and_cannot_drive_a_terminal(tmp_path: Path) -> None:
    hostile = pair(0, chosen="\x1b]0;t\x07 \x9b2J \u202e \u200b \ud800 \U000e0041 日本語 é", extra={"n": [1.5, None]})
    path = write(tmp_path / "pairs.jsonl", [hostile])
    printed = shown(path, "--json")
    assert json.loads(printed) == hostile
    assert "日本語 é" in printed
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u200b", "\U000e0041"} & set(printed)


def test_rejects_come_with_reasons_and_counts(pairs: Path, rejects: Path) -> None:
    page = shown(pairs, "--rejects", "-n", "4")
    assert "2    near-copy" in page and "1    leak" in page
    assert "near-copy: 99% the same · 2 attempts: leak, near-copy" in page
    assert "Because it is {+so+}." in page
    assert "(never written)" in page
    assert shown(rejects, "-n", "4") == page


def test_rejects_by_reason(pairs: Path, rejects: Path) -> None:
    assert [row["id"] for row in rows(pairs, "--reason", "leak")] == ["r3#0"]
    assert "near-copy (2), leak (1), failed (1)" in refused(pairs, "--reason", "x").hint
    figures = rows(pairs, "--rejects", "--stats")[0]
    assert figures["reasons"] == {"near-copy": 2, "leak": 1, "failed": 1}
    assert "near-copy" in shown(rejects, "--stats")


def test_no_rejects_is_good_news_and_no_run_is_an_error(pairs: Path) -> None:
    assert "pairs.run" in refused(pairs, "--rejects").message
    write(pairs.parent / "pairs.run" / "rejects.jsonl", [])
    assert "0 rejects" in shown(pairs, "--rejects")
    assert "0 rejects" in shown(pairs, "--rejects", "--stats")


ANSWERS = ([{"role": "assistant", "content": "Yes."}], [{"role": "assistant", "content": "No!"}])


@pytest.mark.parametrize(
    ("row", "prompt", "texts"),
    [
        ({"prompt": "Q?", "chosen": "a", "rejected": "b"}, [("user", "Q?")], ("a", "b")),
        ({"chosen": "a", "rejected": "b"}, [], ("a", "b")),
        (
            {"prompt": turns("Q?"), "chosen": ANSWERS[0], "rejected": ANSWERS[1]},
            [("user", "Q?")],
            ("Yes.", "No!"),
        ),
        (
            {"chosen": turns("Q?", "a", "R?", "b"), "rejected": turns("Q?", "a", "R?", "c")},
            [("user", "Q?"), ("assistant", "a"), ("user", "R?")],
            ("b", "c"),
        ),
        ({"chosen": turns("Q?", "a"), "rejected": turns("Q?", "a")}, [("user", "Q?")], ("a", "a")),
        (
            {"prompt": "Q?", "chosen": turns("Q?", "a"), "rejected": turns("Q?", "b")},
            [("user", "Q?")],
            ("a", "b"),
        ),
        (
            {"chosen": turns("Q?", "a", "R?", "b"), "rejected": turns("Q?", "c")},
            [("user", "Q?")],
            ("Assistant: a\n\nUser: R?\n\nAssistant: b", "c"),
        ),
        (
            {
                "prompt": [{"role": "user", "content": [{"type": "text", "text": "Q?"}, {"type": "image"}]}],
                "chosen": [{"role": "assistant", "content": None, "tool_calls": [1]}],
                "rejected": "b",
            },
            [("user", 'Q?\n{"type": "image"}')],
            ('{"tool_calls": [1]}', "b"),
        ),
    ],
)
def test_the_shapes_of_preference_data(row: Any, prompt: Any, texts: tuple[str, str]) -> None:
    (read,) = sample(io.BytesIO(json.dumps(row).encode())).rows
    assert (list(read.prompt), read.texts) == (prompt, texts)
    assert (read.id, read.label, read.aspects, read.second) == ("", "", (), "")
    assert texts[1] in shown("-", stdin=json.dumps(row).encode())


def test_columns_that_mean_something_else_in_other_files(tmp_path: Path) -> None:
    odd = {"chosen": "a", "rejected": "b", "label": 1, "aspects": "x", "aspect": ["y"], "id": 7, "rmboost": "no"}
    path = write(tmp_path / "p.jsonl", [odd])
    assert "label 1" in shown(path)
    assert rows(path, "--id", "7") == [odd]
    assert shown(path, "--stats")


@pytest.mark.parametrize(
    ("options", "environment", "columns"),
    [
        ([], {}, 80),
        ([], {"COLUMNS": "150"}, 150),
        (["--width", "100"], {"COLUMNS": "150"}, 100),
        ([], {"COLUMNS": "x"}, 80),
    ],
)
def test_width(pairs: Path, options: list[str], environment: dict[str, str], columns: int) -> None:
    lines = shown(pairs, *options, **environment).splitlines()
    assert max(map(len, lines)) == columns
    side_by_side = any("chosen ·" in line and "rejected ·" in line for line in lines)
    assert side_by_side == (columns >= 120)


def test_long_texts_are_cut_unless_all_is_asked_for(tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(3000)]
    path = write(tmp_path / "p.jsonl", [pair(0, chosen=" ".join(words), rejected="No.", prompt="why " * 900)])
    page = shown(path)
    assert "more words; --full shows all" in page and "w2999" not in page
    full = shown(path, "--full")
    assert "w2999" in full and "--full" not in full


def test_memory_holds_the_sample_only(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "big.jsonl"
    with path.open("w") as file:
        for number in range(3000):
            file.write(json.dumps(pair(number, chosen="word " * 2000)) + "\n")
    tracemalloc.start()
    sample(path, n=2, wanted=Wanted(label="worse"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000 < path.stat().st_size


def test_a_row_without_an_id_leaves_the_others_in(tmp_path: Path) -> None:
    """As in people's pairs put behind those of a run."""
    path = tmp_path / "mix.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (*map(pair, range(5)), {**pair(5), "id": None})))
    assert len(rows(path, "-n", "20")) == 6
