"""Settings: layered, checked, and refused with a suggestion."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from conftest import Shell
from rmboost import config, generate
from rmboost.errors import ConfigError
from rmboost.resources import parse_yaml
from rmboost.run import roles


def from_yaml(
    tmp_path: Path, text: str, flags: dict[str, Any] | None = None, sets: tuple[str, ...] = ()
) -> config.Config:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    return config.load(path, flags, sets)


def test_parts_that_are_named_again_and_again_are_looked_at_once() -> None:
    lists = "".join(f"\n- &a{n + 1} [*a{n}, *a{n}]" for n in range(60))  # 2^60 paths
    found = parse_yaml(f"- &a0 [1]{lists}")
    assert len(found) == 61
    assert found[60][0] is found[59]


def test_flags_win_over_the_file_and_sets_over_flags(tmp_path: Path) -> None:
    text = "seed: 1\nmodel: a\nrewriter: {temperature: 0.1, top_p: 0.9}\n"
    merged = from_yaml(tmp_path, text, {"seed": 2, "model": "b", "concurrency": None}, ("model=c",))
    assert (merged.seed, merged.model, merged.concurrency) == (2, "c", "auto")
    assert from_yaml(tmp_path, text, {}, ("rewriter.temperature=0.7",)).rewriter.sampling == {
        "temperature": 0.7,
        "top_p": 0.9,
    }


@pytest.mark.parametrize(
    ("assignment", "read"),
    [
        ("checks=[]", lambda c: c.checks == ()),
        (
            "checks=[form, {name: similarity, maximum: 0.8}]",
            lambda c: c.checks[1] == {"name": "similarity", "maximum": 0.8},
        ),
        ("method.style=plan", lambda c: c.method == {"name": "rmboost", "style": "plan"}),
        ("method=other", lambda c: c.method == {"name": "other"}),
        ("rewriter.extra.top_k=20", lambda c: c.rewriter.sampling == {"top_k": 20}),
        ("input.limit=5", lambda c: c.input.limit == 5),
        ("responder.model=local:x", lambda c: c.responder.model == "local:x"),
    ],
)
def test_anything_can_be_set(assignment: str, read: Any) -> None:
    assert read(config.load(sets=[assignment]))


def test_another_method_drops_the_options_of_the_one_in_the_file(tmp_path: Path) -> None:
    text = "method: {name: rmboost, style: plan}\n"
    assert from_yaml(tmp_path, text, {"method.name": "rlcd"}).method == {"name": "rlcd"}
    assert from_yaml(tmp_path, text, {"method.name": "rmboost"}).method == {"name": "rmboost", "style": "plan"}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("sed: 1", "sed: no such option", "'seed'"),
        ("rewriter: {temprature: 1}", "rewriter.temprature: no such option", "'temperature'"),
        ("rewritter: {temperature: 1}", "rewritter: no such option", "'rewriter'"),
        ("responder: {tries: 1}", "responder.tries: no such option", "tries stands by itself, not under responder"),
        ("responder: {top_k: 20}", "responder.top_k: no such option", "go into extra: --set responder.extra.top_k=…"),
        ("judges: {mine: {stop: x}}", "judges.mine.stop: no such", "go into extra: --set judges.mine.extra.stop=…"),
        ("judge: {mirostat_eta: 1}", "judge.mirostat_eta: no such", "go into extra: --set judge.extra.mirostat_eta=…"),
        (
            "judge: {votes: 5}",
            "judge.votes: no such option",
            "it is of the judge, not of its model: verify.judge.votes",
        ),
        (
            "votes: 5",
            "votes: no such",
            "method.votes of self-rewarding (in Python method__votes) or verify.judge.votes",
        ),
        ("responder:\n  model:\nrewriter: [x]", "rewriter: a mapping of names to values is meant, not a list", ""),
        ("judge: {n: 2}", "judge.n: no such option", "one answer is read of each request"),
        ("judge: {top_p: 20}", "judge.top_p: Input should be less than or equal to 1", ""),
        ("judge: {temperature: .inf}", "judge.temperature: Input should be a finite number", ""),
        ("limit: 3", "limit: no such option", "it stands further down: input.limit (in Python input__limit)"),
        ("skip-bad-lines: true", "skip-bad-lines: no such", "input.skip_bad_lines (in Python input__skip_bad_lines)"),
        (
            "aspects: helpsteer",
            "aspects: no such option",
            "(in Python method__aspects) or verify.aspects",
        ),
        ("style: plan", "style: no such option", "method.style of rmboost (in Python method__style)"),
        ("max_calls: 9", "max_calls: no such option", "ceilings.max_calls (in Python ceilings__max_calls)"),
        ("top_k: 9", "top_k: no such option", "responder.extra.top_k (in Python responder__extra__top_k)"),
        ("temperature: 1", "temperature: no such option", "(in Python responder__temperature) or rewriter.temperature"),
        ("verify: 10%", "verify: a mapping of names to values is meant, not a text", "verify: {sample: 10%}"),
        ("verify: all", "verify: a mapping of names to values is meant, not a text", "verify: {sample: all}"),
        ("verify: many", "verify: a mapping of names to values is meant, not a text", "verify: {sample: …}"),
        ("verify: true", "verify: a mapping of names to values is meant, not true or false", "verify: {sample: …}"),
        ("judge: gemma", "judge: a mapping of names to values is meant, not a text", "judge: {model: gemma}"),
        ("judge: a@b", "judge: a mapping of names to values is meant, not a text", "judge: {model: …}"),
        ("prices: {m: 3}", "prices.m: a mapping of names to values is meant, not a number", "{input: …, output: …}"),
        ("weights: [a]", "weights: a mapping of names to values is meant, not a list", ""),
        ("concurrency: many", "concurrency: 'many' is neither auto nor a number of calls", ""),
        ("concurrency: 0", "concurrency: 0 is neither auto nor a number of calls", ""),
        ("seed: many", "seed: Input should be a valid integer", ""),
        ("rewriter: {temperature: -1}", "rewriter.temperature: Input should be greater", ""),
        (f"input: {{limit: {10**20}}}", "input.limit: Input should be less than or equal to", ""),
        ("- a list", "expected a mapping", ""),
        ("model:fake", "expected a mapping", "a space is missing after 'model:'"),
        ("responder:\n  model:fake", "responder: a mapping", "a space is missing after 'model:'"),
        ("prices: {m: {input:2, output:8}}", "a space is missing after 'input:'\n  line 1, column 14", ""),
        ("responder:\n  options: {since: 2024-05-01}", "'2024-05-01' is a timestamp; put it into quotes", ""),
        ("responder: {extra: {x: .nan}}", "'x' cannot be sent as JSON: Out of range float values", "numbers, texts"),
        ("responder: {extra: {x: [{y: -.inf}]}}", "'x' cannot be sent as JSON", ""),
        ("responder: {extra: {x: !!binary aGk=}}", "'aGk=' is a binary; put it into quotes", ""),
        ("responder: {extra: {2024-05-01: 1}}", "'2024-05-01' is a timestamp", ""),
        ("seed: 1\ndraws: 2\nseed: 3", "is not YAML: 'seed' is given twice\n  line 3, column 1", ""),
        ("writers:\n- {model: a, seed: 1, model: b}", "'model' is given twice\n  line 2, column 23", ""),
        ("seed: 2024-13-45", "is a timestamp; put it into quotes if it is a text\n  line 1, column 7", ""),
        ("writers: &a [*a]", "is not YAML: maximum recursion depth exceeded", ""),
        ("seed: 1\n  draws: 2", "is not YAML: mapping values are not allowed in this context\n  line 2, column 8", ""),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_yaml(tmp_path, text)
    assert message in caught.value.message
    assert hint in caught.value.hint


REFUSED = {
    "model": "the model of a role is a setting of its own: model",
    "messages": "what is asked stands in templates",
    "stream": "answers are read as a whole",
    "n": "repetitions",
    "seed": "extra.seed: null leaves it out",
    "extra_body": "its content goes straight into extra",
    "extra_headers": "headers_env",
    "headers": "headers_env",
    "Authorization": "api_key_env",
    "api_key": "api_key_env",
}


def test_the_settings_of_a_call_from_python_may_be_a_mapping(tmp_path: Path) -> None:
    given = {"model": "fake", "method": "rlcd", "input": {"limit": 3}, "rewriter": {"temperature": 0.1}}
    before = deepcopy(given)
    texts = [f"Why is {number} a number?" for number in range(5)]
    summary = generate(texts, tmp_path / "o.jsonl", given, rewriter__temperature=0.9, input__limit=2)
    assert (summary.prompts, given) == (2, before)
    manifest = json.loads((tmp_path / "o.run" / "manifest.json").read_text())
    assert (manifest["config"]["method"]["name"], manifest["config"]["rewriter"]["temperature"]) == ("rlcd", 0.9)
    with pytest.raises(ConfigError, match="limit: no such option") as caught:
        generate(texts, tmp_path / "o.jsonl", {"limit": 3})
    assert "input__limit" in caught.value.hint


@pytest.mark.parametrize(("name", "hint"), REFUSED.items())
def test_what_would_break_a_request_or_make_its_files_lie_is_no_parameter(name: str, hint: str) -> None:
    for role in ("responder", "judges.mine"):
        with pytest.raises(ConfigError) as caught:
            config.load(flags={f"{role}.extra": {"top_k": 20, name: "sk-canary"}})
        assert caught.value.message == f"settings: {role}.extra: {name!r} cannot be set here"
        assert hint in caught.value.hint and "canary" not in str(caught.value)


def test_a_parameter_that_is_sent_by_default_can_be_left_out() -> None:
    extra = {"seed": None, "logprobs": None, "max_completion_tokens": 9, "chat_template_kwargs": {"thinking": False}}
    assert config.load(flags={"judge.extra": extra}).judge.sampling == extra


def test_a_date_without_quotes_is_no_value_on_the_command_line() -> None:
    with pytest.raises(ConfigError, match=r"--set responder.options.since: '2024-05-01' is not a YAML value") as caught:
        config.load(None, {}, ["responder.options.since=2024-05-01"])
    assert caught.value.hint == "--set 'responder.options.since=\"…\"'"


@pytest.mark.parametrize("given", ["prices={m: {input:2, output: 8}}", "method={name: rmboost"])
def test_a_mapping_on_the_command_line_is_not_to_be_a_text(given: str) -> None:
    with pytest.raises(ConfigError, match=r"is not a YAML value: (a space is missing after|did not find)") as caught:
        config.load(None, {}, [given])
    assert not caught.value.hint


def test_a_setting_without_a_value_is_left_at_its_default(tmp_path: Path) -> None:
    assert from_yaml(tmp_path, "method:\nchecks:\nrewriter:\nseed: 3\n") == config.Config(seed=3)


KEYS = ["sk-canary-123", "canary_Ab3", "SK-CANARY", "canary key"]
SECRETS = {
    **{f"--set {role}.api_key_env={key}": key for role in ("judge", "judges.mine") for key in KEYS},
    **{f"--set responder.headers_env={{X-Key: '{key}'}}": key for key in KEYS},
    "--base-url http://127.0.0.1:9/v1?api_key=canary": "canary",
    "--base-url http://127.0.0.1:9/v1#canary": "canary",
    "--base-url http://me:canary@127.0.0.1:9/v1": "canary",
    "--base-url http://me:canary@127.0.0.1:9/v1,weight=x": "canary",
    "--set judge.base_url=http://127.0.0.1:9/v1?canary": "canary",
    "--set rewriter.options.api_key=canary": "canary",
}


@pytest.mark.parametrize("given", SECRETS)
def test_a_key_in_a_wrong_place_is_refused_before_anything_is_written_and_never_repeated(
    rmboost: Shell, prompts: Path, tmp_path: Path, given: str
) -> None:
    run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "m", *given.split(" ", 1))
    done = rmboost(*run, "--log-file", tmp_path / "o.log")
    assert (done.code, "hint:" in done.err or "no such option" in done.err) == (2, True), done.err
    assert SECRETS[given] not in done.out + done.err
    assert not (tmp_path / "o.run").exists()


def test_an_address_from_the_environment_that_holds_a_key_is_not_repeated(
    rmboost: Shell, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1?api_key=canary")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "m")
    assert (done.code, "canary" in done.err, (tmp_path / "o.run").exists()) == (2, False, False), done.err


def test_a_variable_in_small_letters_is_one_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("my_key", "sk-canary")
    assert config.load(flags={"judge.api_key_env": "my_key"}).judge.api_key_env == "my_key"
    assert config.load(flags={"judge.api_key_env": "NOT_SET_2"}).judge.api_key_env == "NOT_SET_2"


@pytest.mark.parametrize("assignment", ["temperature", "=1", "seed=[1", "seed=2024-13-45", "seed.x=1", "model=[1,2]"])
def test_mistakes_in_a_set_are_named(assignment: str) -> None:
    with pytest.raises(ConfigError):
        config.load(flags={"seed": 1}, sets=[assignment])


def test_a_name_in_a_file_has_no_room_for_an_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"verify\.judge\.votes: judge is a single value") as caught:
        from_yaml(tmp_path, "verify: {judge: pairwise}", {"verify.judge.votes": 3})
    assert caught.value.hint == "judge: {name: pairwise} has room for more"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read: No such file"):
        config.load(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize(
    ("settings", "style", "kinds"),
    [
        ({"model": "fake"}, "plan", ("fake", "fake")),
        ({}, "direct", ("local", "local")),
        ({"model": "local:smollm2-135m"}, "direct", ("local", "local")),
        ({"model": "local", "method": {"name": "rmboost", "style": "plan"}}, "plan", ("local", "local")),
        ({"model": "local:/models/qwen3-14b.gguf"}, "plan", ("local", "local")),
        (
            {"model": "meta/llama", "base_url": "http://x/v1", "rewriter": {"model": "local"}},
            "direct",
            ("openai", "local"),
        ),
        ({"model": "gpt-x"}, "plan", ("openai", "openai")),
    ],
)
def test_roles_resolve_to_models_and_a_style(settings: dict[str, Any], style: str, kinds: tuple[str, str]) -> None:
    resolved = roles.resolve(config.load(flags=settings))
    assert resolved.method["style"] == style
    assert (roles.kind(resolved.responder), roles.kind(resolved.rewriter)) == kinds


def test_roles_with_the_same_model_share_a_backend() -> None:
    resolved = roles.resolve(config.load(flags={"model": "fake", "rewriter.temperature": 1.0}))
    seats = roles.seats(resolved)
    assert seats["responder"].lines == seats["rewriter"].lines
    assert seats["rewriter"].sampling == {"temperature": 1.0}


def test_an_embedded_model_with_an_address_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="base_url"):
        roles.seats(roles.resolve(config.load(flags={"model": "local", "base_url": "http://x/v1"})))


def test_an_address_of_the_run_is_not_for_a_role_that_runs_in_this_process() -> None:
    settings = {"model": "m", "base_url": "http://x/v1", "rewriter.model": "fake"}
    assert roles.seats(roles.resolve(config.load(flags=settings)))["rewriter"].kind == "fake"


def test_a_backend_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"latencyy: no such option"):
        roles.seats(roles.resolve(config.load(flags={"model": "fake", "responder.options": {"latencyy": 1}})))


def test_what_suits_a_small_model_gives_way_to_what_the_user_sets() -> None:
    small = roles.resolve(config.load(flags={"model": "local"}))
    assert small.rewriter.sampling["temperature"] == 1.0
    assert small.rewriter.sampling["dry_multiplier"] > 0
    improving = roles.resolve(config.load(flags={"model": "local", "method.name": "synpo"}))
    assert "dry_multiplier" not in improving.rewriter.sampling, "what is improved is mostly kept to the letter"
    assert (small.drafter.model, small.method["contrast"]) == ("local:smollm2-135m", True)
    own = {"model": "local", "rewriter.temperature": 0, "rewriter.extra": {"min_p": 0.1}, "method.contrast": False}
    chosen = roles.resolve(config.load(flags=own))
    assert chosen.rewriter.sampling == {"temperature": 0, "min_p": 0.1, "max_tokens": 512}
    assert chosen.method["contrast"] is False
    assert roles.used(chosen).keys() == {"responder", "rewriter"}


def test_a_file_of_ones_own_is_not_taken_for_a_small_model() -> None:
    resolved = roles.resolve(config.load(flags={"model": "local:/models/qwen3-14b.gguf", "repeatable": True}))
    assert resolved.method["contrast"] is False
    assert resolved.rewriter.sampling == {}
    assert resolved.rewriter.options == {"repeatable": True}
    assert roles.describe(resolved) == ["model local:/models/qwen3-14b.gguf, in this process"]


def test_the_file_of_defaults_leaves_open_who_writes_first() -> None:
    path = Path(__file__).parents[1] / "configs" / "rmboost.yaml"
    plain, filed = (roles.resolve(config.load(each, {"model": "local"})).method for each in (None, path))
    assert (filed["style"], filed["contrast"]) == (plain["style"], plain["contrast"]) == ("direct", True)


def test_a_role_that_nobody_asks_needs_no_model() -> None:
    named = {"responder.model": "a", "rewriter.model": "b", "base_url": "http://127.0.0.1:9/v1"}
    resolved = roles.resolve(config.load(flags=named))
    assert {name: seat.model for name, seat in roles.seats(resolved).items()} == {
        "responder": "a",
        "rewriter": "b",
    }


@pytest.mark.parametrize("url", ["http://user:12,canary@host/v1", "http://user:canary,w@host/v1"])
def test_a_password_with_a_comma_is_not_repeated(rmboost: Shell, prompts: Path, tmp_path: Path, url: str) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--base-url", url, "--model", "m")
    assert (done.code, "holds a password" in done.err, "canary" in done.err) == (2, True, False)


def test_a_method_that_is_a_list_is_said_so(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("method: [rlaif]\n")
    run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "-c", tmp_path / "c.yaml", "--model", "fake")
    alone, named = rmboost(*run), rmboost(*run, "--method", "rlaif")
    assert (alone.code, "c.yaml: method: " in alone.err) == (2, True)
    assert named.code == 0, "what is typed takes its place"


def test_each_role_has_its_own_key_and_its_own_timeout() -> None:
    named = {
        "model": "m",
        "base_url": ("http://127.0.0.1:9/v1",),
        "rewriter": {"api_key_env": "OTHER_KEY", "timeout": 5},
    }
    seated = roles.seats(roles.resolve(config.load(None, named, ())))
    found = [seated[name].lines[0].backend.model_dump() for name in ("responder", "rewriter")]
    assert [(each["api_key_env"], each["timeout"]) for each in found] == [("OPENAI_API_KEY", 600), ("OTHER_KEY", 5)]
