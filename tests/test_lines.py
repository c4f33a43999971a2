"""Several endpoints for one model, and what a run tells in its log: never a key."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chat_server import Call, ChatServer, Fault, some
from conftest import Shell, read_jsonl
from rmboost.backends.fake import FakeBackend
from rmboost.backends.openai import OpenAIBackend
from rmboost.client.lines import Line, choose
from rmboost.config import Config
from rmboost.pace import Limits, Pace
from rmboost.records import stable_hash
from rmboost.run.roles import resolve, seats


def prompts_in(folder: Path, count: int) -> Path:
    path = folder / "many.txt"
    path.write_text("".join(f"Why is {number} a number?\n" for number in range(count)))
    return path


def test_servers_share_the_work_by_weight_and_a_job_stays_where_it_began(rmboost: Shell, tmp_path: Path) -> None:
    with ChatServer(latency=0.005) as one, ChatServer(latency=0.005) as two:
        addresses = ("--base-url", one.url, "--base-url", f"{two.url},weight=3", "--concurrency", "6")
        run = ("generate", prompts_in(tmp_path, 160), "-o", tmp_path / "o.jsonl", "--model", "test-model", *addresses)
        done = rmboost(*run)
        assert done.code == 0, done.err
        assert 2 < len(two.calls) / len(one.calls) < 4
        for server in (one, two):
            asked = [str(call.body["messages"]) for call in server.calls]
            firsts = [text for text in asked if "<response>" not in text]
            assert len(asked) / 2 == pytest.approx(len(firsts), abs=4), "both calls of a job go to one server"
    assert len(read_jsonl(tmp_path / "o.jsonl")) == 160


@pytest.mark.parametrize(
    ("rooms", "weights", "jobs", "shares"),
    [
        ((4, 20), (1, 1), 24, [4, 20]),  # the small one is full, the large one has room
        ((4, 20), (1, 1), 48, [8, 40]),  # both are full: what waits is shared by their room
        ((20, 20), (1, 3), 20, [5, 15]),
        ((5, 15), (1, 3), 40, [10, 30]),
    ],
)
def test_a_full_server_gets_no_more_while_another_has_room(
    rooms: tuple[int, int], weights: tuple[float, float], jobs: int, shares: list[int]
) -> None:
    async def scene() -> None:
        seats_of = [
            Line(FakeBackend(), Pace(Limits(concurrency=room)), weight)
            for room, weight in zip(rooms, weights, strict=True)
        ]
        entering = []
        for _ in range(jobs):
            entering.append(asyncio.create_task(choose(seats_of, None).pace.enter()))
            await asyncio.sleep(0)
        assert [line.pace.busy for line in seats_of] == shares
        for task in entering:
            task.cancel()

    asyncio.run(scene())


@pytest.mark.parametrize("model", [("--model", "test-model"), ()], ids=["named", "asked for"])
def test_a_dead_server_is_left_out(rmboost: Shell, tmp_path: Path, model: tuple[str, ...]) -> None:
    with ChatServer() as gone:
        dead = gone.url
    with ChatServer() as living:
        addresses = ("--base-url", dead, "--base-url", living.url)
        run = ("generate", prompts_in(tmp_path, 20), "-o", tmp_path / "o.jsonl", *model, *addresses)
        done = rmboost(*run, "--log-file", tmp_path / "run.log")
        assert done.code == 0, done.err
    assert len(read_jsonl(tmp_path / "o.jsonl")) == 20
    assert "left out for a while" in (tmp_path / "run.log").read_text()


@pytest.mark.parametrize("code", [500, 502, 503])
def test_a_gateway_without_a_server_behind_it_is_left_out(rmboost: Shell, tmp_path: Path, code: int) -> None:
    with ChatServer(lambda _: Fault(status=code)) as useless, ChatServer() as living:
        addresses = ("--base-url", useless.url, "--base-url", living.url)
        run = ("generate", prompts_in(tmp_path, 20), "-o", tmp_path / "o.jsonl", "--model", "test-model", *addresses)
        done = rmboost(*run, "--concurrency", 2)
        assert done.code == 0, done.err
        assert len(useless.calls) <= 6
    assert len(read_jsonl(tmp_path / "o.jsonl")) == 20


def test_servers_that_are_all_gone_end_the_run_at_once(rmboost: Shell, tmp_path: Path) -> None:
    with ChatServer() as one, ChatServer() as two:
        addresses = ("--base-url", one.url, "--base-url", two.url)
    run = ("generate", prompts_in(tmp_path, 20), "-o", tmp_path / "o.jsonl", "--model", "test-model", *addresses)
    done = rmboost(*run)
    assert (done.code, "hint: " in done.err) == (4, True), done.err
    assert not read_jsonl(tmp_path / "o.run" / "rejects.jsonl"), "no prompt is burnt"


def test_both_calls_of_a_job_go_to_one_server_however_slow_it_is(rmboost: Shell, tmp_path: Path) -> None:
    with ChatServer(latency=0.05) as slow, ChatServer(latency=0.005) as quick:
        addresses = ("--base-url", slow.url, "--base-url", quick.url, "--concurrency", "6")
        prompts = prompts_in(tmp_path, 60)
        done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", *addresses)
        assert done.code == 0, done.err
        asked = [
            {word for call in server.calls for word in re.findall(r"Why is (\d+) a number", str(call.body))}
            for server in (slow, quick)
        ]
    assert asked[0].isdisjoint(asked[1])
    assert len(asked[0] | asked[1]) == 60


def test_a_server_that_asks_for_hours_is_left_out_by_every_call_that_is_under_way(
    rmboost: Shell, tmp_path: Path
) -> None:
    def hiccup(call: Call) -> Fault | None:
        return Fault(status=500) if call.attempt == 0 and stable_hash(call.body) % 3 == 0 else None

    closed = Fault(status=429, headers={"Retry-After": "7200"})
    with ChatServer(lambda _: closed) as shut, ChatServer(hiccup) as open_:
        addresses = ("--base-url", shut.url, "--base-url", open_.url, "--concurrency", "4", "--method", "rlaif")
        prompts = prompts_in(tmp_path, 12)
        done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", *addresses)
        assert done.code == 0, done.err
        assert len(shut.calls) <= 4 * 2


@pytest.mark.parametrize(("concurrency", "connections"), [("auto", 1000), (50, 1000), (1500, 3000)])
def test_there_are_as_many_connections_as_calls_at_once(concurrency: str | int, connections: int) -> None:
    addresses = ("http://localhost:1/v1", "http://localhost:2/v1,weight=2")
    config = Config(model="m", base_url=addresses, concurrency=concurrency)
    line = seats(resolve(config))["responder"].lines[1]
    assert isinstance(line.backend, OpenAIBackend)
    assert line.backend.connections == connections


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"Retry-After": "7200"}),
        Fault(headers={"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2h"}),
    ],
    ids=["asked for", "quota"],
)
def test_a_server_that_asks_for_hours_is_left_out_while_another_serves(
    rmboost: Shell, tmp_path: Path, fault: Fault
) -> None:
    with ChatServer(script=lambda _: fault) as busy, ChatServer() as living:
        addresses = ("--base-url", busy.url, "--base-url", living.url, "--concurrency", 4)
        run = ("generate", prompts_in(tmp_path, 20), "-o", tmp_path / "o.jsonl", "--model", "test-model", *addresses)
        done = rmboost(*run, "--log-file", tmp_path / "run.log")
        assert done.code == 0, done.err
        assert 0 < len(busy.calls) < 10
        log = (tmp_path / "run.log").read_text()
        assert f"{busy.url} is left out until then: {busy.url}" in log
        assert "asks to come back in 2 h" in log
        living.script = lambda _: fault
        stopped = rmboost(*run, "--seed", "1")
    assert stopped.code == 4
    assert "asks to come back in 2 h" in stopped.err


@pytest.mark.parametrize("share", ["weight=0", "weight=much", "weight=", "wight=2"])
def test_a_weight_is_a_number(rmboost: Shell, prompts: Path, tmp_path: Path, share: str) -> None:
    address = f"http://127.0.0.1:9/v1,{share}"
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "m", "--base-url", address)
    assert done.code == 2
    assert "is no weight" in done.err


def test_the_log_tells_what_happened_and_nothing_holds_the_key(
    rmboost: Shell, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "sk-canary-5c1f0e"
    monkeypatch.setenv("OPENAI_API_KEY", canary)
    repeats = Fault(status=500, message=f"upstream refused key {canary}", headers={"Retry-After": "0"})
    refuses = Fault(status=400, message=f"bad request with {canary}")
    with ChatServer(script=some(0.3, repeats, refuses)) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--log-file", tmp_path / "run.log", "--log-level", "debug")
        assert server.calls[0].headers["authorization"] == f"Bearer {canary}"
    lines = read_jsonl(tmp_path / "run.log")
    assert [line["message"] for line in lines[:2]] == [f"model test-model at {server.url}", "started"]
    assert {"at", "level", "message"} <= lines[0].keys()
    assert any(line.get("kind") == "broken" and "***" in line["message"] for line in lines)
    given_up = [line for line in lines if line["message"].startswith("given up")]
    assert {line["level"] for line in given_up} == {"warning"}
    assert all("bad request with ***" in line["message"] and line["job"].endswith("#0") for line in given_up)
    assert lines[-1]["message"] == "finished"
    assert "bad request with ***" in done.err
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 5
    for path in written:
        assert canary.encode() not in path.read_bytes(), path
    assert canary not in done.out + done.err
    assert json.dumps(lines)


def test_the_log_tells_why_a_run_died(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    with ChatServer(script=lambda _: Fault(status=401, message="no such key")) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        assert rmboost(*run, "--log-file", tmp_path / "run.log").code == 4
    lines = read_jsonl(tmp_path / "run.log")
    assert [line["message"] for line in lines][1:] == ["started", "failed"]
    assert lines[-1] | {"level": "error", "reason": f"{server.url}: HTTP 401: no such key"} == lines[-1]


def test_what_is_sent_again_is_said_once_unless_a_log_is_asked_for(prompts: Path, tmp_path: Path) -> None:
    with ChatServer(some(0.5, Fault(status=429, headers={"Retry-After": "0"}))) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        program = [sys.executable, "-m", "rmboost", *map(str, run)]  # pytest would take the log away from this process
        done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert len(server.calls) > 2 * len(prompts.read_text().splitlines()), "some were sent again"
    assert done.stderr.count("sent again") == 1


def test_what_the_user_allows_a_minute_reaches_the_pace_by_weight() -> None:
    given = Config(model="m", base_url=("http://localhost:1/v1,weight=2", "http://localhost:2/v1"), rpm=60, tpm=6000)
    paces = [line.pace for line in seats(resolve(given))["responder"].lines]
    buckets = [(pace._requests, pace._tokens) for pace in paces]
    assert [tuple(each and each.per_second for each in pair) for pair in buckets] == [(2, 200), (1, 100)]


def test_a_variable_for_a_key_that_is_named_and_not_set_is_told_before_anything_is_asked(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "OTHER_KEY is not set, and the endpoint of responder and rewriter is asked without; export OTHER_KEY=…"
    with ChatServer() as server:
        place = ("--model", "test-model", "--base-url", server.url)
        run = ("generate", prompts_in(tmp_path, 1), "-o", tmp_path / "o.jsonl", *place)
        named = tuple(f"--set={role}.api_key_env=OTHER_KEY" for role in ("responder", "rewriter", "judge"))
        dry, done = rmboost(*run, *named, "--dry-run"), rmboost(*run, *named)
        assert (dry.code, done.code) == (0, 0), "a server may want none"
        assert told in dry.err.splitlines() and told in done.err.splitlines()
        assert "is not set" not in rmboost(*run, "--dry-run").err, "nobody named the default"
        monkeypatch.setenv("OTHER_KEY", "sk-canary")
        assert "is not set" not in rmboost(*run, *named, "--dry-run").err
