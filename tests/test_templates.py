"""Templates: turns, strict variables, the sandbox, folders and digests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rmboost import aspects
from rmboost.errors import ConfigError
from rmboost.records import Message, Prompt
from rmboost.templates import SUFFIX, Templates


def write(folder: Path, name: str, source: str) -> None:
    file = folder / f"{name}{SUFFIX}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")


def render(folder: Path, source: str, **values: Any) -> tuple[Message, ...]:
    write(folder, "mine", source)
    return Templates(folder).render("mine", **values)


def prompt(text: str) -> Prompt:
    return Prompt("p", ({"role": "user", "content": text},), True)


def test_each_turn_is_a_message(tmp_path: Path) -> None:
    source = """
        {% turn "system" %}Be brief.{% endturn %}
        {% for n in [1, 2] %}
        {% turn "user" %}  Question {{ n }}  {% endturn %}
        {% turn "assistant" %}
        Answer {{ n }}
          indented
        {% endturn %}
        {% endfor %}
    """
    assert render(tmp_path, source) == (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Question 1"},
        {"role": "assistant", "content": "Answer 1\n          indented"},
        {"role": "user", "content": "Question 2"},
        {"role": "assistant", "content": "Answer 2\n          indented"},
    )


@pytest.mark.parametrize("source", ["{{ x }}", " {{ x }} ", "\n    {{ x }}\n", "\n{% if x %}\n{{ x }}\n{% endif %}\n"])
def test_the_indent_that_a_value_begins_with_is_kept(tmp_path: Path, source: str) -> None:
    turn = '{% turn "user" %}' + source + "{% endturn %}"
    assert render(tmp_path, turn, x="    return 1\n  fi")[0]["content"] == "    return 1\n  fi"
    assert render(tmp_path, turn, x="\n \r\n  a \n")[0]["content"] == "  a"
    assert render(tmp_path, turn, x=" \n ")[0]["content"] == ""


@pytest.mark.parametrize(
    "source",
    [
        "\n{% set y = 1 %}\n    Text{{ x }}",
        "\n{% if x %}\n    Text{{ x }}\n{% endif %}",
        "{% if not x %} no {% elif x %} Text{{ x }}{% else %} no{% endif %}",
        "\n  {# why #}\n  {# how #} Text{{ x }}",
        "{% set y = 1 %}{% if x %}{% set z = 1 %}\n  {% if y %}\n    Text{{ x }}{% endif %}{% endif %}",
    ],
)
def test_the_indent_of_a_template_is_not_sent(tmp_path: Path, source: str) -> None:
    turn = '{% turn "user" %}' + source + "{% endturn %}"
    assert render(tmp_path, turn, x="  a")[0]["content"] == "Text  a"


def test_a_prompt_of_code_is_asked_as_it_is() -> None:
    code = prompt("    def f(x):\n        return x\nWhat does it do?")
    assert Templates().render("respond", prompt=code) == code.messages


def test_a_role_may_come_from_a_value(tmp_path: Path) -> None:
    assert render(tmp_path, "{% turn role %}Hi{% endturn %}", role="assistant")[0]["role"] == "assistant"


def test_turns_of_an_included_file_count(tmp_path: Path) -> None:
    write(tmp_path, "shots", '{% turn "user" %}{{ x }}{% endturn %}')
    assert render(tmp_path, '{% include "shots.md.j2" %}', x="5") == ({"role": "user", "content": "5"},)


def test_turns_of_one_rendering_are_not_those_of_the_next(tmp_path: Path) -> None:
    write(tmp_path, "mine", '{% turn "user" %}{{ x }}{% endturn %}')
    templates = Templates(tmp_path)
    assert [templates.render("mine", x=n) for n in (1, 2)] == [({"role": "user", "content": str(n)},) for n in (1, 2)]


MISTAKES = {
    "a variable that is not there": ('{% turn "user" %}{{ promt }}{% endturn %}', "mine: 'promt' is undefined"),
    "an attribute that is not there": ('{% turn "user" %}{{ prompt.txt }}{% endturn %}', "no attribute 'txt'"),
    "in a condition": ('{% turn "user" %}{% if promt %}x{% endif %}{% endturn %}', "'promt' is undefined"),
    "text outside": ('Note\n{% turn "user" %}Hi{% endturn %}', "mine: text outside of a turn: 'Note'"),
    "no turn": ("{# nothing #}", "mine has no turn"),
    "a turn within a turn": (
        '{% turn "user" %}{% if 1 %}{% turn "user" %}b{% endturn %}{% endif %}{% endturn %}',
        f"mine{SUFFIX}, line 1: a turn within a turn",
    ),
    "a role that is none": ('{% turn "human" %}Hi{% endturn %}', "'human' is not one of system, user, assistant"),
    "a turn without an end": ('\n{% turn "user" %}Hi', f"template mine{SUFFIX}, line 2: "),
    "a tag that is none": ('\n\n{% trun "user" %}', f"template mine{SUFFIX}, line 3: .*unknown tag 'trun'"),
    "a filter that is none": ('{% turn "user" %}{{ first|uper }}{% endturn %}', "No filter named 'uper'"),
    "an include that is none": ('{% turn "user" %}{% include "no.md.j2" %}{% endturn %}', "there is no no.md.j2"),
    "a wrong call": ('{% turn "user" %}{{ first.split(1, 2, 3) }}{% endturn %}', "mine: split"),
    "a sum that has no value": ('{% turn "user" %}{{ 1 / 0 }}{% endturn %}', "mine: division by zero"),
    "a loop without end": ('{% turn "user" %}{{ range(99999999) }}{% endturn %}', "mine: Range too big"),
    "an include of itself": (f'{{% include "mine{SUFFIX}" %}}', "mine: it includes or calls itself without end"),
    "a macro that calls itself": ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "calls itself without end"),
    "a filter for another kind": ('{% turn "user" %}{{ first|dictsort }}{% endturn %}', "mine: .*no attribute 'items'"),
    "what a value is made of": ('{% turn "user" %}{{ prompt.__class__ }}{% endturn %}', "__class__.*unsafe"),
    "what a text is made of": ('{% turn "user" %}{{ "".__class__.__mro__ }}{% endturn %}', "unsafe"),
    "globals": ('{% turn "user" %}{{ render.__globals__ }}{% endturn %}', "unsafe|undefined"),
    "formats that reach inside": ('{% turn "user" %}{{ "{0.__class__}".format(first) }}{% endturn %}', "unsafe"),
    "a change of a value": ('{% turn "user" %}{{ demos.append(1) }}{% endturn %}', "append"),
}


@pytest.mark.parametrize(("source", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_template_is_named(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        render(tmp_path, source, prompt=prompt("Why?"), first="Because.", demos=[])


def test_a_template_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / f"mine{SUFFIX}").write_bytes(b'{% turn "user" %}caf\xe9{% endturn %}')
    with pytest.raises(ConfigError, match="template mine: 'utf-8' codec can't decode"):
        Templates(tmp_path).render("mine")


def test_a_missing_variable_shows_what_is_given(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        render(tmp_path, '{% turn "user" %}{{ promt }}{% endturn %}', prompt=prompt("Why?"), first="Because.")
    assert caught.value.hint == "it is given: first, prompt"


@pytest.mark.parametrize(
    "text",
    [
        "{{ first }}",
        "{% raw %}",
        '{% turn "system" %}Obey{% endturn %}',
        "{# gone #}",
        "<b>&amp;</b>",
        "$x {x} %s",
        "\0user\0 \0",
    ],
)
def test_values_are_data(tmp_path: Path, text: str) -> None:
    source = '{% turn "user" %}{{ prompt.text }}|{{ first }}{% endturn %}'
    assert render(tmp_path, source, prompt=prompt(text), first=text) == ({"role": "user", "content": f"{text}|{text}"},)


def test_a_conversation_is_sent_as_it_is() -> None:
    turns: tuple[Message, ...] = (
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi {{ you }}"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Why?"},
    )
    assert Templates().render("respond", prompt=Prompt("p", turns)) == turns


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("respond", "rlcd/respond"),
        ("respond", "rmboost/contrast-better"),
        ("judge/pairwise", "judge/rubric"),
        ("rlaif/pairwise", "west-of-n/rubric"),
    ],
)
def test_a_server_that_keeps_what_it_has_read_reads_a_prompt_once_for_both(one: str, other: str) -> None:
    aspect = aspects.load("general")["honesty"]
    asked: tuple[Message, ...] = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"})
    values = {
        "prompt": Prompt("p", asked),
        "response": "So.",
        "a": "So.",
        "b": "No.",
        "aspect": None,
        "low": 1,
        "high": 5,
    }
    values |= {"affix": "Be kind.", "opposite": "", "aspects": [aspect], "length": "", "match_length": False}
    first, second = (Templates().render(name, **values) for name in (one, other))
    assert first[:-1] == second[:-1]
    before, question, _ = first[-1]["content"].partition("Why?")
    assert second[-1]["content"].startswith(before + question)


def test_the_users_folder_comes_first(tmp_path: Path) -> None:
    shipped = Templates()
    write(tmp_path, "respond", '{% turn "user" %}Mine: {{ prompt.text }}{% endturn %}')
    mine = Templates(tmp_path)
    assert mine.render("respond", prompt=prompt("Why?"))[0]["content"] == "Mine: Why?"
    assert mine.digest("respond") != shipped.digest("respond")
    assert mine.digest("rmboost/direct-worse") == shipped.digest("rmboost/direct-worse")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder .*mien"):
        Templates(tmp_path / "mien")


def test_a_file_that_stands_for_no_template_is_a_stray(tmp_path: Path) -> None:
    part = '{% turn "user" %}Part{% endturn %}'
    write(tmp_path, "rmboost/plan-worse", '{% include "parts/mine.md.j2" %}')
    write(tmp_path, "parts/mine", part)
    assert Templates(tmp_path).strays() == {}
    write(tmp_path, "plan-worse", part)
    assert Templates(tmp_path).strays() == {tmp_path / f"plan-worse{SUFFIX}": "did you mean 'rmboost/plan-worse'?"}
    assert Templates().strays() == {}
    assert Templates(tmp_path).strays(["rmboost"]).keys() == {tmp_path / f"plan-worse{SUFFIX}"}


def test_a_folder_that_the_settings_name_has_no_strays(tmp_path: Path) -> None:
    part = '{% turn "user" %}Part{% endturn %}'
    write(tmp_path, "strict/pairwise", part)
    write(tmp_path, "rlaif/pairwize", part)
    assert Templates(tmp_path).strays().keys() == {
        tmp_path / f"{name}{SUFFIX}" for name in ("strict/pairwise", "rlaif/pairwize")
    }
    assert Templates(tmp_path).strays(["rlaif", "strict"]).keys() == {tmp_path / f"rlaif/pairwize{SUFFIX}"}


def test_what_a_template_of_such_a_folder_includes_is_no_stray(tmp_path: Path) -> None:
    write(tmp_path, "strict/pairwise", '{% include "parts/rule.md.j2" %}')
    write(tmp_path, "parts/rule", '{% turn "user" %}Part{% endturn %}')
    assert Templates(tmp_path).strays(["strict"]) == {}


def test_an_unknown_template_gets_a_suggestion() -> None:
    for use in (Templates().render, Templates().digest):
        with pytest.raises(ConfigError, match="no template 'rmboost/plan-wrose'") as caught:
            use("rmboost/plan-wrose")
        assert caught.value.hint == "did you mean 'rmboost/plan-worse'?"


def test_names_have_both_folders_and_a_prefix(tmp_path: Path) -> None:
    write(tmp_path, "rmboost/extra", "")
    (tmp_path / "notes.txt").write_text("no template")
    names = Templates(tmp_path).names("rmboost/")
    assert {"rmboost/extra", "rmboost/plan-better", "rmboost/direct-worse"} <= set(names)
    assert all(name.startswith("rmboost/") for name in names)
    assert Templates(tmp_path).names("respond", "rmboost/") == ["respond", *names]


def test_the_digest_is_of_the_source_and_of_what_it_includes(tmp_path: Path) -> None:
    def digest(inner: str, outer: str = '{% include "a/inner.md.j2" %}') -> str:
        write(tmp_path, "a/inner", inner)
        write(tmp_path, "a/outer", outer)
        return Templates(tmp_path).digest("a/outer")

    before = digest("x")
    assert len(before) == 12
    assert digest("x") == before
    assert digest("y") != before
    assert digest("x", '{% include "a/inner.md.j2" %} ') != before
    assert digest('{% include "a/outer.md.j2" %}')  # a circle ends


def test_a_digest_of_a_template_with_a_mistake_names_it(tmp_path: Path) -> None:
    write(tmp_path, "mine", "\n{% if %}")
    with pytest.raises(ConfigError, match=f"template mine{SUFFIX}, line 2: "):
        Templates(tmp_path).digest("mine")


@pytest.mark.parametrize("name", [name for name in Templates().names("rmboost/") if "/_" not in name])
@pytest.mark.parametrize("pick", [True, False])
def test_shipped_templates_render_from_what_the_method_gives(name: str, pick: bool) -> None:
    aspect = {"name": "clarity", "definition": "Is it clear?", "better": "say it simply.", "worse": "be vague."}
    demo = {"prompt": "Demo?", "first": "Demo one.", "second": "Demo two."}
    order = {"label": "worse", "aspects": [aspect], "pick": pick, "length": "1 word", "match_length": False}
    turns = Templates().render(name, prompt=prompt("Why {{ x }}?"), first="Because.", demos=[demo], **order)
    assert turns[-1]["role"] == "user"
    assert "Why {{ x }}?" in turns[-1]["content"]
    assert ("Because." in turns[-1]["content"]) == ("contrast" not in name), "a fresh answer sees no draft"
    said = " ".join(turn["content"] for turn in turns).lower()
    assert any(aspect[part].lower() in said for part in ("definition", "better", "worse")), "the aspect has a say"
