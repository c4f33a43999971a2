"""Prompt files of every kind, good and bad, and what is said of the bad ones."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rmboost.errors import InputError
from rmboost.records import Prompt, canonical_json
from rmboost.sources import SKIP, Source, Survey, survey
from rmboost.sources.seen import Seen

USER = {"role": "user", "content": "hi"}
ASSISTANT = {"role": "assistant", "content": "hello"}


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names in messages are as the user types them: relative."""
    monkeypatch.chdir(tmp_path)


def write(content: bytes | str, name: str = "prompts.jsonl") -> str:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def write_rows(*rows: Any) -> str:
    return write("".join(json.dumps(row) + "\n" for row in rows))


def read(path: str, **options: Any) -> list[Prompt]:
    """The prompts; that the survey agrees with them is checked on every reading."""
    source = Source(path=path, **options)
    prompts, found = list(source.prompts()), survey(source)
    assert found.count == len(prompts)
    assert survey(source, asdict(found)) == found
    for start in (0, 1, len(prompts)):
        assert list(source.prompts(found, start)) == prompts[start:], "the short way gives the same"
    return prompts


def texts(path: str, **options: Any) -> list[str]:
    return [prompt.messages[-1]["content"] for prompt in read(path, **options)]


def refusal(path: str, **options: Any) -> InputError:
    """What the survey says; reading without a survey has to say the same."""
    with pytest.raises(InputError) as surveyed:
        survey(Source(path=path, **options))
    with pytest.raises(InputError) as streamed:
        list(Source(path=path, **options).prompts())
    assert surveyed.value.message == streamed.value.message
    return surveyed.value


def test_a_plain_prompt_keeps_its_other_fields_as_metadata() -> None:
    extra = {"source": {"name": "web", "tags": [1, None, {"deep": 1.5}]}, "big": 10**40, "messages": [ASSISTANT]}
    (prompt,) = read(write_rows({"prompt": "hi", "id": 7, **extra}))
    assert prompt == Prompt("7", ({"role": "user", "content": "hi"},), plain=True, metadata=extra)


def test_a_conversation_comes_from_messages_or_from_a_prompt_list() -> None:
    turns = [{"role": "system", "content": "Be brief"}, USER, ASSISTANT, {"role": "user", "content": "more"}]
    first, second = read(write_rows({"messages": turns, "id": "a"}, {"prompt": turns, "id": "b", "x": 1}))
    assert list(first.messages) == list(second.messages) == turns
    assert not first.plain and not first.metadata and second.metadata == {"x": 1}


def test_a_system_text_leads_the_conversation() -> None:
    (prompt,) = read(write_rows({"prompt": "hi", "system": "Be brief"}))
    assert [turn["role"] for turn in prompt.messages] == ["system", "user"]
    assert not prompt.plain


def test_null_and_empty_cells_mean_that_nothing_was_given() -> None:
    row = {"prompt": None, "messages": [{**USER, "name": None}], "system": "", "id": None, "note": None}
    (prompt,) = read(write_rows(row))
    assert list(prompt.messages) == [USER] and prompt.metadata == {"note": None}


def test_the_id_is_given_or_the_hash_of_the_content() -> None:
    rows = [{"prompt": "hi", "note": 1}, {"prompt": "ho"}, {"prompt": "hi", "id": "a#b"}, {"prompt": "hi", "id": 0}]
    content, other, *explicit = (prompt.id for prompt in read(write_rows(*rows)))
    assert content == hashlib.blake2b(canonical_json([USER]), digest_size=8).hexdigest()
    assert content != other and explicit == ["a#b", "0"]


def test_fields_can_be_named() -> None:
    path = write_rows({"q": "hi", "key": "k", "sys": "Be brief"}, {"talk": [USER], "prompt": "kept"})
    first, second = read(path, prompt_field="q", messages_field="talk", id_field="key", system_field="sys")
    assert first.id == "k" and first.messages[0]["content"] == "Be brief"
    assert second.plain is False and second.metadata == {"prompt": "kept"}


SHAREGPT = (
    'this looks like ShareGPT; where FILE is JSON lines: jq -c \'([."%s"[] | {role: ({human: "user", '
    'gpt: "assistant", chatgpt: "assistant"}[.from] // .from), content: .value}] | until(length == 0 or '
    '.[-1].role == "user"; .[:-1])) as $turns | del(."%s") | .messages = $turns\' FILE > prompts.jsonl'
)
BAD_LINES = [
    (
        '{"conversations": [{"from": "human", "value": "hi"}], "source": "web"}',
        '"prompt" is missing (fields: conversations, source)',
        SHAREGPT % ("conversations", "conversations"),
    ),
    ("{", "not JSON: Expecting property name enclosed in double quotes (column 2)", SKIP),
    ('{"prompt": "a"} x', "not JSON: Extra data (column 17)", SKIP),
    ("null", "not a JSON object", SKIP),
    ("[1]", "not a JSON object", SKIP),
    ('"hi"', "not a JSON object", SKIP),
    ('{"prompt": "a", "score": NaN}', "NaN is not JSON", "write null"),
    ('{"prompt": "a", "score": -Infinity}', "-Infinity is not JSON", "write null"),
    ('{"prompt": "a", "score": 1e999}', "the number 1e999 is too large", SKIP),
    ('{"prompt": "a", "score": ' + "9" * 5000 + "}", "a number of more than 4,300 digits", SKIP),
    ('{"prompt": ' + "[" * 200_000, "nested too deeply", SKIP),
    (
        '{"prompt": "a", "note": "\\ud83d"}',
        "half a surrogate pair (\\ud800 to \\udfff), which is no character",
        SKIP,
    ),
    ("{}", '"prompt" is missing (fields: none)', SKIP),
    (
        '{"question": "a", "answer": "b"}',
        '"prompt" is missing (fields: question, answer)',
        "--prompt-field question",
    ),
    ('{"input": "", "Prompt": "a"}', '"prompt" is missing (fields: input, Prompt)', "--prompt-field Prompt"),
    ('{"prompt_id": "7", "query": "a"}', '"prompt" is missing (fields: prompt_id, query)', "--prompt-field query"),
    ('{"id": "7", "frage": "a", "n": 1}', '"prompt" is missing (fields: id, frage, n)', "--prompt-field frage"),
    (
        '{"frage": "a", "antwort": "b"}',
        '"prompt" is missing (fields: frage, antwort)',
        "--prompt-field NAME, of the field that holds the prompt: frage, antwort",
    ),
    (
        '{"talk": [{"role": "user", "content": "a"}], "source": "web"}',
        '"prompt" is missing (fields: talk, source)',
        "--set input.messages_field=talk",
    ),
    ('{"\\u001b[31m": 1}', "\"prompt\" is missing (fields: '\\x1b[31m')", SKIP),
    (
        json.dumps({f"k{n}": n for n in range(12)}),
        '"prompt" is missing (fields: k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, …)',
        SKIP,
    ),
    ('{"prompt": null}', '"prompt" is null', SKIP),
    ('{"prompt": ""}', '"prompt" is empty', SKIP),
    ('{"prompt": " \\n\\u00a0"}', '"prompt" is empty', SKIP),
    ('{"prompt": 5}', '"prompt" must be a string or a list of turns, not a number', SKIP),
    ('{"messages": "hi"}', '"messages" must be a list of turns, not a string', SKIP),
    ('{"messages": []}', '"messages" is an empty list', SKIP),
    ('{"messages": ["hi"]}', '"messages", turn 1: must be an object with role and content, not a string', SKIP),
    (
        '{"messages": [{"from": "human", "value": "hi"}]}',
        '"messages", turn 1: "role" is missing (fields: from, value)',
        SHAREGPT % ("messages", "messages"),
    ),
    ('{"messages": [{"role": "user"}]}', '"messages", turn 1: "content" is missing (fields: role)', SKIP),
    (
        '{"messages": [{"role": "human", "content": "hi"}]}',
        '"messages", turn 1: unknown role "human"',
        "the roles are system, user, assistant",
    ),
    (
        json.dumps({"messages": [USER, {**ASSISTANT, "tool_calls": [], "name": "x"}, USER]}),
        '"messages", turn 2: only role and content are understood, not tool_calls, name',
        SKIP,
    ),
    (
        '{"messages": [{"role": "user", "content": [{"type": "text"}]}]}',
        '"messages", turn 1: "content" must be a string, not a list',
        SKIP,
    ),
    ('{"messages": [{"role": "user", "content": " "}]}', '"messages", turn 1: "content" is empty', SKIP),
    (
        json.dumps({"messages": [USER, ASSISTANT]}),
        '"messages" must end with a user turn, not with one of role assistant',
        'where FILE is JSON lines, without the answers at the end: jq -c \'."messages" |= until(length == 0 or '
        '.[-1].role == "user"; .[:-1])\' FILE > prompts.jsonl',
    ),
    ('{"prompt": "a", "system": {}}', '"system" must be a string, not an object', SKIP),
    ('{"prompt": "a", "system": " "}', '"system" is empty', SKIP),
    (
        '{"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}], "system": "t"}',
        '"system" is given, and the first turn is a system turn as well',
        SKIP,
    ),
    ('{"prompt": "a", "id": true}', '"id" must be a string or an integer, not a boolean', SKIP),
    ('{"prompt": "a", "id": 1.5}', '"id" must be a string or an integer, not a number', SKIP),
    ('{"prompt": "a", "id": "a\\nb"}', "\"id\" holds a control character: 'a\\nb'", SKIP),
]


@pytest.mark.parametrize(("line", "reason", "hint"), BAD_LINES, ids=[reason for _, reason, _ in BAD_LINES])
def test_a_bad_line_stops_with_its_place_reason_and_way_out(line: str, reason: str, hint: str) -> None:
    path = write(f'{{"prompt": "good"}}\n\n{line}\n{{"prompt": "also good"}}\n')
    error = refusal(path)
    assert (error.message, error.hint) == (f"prompts.jsonl, line 3: {reason}", hint)
    assert texts(path, skip_bad_lines=True) == ["good", "also good"]
    found = survey(Source(path=path, skip_bad_lines=True))
    assert (found.count, found.bad, found.first_bad) == (2, 1, error.message)


def test_the_hint_knows_a_misspelt_field() -> None:
    error = refusal(write_rows({"instruction_text": "a", "input": "b"}), prompt_field="instruction_txt")
    assert error.hint == "--prompt-field instruction_text"


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
@pytest.mark.parametrize("field", ["conversations", "messages", "prompt"])
def test_the_command_for_a_talk_makes_prompts_of_it(field: str) -> None:
    said = [("system", "Be brief"), ("human", "it's?"), ("gpt", "No."), ("human", "more"), ("gpt", "Yes.")]
    write_rows({"id": "a", field: [{"from": who, "value": text} for who, text in said]})
    command = refusal("prompts.jsonl").hint.partition(": jq ")[2].replace("FILE > prompts", "prompts.jsonl > made")
    subprocess.run(f"jq {command}", shell=True, check=True)
    (prompt,) = read("made.jsonl")
    assert [turn["role"] for turn in prompt.messages] == ["system", "user", "assistant", "user"]
    assert (prompt.messages[-1]["content"], prompt.id, prompt.metadata) == ("more", "a", {})


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
def test_the_command_for_a_talk_with_its_answer_leaves_the_answer_out() -> None:
    write_rows({"messages": [USER, ASSISTANT, USER, ASSISTANT]}, {"messages": [USER]})
    command = refusal("prompts.jsonl").hint.partition(": jq ")[2].replace("FILE > prompts", "prompts.jsonl > made")
    subprocess.run(f"jq {command}", shell=True, check=True)
    assert [len(prompt.messages) for prompt in read("made.jsonl")] == [3, 1]


def test_bytes_that_are_not_utf8_are_placed() -> None:
    path = write(b'{"prompt": "fine"}\n{"prompt": "caf\xe9"}\n')
    assert refusal(path).message == "prompts.jsonl, line 2: not UTF-8 at byte 16"
    assert texts(path, skip_bad_lines=True) == ["fine"]
    text = write(b"fine\ncaf\xe9\n", "prompts.txt")
    assert refusal(text).message == "prompts.txt, line 2: not UTF-8 at byte 4"


def test_marks_line_ends_and_blank_lines_do_not_matter() -> None:
    row = b'{"prompt": "a%d"}'
    lines = [b"\xef\xbb\xbf", row % 1, b"\r\n\r\n \t\n", row % 2, b"\n\xef\xbb\xbf", row % 3]
    path = write(b"".join(lines))
    assert texts(path) == ["a1", "a2", "a3"]
    assert texts(write(b"\xef\xbb\xbfone\r\n\r\n  two \n\n", "prompts.txt")) == ["one", "  two "]


def test_only_a_line_feed_ends_a_line() -> None:
    text = "a\u2028b\u2029c\u0085d\x0be\x0cf 😀 e\u0301"
    assert texts(write(json.dumps({"prompt": text}, ensure_ascii=False))) == [text]
    assert texts(write(text, "prompts.txt")) == [text]
    assert texts(write(json.dumps({"prompt": "😀"}))) == ["😀"]


@pytest.mark.parametrize("name", ["prompts.jsonl", "prompts.txt", "prompts.csv"])
def test_a_line_of_a_megabyte(name: str) -> None:
    text = "word " * 200_000 + "end"
    content = {
        "prompts.jsonl": json.dumps({"prompt": text}),
        "prompts.txt": text,
        "prompts.csv": f"prompt\n{text}\n",
    }
    assert texts(write(content[name], name)) == [text]


def test_equal_prompts_without_an_id_are_one_prompt() -> None:
    path = write_rows(
        {"prompt": "a"}, {"messages": [{"role": "user", "content": "a"}]}, {"prompt": "b"}, {"prompt": "a"}
    )
    assert texts(path) == ["a", "b"]
    found = survey(Source(path=path))
    assert (found.count, found.duplicates, found.bad, found.plain) == (2, 2, 0, True)


def test_an_id_given_twice_stops_with_both_lines() -> None:
    path = write_rows({"prompt": "a", "id": 1}, {"prompt": "b"}, {"prompt": "c", "id": "1"}, {"prompt": "d", "id": "1"})
    assert refusal(path).message == 'prompts.jsonl, line 3: the id "1" is given twice, first on line 1'
    assert texts(path, skip_bad_lines=True) == ["a", "b"]
    found = survey(Source(path=path, skip_bad_lines=True))
    assert (found.bad, found.duplicates) == (2, 0)
    assert found.first_bad == 'prompts.jsonl, line 3: the id "1" is given twice'


def test_an_id_may_not_be_the_hash_of_another_line() -> None:
    path = write_rows({"prompt": "a"})
    content = read(path)[0].id
    assert "first on line 1" in refusal(write_rows({"prompt": "a"}, {"prompt": "b", "id": content})).message
    assert texts(write_rows({"prompt": "b", "id": content}, {"prompt": "a"})) == ["b"]


def test_the_limit_counts_good_prompts_and_looks_no_further() -> None:
    path = write('{"prompt": "a"}\n{"prompt": "a"}\n{}\n{"prompt": "b"}\nnonsense\n')
    assert texts(path, limit=1) == ["a"]
    assert texts(path, limit=2, skip_bad_lines=True) == ["a", "b"]
    assert texts(path, limit=99, skip_bad_lines=True) == ["a", "b"]
    found = survey(Source(path=path, limit=2, skip_bad_lines=True))
    assert (found.count, found.bad, found.duplicates) == (2, 1, 1)
    assert "line 3" in refusal(path, limit=2).message


def test_a_line_that_is_broken_after_the_survey_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    source = Source(path=str(path))
    found = survey(source)
    path.write_text('{"prompt": "a"}\n{"pro')
    with pytest.raises(InputError, match=r"p\.jsonl was changed meanwhile; line 2: not JSON") as raised:
        list(source.prompts(found))
    assert raised.value.hint == "the same command reads it anew"


def test_the_survey_describes_the_file() -> None:
    content = b'{"prompt": "a"}\n{"prompt": "b", "system": "s"}\n{"prompt": "c", "n": 1}\n'
    path, digest = write(content), hashlib.sha256(content).hexdigest()
    for limit, plain, bare in ((None, False, False), (2, False, True), (1, True, True)):
        source = Source(path=path, limit=limit)
        assert survey(source) == Survey(limit or 3, plain, bare, 0, "", 0, digest, len(content), source.reading)


def test_a_survey_is_taken_at_its_word_for_the_same_bytes_read_the_same_way_alone() -> None:
    path = write_rows({"prompt": "a"}, {"prompt": "b"})
    source = Source(path=path)
    known = asdict(survey(source)) | {"count": 77}
    assert survey(source, known).count == 77
    assert survey(source, {"sha256": known["sha256"]}).count == 2, "of another version"
    assert survey(Source(path=path, limit=1), known).count == 1
    write_rows({"prompt": "a"}, {"prompt": "c"})
    assert survey(source, known).count == 2


@pytest.mark.parametrize(
    ("before", "after", "grown"),
    [
        ("a\nb\n", "a\nb\nc\n", True),
        ("a\nb", "a\nb\nc\n", True),
        ("a\nb", "a\nbc\n", False),
        ("a\nb\n", "a\nb\n", False),
        ("a\nb\n", "b\na\nc\n", False),
        ("a\nb\n", "a\n", False),
    ],
)
def test_a_file_has_grown_when_whole_lines_came_after_the_others(before: str, after: str, grown: bool) -> None:
    found = survey(Source(path=write(before, "p.txt")))
    assert Source(path=write(after, "p.txt")).begins_with(found.sha256, found.bytes) is grown


def test_csv_by_column_name() -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["note", "prompt", "id"], ["n", 'two\nlines, "quoted"', ""], [], ["", "hi", "7"]])
    first, second = read(write("\ufeff" + out.getvalue(), "prompts.csv"))
    assert (first.text, first.metadata, first.plain) == ('two\nlines, "quoted"', {"note": "n"}, True)
    assert (second.id, second.metadata) == ("7", {"note": ""})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"x,y", "2 cells under a header of 1"),
        (b'"x"y', "not CSV: ',' expected after '\"'"),
        (b"caf\xe9", "not UTF-8"),
        (b'" "', '"prompt" is empty'),
    ],
)
def test_a_bad_csv_record_is_placed_by_its_first_line(record: bytes, reason: str) -> None:
    path = write(b'prompt\n"a\nb"\n' + record + b"\nlast\n", "prompts.csv")
    assert refusal(path).message == f"prompts.csv, line 4: {reason}"
    assert texts(path, skip_bad_lines=True) == ["a\nb", "last"]


def test_an_open_quote_in_a_csv_is_no_line_to_leave_out() -> None:
    """It takes all lines to the next quote along; they would be lost without a word."""
    path = write("prompt\none\n" + '"two\n' + "three\n" * 20, "prompts.csv")
    for skip in (False, True):
        error = refusal(path, skip_bad_lines=skip)
        assert error.message.endswith("unexpected end of data (lines 3 to 23 were read as one record)")
        assert error.hint == "close the quote in line 3"


def test_a_bad_record_of_several_lines_says_how_many() -> None:
    path = write('prompt\n"one\ntwo\nthree"bad\nfour\n', "prompts.csv")
    assert refusal(path).message.endswith("(lines 2 to 4 were read as one record)")
    assert texts(path, skip_bad_lines=True) == ["four"]


def test_a_csv_header_has_to_be_clear() -> None:
    assert refusal(write("a,prompt,a\n1,2,3\n", "prompts.csv")).message == (
        'prompts.csv: the header has the column "a" twice'
    )
    assert refusal(write(b"caf\xe9\n", "prompts.csv")).message == "prompts.csv, line 1: not UTF-8"
    assert refusal(write("question\nhi\n", "prompts.csv")).hint == "--prompt-field question"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize(("header", "mark"), [("prompt;id", ";"), ('"prompt";"id"', ";"), ("prompt\tid", "\t")])
def test_a_csv_with_another_separator_is_told_the_command_that_mends_it(encoding: str, header: str, mark: str) -> None:
    text = f'{header}\r\n"Wozu, ""grob"" gesagt,\nHöflichkeit?"{mark}7\r\n'
    write(text.encode(encoding), "meine prompts.csv")
    for skip in (False, True):
        error = refusal("meine prompts.csv", skip_bad_lines=skip)
        assert error.message == f"meine prompts.csv: its columns are separated by {mark!r}, and not by a comma"
    done = subprocess.run(error.hint.replace("python ", f"{sys.executable} ", 1), shell=True, check=True)
    assert done.returncode == 0
    (prompt,) = read("commas-meine prompts.csv")
    assert (prompt.id, prompt.text) == ("7", 'Wozu, "grob" gesagt,\nHöflichkeit?')


def test_a_csv_of_one_column_may_have_any_name() -> None:
    assert texts(write("a;b\nhi\n", "prompts.csv"), prompt_field="a;b") == ["hi"]


def test_parquet_rows_come_as_json() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    turns = [{"role": "user", "content": "a", "name": None}]
    columns = {
        "messages": [turns, None],
        "prompt": [None, "b"],
        "score": [float("nan"), 0.1],
        "day": [date(2024, 7, 23), None],
    }
    parquet.write_table(pyarrow.table(columns), "prompts.parquet")
    first, second = read("prompts.parquet")
    assert list(first.messages) == [USER | {"content": "a"}]
    assert first.metadata == {"score": None, "day": "2024-07-23"}
    assert second.metadata == {"score": 0.1, "day": None} and second.plain
    Path("prompts.parquet").rename("prompts")
    assert texts("prompts") == ["a", "b"]


def test_parquet_rows_are_numbered() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"prompt": [*(f"p{n}" for n in range(2500)), ""], "image": [*[None] * 2500, b"\xff"]})
    parquet.write_table(table, "prompts.parquet")
    assert refusal("prompts.parquet").message == ("prompts.parquet, row 2501: a column holds bytes, which JSON cannot")
    assert len(read("prompts.parquet", skip_bad_lines=True)) == 2500
    clean = Source(path="prompts.parquet", limit=2500)
    assert [prompt.text for prompt in clean.prompts(survey(clean), 1999)][:2] == ["p1999", "p2000"]


def test_what_is_no_parquet() -> None:
    pytest.importorskip("pyarrow")
    assert refusal(write("hello", "prompts.parquet")).message.startswith("prompts.parquet cannot be read as parquet: ")


def test_parquet_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    error = refusal(write("PAR1", "prompts.parquet"))
    assert (error.message, error.hint) == ("prompts.parquet needs pyarrow to be read", "pip install pyarrow")


def test_the_format_is_told_found_or_asked_for() -> None:
    row = '{"prompt": "hi"}'
    assert texts(write(row, "prompts.JSON")) == ["hi"]
    assert texts(write(f"\ufeff\n {row}\n", "prompts")) == ["hi"]
    assert texts(write(row, "prompts.md"), format="txt") == [row]
    assert texts(write("hi", "prompts.txt"), prompt_field="question") == ["hi"]
    error = refusal(write("hi", "prompts.md"))
    assert error.message == "prompts.md: its name does not tell what it holds"
    assert error.hint == "--set input.format=txt (or jsonl, csv, parquet)"


BAD_FILES = [
    ("prompts.jsonl", b"", "prompts.jsonl is empty", ""),
    (
        "my prompts.json",
        b'\xef\xbb\xbf [{"prompt": "a"}]',
        "my prompts.json is one JSON array, not one object a line",
        "jq -c '.[]' 'my prompts.json' > 'my prompts-lines.jsonl'",
    ),
    (
        "prompts.jsonl",
        '{"prompt": "a"}'.encode("utf-16"),
        "prompts.jsonl is UTF-16, not UTF-8",
        "iconv -f UTF-16 -t UTF-8 prompts.jsonl > utf8-prompts.jsonl",
    ),
    (
        "prompts.txt",
        "a prompt".encode("utf-16-le"),
        "prompts.txt is UTF-16, not UTF-8",
        "iconv -f UTF-16 -t UTF-8 prompts.txt > utf8-prompts.txt",
    ),
    (
        "prompts.jsonl.gz",
        gzip.compress(b"{}"),
        "prompts.jsonl.gz is compressed (gzip)",
        "gzip -dc prompts.jsonl.gz > unpacked-prompts.jsonl",
    ),
]


@pytest.mark.parametrize(("name", "content", "message", "hint"), BAD_FILES, ids=[each[2] for each in BAD_FILES])
def test_a_file_that_is_wrong_as_a_whole(name: str, content: bytes, message: str, hint: str) -> None:
    for skip in (False, True):
        error = refusal(write(content, name), skip_bad_lines=skip)
        assert (error.message, error.hint) == (message, hint)


def test_a_file_that_is_not_there() -> None:
    write("x", "prompts.jsonl")
    error = refusal("promts.jsonl")
    assert (error.message, error.hint) == ("promts.jsonl does not exist", "did you mean prompts.jsonl?")
    assert refusal("zzz").hint == ""
    assert refusal("nowhere/prompts.jsonl").hint == "there is no folder nowhere either"


def test_a_directory_names_the_files_in_it() -> None:
    Path("data").mkdir()
    assert refusal("data").hint == "name a file"
    write("x", "data/b.csv")
    write("x", "data/a.jsonl")
    error = refusal("data")
    assert (error.message, error.hint) == ("data is a directory", "name a file in it: data/a.jsonl, data/b.csv")


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["state.json", "dataset_info.json"], ""),
        (["dataset_dict.json", "test/state.json", "train/state.json"], '["train"]'),
        (["dataset_dict.json", "a/state.json", "b/state.json"], '["a"]'),
    ],
)
def test_a_folder_that_datasets_saved_is_told_the_command_that_makes_a_file_of_it(
    files: list[str], chosen: str
) -> None:
    for name in files:
        Path("my data", name).parent.mkdir(parents=True, exist_ok=True)
        write("{}", f"my data/{name}")
    error = refusal("my data")
    assert error.message == "my data is a directory"
    code = f'from datasets import load_from_disk; load_from_disk("my data"){chosen}.to_json("my data.jsonl")'
    assert error.hint == f"`datasets` saved it; to have a file of it: python -c '{code}'"


def test_a_text_that_holds_json_lines_is_not_taken_for_a_prompt_a_line() -> None:
    rows = '{"id": 1, "prompt": "hi"}\n{"id": 2, "prompt": "ho"}\n'
    error = refusal(write(rows, "prompts.txt"))
    assert error.message == "prompts.txt: its first line is a JSON object with a prompt, its name says a prompt a line"
    assert error.hint == "--set input.format=jsonl (or txt, if the line itself is the prompt)"
    assert texts("prompts.txt", format="jsonl") == ["hi", "ho"]
    assert texts("prompts.txt", format="txt") == rows.splitlines()
    assert refusal(write(json.dumps({"messages": [USER | {"content": "x" * 9000}]}), "prompts.txt")).hint == error.hint
    for text in ('{"a": 1} is what?', "{ prompt: 1 }", 'Is {"prompt": "a"} JSON?'):
        assert texts(write(text, "prompts.txt")) == [text]


def test_a_pipe_cannot_be_read_twice() -> None:
    os.mkfifo("pipe")
    error = refusal("pipe")
    assert error.message == "pipe is not a regular file, and it is read twice"
    save, _, stdin = (error.hint or "").partition("; ")
    assert save == "save the prompts in a file, and name that"
    assert stdin == "generate reads standard input: … | rmboost generate - -o pairs.jsonl"


def test_a_file_that_the_system_refuses() -> None:
    assert refusal("x" * 300).message.endswith("cannot be read: File name too long")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission() -> None:
    Path(write_rows({"prompt": "a"})).chmod(0)
    assert refusal("prompts.jsonl").message == "prompts.jsonl cannot be read: Permission denied"


def test_no_prompt_at_all() -> None:
    with pytest.raises(InputError, match=r"^prompts.txt holds no prompt$"):
        survey(Source(path=write("\n \n", "prompts.txt")))
    with pytest.raises(InputError) as caught:
        survey(Source(path=write_rows({"question": "a"}, {"question": "b"}), skip_bad_lines=True))
    assert caught.value.hint == "--prompt-field question"
    assert caught.value.message == (
        'none of the 2 lines can be used, the first: prompts.jsonl, line 1: "prompt" is missing (fields: question)'
    )


@pytest.mark.parametrize(
    ("lines", "hint"), [("Why?\nHow?\n", "if each line is a prompt: --set input.format=txt"), ('{"prompt": 1}\n', "")]
)
def test_where_bad_lines_are_left_out_already_that_is_no_hint(lines: str, hint: str) -> None:
    path = write(lines)
    with pytest.raises(InputError, match="be used") as caught:
        survey(Source(path=path, skip_bad_lines=True))
    assert caught.value.hint == hint
    assert survey(Source(path=path, format="txt")).count == lines.count("\n")


def test_prompts_are_streamed() -> None:
    """The first prompt is there although a later line is bad: nothing reads ahead."""
    path = write('{"prompt": "a"}\n' + "nonsense\n")
    assert next(Source(path=path).prompts()).text == "a"


def test_ids_are_remembered_without_being_kept() -> None:
    seen = Seen()
    for _ in range(2):
        new = [seen.add(f"id-{number}") for number in range(5000)]
    assert not any(new)
    assert all(seen.add(f"other-{number}") for number in range(5000))


TEXT = st.text(min_size=1).filter(lambda text: not text.isspace())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TURN = st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXT})
TURNS = st.builds(lambda turns, last: [*turns, {"role": "user", "content": last}], st.lists(TURN, max_size=3), TEXT)
METADATA = st.dictionaries(
    st.text().filter(lambda key: key not in {"prompt", "messages", "id", "system"}), JSON, max_size=3
)


@given(
    rows=st.lists(st.tuples(st.sampled_from(["prompt", "messages"]), TEXT | TURNS, METADATA), min_size=1, max_size=8),
    ascii_only=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\n\n \n"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows_come_back_as_they_were_written(
    rows: list[tuple[str, Any, dict[str, Any]]], ascii_only: bool, end: str
) -> None:
    written = [
        {"prompt" if isinstance(value, str) else field: value, "id": str(number), **metadata}
        for number, (field, value, metadata) in enumerate(rows)
    ]
    path = write("".join(json.dumps(row, ensure_ascii=ascii_only) + end for row in written))
    for number, (prompt, (_, value, metadata)) in enumerate(zip(read(path), rows, strict=True)):
        turns: list[Any] = [{"role": "user", "content": value}] if isinstance(value, str) else value
        assert prompt == Prompt(str(number), tuple(turns), isinstance(value, str), metadata)
