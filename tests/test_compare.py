"""``rmboost compare``: methods side by side, each a run of its own; shared answers are asked once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from shutil import copy
from typing import Any

import pytest

from chat_server import Call, ChatServer, Fault
from conftest import Shell, read_jsonl, write_jsonl
from rmboost.compare import setup
from rmboost.compare.runs import TURN, Ended, Runs, by_turns
from rmboost.compare.setup import Setup
from rmboost.records import stable_hash
from rmboost.run.listener import Listener

GOOD = ("clear", "accurate", "sourced", "complete", "careful")
BAD = ("vague", "wrong", "rambling", "hollow", "careless")
NEUTRAL = ("water", "light", "stone", "river", "morning", "paper", "window", "garden")
BASE = ("--model", "test-model", "--set", "checks=[]", "--concurrency", "4")


def said(text: str) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}}


def write(*words: str, of: object) -> str:
    """A text of some neutral words and these ones, in an order of its own."""
    random = Random(stable_hash(str(of)))
    chosen = [*random.choices(NEUTRAL, k=random.randint(10, 14)), *random.choices(words or NEUTRAL, k=4)]
    random.shuffle(chosen)
    return " ".join(chosen)


def writer(call: Call) -> Fault:
    """A model that does what it is told; the model ``coin`` writes well or badly, whatever it is told."""
    last = call.body["messages"][-1]["content"]
    if "Write an edited response" not in last:
        return Fault(choice=said(write(of=call.body)))
    better = " BETTER " in last if call.body["model"] != "coin" else bool(stable_hash(call.body) % 2)
    return Fault(choice=said(f"<response>{write(*(GOOD if better else BAD), of=call.body)}</response>"))


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "questions.jsonl", [{"prompt": f"Question {number}?"} for number in range(48)])


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Pairs whose label is planted: the chosen response has the good words."""
    rows = [
        {"prompt": f"Human question {n}?", "chosen": write(*GOOD, of=f"c{n}"), "rejected": write(*BAD, of=f"r{n}")}
        for n in range(40)
    ]
    return write_jsonl(tmp_path / "people.jsonl", rows)


@pytest.fixture
def row(tmp_path: Path) -> Callable[..., Path]:
    """A file of settings for one row: ``row("coin", rewriter={"model": "coin"})``."""

    def file(name: str, **settings: Any) -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(settings), encoding="utf-8")
        return path

    return file


def report(folder: Path) -> Any:
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))


def rows(folder: Path) -> dict[str, Any]:
    return {each["name"]: each for each in report(folder)["methods"]}


def test_a_mistake_in_the_settings_of_a_row_is_said_to_be_there(
    rmboost: Shell, prompts: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    mine, common = row("mine", respnder={"model": "coin"}), row("common", seed=1)
    done = rmboost(
        *("compare", prompts, "-o", tmp_path / "c", "--methods", f"rmboost,{mine}", "-c", common, "--model", "fake")
    )
    assert (done.code, f"error: {mine}: respnder: no such option" in done.err) == (2, True), done.err


# Answers that several methods need


def test_a_first_response_that_two_methods_need_is_asked_once(
    rmboost: Shell, prompts: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    other = row("auto", method={"aspects_per_pair": "auto"})
    folder = tmp_path / "comparison"
    with ChatServer() as server:
        options = (*BASE, "--base-url", server.url)
        done = rmboost("compare", prompts, "-o", folder, "--methods", f"rmboost,{other}", *options)
        assert done.code == 0, done.err
        assert len(server.calls) == 3 * 24
        before = (folder / "comparison.json").read_bytes()
        again = rmboost("compare", prompts, "-o", folder, "--methods", f"rmboost,{other}", *options)
        assert (again.code, len(server.calls)) == (0, 3 * 24)
    assert (folder / "comparison.json").read_bytes() == before
    found = report(folder)
    assert [each["calls"] for each in found["methods"]] == [48, 48], "each as if it ran alone"
    assert (found["paid"]["calls"], found["paid"]["shared_calls"]) == (72, 24)
    assert found["methods"][0]["overlap"]["auto"]["responses"]["count"] == 24
    for name in ("rmboost", "auto"):
        alone = rmboost("verify", folder / name / "pairs.jsonl")
        assert alone.code == 0, "the answers it borrowed are its own now"
        assert json.loads(rmboost("status", folder / name / "pairs.jsonl", "--json").out)["state"] == "finished"


def test_a_comparison_that_is_killed_goes_on(tmp_path: Path, questions: Path, row: Callable[..., Path]) -> None:
    other = row("auto", method={"aspects_per_pair": "auto"})

    def command(folder: Path, url: str) -> list[str]:
        methods = ["--methods", f"rmboost,{other}", *BASE, "--base-url", url]
        return [sys.executable, "-m", "rmboost", "compare", str(questions), "-o", str(folder), *methods]

    with ChatServer() as server:
        assert subprocess.run(command(tmp_path / "whole", server.url), capture_output=True, check=False).returncode == 0
    with ChatServer(latency=0.002) as server:
        for calls in (30, 120):  # in the first method, and in the second
            _killed_after(calls, server, command(tmp_path / "killed", server.url))
        done = subprocess.run(command(tmp_path / "killed", server.url), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        bodies = Counter(str(call.body) for call in server.calls)
    assert len(bodies) == 3 * 48
    assert bodies.total() - len(bodies) <= 2 * 4, "only calls in flight are asked again"
    for name in ("rmboost", "auto"):
        whole, killed = (tmp_path / each / name / "pairs.jsonl" for each in ("whole", "killed"))
        assert killed.read_bytes() == whole.read_bytes()


def _killed_after(calls: int, server: ChatServer, arguments: list[str]) -> None:
    process: list[subprocess.Popen[bytes]] = []

    def shoot(_: Call) -> Fault | None:
        if len(server.calls) == calls:
            os.kill(process[0].pid, signal.SIGKILL)
        return None

    server.script = shoot
    process.append(subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    assert process[0].wait(60) == -signal.SIGKILL
    server.script = ()


def test_fresh_runs_lend_each_other_nothing_that_is_old(
    rmboost: Shell, prompts: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    methods = f"rmboost,{row('auto', method={'aspects_per_pair': 'auto'})}"
    with ChatServer() as server:
        arguments = ("compare", prompts, "-o", tmp_path / "c", "--methods", methods, *BASE, "--base-url", server.url)
        assert rmboost(*arguments).code == 0
        assert rmboost(*arguments, "--fresh").code == 0
        assert len(server.calls) == 2 * 3 * 24
    assert len(list((tmp_path / "c" / "auto").glob("pairs.run.*"))) == 1


def test_a_damaged_comparison_goes_on_as_the_hint_says_or_starts_over(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    command = ("compare", prompts, "-o", tmp_path / "c", "--methods", "rmboost", *BASE, "--model", "fake")
    assert rmboost(*command).code == 0
    manifest, page = tmp_path / "c" / "comparison.run" / "manifest.json", tmp_path / "c" / "comparison.json"
    manifest.write_text("")
    assert "hint: move it and the output away" in rmboost(*command).err
    manifest.unlink()
    page.unlink()
    done = rmboost(*command)
    assert (done.code, page.is_file()) == (0, True), done.err
    manifest.write_text("")
    assert rmboost(*command, "--fresh").code == 0


def test_fresh_takes_nothing_from_a_method_that_is_not_named(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    def asked(*options: str) -> Any:
        done = rmboost("compare", prompts, "-o", tmp_path / "c", "--model", "fake", *options)
        assert done.code == 0, done.err
        manifest = json.loads((tmp_path / "c" / "synpo" / "pairs.run" / "manifest.json").read_text())
        return manifest["summary"]["asked"], manifest["summary"]["replayed"]

    rmboost("compare", prompts, "-o", tmp_path / "c", "--model", "fake", "--methods", "rmboost")
    assert asked("--methods", "synpo") == (24, 24), "the first responses are those of rmboost"
    assert asked("--methods", "synpo", "--fresh") == (48, 0)


def test_fresh_asks_the_judge_about_human_pairs_again(
    rmboost: Shell, prompts: Path, people: Path, tmp_path: Path
) -> None:
    options = ("--model", "fake", "--verify", "all", "--eval", people, "--reward-models", "ngrams")
    arguments = ("compare", prompts, "-o", tmp_path / "c", "--methods", "rmboost", "--limit", "4", *options)
    assert rmboost(*arguments).code == 0
    assert rmboost(*arguments, "--fresh").code == 0
    assert len(list((tmp_path / "c" / "human").glob("people.run.*"))) == 1


# Methods that end badly


def test_one_that_fails_does_not_stop_the_others(
    rmboost: Shell, prompts: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    broken = row("broken", responder={"base_url": "http://127.0.0.1:9/v1", "model": "nobody"})
    with ChatServer() as server:
        options = (*BASE, "--base-url", server.url)
        done = rmboost("compare", prompts, "-o", tmp_path / "c", "--methods", f"{broken},rmboost", *options)
    assert done.code == 4
    assert "error: broken: " in done.err
    assert "broken: failed" in done.out
    found = rows(tmp_path / "c")
    assert (found["broken"]["status"], found["broken"]["kept"]) == ("failed", 0)
    assert (found["rmboost"]["status"], found["rmboost"]["kept"]) == ("finished", 24)


def test_jobs_that_fail_are_told_and_asked_again(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    def refuse(call: Call) -> Fault | None:
        return Fault(status=400) if "Question 7:" in str(call.body) else None

    with ChatServer(script=refuse) as server:
        arguments = ("compare", prompts, "-o", tmp_path / "c", "--methods", "rmboost", *BASE, "--base-url", server.url)
        assert rmboost(*arguments).code == 5
        server.script = ()
        assert rmboost(*arguments).code == 0
    assert rows(tmp_path / "c")["rmboost"]["kept"] == 24


WRONG = {
    "an unknown method": (("--methods", "rmboost,rlhaif"), "there is no method 'rlhaif'"),
    "a setting of one row": (("--methods", "ROW"), "styl"),
    "pairs that are not there": (("--methods", "rmboost,nowhere.jsonl"), "nowhere.jsonl: no such file"),
    "pairs of a method's name": (("--methods", "rmboost,rmboost.parquet"), "two rows would be called rmboost"),
    "pairs of a method's name, in CSV": (("--methods", "rmboost,rmboost.csv"), "two rows would be called rmboost"),
    "prompts in place of pairs": (("--methods", "PROMPTS"), "no 'chosen' in the row"),
    "pairs of the human folder's name": (("--methods", "rmboost,human.gz"), "the folder human is for the human pairs"),
    "a row that would lie outside": (("--methods", "...yaml"), "no folder can be called .."),
    "two rows of one name": (("--methods", "rmboost,rmboost"), "two rows would be called rmboost"),
    "a name in capitals": (("--methods", "rmboost,RMBoost.csv"), "two rows would be called RMBoost"),
    "an accent in two ways": (("--methods", "caf\u00e9.csv,cafe\u0301.csv"), "two rows would be called cafe\u0301"),
    "the human folder in capitals": (("--methods", "rmboost,Human.gz"), "the folder human is for the human pairs"),
    "an eval file twice but for capitals": (("--eval", "PEOPLE", "--eval", "TWIN"), "two files are called PEOPLE"),
    "an eval file of a row's name in capitals": (
        ("--eval", "TWIN", "--methods", "people.csv", "--reward-models", "ngrams"),
        "PEOPLE is also the",
    ),
    "an eval file that is not there": (("--eval", "nowhere.jsonl"), "nowhere.jsonl: no such file"),
    "an eval file on one prompt": (("--eval", "ONE", "--reward-models", "ngrams"), "all of it is one prompt"),
    "a reward model that is not known": (("--eval", "PEOPLE", "--reward-models", "bert"), "bert"),
    "a sample that is none": (("--verify", "some"), "'some' is neither all"),
    "a price that is missing": (("--max-cost", "1"), "max_cost needs the price"),
    "a price that the judge's model lacks": (
        ("--model", "fake", "--verify", "all", "--judge", "gpt-x", "--max-cost", "1"),
        "max_cost needs the price of 'gpt-x' (judge)",
    ),
    "a judge's template": (
        ("--verify", "all", "--set", "prompts=TEMPLATES"),
        "template judge/pairwise: 'promt' is undefined",
    ),
    "a judge without work": (("--judge", "gpt-x"), "--judge has no pair to look at"),
    "nobody to test reward models on": (("--reward-models", "ngrams"), "--reward-models has no human pairs"),
    "a stream in place of a folder": (("-o", "-"), "-o -: what a comparison makes is a folder"),
    "nobody to mix with": (("--mix",), "--mix has no human pairs to train on"),
    "qualities that the judge does not know": (
        ("--methods", "rlcd", "--verify", "all", "--set", "verify.about=aspects", "--set", "verify.aspects=code"),
        "rlcd: verify.about: aspects: the judge's set does not define coherence",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found_before_the_first_call(
    rmboost: Shell, prompts: Path, people: Path, tmp_path: Path, row: Callable[..., Path], case: str
) -> None:
    given, message = WRONG[case]
    one = write_jsonl(tmp_path / "one.jsonl", [{"prompt": "a", "chosen": f"b {n}", "rejected": "c"} for n in range(3)])
    (tmp_path / "templates" / "judge").mkdir(parents=True)
    (tmp_path / "templates" / "judge" / "pairwise.md.j2").write_text('{% turn "user" %}{{ promt }}{% endturn %}')
    (tmp_path / "twin").mkdir()
    twin = Path(copy(people, tmp_path / "twin" / "PEOPLE.jsonl"))
    places = {
        "ROW": row("odd", method={"styl": "plan"}),
        "PEOPLE": people,
        "ONE": one,
        "PROMPTS": prompts,
        "TWIN": twin,
    }
    arguments = [places.get(each, each.replace("TEMPLATES", str(tmp_path / "templates"))) for each in given]
    with ChatServer() as server:
        defaults = [] if "--methods" in given else ["--methods", "rmboost"]
        options = (*BASE, *defaults, "--base-url", server.url)
        done = rmboost("compare", prompts, "-o", tmp_path / "c", *options, *arguments)
    assert (done.code, len(server.calls)) == (2, 0)
    assert message in done.err
    assert not (tmp_path / "c").exists()


def test_prompts_of_a_comparison_come_from_a_file(rmboost: Shell, tmp_path: Path) -> None:
    done = rmboost("compare", "-", "-o", tmp_path / "c", "--methods", "rmboost", "--model", "fake")
    assert (done.code, "hint: save the prompts in a file, and name that\n" in done.err) == (2, True), done.err


SAID: dict[str, tuple[dict[str, Any], tuple[str, ...], str, Any, Any]] = {
    "a flag": ({"seed": 2}, ("--seed", "7"), "seed", 2, 7),
    "no flag": ({"seed": 2}, (), "seed", 2, 0),
    "a setting": ({"draws": 1}, ("--set", "draws=5"), "draws", 1, 5),
    "a flag within": ({"ceilings": {"max_calls": 9}}, ("--max-calls", "50"), "ceilings.max_calls", 9, 50),
    "a flag beside": ({"ceilings": {"max_calls": 9}}, ("--budget-tokens", "9000"), "ceilings.max_tokens", 9000, 9000),
    "nothing": ({"seed": None}, ("--seed", "7"), "seed", 7, 7),
    "a part of a setting": ({"responder": {"temperature": 0.5}}, (), "responder.max_tokens", 77, 77),
    "a part beside a flag's": (
        {"responder": {"max_tokens": 5}},
        ("--set", "responder={temperature: 0.2}"),
        "responder.temperature",
        0.2,
        0.2,
    ),
    "a part of a part": ({"verify": {"judge": {"votes": 5}}}, (), "verify.judge.tries", 2, 2),
    "another component": (
        {"verify": {"judge": {"name": "panel", "members": ["a"]}}},
        (),
        "verify.judge.tries",
        None,
        2,
    ),
    "an option": ({"method": {"match_length": True}}, (), "method.style", "direct", "direct"),
    "the same method": ({"method": {"name": "rmboost"}}, (), "method.style", "direct", "direct"),
    "another method": ({"method": "synpo"}, (), "method.style", None, "direct"),
}


@pytest.mark.parametrize("case", SAID)
def test_what_a_row_names_takes_the_place_of_the_common_setting(
    rmboost: Shell, prompts: Path, tmp_path: Path, row: Callable[..., Path], case: str
) -> None:
    own, common, name, wanted, others = SAID[case]
    judge = {"name": "pairwise", "tries": 2}
    config = {"responder": {"max_tokens": 77}, "verify": {"judge": judge}, "method": {"style": "direct"}}
    options = ("-c", row("common", **config), "--methods", f"{row('own', **own)},rmboost", "--model", "fake", *common)
    done = rmboost("compare", prompts, "-o", tmp_path / "c", *options)
    assert done.code in (0, 6), done.err
    for folder, value in (("own", wanted), ("rmboost", others)):
        manifest = json.loads((tmp_path / "c" / folder / "pairs.run" / "manifest.json").read_text())
        *path, last = name.split(".")
        found = manifest["config"]
        for part in path:
            found = found[part]
        assert found.get(last) == value


def test_somebody_elses_file_is_left_alone(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "comparison.json").write_text("{}")
    done = rmboost("compare", prompts, "-o", tmp_path / "c", "--methods", "rmboost", "--model", "fake")
    assert (done.code, (tmp_path / "c" / "comparison.json").read_text()) == (3, "{}")


# Turns at a model that is embedded


def order_of(server: ChatServer, prompts: int) -> list[int]:
    """Which prompt each call is about."""
    numbers = {f"Question {number}?": number for number in range(prompts)}
    return [next(numbers[text] for text in numbers if text in str(call.body)) for call in server.calls]


class Heard:
    """What a comparison says."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def begin(self, what: str, unit: str) -> Listener:
        assert unit == "prompts"
        self.begun.append(what)
        return Listener()

    def tell(self, line: str) -> None:
        raise AssertionError(line)


def made(setup: Setup, *waiting: str) -> tuple[Heard, list[Ended]]:
    """The runs of a comparison, in which these methods wait for each other."""
    heard = Heard()
    runs = Runs(setup, heard, dict.fromkeys(waiting, 48))
    return heard, list(runs.made())


def two_of_them(questions: Path, folder: Path, other: Path, **flags: Any) -> Setup:
    folder.mkdir(exist_ok=True)
    entries, common = setup.entries(f"rmboost,{other}", None, flags, ("checks=[]", "concurrency=1"))
    return Setup(questions, folder, entries, common)


def test_by_turns_the_same_pairs_are_made_in_another_order(
    questions: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    other = row("auto", method={"aspects_per_pair": "auto"})
    with ChatServer() as server:
        made(two_of_them(questions, tmp_path / "plain", other, model="test-model", base_url=(server.url,)))
        assert order_of(server, 48)[96:] == [*range(48)], "the first response is the one that was asked for before"
    with ChatServer() as server:
        turns = two_of_them(questions, tmp_path / "turns", other, model="test-model", base_url=(server.url,))
        heard, ended = made(turns, "rmboost", "auto")
        asked = order_of(server, 48)
        assert [(min(each), max(each)) for each in (asked[:60], asked[60:120], asked[120:])] == [
            (0, 19),
            (20, 39),
            (40, 47),
        ]
        assert heard.begun == [f"{name}{to}" for to in UP_TO for name in ("rmboost", "auto")]
        assert [each.paused for each in ended] == [True] * 4 + [False] * 2
        heard, ended = made(turns, "rmboost", "auto")
        assert (heard.begun, len(server.calls)) == (["rmboost", "auto"], 3 * 48)
    for name in ("rmboost", "auto"):
        pairs = [(tmp_path / each / name / "pairs.jsonl").read_bytes() for each in ("plain", "turns")]
        assert pairs[0] == pairs[1]


UP_TO = (", up to 20", ", up to 40", "")


def test_one_that_stops_has_no_further_turn_and_one_on_an_endpoint_waits_for_nobody(
    questions: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    short = row("short", ceilings={"max_calls": 60})
    heard, ended = made(two_of_them(questions, tmp_path / "c", short, model="fake"), "short")
    assert heard.begun == ["rmboost", "short, up to 20", "short, up to 40"]
    assert [each.summary.cause for each in ended if each.summary] == ["", "pilot", "ceiling"]


def test_who_takes_turns(prompts: Path, tmp_path: Path, row: Callable[..., Path]) -> None:
    paid = row("paid", model="m", base_url=["http://localhost:1/v1"])
    judged = row("judged", method="rlaif", judge={"model": "m", "base_url": ["http://localhost:1/v1"]})
    old = write_jsonl(tmp_path / "old.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}] * 20)
    entries, common = setup.entries(f"rmboost,{paid},{judged},rlcd,{old}", None, {"model": "local"}, ())
    found = Setup(prompts, tmp_path / "c", entries, common)
    assert by_turns(found, setup.check(found)) == {"rmboost": 24, "rlcd": 24}


def test_a_table_that_nobody_reads_to_its_end_is_no_failure(prompts: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rmboost", "compare", str(prompts), "-o", str(tmp_path / "c"), "-q"]
    with subprocess.Popen([*command, "--methods", "rmboost", "--model", "fake"], stdout=subprocess.PIPE) as running:
        assert running.stdout
        running.stdout.close()
    assert running.returncode == 0


@pytest.mark.real
def test_what_one_method_has_an_embedded_model_read_the_next_one_need_not(
    rmboost: Shell, tmp_path: Path, row: Callable[..., Path]
) -> None:
    passage = "The river rises in the hills and runs to the sea past three mills and a bridge. " * 6
    rows = [{"prompt": f"{number}: {passage}What does text {number} tell?"} for number in range(1, TURN + 3)]
    prompts = write_jsonl(tmp_path / "prompts.jsonl", rows)
    settings = (
        "method.name=rlcd",
        "responder={max_tokens: 8, options: {slots: 1, threads: 1}}",
        "checks=[]",
        "draws=1",
        "max_failures=100",  # all answers are cut
    )
    options = ("--model", "local:smollm2-135m", "--methods", f"rlcd,{row('anew', seed=2)}")
    sets = (part for each in settings for part in ("--set", each))
    done = rmboost("compare", prompts, "-o", tmp_path / "c", *options, *sets)
    assert done.code == 0, done.err
    status = json.loads(rmboost("status", tmp_path / "c" / "anew" / "pairs.jsonl", "--json").out)
    usage = status["totals"]["usage"]
    read = usage["prompt_tokens"] - usage["cached_tokens"]
    assert read / status["totals"]["calls"] < 40 < 100 < usage["prompt_tokens"] / status["totals"]["calls"]


# Budget, judge and reward models


def test_a_budget_of_tokens_ends_each_method_as_planned(
    rmboost: Shell, questions: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    methods = f"rmboost,{row('direct', method={'style': 'direct'})}"
    done = rmboost(
        *("compare", questions, "-o", tmp_path / "c", "--methods", methods, "--model", "fake"),
        *("--set", "checks=[]", "--concurrency", "1", "--budget-tokens", "4000"),
    )
    assert done.code == 0, done.err
    found = rows(tmp_path / "c")
    assert {each["status"] for each in found.values()} == {"at budget"}
    assert all(3000 < each["tokens"] <= 4000 for each in found.values())
    assert found["rmboost"]["kept"] != found["direct"]["kept"]


HINTED = ("--repetitions", "2")


@pytest.mark.parametrize("budget", [400, 1000, 3000])
def test_answers_of_others_count_in_a_budget_before_it_is_broken(
    rmboost: Shell, questions: Path, tmp_path: Path, row: Callable[..., Path], budget: int
) -> None:
    files = ",".join(
        str(row(name, method={"name": "rlaif", "ties": ties})) for name, ties in {"a": "keep", "b": "drop"}.items()
    )
    options = ("--model", "fake", "--concurrency", "8", "--budget-tokens", str(budget))
    assert rmboost("compare", questions, "-o", tmp_path / "c", "--methods", files, *options).code == 0
    found = rows(tmp_path / "c")
    assert found["b"]["tokens"] <= budget
    assert {each["status"] for each in found.values()} == {"at budget"}


def test_a_budget_of_pairs_is_reached_by_each_method_on_as_many_prompts_as_it_needs(
    rmboost: Shell, questions: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    strict = row("strict", verify={"sample": "all", "policy": "drop"})
    options = ("--methods", f"rmboost,{strict}", "--model", "fake", "--set", "judge.model=fake:2")
    done = rmboost("compare", questions, "-o", tmp_path / "c", *options, "--budget-pairs", "12")
    assert done.code == 0, done.err
    assert {name: each["kept"] for name, each in rows(tmp_path / "c").items()} == {"rmboost": 12, "strict": 12}
    assert "12 pairs of each method" in (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert rows(tmp_path / "c")["strict"]["settled"] > rows(tmp_path / "c")["rmboost"]["settled"] == 12
    over = rmboost("compare", questions, "-o", tmp_path / "d", *options, "--budget-pairs", "49")
    assert (over.code, "49 pairs cannot be made of 48 prompts" in over.err) == (2, True)
    assert rmboost("compare", questions, "-o", tmp_path / "d", *options, "--budget-pairs", "49", *HINTED).code == 0


def test_a_budget_of_tokens_is_the_methods_and_not_the_judges(rmboost: Shell, questions: Path, tmp_path: Path) -> None:
    options = ("--model", "fake", "--verify", "all", "--concurrency", "1", "--budget-tokens", "4000")
    long = ("--set", "verify.judge.reasoning=true")
    done = rmboost("compare", questions, "-o", tmp_path / "c", "--methods", "rmboost", *options, *long)
    assert done.code == 0, done.err
    (found,) = report(tmp_path / "c")["methods"]
    assert found["status"] == "at budget"
    assert found["noise"]["total"] + found["noise"]["unreadable"] == found["kept"] > 0
    assert report(tmp_path / "c")["judge"]["tokens"] > 4000


def test_a_judge_that_stops_early_is_said_so_and_weights_are_the_methods(
    rmboost: Shell, questions: Path, tmp_path: Path
) -> None:
    options = ("--model", "fake", "--methods", "rmboost", "--verify", "all", "--set", "verify.judge.logprobs=0")
    prices = ("--set", "prices={m: {input: 1, output: 1}}", "--set", "judge.model=m", "--max-cost", "0.01")
    sets = ("--set", "weights.better=2", "--set", "checks=[]", "--concurrency", "1")
    with ChatServer([Fault(choice=said("A"))] * 400, models=("m",)) as server:
        url = ("--set", f"judge.base_url=['{server.url}']")
        done = rmboost("compare", questions, "-o", tmp_path / "c", *options, *prices, *sets, *url)
    assert done.code == 6, done.err
    (found,) = report(tmp_path / "c")["methods"]
    assert (found["status"], found["kept"]) == ("finished", 48)
    assert 0 < found["noise"]["total"] < 48
    why = report(tmp_path / "c")["judge"]["failed"]
    assert why == {"rmboost, judged": "max_cost 0.01 leaves no room for more"}
    said_so = "rmboost, judged, but not to the end: max_cost 0.01 leaves no room for more"
    assert said_so in " ".join(done.out.split())
    assert said_so in (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")


def test_the_prices_of_a_row_count_in_its_bill(
    rmboost: Shell, prompts: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    priced = row("priced", prices={"test-model": {"input": 10, "output": 10}})
    with ChatServer() as server:
        options = ("--methods", f"{priced},rmboost", *BASE, "--base-url", server.url)
        assert rmboost("compare", prompts, "-o", tmp_path / "c", *options).code == 0
    found = rows(tmp_path / "c")
    assert found["priced"]["cost"] > 0
    assert found["rmboost"]["cost"] is None
    assert report(tmp_path / "c")["paid"]["cost"] > 0


def test_a_bill_that_counts_calls_of_earlier_settings_says_so(
    rmboost: Shell, prompts: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    said = []
    for n in (4, 2, 2):
        mine = row("mine", method={"name": "west-of-n", "n": n})
        done = rmboost("compare", prompts, "-o", tmp_path / "c", "--model", "fake", "--methods", f"{mine},rlaif")
        said.append(done.out.count("count calls of earlier settings"))
    assert said == [0, 1, 1]
    found = rows(tmp_path / "c")
    assert (found["mine"]["changed"], found["rlaif"]["changed"]) == (True, False)
    assert found["mine"]["calls_per_pair"] > 8, "eight were made of each pair at first"


def test_sides_by_different_models_are_told(
    rmboost: Shell, questions: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    two = row("two", method={"name": "ultrafeedback", "n": 2, "others": ["b"]}, writers={"b": {"model": "fake:b"}})
    done = rmboost("compare", questions, "-o", tmp_path / "c", "--model", "fake", "--methods", f"{two},rlaif")
    assert done.code == 0, done.err
    words = " ".join(done.out.split())
    assert "two: 48 of 48 pairs have sides by different models (arXiv 2504.02193); of these, form alone tells" in words
    found = rows(tmp_path / "c")
    assert found["rlaif"]["two_models"] is None
    assert found["two"]["two_models"]["told_by_form"]["pairs"] == 48


def test_without_a_reward_model_the_rest_is_told(rmboost: Shell, prompts: Path, people: Path, tmp_path: Path) -> None:
    options = ("--model", "fake", "--methods", "rlaif", "--eval", people, "--reward-models", "")
    done = rmboost("compare", prompts, "-o", tmp_path / "c", *options)
    assert (done.code, "people choose the longer response" in done.out) == (0, True), done.err
    assert (tmp_path / "c" / "comparison.html").is_file()


@pytest.mark.parametrize(
    ("fields", "group"),
    [
        ({"group": 0}, "0"),
        ({"group": "", "metadata": {"group": 0}}, "0"),
        ({"group": None, "metadata": {"group": "a"}}, "a"),
        ({"group": 1, "metadata": {"group": 2}}, "1"),
        ({"metadata": "a"}, ""),
    ],
)
def test_the_group_of_a_pair(tmp_path: Path, fields: dict[str, Any], group: str) -> None:
    file = write_jsonl(tmp_path / "a.jsonl", [{"prompt": "p", "chosen": "a", "rejected": "b", **fields}])
    assert [pair.group for pair in setup.read_pairs(file)] == [group]


def test_the_judges_own_questions_are_not_called_unused(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    (tmp_path / "mine" / "strict").mkdir(parents=True)
    (tmp_path / "mine" / "strict" / "pairwise.md.j2").write_text('{% turn "user" %}{{ a }} or {{ b }}?{% endturn %}')
    own = ("--set", f"prompts={tmp_path / 'mine'}", "--set", "verify.judge.templates=strict")
    options = ("--model", "fake", "--methods", "rmboost", "--verify", "all", *own)
    done = rmboost("compare", prompts, "-o", tmp_path / "c", *options)
    assert (done.code, "stands for no template" in done.err) == (0, False), done.err


def test_a_judge_that_made_the_labels_proves_nothing(rmboost: Shell, questions: Path, tmp_path: Path) -> None:
    names = ["rmboost", "rlaif", "self-rewarding"]
    common = ("--model", "fake", "--verify", "all", "--limit", "12")
    done = rmboost("compare", questions, "-o", tmp_path / "c", "--methods", ",".join(names), *common)
    assert done.code == 0, done.err
    own = {each["name"]: each["noise"]["own"] for each in report(tmp_path / "c")["methods"]}
    assert own == {"rmboost": False, "rlaif": True, "self-rewarding": True}


@pytest.mark.parametrize(("policy", "own"), [("flag", False), ("drop", True), ("flip", True)])
def test_a_judge_that_decided_which_labels_stay_proves_nothing(
    rmboost: Shell, questions: Path, tmp_path: Path, row: Callable[..., Path], policy: str, own: bool
) -> None:
    file = row("sieved", verify={"sample": "all", "policy": policy})
    common = ("--model", "fake", "--verify", "all", "--limit", "12")
    done = rmboost("compare", questions, "-o", tmp_path / "c", "--methods", f"{file},rmboost", *common)
    assert done.code == 0, done.err
    found = {each["name"]: each["noise"]["own"] for each in report(tmp_path / "c")["methods"]}
    assert found == {"sieved": own, "rmboost": False}


def test_each_methods_own_aspects_are_what_its_pairs_are_judged_by(
    rmboost: Shell, questions: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    file = row("qa", method={"name": "rmboost", "aspects": "qa_feedback", "style": "plan"})
    options = ("--methods", f"{file},rmboost", "--verify", "all", "--set", "verify.about=aspects", "--limit", "6")
    with ChatServer() as server:
        done = rmboost("compare", questions, "-o", tmp_path / "c", *BASE, "--base-url", server.url, *options)
        asked = [str(call.body["messages"]) for call in server.calls if "Judge by this alone" in str(call.body)]
    assert done.code == 0, done.err
    assert len(asked) >= 24, "each pair of both rows, in both orders"
    assert any("factuality: " in each for each in asked)


def test_human_pairs_without_aspects_tell_nothing_of_a_judge_that_is_asked_about_aspects(
    rmboost: Shell, questions: Path, people: Path, tmp_path: Path
) -> None:
    """They were judged as a whole, and its mistakes there taken out of what it says of aspects."""
    common = ("--model", "fake", "--set", "checks=[]", "--limit", "6", "--verify", "all", "--gold", "12")
    options = ("--methods", "rmboost", *common, "--eval", people, "--reward-models", "ngrams", "--rm-seeds", "1")
    for about, said in (("aspects", True), ("overall", False)):
        folder = tmp_path / about
        done = rmboost("compare", questions, "-o", folder, *options, "--set", f"verify.about={about}")
        assert done.code == 0, done.err
        before, _, _ = done.err.partition("── rmboost")
        assert ("its pairs name no aspect and are judged as a whole" in before) is said
        if said:
            assert report(folder)["methods"][0]["noise"]["corrected"] is None
    assert report(tmp_path / "aspects")["judge"]["human"]["people"] is not None


def test_who_was_answered_by_what_others_lent_is_known_to_answer(rmboost: Shell, tmp_path: Path) -> None:
    """Prompts that the endpoint's filter refuses are faults of these prompts, for the second method as well."""
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": f"Question {n}?{' bomb' * (n > 3)}"} for n in range(30)])
    with ChatServer(lambda call: Fault(status=400) if "bomb" in str(call.body) else None) as server:
        options = ("--methods", "rmboost,constitutional", *BASE, "--base-url", server.url)
        done = rmboost("compare", prompts, "-o", tmp_path / "c", *options)
    assert done.code == 5, done.err
    assert "in a row were given up" not in done.err
    assert [sum(each["failed"].values()) for each in rows(tmp_path / "c").values()] == [26, 26]


@pytest.mark.parametrize(
    ("judge", "code", "said"),
    [
        ("jugde", 4, "no model 'jugde'"),
        ("local:nope", 2, "no embedded model 'nope'"),
        ("local:/no/such.gguf", 2, "/no/such.gguf cannot be read"),
    ],
)
def test_a_mistyped_judge_is_found_before_a_pair_is_paid(
    rmboost: Shell, questions: Path, tmp_path: Path, judge: str, code: int, said: str
) -> None:
    with ChatServer(script=writer, models=("test-model", "judge")) as server:
        options = (*BASE, "--base-url", server.url, "--verify", "all", "--judge", judge)
        done = rmboost("compare", questions, "-o", tmp_path / "c", "--methods", "rmboost", *options)
    assert (done.code, server.calls) == (code, [])
    assert said in done.err
    assert "hint: " in done.err


def test_a_finished_comparison_is_shown_again_without_the_judges_server(
    rmboost: Shell, questions: Path, tmp_path: Path
) -> None:
    with ChatServer(script=writer, models=("test-model", "judge")) as server:
        options = (*BASE, "--limit", "4", "--base-url", server.url, "--verify", "all", "--judge", "judge")
        command = ("compare", questions, "-o", tmp_path / "c", "--methods", "rmboost", *options)
        assert rmboost(*command).code == 0
    assert rmboost(*command).code == 0
    gone = rmboost(*command, "--fresh")
    assert gone.code == 4
    assert "cannot reach" in gone.err


def test_a_judge_looks_at_the_pairs_and_is_held_against_people(
    rmboost: Shell, questions: Path, people: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    def judge(call: Call) -> Fault:
        """Prefers the response with more of the good words, and fewer of the bad ones."""
        last = call.body["messages"][-1]["content"]
        if call.body["model"] != "judge":
            return writer(call)
        first, _, second = last.partition("<response_b>")
        scores = [sum(text.count(w) for w in GOOD) - sum(text.count(w) for w in BAD) for text in (first, second)]
        return Fault(choice={**said("A" if scores[0] >= scores[1] else "B"), "logprobs": None})

    coin = row("coin", rewriter={"model": "coin"})
    with ChatServer(script=judge, models=("test-model", "coin", "judge")) as server:
        done = rmboost(
            *("compare", questions, "-o", tmp_path / "c", "--methods", f"rmboost,{coin}", *BASE),
            *("--base-url", server.url, "--verify", "all", "--judge", "judge", "--gold", "20", "--limit", "24"),
            *("--eval", people, "--reward-models", "ngrams"),
        )
    assert done.code == 0, done.err
    found = report(tmp_path / "c")
    right, chance = (each["noise"] for each in found["methods"])
    assert (right["share"], right["wrong"], right["own"]) == (0.0, 0, False)
    assert chance["share"] > 0.2
    assert chance["corrected"]["value"] == pytest.approx(chance["share"], abs=0.1), "this judge makes few mistakes"
    assert found["judge"]["human"]["people"]["agreement"]["share"] == 1.0
    assert found["judge"]["human"]["people"]["agreement"]["total"] == 20
    assert found["methods"][0]["calls"] == 48, "what the judge is asked is no part of a method's bill"


def test_pairs_that_are_there_already_are_a_row_and_nobody_is_asked_for_them(
    rmboost: Shell, questions: Path, people: Path, tmp_path: Path
) -> None:
    given = [
        {"prompt": f"Old {n}?", "chosen": write(*GOOD, of=n), "rejected": write(*BAD, of=-n)} for n in range(1, 31)
    ]
    old, folder = write_jsonl(tmp_path / "old.jsonl", given), tmp_path / "c"
    arguments = ("compare", questions, "-o", folder, "--methods", f"{old},rmboost", *BASE)
    trained = ("--eval", people, "--reward-models", "ngrams", "--rm-seeds", "1")
    with ChatServer(script=writer) as server:
        done = rmboost(*arguments, *trained, "--base-url", server.url)
        assert done.code == 0, done.err
        assert len(server.calls) == 2 * 48
    found = rows(folder)["old"]
    assert (found["kept"], found["calls"], found["cost"], found["status"]) == (30, 0, 0, "finished")
    assert report(folder)["prompts"]["file"] == str(questions)
    assert report(folder)["signal"]["tests"]["people"]["pairs"] == 40
    whole = [each for each in report(folder)["signal"]["accuracy"] if each["method"] == "old" and not each["size"]]
    assert whole[0]["accuracy"] > 0.9
    assert read_jsonl(folder / "old" / "pairs.jsonl") == given
    assert rmboost("verify", folder / "old" / "pairs.jsonl").code == 0


def test_where_all_pairs_are_there_their_file_is_the_one_that_is_read(
    rmboost: Shell, prompts: Path, people: Path, tmp_path: Path
) -> None:
    assert rmboost("compare", prompts, "-o", tmp_path / "c", "--methods", people).code == 0
    told = report(tmp_path / "c")["prompts"]
    assert (told["file"], told["count"]) == (str(people), 40)


def test_a_judge_that_labelled_pairs_of_a_file_proves_nothing_of_them(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    made, other = tmp_path / "made.jsonl", tmp_path / "other.jsonl"
    assert rmboost("generate", prompts, "-o", made, "--model", "fake", "--method", "west-of-n").code == 0
    write_jsonl(other, [{**each, "rmboost": {"evidence": '{"scored_by": "another"}'}} for each in read_jsonl(made)])
    options = ("--model", "fake", "--methods", f"{made},{other}", "--verify", "all")
    assert rmboost("compare", prompts, "-o", tmp_path / "c", *options).code == 0
    assert {name: each["noise"]["own"] for name, each in rows(tmp_path / "c").items()} == {"made": True, "other": False}


def test_of_pairs_that_are_there_as_many_count_as_are_to_be_kept(
    rmboost: Shell, questions: Path, people: Path, tmp_path: Path
) -> None:
    arguments = ("compare", questions, "-o", tmp_path / "c", "--methods", f"rmboost,{people}", "--model", "fake")
    done = rmboost(*arguments, "--budget-pairs", "12", "--verify", "all", "--judge", "fake:2")
    assert done.code == 0, done.err
    assert {name: each["kept"] for name, each in rows(tmp_path / "c").items()} == {"rmboost": 12, "people": 12}
    verdicts = read_jsonl(tmp_path / "c" / "people" / "judged.jsonl")
    assert [row["judge"]["model"] for row in verdicts] == ["2"] * 12
    assert rmboost(*arguments, "--limit", "5", "--repetitions", "2", "--fresh").code == 0
    assert {name: each["kept"] for name, each in rows(tmp_path / "c").items()} == {"rmboost": 10, "people": 10}


def test_a_method_that_is_right_by_construction_beats_a_coin(
    rmboost: Shell, questions: Path, people: Path, tmp_path: Path, row: Callable[..., Path]
) -> None:
    coin = row("coin", rewriter={"model": "coin"})
    arguments = (
        *("compare", questions, "-o", tmp_path / "c", "--methods", f"rmboost,{coin}", *BASE),
        *("--eval", people, "--reward-models", "ngrams,ngrams-form", "--rm-seeds", "2", "--mix"),
    )
    with ChatServer(script=writer, models=("test-model", "coin")) as server:
        done = rmboost(*arguments, "--base-url", server.url)
        assert done.code == 0, done.err
        first = (tmp_path / "c" / "comparison.json").read_bytes()
        again = rmboost(*arguments, "--base-url", server.url)
        assert "reading" not in again.err, "no reward model is trained twice"
        assert (tmp_path / "c" / "comparison.json").read_bytes() == first
    found = report(tmp_path / "c")["signal"]
    whole = {
        (each["source"], each["method"]): each
        for each in found["accuracy"]
        if each["model"] == "ngrams" and each["size"] is None
    }
    assert whole["own", "rmboost"]["low"] > 0.9
    assert whole["own", "coin"]["accuracy"] < 0.8
    assert whole["human", None]["low"] > 0.9
    assert 0.2 < whole["random", None]["accuracy"] < 0.8
    assert whole["mix", "rmboost"]["accuracy"] > 0.9
    assert found["equal"] == {"people": 48}
    sizes = [each["size"] for each in found["accuracy"] if each["method"] == "coin" and each["model"] == "ngrams"]
    assert sizes == [None, 12, 24, None], "learning curve, all pairs, and the mix"
    (apart,) = (d for d in found["differences"] if (d["model"], d["pairs"]) == ("ngrams", "all"))
    assert (apart["of"], apart["to"]) == ("coin", "rmboost")
    assert apart["high"] < 0
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert "random labels" in page
    assert "What the chosen response has more of" in page
    assert set(report(tmp_path / "c")["leanings"]["words, log"]) == {"rmboost", "coin", "people"}
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", ""), "the page needs nothing else"


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_fits_the_terminal(
    rmboost: Shell,
    prompts: Path,
    people: Path,
    tmp_path: Path,
    row: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    methods = f"rmboost,{row('a-name-that-is-rather-long', method={'style': 'direct'})}"
    done = rmboost(
        *("compare", prompts, "-o", tmp_path / "c", "--methods", methods, "--model", "fake", "--verify", "all"),
        *("--eval", people, "--reward-models", "form,ngrams,ngrams-form,longer", "--mix", "--rm-seeds", "1", "-q"),
    )
    lines = done.out.splitlines()
    assert done.err == ""
    assert max(map(len, lines)) <= width
    assert "…" not in done.out.replace("a-name-that-is-…", "")
    side_by_side = [line for line in lines if "what a kept pair took" in line and "label noise" in line]
    assert bool(side_by_side) == (width == 200)


def test_hostile_words_are_shown_and_not_obeyed(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "<script>alert(1).jsonl", [{"prompt": "Why?"}, {"prompt": "How?"}])
    done = rmboost("compare", prompts, "-o", tmp_path / "c", "--methods", "rmboost", "--model", "fake")
    assert done.code == 0, done.err
    assert "<script>" not in (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert len(read_jsonl(tmp_path / "c" / "rmboost" / "pairs.jsonl")) == 2


def test_names_are_no_emoji(rmboost: Shell, prompts: Path, people: Path, tmp_path: Path) -> None:
    mine = people.rename(tmp_path / "a:b:c.jsonl")
    done = rmboost("compare", prompts, "-o", tmp_path / "c", "--methods", mine, "--model", "fake")
    assert done.code == 0, done.err
    assert "a:b:c" in done.out


def test_a_test_set_may_be_called_anything(rmboost: Shell, prompts: Path, people: Path, tmp_path: Path) -> None:
    people = people.rename(tmp_path / r'a"\1[b]<i>.jsonl')
    options = ("--methods", "rmboost", "--model", "fake", "--reward-models", "ngrams", "--rm-seeds", "1")
    done = rmboost("compare", prompts, "-o", tmp_path / "c", *options, "--eval", people)
    assert done.code == 0, done.err
    assert r'accuracy on a"\1[b]<i> (%)' in done.out
    page = (tmp_path / "c" / "comparison.html").read_text(encoding="utf-8")
    assert r'aria-label="accuracy of ngrams on a&quot;\1[b]&lt;i&gt;, by pairs trained on"' in page
    assert "<i>" not in page


def test_missing_packages_are_named_with_their_extra(prompts: Path, tmp_path: Path) -> None:
    script = """
import sys
sys.modules |= dict.fromkeys(("numpy", "matplotlib", "rensa", "sklearn"))
from rmboost.cli import main
main(sys.argv[1:])
"""
    command = [sys.executable, "-c", script, "compare", str(prompts), "-o", str(tmp_path / "c"), "--model", "fake"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'rmboost[report]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_policy_takes_no_pair_out_of_the_judges_sight(rmboost: Shell, questions: Path, tmp_path: Path) -> None:
    options = ("--model", "fake", "--verify", "all", "--set", "verify.policy=drop")
    done = rmboost("compare", questions, "-o", tmp_path / "c", "--methods", "rmboost", *options)
    assert done.code == 0, done.err
    (found,) = report(tmp_path / "c")["methods"]
    assert found["noise"]["total"] + found["noise"]["unreadable"] == found["kept"] > 0
    assert found["noise"]["wrong"] > 0


def test_the_deadline_is_that_of_all_runs_together(questions: Path, tmp_path: Path, row: Callable[..., Path]) -> None:
    given = two_of_them(questions, tmp_path / "c", row("auto"), model="fake", ceilings={"deadline": 60})
    runs = Runs(given, Heard())
    runs._started -= 40
    assert runs._within(given.common).ceilings.deadline == pytest.approx(20, abs=1)
