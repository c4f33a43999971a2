"""The page of a report in a real browser: what comes from data stays text, and the filter filters."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conftest import Shell, write_jsonl

pytest.importorskip("playwright", reason="the package playwright is not installed")
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

pytestmark = pytest.mark.browser

PAYLOADS = [
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    "<img src=x onerror=window.pwned=3>",
    "<svg onload=window.pwned=4><animate onbegin=window.pwned=4 attributeName=x dur=1s>",
    '"><iframe srcdoc="<script>parent.pwned=5</script>"></iframe>',
    "' autofocus onfocus=window.pwned=6 x='",
    "[click](javascript:window.pwned=7) <a href=javascript:window.pwned=7>x</a>",
    "\u2028window.pwned=8\u2029//\u202e<\u200bscript>",
    "{{ 7 * 191 }}{% for x in y %}${window.pwned=9}`{{ ''.__class__ }}",
    "</title></style></svg><style>*{display:none}</style><meta http-equiv=refresh content=0;url=//x>",
    "]]><!--</textarea><form action=//x><button formaction=javascript:pwned=10>",
    "&lt;script&gt;&#60;script&#62;\x00\x1b[31m",
]


@dataclass
class Seen:
    """A page in a browser, and all that it did besides being shown."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


Look = Callable[..., Seen]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        path = str(own) if own.exists() else next(filter(None, map(shutil.which, names)), None)
        if path is None:
            pytest.skip(f"no Chromium on this machine: none of {', '.join(names)}, nor playwright's own")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def look(browser: Browser) -> Iterator[Look]:
    pages = []

    def open(file: Path, width: int = 1280) -> Seen:
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)
        seen = Seen(page)
        page.on("console", lambda message: seen.console.append(message.text))
        page.on("pageerror", lambda error: seen.console.append(str(error)))
        page.on("requestfinished", lambda request: seen.requests.append(request.url))
        page.on("dialog", seen.dismiss)
        page.goto(file.as_uri(), wait_until="load")
        return seen

    yield open
    for page in pages:
        page.close()


def hostile_rows() -> list[dict[str, Any]]:
    """A payload in every field of a row that the page shows."""
    return [
        {
            "prompt": [{"role": f"user{bad}", "content": f"asked {bad}"}, {"role": "user", "content": bad}],
            "chosen": [{"role": "assistant", "content": f"{bad} one two three four"}],
            "rejected": [{"role": "assistant", "content": f"one two three four {bad}"}],
            "label": bad,
            "aspect": bad,
            "aspects": [f"{bad}{bad}"],
            "id": bad,
            "judge": {"winner": ("chosen", "rejected", bad)[number % 3], "p_chosen": 0.4, "model": bad},
            "rmboost": {"second": "chosen", "evidence": json.dumps({bad: bad, "similarity": 0.5})},
        }
        for number, bad in enumerate(PAYLOADS)
    ]


def hostile_run(folder: Path) -> Path:
    """A file of such rows, and beside it the folder of the run that is said to have written it."""
    pairs = write_jsonl(folder / "pairs.jsonl", hostile_rows() * 3)
    run = folder / "pairs.run"
    run.mkdir()
    rejects = [
        {
            **dict.fromkeys(("id", "reason", "detail", "error", "label", "aspect", "prompt", "first", "second"), bad),
            "aspects": [bad],
            "kind": "dropped",
            "attempts": [],
        }
        for bad in PAYLOADS
    ]
    write_jsonl(run / "rejects.jsonl", rejects)
    manifest = {
        "status": PAYLOADS[0],
        "input": {"count": 50},
        "settings": {bad: {"deep": bad} for bad in PAYLOADS},
        "template_texts": {bad: bad * 2 for bad in PAYLOADS},
    }
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return pairs


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_from_data_runs_or_is_fetched(rmboost: Shell, look: Look, tmp_path: Path, width: int) -> None:
    pairs, page = hostile_run(tmp_path), tmp_path / "report.html"
    against = write_jsonl(tmp_path / "bench<script>.jsonl", [{"text": bad * 3} for bad in PAYLOADS])
    done = rmboost("report", pairs, "-o", page, "--against", against, "--versus", pairs)
    assert done.code == 0, done.err
    seen = look(page, width)
    for summary in seen.page.query_selector_all("summary"):
        summary.click()
    text = seen.page.inner_text("body")
    for bad in PAYLOADS[:7]:
        assert bad in text, "it is shown as what it is"
    assert "1337" not in text
    assert "{{ 7 * 191 }}" in text
    assert (seen.console, seen.dialogs, seen.requests) == ([], [], [page.as_uri()])
    assert seen.page.evaluate("window.pwned") is None
    assert seen.page.evaluate("document.querySelectorAll('script').length") == 1
    inert = (
        "iframe, img, object, embed, base, link, a[href^='javascript'], animate, article form, meta[http-equiv=refresh]"
    )
    assert seen.page.query_selector(inert) is None
    attributes = (
        "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    )
    assert seen.page.evaluate(attributes) == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_policy_of_the_page_is_a_second_wall(rmboost: Shell, look: Look, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    rmboost("report", write_jsonl(tmp_path / "pairs.jsonl", hostile_rows()), "-o", page)
    raw = "".join(PAYLOADS[:4]) + "<img src='http://127.0.0.1:9/x.png'><base href='http://127.0.0.1:9/'>"
    page.write_text(page.read_text(encoding="utf-8").replace("<main>", f"<main>{raw}"), encoding="utf-8")
    seen = look(page)
    assert seen.page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in line for line in seen.console)
    assert seen.requests == [page.as_uri()]


def rows_to_filter() -> list[dict[str, Any]]:
    return [
        {
            "prompt": f"Question {number}?",
            "chosen": f"Answer {number} in full.",
            "rejected": f"Answer {number}.",
            "label": ("better", "worse")[number % 2],
            "aspect": ("clarity", 'a "quoted" aspect')[number // 2 % 2],
            "judge": {"winner": ("chosen", "rejected", None)[number % 3], "p_chosen": 0.3},
        }
        for number in range(24)
    ]


def test_the_filter_shows_what_is_asked_for(rmboost: Shell, look: Look, tmp_path: Path) -> None:
    page = tmp_path / "pairs.html"
    rmboost("report", write_jsonl(tmp_path / "pairs.jsonl", rows_to_filter()))
    seen = look(page)
    view = seen.page

    def shown() -> tuple[int, str]:
        count = view.evaluate("[...document.querySelectorAll('article')].filter(a => a.offsetParent).length")
        return count, view.inner_text("output")

    assert shown() == (24, "24 of 24 shown")
    view.select_option("select[name=label]", label="better")
    assert shown() == (12, "12 of 24 shown")
    view.select_option("select[name=aspect]", label='a "quoted" aspect')
    assert shown()[0] == 6
    view.select_option("select[name=judge]", label="disagrees")
    assert shown()[0] == 2
    view.click("button[type=reset]")
    view.wait_for_function("document.querySelector('output').value.startsWith('24')")
    assert shown()[0] == 24
    assert seen.console == []


def test_without_javascript_all_is_there_but_the_filter(rmboost: Shell, browser: Browser, tmp_path: Path) -> None:
    rmboost("report", write_jsonl(tmp_path / "pairs.jsonl", rows_to_filter()))
    view = browser.new_page(java_script_enabled=False)
    view.goto((tmp_path / "pairs.html").as_uri())
    assert view.locator("article").count() == 24
    assert not view.locator("form").is_visible()
    view.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_long_words_and_code_do_not_widen_the_page(rmboost: Shell, look: Look, tmp_path: Path, width: int) -> None:
    long = "x" * 900
    rows = [
        {"prompt": long, "chosen": f"```\n{long}\n```", "rejected": long, "label": long, "aspect": long, "id": long}
    ]
    rmboost("report", write_jsonl(tmp_path / "pairs.jsonl", rows))
    seen = look(tmp_path / "pairs.html", width)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
