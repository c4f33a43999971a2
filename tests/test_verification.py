"""Verification while generating: which pairs are judged, what becomes of them, and what is said of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chat_server import Call, ChatServer, Fault
from conftest import Shell, read_jsonl, write_jsonl
from rmboost import aspects, config
from rmboost.errors import ConfigError
from rmboost.judges import Judge, Verdict, judge
from rmboost.labels.noise import Marks, corrected
from rmboost.labels.verification import Sample, Verify, column, evidence
from rmboost.records import Drop, Job, Message, Pair, Prompt, Response

TURN: Message = {"role": "user", "content": "Why?"}
GOOD, BAD = Response("good", "m", call=0), Response("bad", "m", call=1)
PAIR = Pair(Prompt("p", (TURN,), True), GOOD, BAD, "rmboost", "worse", ("honesty",))
JUDGED = ("--model", "fake", "--set", "checks=[]", "--verify")


class Fixed(Judge):
    """Says what it is told to; the aspects that it was asked about stand in ``problem``."""

    shown: tuple[float | None, float | None]

    @property
    def roles(self) -> tuple[str, ...]:
        return ("judge",)

    async def compare(self, prompt: Prompt, first: str, second: str, ask: Any, aspects: Any = ()) -> Verdict:
        assert (prompt, first, second, ask) == (PAIR.prompt, "good", "bad", _no_ask)
        return Verdict(self.shown, 2, True, "j", problem=" ".join(aspect.name for aspect in aspects))


async def _no_ask(*_: Any, **__: Any) -> Response:
    raise AssertionError


def verify(ahead: float | None, behind: float | None, **options: Any) -> Pair | Drop:
    return asyncio.run(Verify(judge=Fixed(shown=(ahead, behind)), **options).run(PAIR, _no_ask))


# What becomes of a pair


@pytest.mark.parametrize("policy", ["flag", "drop", "flip"])
@pytest.mark.parametrize("shown", [(0.9, 0.8), (0.9, 0.2), (None, 0.9)], ids=["agrees", "ties", "unreadable"])
def test_only_a_contradiction_has_consequences(policy: str, shown: tuple[float | None, float | None]) -> None:
    judged = verify(*shown, policy=policy)
    assert isinstance(judged, Pair)
    assert (judged.chosen.text, judged.evidence["judge"]["flipped"]) == ("good", False)


def test_a_contradicted_pair_is_flagged() -> None:
    judged = verify(0.2, 0.1)
    assert isinstance(judged, Pair)
    assert judged.chosen.text == "good"
    assert column(judged.evidence) == {
        "winner": "rejected",
        "p_chosen": 0.15,
        "p_shown_first": 0.2,
        "p_shown_second": 0.1,
        "orders_agree": True,
        "votes": 2,
        "model": "j",
        "flipped": False,
    }


def test_or_dropped_for_good_with_the_second_response_to_blame() -> None:
    drop = verify(0.2, 0.1, policy="drop")
    assert drop == Drop("judge-disagrees", "j prefers the rejected response: p_chosen 0.15", 1)
    assert Verify(judge=Fixed(shown=(0.5, 0.5))).on_fail == "drop"


def test_or_flipped_and_the_verdict_with_it() -> None:
    judged = verify(0.2, 0.1, policy="flip")
    assert isinstance(judged, Pair)
    assert (judged.chosen.text, judged.rejected.text) == ("bad", "good")
    assert (judged.first.text, judged.label) == ("good", "worse"), "what was ordered stays on record"
    found = judged.evidence["judge"]
    assert (found["winner"], found["p_chosen"], found["flipped"]) == ("chosen", 0.85, True)
    assert (found["p_shown_first"], found["p_shown_second"]) == (0.9, 0.8)


def test_or_flipped_and_what_a_method_noted_of_the_sides_with_it() -> None:
    noted = {
        "p_chosen": 0.9,
        "p_shown_first": 0.95,
        "p_shown_second": 0.85,
        "margin": 1.5,
        "confidence": 0.75,
        "chosen_scores": {"honesty": 5.0},
        "rejected_scores": {"honesty": 3.5},
        "exchanged": False,
        "scores": [5.0, 3.5],
        "similarity": 0.4,
    }
    judge = Fixed(shown=(0.2, 0.1))
    judged = asyncio.run(Verify(judge=judge, policy="flip").run(replace(PAIR, evidence=noted), _no_ask))
    assert isinstance(judged, Pair)
    assert {name: judged.evidence[name] for name in noted} == {
        "p_chosen": 0.1,
        "p_shown_first": 0.15,
        "p_shown_second": 0.05,
        "margin": -1.5,
        "confidence": 0.25,
        "chosen_scores": {"honesty": 3.5},
        "rejected_scores": {"honesty": 5.0},
        "exchanged": True,
        "scores": [5.0, 3.5],
        "similarity": 0.4,
    }


@pytest.mark.parametrize("method", ["rlaif", "west-of-n", "ultrafeedback", "self-rewarding", "rlcd"])
def test_rows_of_a_judge_or_a_scorer_say_the_same_of_a_text_whichever_side_it_is_on(
    rmboost: Shell, prompts: Path, tmp_path: Path, method: str
) -> None:
    more = ("--method", method, "--set", "method.rescore=true") if method == "rlcd" else ("--method", method)
    rows = {}
    for policy in ("flag", "flip"):
        output = tmp_path / f"{policy}.jsonl"
        rmboost("generate", prompts, "-o", output, *JUDGED, "all", *more, "--set", f"verify.policy={policy}")
        rows[policy] = read_jsonl(output)
    assert any(row["judge"]["flipped"] for row in rows["flip"])
    for flagged, row in zip(rows["flag"], rows["flip"], strict=True):
        before, after = (json.loads(each["rmboost"]["evidence"]) for each in (flagged, row))
        names = before.keys() & {"p_chosen", "margin"}
        assert names
        for name in names:
            turned = 1 - before[name] if name == "p_chosen" else -before[name]
            assert after[name] == pytest.approx(turned if row["judge"]["flipped"] else before[name])


def test_a_verdict_exchanged_twice_is_itself() -> None:
    verdict = Verdict((0.25, None), 1, True, "j", members=(Verdict((0.5, 0.75), 2, True, "j"),))
    assert verdict.exchanged.exchanged == verdict
    assert evidence(verdict.exchanged)["members"][0]["p_chosen"] == 0.375


def test_the_judge_is_asked_about_the_pairs_aspects_or_about_the_whole() -> None:
    about = verify(0.9, 0.9, aspects=aspects.load("general"))
    whole = verify(0.9, 0.9)
    other_set = verify(0.9, 0.9, aspects=aspects.load("code"))
    assert isinstance(about, Pair) and isinstance(whole, Pair) and isinstance(other_set, Pair)
    assert about.evidence["judge"]["problem"] == "honesty"
    assert "problem" not in whole.evidence["judge"]
    assert "problem" not in other_set.evidence["judge"], "an aspect of another set has no definition here"


# Which pairs are judged


def jobs(count: int) -> list[Job]:
    return [Job(Prompt(f"p{index}", ()), index) for index in range(count)]


def drawn(text: str, count: int = 200, seed: int = 0) -> set[str]:
    sample = Sample.draw(text, iter(jobs(count)), seed)
    return {job.key for job in jobs(count) if job in sample}


def test_all_of_them_or_exactly_so_many_or_about_a_share() -> None:
    assert len(drawn("all")) == len(drawn("100%")) == 200
    assert len(drawn("17")) == 17
    assert len(drawn("500")) == 200
    assert 20 <= len(drawn("20%")) <= 60


def test_a_sample_depends_on_the_seed_and_the_keys_and_grows_without_a_loss() -> None:
    assert drawn("20") < drawn("40") < drawn("60%", 200) | drawn("60")
    assert drawn("20") != drawn("20", seed=1)
    backwards = Sample.draw("20", reversed(jobs(200)), 0)
    assert {job.key for job in jobs(200) if job in backwards} == drawn("20")


@pytest.mark.parametrize("text", ["0", "-3", "0%", "101%", "nan%", "some", "10%%", "10 % of them", "1.5", ""])
def test_what_is_no_sample_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="neither all, nor a number of pairs"):
        config.load(sets=[f"verify.sample='{text}'"])


# The whole command


def test_every_pair_judged_and_the_noise_told(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "all", "--summary", tmp_path / "s.json")
    assert done.code == 0, done.err
    assert "judge: the same model as the one that writes" in done.err
    rows = read_jsonl(tmp_path / "o.jsonl")
    winners = [row["judge"]["winner"] for row in rows]
    assert {"chosen", "rejected", "tie"} == set(winners)
    assert f"n={len(rows)}), {winners.count('tie')} ties" in done.err
    noise = json.loads((tmp_path / "s.json").read_text())["noise"]
    assert noise["total"]["all"]["wrong"] == winners.count("rejected")
    assert {"better", "worse"} == set(noise["label"])
    assert len(noise["aspect"]) == 6
    manifest = json.loads((tmp_path / "o.run" / "manifest.json").read_text())
    assert manifest["leakage"] == {"judge": "the same model"}
    assert manifest["summary"]["noise"] == noise
    assert json.loads(rows[0]["rmboost"]["evidence"])["judge"]["tokens"]["prompt"] > 0


def test_a_sample_leaves_the_other_rows_as_they_were_with_the_same_keys(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    rmboost("generate", prompts, "-o", tmp_path / "plain.jsonl", "--model", "fake", "--set", "checks=[]")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "6")
    assert "54 calls made now" not in done.err and f"{24 * 2 + 6 * 2} calls made now" in done.err
    rows, plain = read_jsonl(tmp_path / "o.jsonl"), read_jsonl(tmp_path / "plain.jsonl")
    assert len([row for row in rows if row["judge"]["winner"]]) == 6
    assert len({tuple(row["judge"]) for row in rows}) == 1
    assert all("judge" not in row for row in plain)
    for row, before in zip(rows, plain, strict=True):
        judged = row.pop("judge")
        if judged["winner"] is None:
            assert row == before
            assert set(judged.values()) == {None}


def test_verified_later_only_the_judge_is_asked(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--set", "checks=[]")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "all")
    assert "48 calls made now, 48 answered by the journal" in done.err
    again = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "all")
    assert "no call was made" in again.err
    assert again.err.count("label noise") == done.err.count("label noise") > 0, "the counts survive a restart"


@pytest.mark.parametrize("policy", ["drop", "flip"])
def test_the_noise_is_that_of_the_labels_as_ordered_whatever_becomes_of_the_pairs(
    rmboost: Shell, prompts: Path, tmp_path: Path, policy: str
) -> None:
    def noise(name: str, *more: str) -> Any:
        summary = tmp_path / f"{name}.json"
        rmboost("generate", prompts, "-o", tmp_path / f"{name}.jsonl", *JUDGED, "all", *more, "--summary", summary)
        return json.loads(summary.read_text())["noise"]

    flagged, changed = noise("flag"), noise("other", "--set", f"verify.policy={policy}")
    assert changed == flagged
    rows = read_jsonl(tmp_path / "other.jsonl")
    contradicted = flagged["total"]["all"]["wrong"]
    assert not [row for row in rows if row["judge"]["winner"] == "rejected"]
    if policy == "drop":
        assert len(rows) == 24 - contradicted
        rejects = read_jsonl(tmp_path / "other.run" / "rejects.jsonl")
        assert [row["reason"] for row in rejects] == ["judge-disagrees"] * contradicted
    else:
        assert len([row for row in rows if row["judge"]["flipped"]]) == contradicted


@pytest.mark.parametrize("sample", ["all", "12"])
def test_a_report_counts_what_a_sample_changed_as_it_stands_for_the_rest(
    rmboost: Shell, prompts: Path, tmp_path: Path, sample: str
) -> None:
    def found(policy: str) -> tuple[float, tuple[float, int]]:
        output = tmp_path / f"{policy}.jsonl"
        rmboost("generate", prompts, "-o", output, *JUDGED, sample, "--set", f"verify.policy={policy}")
        figures = json.loads(rmboost("report", output, "--json").out)["figures"]
        return figures["label_noise"]["value"], (figures["judge_ties"]["value"], figures["judge_ties"]["n"])

    (flagged, ties), (dropped, left), (flipped, _) = map(found, ("flag", "drop", "flip"))
    assert flagged > 0
    assert dropped == flipped == (0 if sample == "all" else flagged)
    assert (left == ties) == (sample != "all"), "ties are a share of the verdicts that the noise is counted over"


@pytest.mark.parametrize("method", ["rmboost", "constitutional"])
def test_a_pair_that_the_judge_dropped_counts_where_its_label_does(
    rmboost: Shell, prompts: Path, tmp_path: Path, method: str
) -> None:
    """A method that orders no label gives one all the same."""
    found = []
    for policy in ("flag", "drop"):
        output = tmp_path / f"{policy}.jsonl"
        options = (*JUDGED, "12", "--method", method, "--set", f"verify.policy={policy}")
        rmboost("generate", prompts, "-o", output, *options)
        found.append(json.loads(rmboost("report", output, "--json").out)["figures"]["label_noise.better"]["value"])
    assert found[0] == found[1] > 0


def test_a_judge_that_is_not_there_is_found_before_the_first_answer_is_paid(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    with ChatServer() as server:
        endpoint = ("--base-url", server.url, "--model", "test-model", "--set", "judge.model=tset-model")
        done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *endpoint, "--verify", "3")
        assert (done.code, "tset-model" in done.err, len(server.calls)) == (4, True, 0)
        assert rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *endpoint).code == 0, "nobody asks the judge"


def no_judge(call: Call) -> Fault | None:
    """A server whose model never gives a verdict."""
    judging = "A or B" in call.body["messages"][-1]["content"]
    return Fault(choice={"message": {"role": "assistant", "content": "Both."}}) if judging else None


def test_a_judge_that_cannot_be_read_costs_no_pair_and_is_no_score(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    with ChatServer(no_judge) as server:
        endpoint = ("--base-url", server.url, "--model", "test-model", "--set", "checks=[]")
        done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *endpoint, "--verify", "all")
    assert "– (n=0), 24 unreadable" in done.err
    rows = read_jsonl(tmp_path / "o.jsonl")
    assert {(row["judge"]["winner"], row["judge"]["p_chosen"], row["judge"]["votes"]) for row in rows} == {
        ("unreadable", None, 0)
    }
    assert "neither A nor B" in json.loads(rows[0]["rmboost"]["evidence"])["judge"]["problem"]


def test_a_server_without_probabilities_is_asked_for_votes(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    def refuse(call: Call) -> Fault | None:
        return Fault(status=400, message="logprobs are not supported") if "logprobs" in call.body else None

    with ChatServer(refuse) as server:
        endpoint = ("--base-url", server.url, "--model", "test-model", "--set", "checks=[]")
        done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *endpoint, "--limit", "4", "--verify", "all")
    assert done.code == 0, done.err
    assert [row["judge"]["votes"] for row in read_jsonl(tmp_path / "o.jsonl")] == [6] * 4


def test_another_judge_and_a_panel_by_settings(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    settings = tmp_path / "c.yaml"
    settings.write_text(
        "model: fake\nchecks: []\njudge: {model: 'fake:qwen3'}\njudges: {llama: {model: 'fake:llama3'}}\n"
        "verify: {sample: 4, judge: {name: panel, members: [judge, llama]}}\n"
    )
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "-c", settings)
    assert done.code == 0, done.err
    assert "as the one that writes" not in done.err
    judged = [row for row in read_jsonl(tmp_path / "o.jsonl") if row["judge"]["winner"]]
    assert {(row["judge"]["model"], row["judge"]["votes"]) for row in judged} == {("qwen3 + llama3", 4)}
    assert len(json.loads(judged[0]["rmboost"]["evidence"])["judge"]["members"]) == 2


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (["verify.judge={name: panel, members: [judge, nobody]}"], "no role 'nobody'"),
        (["verify.judge=oracle"], "unknown judge 'oracle'"),
        (["verify.judge.vots=3"], "vots: no such option"),
        (["verify.policy=guess"], "verify.policy"),
        (["judges.checks.model=fake"], "is the name of a setting"),
        (["verify.gold=nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_cannot_be_is_said_before_the_first_call(
    rmboost: Shell, prompts: Path, tmp_path: Path, sets: list[str], message: str
) -> None:
    options = [part for each in sets for part in ("--set", each)]
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "all", *options)
    assert (done.code, message in done.err) == (2, True), done.err
    assert not (tmp_path / "o.jsonl").exists()


def test_a_mistake_in_a_judges_template_is_found_before_the_first_call(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    (tmp_path / "judge").mkdir()
    (tmp_path / "judge" / "pairwise.md.j2").write_text('{% turn "user" %}{{ promt.text }}{% endturn %}')
    options = ("--set", f"prompts={tmp_path}", *JUDGED, "all")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *options)
    assert (done.code, "template judge/pairwise: 'promt' is undefined" in done.err) == (2, True), done.err


@pytest.mark.parametrize("typed", ["strict", "./strict/", "/strict"])
def test_a_judge_may_have_a_folder_of_questions(rmboost: Shell, prompts: Path, tmp_path: Path, typed: str) -> None:
    own = tmp_path / "mine"
    (own / "strict").mkdir(parents=True)
    (own / "strict" / "pairwise.md.j2").write_text('{% turn "user" %}A: {{ a }} B: {{ b }} Which? {% endturn %}')
    options = (*JUDGED, "all", "--set", f"prompts={own}", "--set", f"verify.judge.templates={typed}")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *options)
    assert (done.code, "stands for no template" in done.err) == (0, False), done.err
    settings = json.loads((tmp_path / "o.run" / "manifest.json").read_text())["settings"]
    assert [name for name in settings["templates"] if "pairwise" in name] == ["strict/pairwise"]
    assert rmboost("verify", tmp_path / "o.jsonl").code == 0
    done = rmboost("generate", prompts, "-o", tmp_path / "p.jsonl", *options[:-1], "verify.judge.templates=strikt")
    assert (done.code, "no template 'strikt/pairwise'" in done.err, "strict/pairwise" in done.err) == (2, True, True)
    assert not (tmp_path / "p.jsonl").exists()


@pytest.mark.parametrize("typed", ["", ".", "/"])
def test_the_folder_of_all_templates_has_no_questions(typed: str) -> None:
    with pytest.raises(ConfigError, match="names no folder"):
        judge("pairwise", templates=typed)


def test_gold_data_frees_the_noise_of_the_judges_mistakes(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    def judged(winner: str, model: str = "fake") -> dict[str, Any]:
        return {"prompt": "p", "chosen": "x", "rejected": "y", "judge": {"winner": winner, "model": model}}

    winners = ["chosen"] * 70 + ["rejected"] * 20 + ["tie"] * 10
    gold = write_jsonl(tmp_path / "gold.jsonl", [judged(winner) for winner in winners])
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "all")
    done = rmboost(*command, "--set", f"verify.gold={gold}")
    assert "freed of the judge's mistakes" in done.err
    assert "not the judge here" not in done.err
    write_jsonl(gold, [judged(winner, "gpt-x") for winner in winners])
    assert "was judged by gpt-x, which is not the judge" in rmboost(*command, "--set", f"verify.gold={gold}").err
    write_jsonl(gold, [judged(winner) for winner in ("chosen", "rejected")])
    assert "no better than a coin" in rmboost(*command, "--set", f"verify.gold={gold}").err
    write_jsonl(gold, [{"chosen": "x", "rejected": "y"}])
    assert "holds no verdict" in rmboost(*command, "--set", f"verify.gold={gold}").err


@pytest.mark.parametrize(
    ("about", "gold_about", "apart"),
    [("aspects", None, True), ("overall", None, False), ("overall", "aspects", True), ("aspects", "aspects", False)],
)
def test_gold_pairs_that_were_asked_about_otherwise_correct_nothing(
    rmboost: Shell, prompts: Path, tmp_path: Path, about: str, gold_about: str | None, apart: bool
) -> None:
    """gold_about: of gold pairs that name aspects; none: they name none, and are judged as a whole in any case."""
    named = {"aspect": "honesty"} if gold_about else {}
    rows = [{"prompt": f"{n}?", "chosen": f"good {n}", "rejected": f"bad {n}", **named} for n in range(20)]
    how = ("--model", "fake", "--gold", "--set", f"verify.about={gold_about or 'aspects'}")
    rmboost("judge", write_jsonl(tmp_path / "human.jsonl", rows), "-o", tmp_path / "gold.jsonl", *how)
    judged = read_jsonl(tmp_path / "gold.jsonl")
    for n, row in enumerate(judged):
        row["judge"]["winner"] = "rejected" if n < 2 else "chosen"
    write_jsonl(tmp_path / "gold.jsonl", judged)
    options = ("--set", f"verify.about={about}", "--set", f"verify.gold={tmp_path / 'gold.jsonl'}")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "all", *options)
    assert (f"gold.jsonl was not judged by verify.about: {about}, as here" in done.err) is apart
    assert ("freed of the judge's mistakes" in done.err) is not apart
    found = json.loads(rmboost("report", tmp_path / "o.jsonl", "--json").out)["figures"]["label_noise_corrected"]
    assert (found["value"] is None, "on their aspects" in found.get("why", "")) == (apart, apart)


def test_a_judge_that_chose_the_pairs_stops_a_pipeline_by_what_it_left(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    """It was 0 (0–0) by construction, and passed."""
    winners = ["chosen"] * 140 + ["rejected"] * 20 + ["tie"] * 40
    rows = [
        {"prompt": f"{n}", "chosen": "x", "rejected": "y", "judge": {"winner": winner, "model": "fake"}}
        for n, winner in enumerate(winners)
    ]
    gold = write_jsonl(tmp_path / "gold.jsonl", rows)
    output, options = tmp_path / "o.jsonl", (*JUDGED, "all", "--set", "verify.policy=drop")
    rmboost("generate", prompts, "-o", output, *options, "--summary", tmp_path / "s.json")
    counts = json.loads((tmp_path / "s.json").read_text())["noise"]["total"]["all"]
    judged = Marks(*(counts[name] for name in ("right", "wrong", "tie", "unreadable")))
    done = rmboost("report", output, "--json", "--gold", gold, "--fail-on", "label_noise_corrected>0.01")
    left = corrected(judged, Marks(140, 20, 40), policy="drop")
    assert left is not None and left.value > 0.01
    assert json.loads(done.out)["figures"]["label_noise_corrected"]["value"] == pytest.approx(left.value)
    assert done.code == 8
    unknown = rmboost("report", output, "-o", tmp_path / "r.html", "--fail-on", "label_noise_corrected>0.01")
    assert (unknown.code, "was not measured (no gold data given)" in unknown.err) == (8, True)
    assert "How often the labels are wrong was not measured." in unknown.out


def test_other_definitions_of_the_aspects_are_judged_anew(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    set_of = "description: Ours.\naspects: [{name: clarity, definition: %s, better: b, worse: w}]\n"
    options = ("--aspects", own, "--set", "verify.about=aspects", "--set", "method.style=plan")
    own.write_text(set_of % "Whether it is clear.")
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "all", *options)
    assert rmboost(*command).code == 0
    assert "no call was made" in rmboost(*command).err
    own.write_text(set_of % "Whether a child would understand it.")
    assert "verify.definitions" in rmboost(*command).err


def test_gold_data_of_later_changes_no_row(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", *JUDGED, "all")
    rmboost(*command)
    rmboost("judge", tmp_path / "o.jsonl", "-o", tmp_path / "gold.jsonl", "--model", "fake")
    done = rmboost(*command, "--set", f"verify.gold={tmp_path / 'gold.jsonl'}")
    assert "no call was made" in done.err
    assert "changed since" not in done.err


def test_the_dry_run_shows_what_the_judge_would_be_asked(rmboost: Shell, prompts: Path) -> None:
    done = rmboost("generate", prompts, *JUDGED, "all", "--dry-run")
    assert done.code == 0, done.err
    assert done.out.count("template judge/pairwise") == 2
