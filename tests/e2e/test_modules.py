"""Script modules that need no page, in the browser: numbers in words, requests, predictive values, page updates."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from ml.model_card.evidence import AtOperatingPoints, SensitivitySpecificity
from screening.worker.triage import predictive_values_at
from tests.e2e.modules import blank_page, call, run_script

pytestmark = pytest.mark.e2e

WORDS = "shared/number-words.js"
HTTP = "shared/http.js"
MORPH = "batch/morph.js"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Iterator[Page]:
    with blank_page(browser) as page:
        yield page


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("formatCount", [0], "0"),
        ("formatCount", [999], "999"),
        ("formatCount", [1000], "1,000"),
        ("formatCount", [1_234_567], "1,234,567"),
        ("formatFiles", [0], "0 files"),
        ("formatFiles", [1], "1 file"),
        ("formatFiles", [2], "2 files"),
        ("formatFiles", [1000], "1,000 files"),
        ("formatFiles", [1, "hidden"], "1 hidden file"),
        ("formatFiles", [1000, "hidden"], "1,000 hidden files"),
        ("formatBytes", [0], "0 bytes"),
        ("formatBytes", [1023], "1,023 bytes"),
        ("formatBytes", [1024], "1.0 KB"),
        ("formatBytes", [1536], "1.5 KB"),
        ("formatBytes", [64 * MIB], "64.0 MB"),
        ("formatBytes", [2048 * 1024**4], "2048.0 TB"),
        ("formatDuration", [0], "0 s"),
        ("formatDuration", [1], "10 s"),
        ("formatDuration", [50], "50 s"),
        ("formatDuration", [51], "1 min"),
        ("formatDuration", [60], "1 min"),
        ("formatDuration", [61], "2 min"),
        ("formatDuration", [3541], "1 h 0 min"),
        ("formatDuration", [3661], "1 h 2 min"),
        ("formatPercent", [0], "0"),
        ("formatPercent", [0.123], "12.3"),
        ("formatPercent", [0.5], "50"),
        ("formatPercent", [0.9999], "100"),
        ("formatPercent", [math.nan], "–"),
        ("formatWholePercent", [0], "0 %"),
        ("formatWholePercent", [0.29], "29 %"),
        ("formatWholePercent", [0.9999], "99 %"),
        ("formatWholePercent", [1], "100 %"),
        ("formatMeasurement", [0], "0"),
        ("formatMeasurement", [0.012345], "0.0123"),
        ("formatMeasurement", [99.96], "100"),
        ("formatMeasurement", [4095.6], "4096"),
        ("formatMeasurement", [-1000.4], "-1000"),
    ],
)
def test_number_words(blank: Page, function: str, arguments: list[object], words: str) -> None:
    assert call(blank, WORDS, function, *arguments) == words


@pytest.mark.parametrize(
    ("attempt", "random", "milliseconds"),
    [(1, 0.5, 500), (1, 0, 375), (2, 0.5, 1000), (6, 0.5, 16_000), (7, 0.5, 30_000), (100, 0, 22_500)],
)
def test_delay_before_another_attempt(blank: Page, attempt: int, random: float, milliseconds: int) -> None:
    script = """
      const random = Math.random;
      Math.random = () => argument.random;
      const delay = m.retryDelay(argument.attempt);
      Math.random = random;
      return delay;"""
    assert run_script(blank, HTTP, script, {"attempt": attempt, "random": random}) == milliseconds


@pytest.mark.parametrize(
    ("status", "transient", "unreachable"),
    [
        (0, True, True),
        (403, False, False),
        (408, True, False),
        (413, False, False),
        (429, True, False),
        (500, True, False),
        (502, True, True),
        (503, True, True),
        (504, True, True),
        (507, False, False),
    ],
)
def test_errors_that_may_pass(blank: Page, status: int, transient: bool, unreachable: bool) -> None:
    script = """
      const error = new m.RequestError(argument, "some_code", "Some sentence.");
      return [error.isTransient, error.isUnreachable, error.code, error.message, error instanceof Error];"""
    assert run_script(blank, HTTP, script, status) == [transient, unreachable, "some_code", "Some sentence.", True]


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (201, '{"id": 7}', "", ""),
        (400, '{"code": "too_large", "detail": "Too large."}', "too_large", "Too large."),
        (403, '{"code": "csrf_token", "detail": "Expired."}', "signed_out", "Sign in again in another tab"),
        (403, "<html>", "signed_out", "Sign in again in another tab"),
        (200, "<html>the login page</html>", "signed_out", "Sign in again in another tab"),
        (413, "<html>", "refused", "refuses files of this size (413)"),
        (502, "<html>", "refused", "The server answered 502."),
    ],
)
def test_answers_to_a_post(blank: Page, status: int, body: str, code: str, message: str) -> None:
    blank.route("**/somewhere", lambda route: route.fulfill(status=status, body=body))
    script = """
      try {
        return [(await m.postBody("/somewhere", { a: 1 })).id, "", ""];
      } catch (error) {
        return [null, error.code, error.message];
      }"""
    answer, found_code, found_message = run_script(blank, HTTP, script)
    blank.unroute("**/somewhere")
    assert (answer, found_code) == (None if code else 7, code)
    assert message in found_message


def test_a_stopped_post_is_told_from_a_lost_one(blank: Page) -> None:
    script = """
      const stop = new AbortController();
      stop.abort();
      return m.postBody("/somewhere", new FormData(), { signal: stop.signal }).catch((error) => error.code);"""
    assert run_script(blank, HTTP, script) == "aborted"


@pytest.mark.parametrize("prevalence", [0.005, 0.33, 0.9])
@pytest.mark.parametrize(("sensitivity", "specificity"), [(0.9, 0.8), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.5, 0.5)])
def test_predictive_values_are_those_of_the_server(
    blank: Page, sensitivity: float, specificity: float, prevalence: float
) -> None:
    measured = SensitivitySpecificity(sensitivity, specificity)
    expected = predictive_values_at(AtOperatingPoints(low=measured, high=measured), prevalence)
    found = call(blank, "film/prevalence.js", "predictiveValues", sensitivity, specificity, prevalence)
    for value, wanted in ((found["positive"], expected.ppv), (found["negative"], expected.npv)):
        assert math.isnan(value) if wanted is None else value == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        ("<p>old</p>", "<p>new</p>"),
        ("<p>old</p>", "<p></p>"),
        ("<p></p>", "<p>new <b>text</b></p>"),
        ('<p class="a" hidden>x</p>', '<p class="b" title="t">x</p>'),
        ("<ul><li>1</li><li>2</li><li>3</li></ul>", "<ul><li>1</li></ul>"),
        ('<ul><li id="a">1</li><li id="b">2</li></ul>', '<ul><li id="b">2</li><li id="a">1</li></ul>'),
        ('<ul><li data-film="1">1</li></ul>', '<ul><li data-film="2">2</li><li data-film="1">1 now</li></ul>'),
        ("<div><p>1</p><b>2</b></div>", "<div><b>2</b><i>3</i><p>1</p></div>"),
        ('<div><p data-key="a">1</p></div>', '<div><b data-key="a">1</b></div>'),
        ("<svg><g><rect x='1'/></g></svg>", "<svg><g><rect x='2'/><rect x='3'/></g></svg>"),
        ("<div><!-- 1 -->a</div>", "<div><!-- 2 -->b</div>"),
    ],
)
def test_a_part_of_the_page_becomes_what_the_server_renders(blank: Page, current: str, wanted: str) -> None:
    script = """
      const parse = (html) => new DOMParser().parseFromString(html, "text/html").body.firstChild;
      const [current, wanted] = argument.map(parse);
      const expected = wanted.outerHTML;
      document.body.replaceChildren(current);
      return [m.morphNode(current, wanted), current.isConnected, current.outerHTML, expected];"""
    complete, connected, found, expected = run_script(blank, MORPH, script, [current, wanted])
    assert (complete, connected, found) == (True, True, expected)


def test_elements_with_a_key_stay_the_same_elements(blank: Page) -> None:
    script = """
      document.body.innerHTML = '<ul><li data-film="1"></li><li data-film="2"></li></ul>';
      const list = document.body.firstChild;
      const [first, second] = list.children;
      const wanted = document.createElement("ul");
      wanted.innerHTML = '<li data-film="3"></li><li data-film="2"></li><li data-film="1"></li>';
      m.morphNode(list, wanted);
      return [list.children[1] === second, list.children[2] === first, list.children.length];"""
    assert run_script(blank, MORPH, script) == [True, True, 3]


def test_what_belongs_to_the_user_stays(blank: Page) -> None:
    """Open details, typed text, and what a script owns."""
    script = """
      document.body.innerHTML = '<div><details open><p>1</p></details><input><p data-keep>script</p></div>';
      document.querySelector("input").value = "typed";
      const wanted = document.createElement("div");
      wanted.innerHTML = '<details><p>2</p></details><input><p data-keep>server</p>';
      m.morphNode(document.body.firstChild, wanted);
      const [details, input, kept] = document.body.firstChild.children;
      return [details.open, details.textContent, input.value, kept.textContent];"""
    assert run_script(blank, MORPH, script) == [True, "2", "typed", "script"]


@pytest.mark.parametrize(
    ("order", "complete", "shown"),
    [
        (["1", "2", "3"], True, ["1", "2", "3"]),
        (["3", "1", "2"], False, ["1", "2"]),
        (["2", "1"], False, ["1", "2"]),
        (["1"], False, ["1", "2"]),
    ],
)
def test_a_list_keeps_its_order_while_a_film_has_the_focus(
    blank: Page, order: list[str], complete: bool, shown: list[str]
) -> None:
    """What comes after the film with the focus may change."""
    script = """
      const rows = (names) => names.map((name) => `<li data-film="${name}"><a href="#">${name}</a></li>`).join("");
      document.body.innerHTML = `<ul data-films-list>${rows(["1", "2"])}</ul>`;
      document.querySelectorAll("a")[1].focus();
      const wanted = document.createElement("ul");
      wanted.setAttribute("data-films-list", "");
      wanted.innerHTML = rows(argument);
      const complete = m.morphNode(document.body.firstChild, wanted);
      return [complete, [...document.querySelectorAll("a")].map((link) => link.textContent)];"""
    assert run_script(blank, MORPH, script, order) == [complete, shown]


def test_settings_of_a_page(blank: Page) -> None:
    script = """
      document.body.innerHTML = '<script type="application/json" id="upload-settings">{"limits": [1, null]}</script>';
      const missing = (id) => { try { m.readSettings(id); return ""; } catch (error) { return error.message; } };
      return [m.readSettings("upload-settings"), missing("other-settings")];"""
    settings, message = run_script(blank, "shared/settings.js", script)
    assert settings == {"limits": [1, None]}
    assert "other-settings" in message
