"""Preference files: every shape and packing that trainers read comes out as the same rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from conftest import turns, write_jsonl
from rmboost.errors import InputError
from rmboost.preferences import PAIR, Preferences, Row, parse

USER, SYSTEM = ("user", "Q?"), ("system", "Be kind.")


def said(text: str) -> dict[str, str]:
    return {"from": "gpt", "value": text}


SHAPES: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "trl standard": ({"prompt": "Q?", "chosen": "yes", "rejected": "no"}, [USER]),
    "trl standard, no prompt": ({"chosen": "yes", "rejected": "no"}, []),
    "trl conversational": (
        {"prompt": turns("Q?"), "chosen": turns("", "yes")[1:], "rejected": turns("", "no")[1:]},
        [USER],
    ),
    "trl conversational, no prompt": ({"chosen": turns("Q?", "yes"), "rejected": turns("Q?", "no")}, [USER]),
    "ultrafeedback": (
        {
            "prompt": "Q?",
            "prompt_id": "abc",
            "chosen": turns("Q?", "yes"),
            "rejected": turns("Q?", "no"),
            "messages": turns("Q?", "yes"),
            "score_chosen": 8.0,
        },
        [USER],
    ),
    "messages beside whole conversations": (
        {"messages": turns("Q?", "yes"), "chosen": turns("Q?", "yes"), "rejected": turns("Q?", "no")},
        [USER],
    ),
    "a prompt with a system turn beside whole conversations without": (
        {
            "prompt": [{"role": "system", "content": "Be kind."}, *turns("Q?")],
            "chosen": turns("Q?", "yes"),
            "rejected": turns("Q?", "no"),
        },
        [SYSTEM, USER],
    ),
    "a prompt cut off at its spaces beside whole conversations": (
        {"prompt": "Q?", "chosen": turns("Q?\n", "yes"), "rejected": turns("Q?\n", "no")},
        [USER],
    ),
    "hh": (
        {"chosen": "\n\nHuman: Q?\n\nAssistant: yes", "rejected": "\n\nHuman: Q?\n\nAssistant: no"},
        [USER],
    ),
    "hh, more turns": (
        {
            "chosen": "\n\nHuman: Hi\n\nAssistant: Hello\n\nthere\n\nHuman: Q?\n\nAssistant: yes",
            "rejected": "\n\nHuman: Hi\n\nAssistant: Hello\n\nthere\n\nHuman: Q?\n\nAssistant: no",
        },
        [("user", "Hi"), ("assistant", "Hello\n\nthere"), USER],
    ),
    "hh, with the line ends of Windows": (
        {
            "chosen": "\r\n\r\nHuman: Hi\r\n\r\nAssistant: Hello\r\n\r\nHuman: Q?\r\n\r\nAssistant: yes",
            "rejected": "\r\n\r\nHuman: Hi\r\n\r\nAssistant: Hello\r\n\r\nHuman: Q?\r\n\r\nAssistant: no",
        },
        [("user", "Hi"), ("assistant", "Hello"), USER],
    ),
    "hh, the prompt apart": (
        {"prompt": "\n\nHuman: Q?\n\nAssistant:", "chosen": "yes", "rejected": "no"},
        [USER],
    ),
    "llama-factory sharegpt": (
        {
            "conversations": [{"from": "human", "value": "Q?"}],
            "chosen": said("yes"),
            "rejected": said("no"),
            "system": "Be kind.",
        },
        [SYSTEM, USER],
    ),
    "llama-factory alpaca": (
        {
            "instruction": "Say it.",
            "input": "Q?",
            "history": [["Hi", "Hello"]],
            "system": "",
            "chosen": "yes",
            "rejected": "no",
        },
        [("user", "Hi"), ("assistant", "Hello"), ("user", "Say it.\nQ?")],
    ),
    "axolotl": (
        {"messages": turns("Q?"), "chosen": turns("", "yes")[1], "rejected": turns("", "no")[1]},
        [USER],
    ),
    "an input alone": ({"input": "Q?", "chosen": "yes", "rejected": "no"}, [USER]),
    "an input beside an empty instruction": (
        {"instruction": "", "input": "Q?", "chosen": "yes", "rejected": "no"},
        [USER],
    ),
    "a query": ({"query": "Q?", "input": None, "chosen": "yes", "rejected": "no"}, [USER]),
    "a context beside a prompt": ({"context": "C", "prompt": "Q?", "chosen": "yes", "rejected": "no"}, [USER]),
    "a context of messages": (
        {"context": turns("Q?"), "chosen": turns("", "yes")[1:], "rejected": turns("", "no")[1:]},
        [USER],
    ),
    "a trajectory": (
        {"trajectory": [{"role": "system", "content": "Be kind."}, *turns("Q?")], "chosen": "yes", "rejected": "no"},
        [SYSTEM, USER],
    ),
    "argilla": ({"instruction": "Q?", "chosen_response": "yes", "rejected_response": "no"}, [USER]),
    "llama-factory sharegpt with tools, and Gemini's name for itself": (
        {
            "conversations": [
                {"from": "human", "value": "Hi"},
                {"from": "function_call", "value": "look()"},
                {"from": "observation", "value": "sun"},
                {"from": "model", "value": "Hello"},
                {"from": "human", "value": "Q?"},
            ],
            "chosen": said("yes"),
            "rejected": said("no"),
        },
        [("user", "Hi"), ("assistant", "look()"), ("tool", "sun"), ("assistant", "Hello"), USER],
    ),
    "axolotl, a column of its own name": (
        {"conversation": turns("Q?"), "chosen": turns("", "yes")[1], "rejected": turns("", "no")[1]},
        [USER],
    ),
    "messages that end in the chosen answer": (
        {"messages": turns("Q?", "yes"), "chosen": "yes", "rejected": "no"},
        [USER],
    ),
    "ms-swift": ({"system": "Be kind.", "messages": turns("Q?", "yes"), "rejected_response": "no"}, [SYSTEM, USER]),
    "ms-swift, whole conversations": (
        {"messages": turns("Q?", "yes"), "rejected_messages": turns("Q?", "no")},
        [USER],
    ),
    "ms-swift, older": (
        {"query": "Q?", "response": "yes", "rejected_response": "no", "history": [["Hi", "Hello"]]},
        [("user", "Hi"), ("assistant", "Hello"), USER],
    ),
    "distilabel": (
        {"system_prompt": "Be kind.", "instruction": "Q?", "chosen": "yes", "rejected": "no"},
        [SYSTEM, USER],
    ),
    "a system column beside whole conversations": (
        {"system": "Be kind.", "chosen": turns("Q?", "yes"), "rejected": turns("Q?", "no")},
        [SYSTEM, USER],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str) -> None:
    data, prompt = SHAPES[name]
    row = parse(data, 1, "here")
    assert (list(row.prompt), row.texts) == (prompt, ("yes", "no"))


def test_a_prompt_that_only_talks_of_humans_is_no_transcript() -> None:
    row = parse({"prompt": "Human: an essay.", "chosen": "Human: we are.", "rejected": "no"}, 1, "here")
    assert (row.prompt, row.texts[0]) == ((("user", "Human: an essay."),), "Human: we are.")
    assert row.prompt_text == "Human: an essay."


def test_what_a_judge_said() -> None:
    verdict = {"winner": "rejected", "p_chosen": 0.2, "orders_agree": True, "model": "m", "votes": None}
    pair = {"chosen": "yes", "rejected": "no"}
    assert parse({**pair, "judge": verdict}, 1, "here").judge["winner"] == "rejected"
    others = [{**verdict, "winner": winner} for winner in (None, 3, "model_a", ["chosen"])]
    for nothing in (None, "rejected", *others):
        assert parse({**pair, "judge": nothing}, 1, "here").judge == {}


PAIRS: list[dict[str, Any]] = [
    {"prompt": f"Q{n}?", "chosen": turns(f"Q{n}?", "yes"), "rejected": turns(f"Q{n}?", "no"), "n": n}
    for n in range(2500)
]


def data_of(source: Any) -> list[Any]:
    return [row.data for row in Preferences(source)]


def saved(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """The files that ``Dataset.save_to_disk`` writes, in two shards."""
    folder.mkdir(parents=True)
    half = len(rows) // 2
    names = [f"data-{number:05}-of-00002.arrow" for number in range(2)]
    for name, part in zip(names, (rows[:half], rows[half:]), strict=True):
        table = pa.Table.from_pylist(part)
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    return folder


def packed(path: Path, kind: str) -> Path:
    if kind == "jsonl":
        return write_jsonl(path, PAIRS)
    if kind == "gzip":
        path.write_bytes(gzip.compress(write_jsonl(path, PAIRS).read_bytes()))
    elif kind == "array":
        path.write_text(json.dumps(PAIRS, indent=1))
    elif kind == "parquet":
        parquet.write_table(pa.Table.from_pylist(PAIRS), path)
    elif kind == "datasets":
        return saved(path, PAIRS)
    else:
        saved(path / "train", PAIRS)
        (path / "dataset_dict.json").write_text('{"splits": ["train"]}')
    return path


@pytest.mark.parametrize("kind", ["jsonl", "gzip", "array", "parquet", "datasets", "one split"])
def test_packings(tmp_path: Path, kind: str) -> None:
    rows = Preferences(packed(tmp_path / "data", kind))
    assert [row.data for row in rows] == PAIRS
    assert [row.line for row in rows] == list(range(1, 2501)), "a file can be read again"
    assert not rows.torn


def test_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    said = json.dumps(turns("Q?", "yes"))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file)
        table.writerow(["prompt", "chosen", "rejected", "score_chosen", "id"])
        table.writerow(["What is\n6 × 7?", "42", "4.0", "8.50", "12e4"])
        table.writerow(["Q?", said, said.replace("yes", "no"), "", "8"])
    first, second = Preferences(path)
    assert (first.prompt_text, first.texts, second.texts) == ("What is\n6 × 7?", ("42", "4.0"), ("yes", "no"))
    assert [first.data[name] for name in ("score_chosen", "id")] == ["8.50", "12e4"]  # a column has one type
    assert (second.data["score_chosen"], second.data["id"], second.line) == ("", "8", 4)
    path.write_text("prompt,chosen,rejected\np,a\n")
    assert "pairs.csv, line 2: 2 cells under a header of 3" in refused(path).message
    path.write_text("prompt,chosen\np,a\n")
    assert "pairs.csv, line 2: no 'rejected' in the row" in refused(path).message


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_a_line_that_no_memory_has_room_for_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr("rmboost.preferences.reader._LONGEST", 2**20)
    row = json.dumps(PAIRS[0]).encode() + b"\n"
    (tmp_path / "data").write_bytes(pack(row + b'{"a": "' + b"x" * 2**21 + b'"}\n' + row))
    assert refused(tmp_path / "data").message == f"{tmp_path / 'data'}, line 2: longer than 1 MB"
    (tmp_path / "data").write_bytes(pack(json.dumps([PAIRS[0]] * 40_000).encode()))
    assert len(data_of(tmp_path / "data")) == 40_000, "an array may be one line"


def test_a_stream_is_read_as_it_comes() -> None:
    lines = [json.dumps(pair).encode() for pair in PAIRS[:3]]
    assert data_of(io.BytesIO(b"\n".join(lines))) == PAIRS[:3]
    assert data_of(io.BytesIO(b"\xef\xbb\xbf [" + b",\n".join(lines) + b"]")) == PAIRS[:3]


def test_a_pipe_is_read_from_its_beginning(tmp_path: Path) -> None:
    import os
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=write_jsonl, args=(pipe, PAIRS[:3]))
    writer.start()
    assert data_of(pipe) == PAIRS[:3]
    writer.join()


def refused(source: Path) -> InputError:
    with pytest.raises(InputError) as raised:
        data_of(source)
    return raised.value


def test_what_is_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    bad = [*PAIRS[:2], {**PAIRS[2], "chosen": None}]
    assert "data, line 3: 'chosen' is neither" in refused(write_jsonl(tmp_path / "data", bad)).message
    parquet.write_table(pa.Table.from_pylist(bad), tmp_path / "data")
    assert "data, row 3: 'chosen' is neither" in refused(tmp_path / "data").message
    assert "folder, row 3: 'chosen' is neither" in refused(saved(tmp_path / "folder", bad)).message
    (tmp_path / "data").write_bytes(b"PAR1 and no more")
    assert "cannot be read as parquet" in refused(tmp_path / "data").message
    (tmp_path / "data").write_bytes(gzip.compress(b"{}" * 1000)[:-20])
    assert "cannot be read" in refused(tmp_path / "data").message
    assert refused(tmp_path / "none").message.endswith("no such file")
    assert refused(tmp_path / "dato").hint == f"did you mean {tmp_path / 'data'}?"


def test_what_is_packed_or_set_over_lines_is_told_how_to_unpack_it(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(b"\x28\xb5\x2f\xfd and more")
    assert refused(path).message.endswith("pairs.jsonl is compressed (zstd)")
    assert refused(path).hint == f"zstd -dc {path} > unpacked-pairs.jsonl"
    path.write_text(json.dumps(PAIRS[0]), encoding="utf-16")
    assert refused(path).message.endswith("pairs.jsonl is UTF-16, not UTF-8")
    path.write_text(json.dumps(PAIRS[0], indent=1))
    assert refused(path).hint == "one object a line: jq -c . FILE > lines.jsonl"


def test_a_folder_that_is_no_data_set_says_what_could_be_meant(tmp_path: Path) -> None:
    assert "pairs.jsonl" in refused(tmp_path).hint
    write_jsonl(tmp_path / "mine.jsonl", PAIRS[:1])
    assert refused(tmp_path).hint.endswith("mine.jsonl")
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert refused(tmp_path).hint == f"name one: {tmp_path / 'train'}, {tmp_path / 'test'}"


def test_a_shard_that_is_not_there_is_named(tmp_path: Path) -> None:
    shard = saved(tmp_path / "mydata", PAIRS[:2]) / "data-00001-of-00002.arrow"
    shard.unlink()
    error = refused(tmp_path / "mydata")
    assert error.message.startswith(f"{shard} cannot be read: ")
    assert not error.hint


def test_a_column_that_is_not_utf_8_is_told_with_its_shard(tmp_path: Path) -> None:
    latin = pa.array([b"caf\xe9"]).view(pa.string())
    table = pa.table({"prompt": latin, "chosen": latin, "rejected": latin})
    with pa.OSFile(str(tmp_path / "data.arrow"), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    (tmp_path / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}')
    assert f"{tmp_path / 'data.arrow'} cannot be read: " in refused(tmp_path).message


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("state.json", "_data_files", [{"name": "data.arrow"}]),
        ("state.json", "_data_files", [7]),
        ("state.json", "_data_files", "data.arrow"),
        ("state.json", "_data_files", None),
        ("state.json", "_data_files", [{"filename": "../data.arrow"}]),
        ("dataset_dict.json", "splits", ["."]),
        ("dataset_dict.json", "splits", [".."]),
        ("dataset_dict.json", "splits", [""]),
        ("dataset_dict.json", "splits", [["train"]]),
        ("dataset_dict.json", "splits", {"train": 1}),
    ],
)
def test_a_data_set_of_an_odd_shape_is_no_data_set(tmp_path: Path, name: str, field: str, values: object) -> None:
    (tmp_path / name).write_text(json.dumps({field: values}))
    assert refused(tmp_path).message == f"{tmp_path / name}: {field} is no list of names"


def test_a_state_that_is_nested_too_deeply_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("[" * 100_000)
    assert f"{tmp_path / 'state.json'} is not JSON" in refused(tmp_path).message


def test_a_row_knows_no_more_than_the_file() -> None:
    row = Row({"chosen": "a", "rejected": "b"}, 1)
    assert (row.id, row.label, row.aspects, row.second, row.reason, row.judge) == ("", "", (), "", "", {})


def test_a_folder_of_runs_is_met_with_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "rlaif").mkdir()
    pairs = write_jsonl(tmp_path / "rlaif" / "pairs.jsonl", [])
    with pytest.raises(InputError, match="is a folder") as error:
        list(Preferences(tmp_path))
    assert error.value.hint == f"name a file in it: {pairs}"


def test_a_reason_beside_the_texts_makes_no_reject() -> None:
    data = {"prompt": "p", "chosen_response": "a", "rejected_response": "b", "reason": "clearer"}
    assert parse(data, 1, "x, line 1").sides == PAIR


def test_a_reason_beside_two_responses_makes_no_reject() -> None:
    data = {"prompt": "p", "response_1": "a", "response_2": "b", "winner": 1, "reason": "clearer"}
    with pytest.raises(InputError, match="no 'chosen' in the row"):
        parse(data, 1, "x, line 1")


def test_a_prompt_that_the_conversation_repeats_with_other_spaces_is_said_once() -> None:
    system, asked = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q?\n"}
    sides = {side: [system, asked, {"role": "assistant", "content": side}] for side in ("chosen", "rejected")}
    row = parse({"prompt": "Q?", **sides}, 1, "x, line 1")
    assert [role for role, _ in row.prompt] == ["system", "user"]


def test_a_picture_that_a_table_gives_an_empty_text_is_shown() -> None:
    parts = [{"type": "image", "text": None}, {"type": "text", "text": "What is it?"}]
    row = parse({"prompt": [{"role": "user", "content": parts}], "chosen": "yes", "rejected": "no"}, 1, "here")
    assert row.prompt_text == '{"type": "image", "text": null}\nWhat is it?'


def test_a_chosen_answer_that_is_empty_is_not_looked_for_elsewhere() -> None:
    data = {"prompt": "p", "response": "x", "chosen_response": None, "rejected_response": "no"}
    with pytest.raises(InputError, match="'chosen' is neither"):
        parse(data, 1, "here")


def numpy_prints(said: list[dict[str, str]]) -> str:
    return "[" + "\n ".join(map(repr, said)) + "]"


@pytest.mark.parametrize("pack", [json.dumps, repr, numpy_prints])
def test_messages_packed_into_a_text_are_turns(pack: Any) -> None:
    good, bad = turns("It's\nwhat? }\n {", "yes"), turns("It's\nwhat? }\n {", "no")
    asked = ("user", "It's\nwhat? }\n {")
    row = parse({"chosen": pack(good), "rejected": pack(bad)}, 1, "here")
    assert (row.prompt, row.texts) == ((asked,), ("yes", "no"))
    row = parse({"prompt": pack(good[:1]), "chosen": pack(good[1:]), "rejected": pack(bad[1:])}, 1, "here")
    assert (row.prompt, row.texts) == ((asked,), ("yes", "no"))


def test_an_answer_that_looks_like_messages_is_a_text() -> None:
    answer = json.dumps(turns("Hi", "Hello"))
    assert parse({"prompt": "p", "chosen": answer, "rejected": "no"}, 1, "here").texts == (answer, "no")
    torn = "[{'role': 'user', 'content': ..."
    assert parse({"prompt": torn, "chosen": torn, "rejected": torn}, 1, "here").texts == (torn, torn)


@pytest.mark.parametrize(
    "words",
    [
        '[{"value":3}]',
        '{"from": "USD", "value": 100, "to": "EUR"}',
        '[{"role": "admin", "content": "all", "id": 3}]',
        '{"role": {"name": "user"}, "content": "all"}',
        '{"role": "user", "content": {{"question"}}}',
    ],
)
def test_objects_that_nobody_says_are_texts(words: str) -> None:
    row = parse({"prompt": words, "chosen": words, "rejected": words}, 1, "here")
    assert (row.prompt, row.texts) == ((("user", words),), (words, words))


@pytest.mark.parametrize(
    "beside",
    [
        {"rmboost": {"method": "rmboost"}, "chosen": "yes", "rejected": "no"},
        {"chosen": turns("", "yes")[1:], "rejected": turns("", "no")[1:]},
        {"kind": "dropped", "reason": "tie", "first": "yes", "second": "no"},
    ],
)
def test_a_prompt_that_is_json_of_messages_is_a_text_where_messages_are_not_packed(beside: dict[str, Any]) -> None:
    words = json.dumps(turns("Hi"))
    row = parse({"prompt": words, **beside}, 1, "here")
    assert (row.prompt, row.texts) == ((("user", words),), ("yes", "no"))


def test_of_conversations_that_begin_apart_no_answer_is_shown_as_the_prompt() -> None:
    whole = [{"role": "system", "content": "Be kind."}, *turns("Q?", "yes")]
    row = parse({"messages": whole, "rejected_messages": turns("Q?", "no")}, 1, "here")
    assert (row.prompt, row.texts[1]) == ((), "User: Q?\n\nAssistant: no")


CALL, OTHER = ([{"function": {"name": "look", "arguments": {"at": place}}}] for place in ("sky", "sea"))


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        ({"content": "Let me see.", "tool_calls": CALL}, f'Let me see.\n{{"tool_calls": {json.dumps(CALL)}}}'),
        ({"content": "Let me see.", "function_call": {"name": "f"}}, 'Let me see.\n{"function_call": {"name": "f"}}'),
        ({"content": [{"type": "text", "text": "See."}], "tool_calls": [1]}, 'See.\n{"tool_calls": [1]}'),
        ({"content": [], "tool_calls": [1]}, '{"tool_calls": [1]}'),
        ({"content": None, "tool_calls": [1], "audio": "x"}, '{"tool_calls": [1], "audio": "x"}'),
        ({"content": "yes", "tool_calls": [], "function_call": None, "name": "Ann"}, "yes"),
        ({"content": "", "tool_calls": []}, ""),
    ],
)
def test_calls_of_tools_are_part_of_a_turn(turn: dict[str, Any], text: str) -> None:
    row = parse({"prompt": "Q?", "chosen": [{"role": "assistant", **turn}], "rejected": "no"}, 1, "here")
    assert row.texts == (text, "no")


def test_turns_that_differ_in_a_call_alone_differ() -> None:
    sides = {
        side: [
            *turns("Q?"),
            {"role": "assistant", "content": "Let me see.", "tool_calls": call},
            *turns("", "so")[1:],
        ]
        for side, call in (("chosen", CALL), ("rejected", OTHER))
    }
    row = parse(sides, 1, "here")
    assert (row.prompt, row.texts[0] == row.texts[1]) == ((USER,), False)
