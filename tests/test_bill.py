"""The bill: prices, ceilings, the forecast, and the stop before a failing run burns its list."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from chat_server import Call, ChatServer, Fault
from conftest import Shell, read_jsonl, write_jsonl
from rmboost.budget import Budget, Ceilings, Price, Spent, for_any_name, price_of
from rmboost.journal.reader import Totals
from rmboost.records import Usage
from rmboost.run.forecast import Range, forecast, total

PRICES = "prices={test-model: {input: 10, cached_input: 1, output: 100}}"


def test_a_price_is_of_a_million_tokens() -> None:
    price = Price(input=2, cached_input=0.5, output=8)
    assert price.of(Usage(1_000_000, 500_000, 400_000)) == pytest.approx(0.6 * 2 + 0.4 * 0.5 + 0.5 * 8)
    assert Price(input=2, output=8).of(Usage(1_000_000, 0, 400_000)) == 2


@pytest.mark.parametrize(
    ("model", "found"),
    [("gpt-4.1", 1), ("gpt-4.1-2026-01-01", 1), ("gpt-4.1-mini", 2), ("other", None), ("local:x", 0), ("fake", 0)],
)
def test_the_longest_name_that_fits_has_the_price(model: str, found: int | None) -> None:
    prices = {"gpt-4.1": Price(input=1, output=1), "gpt-4.1-mini": Price(input=2, output=2)}
    price = price_of(model, prices)
    assert (price.input if price else None) == found


PRICED = {"a": Price(input=1, output=1), "b": Price(input=2, output=5)}


@pytest.mark.parametrize(
    ("asked", "found"),
    [(["a"], 1), (["a", "b"], 2), (["a", "local:x"], 1), (["a", "c"], None), ([], None), (["fake"], None)],
)
def test_an_answer_signed_with_another_name_costs_what_the_dearest_model_does(asked: list[str], found: int) -> None:
    price = price_of("deployment-7", for_any_name(PRICED, asked))
    assert (price.input if price else None) == found
    assert price_of("a", for_any_name(PRICED, asked)) == PRICED["a"]


def test_a_ceiling_on_cost_holds_over_restarts_whatever_name_the_answers_are_signed_with(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    limit = ("--set", PRICES, "--max-cost", "0.1", "--concurrency", "2", "--set", "checks=[]")
    with ChatServer(lambda _: Fault(reply={"model": "gpt-4o-2024-08-06"})) as server:
        options = ("-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url, *limit)
        assert rmboost("generate", prompts, *options).code == 6
        asked = len(server.calls)
        done = rmboost("generate", prompts, *options, "--summary", tmp_path / "s.json")
    assert (done.code, len(server.calls)) == (6, asked)
    summary = json.loads((tmp_path / "s.json").read_text())
    assert (summary["reason"], 0 < summary["cost"] <= 0.1) == ("max_cost 0.1 leaves no room for more", True)
    assert "cost" in rmboost("status", tmp_path / "o.jsonl").out


@pytest.mark.parametrize("status", [400, 422])
def test_a_server_that_refuses_every_request_does_not_burn_the_list(
    rmboost: Shell, prompts: Path, tmp_path: Path, status: int
) -> None:
    with ChatServer(lambda _: Fault(status=status)) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--max-failures", "5", "--concurrency", 2)
        assert (done.code, "5 calls in a row were given up" in done.err) == (4, True), done.err
        assert done.err.endswith("; when that is mended, the same command goes on from here\n")
        assert len(server.calls) < 12


def test_prompts_that_are_refused_are_not_the_servers_fault_once_it_has_answered(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    first = read_jsonl(prompts)[0]["prompt"]
    with ChatServer(lambda call: None if first in str(call.body) else Fault(status=400)) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        options = ("--max-failures", "5", "--concurrency", 1, "--set", "checks=[]")
        for _ in range(2):
            assert rmboost(*run, *options).code == 5
    assert len(read_jsonl(tmp_path / "o.jsonl")) == 1


def test_a_role_that_always_fails_ends_the_run_though_others_are_answered(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    def only_first(call: Call) -> Fault | None:
        return Fault(status=500) if "<response>" in str(call.body) else None

    with ChatServer(only_first) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--max-failures", "3", "--concurrency", 1, "--set", "tries=1")
        assert (done.code, "3 calls in a row were given up" in done.err) == (4, True), done.err
        assert len(server.calls) <= 8


def test_calls_under_way_are_reckoned_with() -> None:
    budget = Budget(Ceilings(max_tokens=1000), Spent(calls=8, tokens=800, most=(90, 0)))
    assert budget.reached(under_way=1) == ""
    assert budget.reached(under_way=2) == "max_tokens 1,000 leaves no room for more"


def test_a_dear_model_is_reckoned_with_before_it_is_asked() -> None:
    cheap, dear = Price(input=1, output=1), Price(input=1000, output=1000)
    for others, reached in (([cheap], ""), ([cheap, dear], "max_cost 1 leaves no room for more")):
        budget = Budget(Ceilings(max_cost=1), Spent(), [cheap, *others])
        budget.spent.add(Usage(400, 400), cheap)
        assert budget.reached(under_way=0) == ""
        assert budget.reached(under_way=1) == reached


def test_a_judge_that_is_dear_keeps_to_the_bill(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "in.jsonl", [{"prompt": f"Question {number}?"} for number in range(60)])
    prices = "prices={test-model: {input: 0.001, output: 0.001}, large: {input: 100, output: 100}}"
    with ChatServer(models=("test-model", "large")) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        priced = (*run, "--set", prices, "--concurrency", 32)
        assert rmboost(*priced).code == 0
        done = rmboost(*priced, "--verify", "all", "--set", "judge.model=large", "--max-cost", "0.05")
    assert done.code == 6, done.err
    summary = json.loads((tmp_path / "o.run" / "manifest.json").read_text())["summary"]
    assert 0 < summary["cost"] <= 0.05


def test_a_deadline_says_whom_it_waits_for(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    with ChatServer(lambda _: Fault(delay=2.5)) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--deadline", "1s")
    assert done.code == 6, done.err
    assert "stopping: the deadline is over; waiting for the calls in flight (Ctrl-C leaves now)\n" in done.err


def test_a_journal_that_is_taken_away_ends_the_run_before_more_is_paid(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "o.run" / "journal.sqlite"

    def take_away(_: Call) -> Fault:
        journal.unlink(missing_ok=True)
        return Fault(delay=0.2)

    with ChatServer(take_away) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--concurrency", 1)
        assert len(server.calls) < 20
    assert (done.code, "journal.sqlite was removed or replaced" in done.err) == (3, True), done.err


def test_a_forecast_is_wide_for_few_jobs_and_narrow_for_many() -> None:
    few, many = total([10, 14], 1000), total([10, 14] * 100, 1000)
    assert few.expected == many.expected == 12_000
    assert few.low < many.low < 12_000 < many.high < few.high
    assert many.high == pytest.approx(12_000 + 1.96 * 2.005 * (1000 + 1000**2 / 200) ** 0.5, rel=1e-3)


@pytest.mark.parametrize("pilot", [2, 3, 5, 20])
def test_a_forecast_from_few_jobs_holds_what_comes(pilot: int) -> None:
    """Of pilots of 2 to 5 jobs one forecast in three to seven missed before."""
    random, held = Random(pilot), 0
    for _ in range(200):
        jobs = [random.lognormvariate(7, 0.5) for _ in range(pilot + 60)]
        found = total(jobs[:pilot], 60)
        held += found.low <= sum(jobs[pilot:]) <= found.high
    assert held >= 0.9 * 200


@pytest.mark.parametrize(("repetitions", "pilot"), [(1, 32), (2, 32), (8, 32), (5, 32), (32, 64)])
def test_a_forecast_knows_which_jobs_are_of_one_prompt(repetitions: int, pilot: int) -> None:
    """With two jobs a prompt one forecast in four missed, with eight two in three."""
    random, held = Random(repetitions), 0
    prompts = [number // repetitions for number in range(pilot + 400)]
    for _ in range(300):
        sizes = [random.gauss(1000, 300) for _ in range(prompts[-1] + 1)]
        jobs = [sizes[prompt] + random.gauss(0, 30) for prompt in prompts]
        found = total(jobs[:pilot], 400, prompts[:pilot])
        held += found.low <= sum(jobs[pilot:]) <= found.high
    assert held >= 0.9 * 300


def test_a_forecast_finds_the_prompts_in_the_keys_of_the_jobs() -> None:
    used = {"a#1": 10, "a#1#0": 10, "a#1#1": 10, "b#0": 30}  # an id may hold what parts it from the repetition
    pilot = {key: {"responder": Totals(1, Usage(0, tokens))} for key, tokens in used.items()}
    found = forecast(pilot, 100, {}, 1)
    assert found.tokens == total([10, 10, 10, 30], 100, ["a", "a#1", "a#1", "b"])
    assert found.calls == Range(100, 100, 100)


def test_a_small_ceiling_is_not_broken_by_jobs_that_begin_together(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    common = ("--model", "fake", "--method", "rlaif", "--concurrency", 32, "--max-tokens", 1500)
    summary = tmp_path / "s.json"
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *common, "--summary", summary)
    assert done.code == 6, done.err
    spent = json.loads(summary.read_text())
    assert 500 < spent["prompt_tokens"] + spent["completion_tokens"] <= 1500


@pytest.mark.parametrize("ceiling", [("--max-calls", "21"), ("--max-tokens", "3000"), ("--max-cost", "0.1")])
def test_a_ceiling_holds_over_restarts_and_a_higher_one_goes_on(
    rmboost: Shell, prompts: Path, tmp_path: Path, ceiling: tuple[str, str]
) -> None:
    with ChatServer() as server:
        common = ("--model", "test-model", "--base-url", server.url, "--set", PRICES, "--summary", tmp_path / "s.json")
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", *common)
        for _ in range(2):
            done = rmboost(*run, *ceiling)
            assert done.code == 6, done.err
            assert f"{ceiling[0][2:].replace('-', '_')} {float(ceiling[1]):,g} leaves no room for more" in done.err
            summary = json.loads((tmp_path / "s.json").read_text())
            spent = {"calls": summary["calls"], "cost": summary["cost"]}
            spent["tokens"] = summary["prompt_tokens"] + summary["completion_tokens"]
            assert 0.5 * float(ceiling[1]) < spent[ceiling[0][6:]] <= float(ceiling[1])
        assert len(read_jsonl(tmp_path / "o.jsonl")) == summary["tally"]["kept"] > 0
        assert rmboost(*run).code == 0
        calls = len(server.calls)
    with ChatServer() as server:
        rmboost("generate", prompts, "-o", tmp_path / "p.jsonl", "--model", "test-model", "--base-url", server.url)
        assert calls == len(server.calls), "nothing was asked twice"
    assert (tmp_path / "o.jsonl").read_bytes() == (tmp_path / "p.jsonl").read_bytes()


def test_a_ceiling_lower_than_one_pair_asks_nothing_and_does_not_claim_to_be_reached(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--max-calls", "1")
    assert done.code == 6
    assert "in 0 calls" in done.err
    assert "stopped: max_calls 1 leaves no room for more; with a higher one" in done.err


def test_where_the_endpoint_counts_no_tokens_they_are_estimated_and_marked(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    def silent(_: Call) -> Fault:
        return Fault(reply={"usage": None})

    with ChatServer(silent) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--set", PRICES, "--summary", tmp_path / "s.json", "--max-cost", "0.1")
        assert done.code == 6, done.err
        summary = json.loads((tmp_path / "s.json").read_text())
        assert summary["estimated_tokens"] == summary["prompt_tokens"] + summary["completion_tokens"] > 0
        assert 0.05 < summary["cost"] < 0.12, "calls under way are reckoned with as the dearest so far"
        said = f"; {summary['estimated_tokens']:,} of these are estimated"
        assert said in done.err
        assert said in rmboost("status", tmp_path / "o.jsonl").out


def test_a_ceiling_on_cost_needs_prices(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    with ChatServer() as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--max-cost", "1")
        assert (done.code, len(server.calls)) == (2, 0)
    assert "needs the price of 'test-model'" in done.err
    assert (
        "hint: in the config, per million tokens, at your own prices: prices: {test-model: {input: …, output: …}}\n"
        in done.err
    )


def test_a_deadline_that_is_over(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--set", "responder.options.latency=0.2")
    done = rmboost(*run, "--deadline", "0.1s", "--concurrency", 2)
    assert done.code == 6
    assert "the deadline is over" in done.err
    assert rmboost(*run).code == 0
    assert "no duration" in rmboost(*run, "--deadline", "soon").err


def test_a_deadline_ends_a_run_that_waits(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    with ChatServer(script=lambda _: Fault(status=429, headers={"Retry-After": "300"})) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        began = monotonic()
        done = rmboost(*run, "--deadline", "0.5s", "--concurrency", 2)
    assert done.code == 6, done.err
    assert "the deadline is over" in done.err
    assert monotonic() - began < 5


def test_an_estimate_keeps_its_pairs(rmboost: Shell, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"Why is {number} a number?\n" for number in range(200)))
    with ChatServer() as server:
        common = ("--model", "test-model", "--base-url", server.url, "--set", PRICES, "--summary", tmp_path / "s.json")
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", *common, "--set", "checks=[]")  # no call is drawn again
        done = rmboost(*run, "--estimate")
        assert done.code == 0, done.err
        assert "168 jobs" in done.err
        assert "the same command without --estimate" in done.err
        forecast = json.loads((tmp_path / "s.json").read_text())["forecast"]
        assert len(read_jsonl(tmp_path / "o.jsonl")) == 32
        assert rmboost(*run).code == 0
        assert len(server.calls) == 400
        summary = json.loads((tmp_path / "s.json").read_text())
    assert forecast["calls"]["expected"] == 336
    assert forecast["cost"]["low"] < summary["cost"] * 168 / 200 * 1.1
    assert forecast["cost"]["high"] > summary["cost"] * 168 / 200 * 0.9


def test_an_estimate_that_made_all_forecasts_nothing(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--estimate")
    assert (done.code, "still to come  nothing: the estimate tried all there are\n" in done.err) == (0, True), done.err
    assert "without --estimate" not in done.err


def test_a_second_estimate_says_what_the_first_did_and_knows_new_prices(rmboost: Shell, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"Why is {number} a number?\n" for number in range(60)))
    with ChatServer() as server:
        common = ("--model", "test-model", "--base-url", server.url, "--estimate", "--summary", tmp_path / "s.json")
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", *common)
        forecasts = []
        for prices in ((), ("--set", PRICES)):
            assert rmboost(*run, *prices).code == 0
            forecasts.append(json.loads((tmp_path / "s.json").read_text())["forecast"])
        assert len(server.calls) == json.loads((tmp_path / "s.json").read_text())["calls"], "the second asked nobody"
    first, second = forecasts
    assert (first["calls"], first["cost"]) == (second["calls"], None)
    assert second["cost"]["expected"] > 0


def test_a_second_estimate_asks_nobody_also_where_a_judge_refused(rmboost: Shell, tmp_path: Path) -> None:
    prompts, output = tmp_path / "prompts.txt", tmp_path / "o.jsonl"
    prompts.write_text("".join(f"Why is {number}: a number?\n" for number in range(60)))

    def refuse(call: Call) -> Fault | None:
        return Fault(status=400) if call.body["model"] == "large" and "Why is 7:" in str(call.body) else None

    with ChatServer(refuse, models=("test-model", "large")) as server:
        common = ("--model", "test-model", "--base-url", server.url, "--set", "judge.model=large", "--verify", "all")
        run = ("generate", prompts, "-o", output, *common, "--set", "checks=[]", "--estimate")
        assert rmboost(*run).code == 0
        asked, server.script = len(server.calls), ()
        again = rmboost(*run, "--max-calls", asked)
        assert (again.code, len(server.calls) - asked) == (0, 0), again.err
        assert "still to come" in again.err
    assert rmboost("verify", output).code == 0


def test_an_estimate_is_of_these_settings_whatever_else_was_asked_before(rmboost: Shell, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"Why is {number} a number?\n" for number in range(60)))
    run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--set", "checks=[]")
    assert rmboost(*run, "--verify", "all", "--limit", "20").code == 0
    assert rmboost(*run, "--estimate", "--seed", "5", "--summary", tmp_path / "s.json").code == 0
    forecast = json.loads((tmp_path / "s.json").read_text())["forecast"]
    assert forecast["calls"] == {"expected": 56.0, "low": 56.0, "high": 56.0}, "28 jobs of two calls each"


def test_a_pilot_that_got_no_answer_forecasts_nothing(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    with ChatServer(script=lambda _: Fault(status=400, message="too long")) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--estimate", "--max-failures", "100", "--summary", tmp_path / "s.json")
    assert done.code == 5, done.err
    assert json.loads((tmp_path / "s.json").read_text())["forecast"] is None
    assert "24 jobs failed" in done.err


@pytest.mark.parametrize(("price", "known"), [("{input: 1000, output: 1000}", True), ("", False)])
def test_a_forecast_has_each_call_at_the_price_of_its_model(
    rmboost: Shell, tmp_path: Path, price: str, known: bool
) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"Why is {number} a number?\n" for number in range(100)))
    prices = f"prices={{test-model: {{input: 1, output: 1}}{price and f', large: {price}'}}}"
    with ChatServer(models=("test-model", "large")) as server:
        common = ("--model", "test-model", "--set", "rewriter.model=large", "--base-url", server.url, "--set", prices)
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", *common, "--set", "checks=[]")
        assert rmboost(*run, "--estimate", "--summary", tmp_path / "e.json").code == 0
        assert rmboost(*run, "--summary", tmp_path / "s.json").code == 0
    forecast, whole = (json.loads((tmp_path / name).read_text()) for name in ("e.json", "s.json"))
    assert (forecast["forecast"]["cost"] is not None) is known
    if known:
        rest = whole["cost"] - forecast["cost"]
        assert forecast["forecast"]["cost"]["low"] < rest < forecast["forecast"]["cost"]["high"]


def test_a_server_that_only_fails_stops_the_run_before_the_list_is_burnt(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    def fail(_: Call) -> Fault:
        return Fault(status=500, message="out of memory", headers={"Retry-After": "0"})

    with ChatServer(script=fail) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run, "--max-failures", "3", "--concurrency", 2)
        assert done.code == 4
        assert "3 calls in a row were given up, the last:" in done.err and "out of memory" in done.err
        assert len(server.calls) <= 5 * 6
        server.script = ()
        assert rmboost(*run).code == 5, "two jobs had failed before it was clear that all do"
        assert rmboost(*run).code == 0
    assert len(read_jsonl(tmp_path / "o.jsonl")) == 24


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, headers={"Retry-After": "7200"}),
        Fault(headers={"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2h"}),
    ],
    ids=["asked for", "quota"],
)
def test_a_wait_of_hours_is_said_and_not_slept(rmboost: Shell, prompts: Path, tmp_path: Path, fault: Fault) -> None:
    with ChatServer(script=lambda _: fault) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        done = rmboost(*run)
    assert done.code == 4
    assert "asks to come back in 2 h" in done.err
    assert done.err.split("error: ")[1].count(server.url) == 1
