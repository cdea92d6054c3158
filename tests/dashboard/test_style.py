"""Style sheets: contrast of the colours in both themes (WCAG 2.2, 1.4.3), layout, and names of classes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dashboard
from dashboard.templatetags import screens

PACKAGE = Path(dashboard.__file__).parent
STATIC = PACKAGE / "static" / "dashboard"
SHEETS = sorted((STATIC / "css").glob("*.css"))
WORD = r"[a-z]+(?:-[a-z0-9]+)*"
CLASS_NAME = re.compile(rf"(?:is|u)-{WORD}|{WORD}(?:__{WORD})?(?:--[a-z0-9]+(?:-[a-z0-9]+)*)?")  # see css/base.css
PAIRS = [
    *[(text, ground) for text in ("ink", "ink-soft", "accent") for ground in ("bg", "surface", "sunken")],
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("accent", "accent-soft"),
    ("notice-ink", "notice"),
    ("film-ink", "film"),
    ("ink-soft", "quiet-soft"),
    ("positive", "surface"),
    *[(name, f"{name}-soft") for name in ("negative", "uncertain", "positive")],
    *[("ink-soft", f"{name}-soft") for name in ("negative", "positive")],
]


def _tokens(scheme: str) -> dict[str, str]:
    colour, text = r"(#[0-9a-f]{6})", (STATIC / "css" / "base.css").read_text()
    pairs = re.findall(rf"--([\w-]+): light-dark\({colour}, {colour}\);", text)
    both = dict(re.findall(rf"--([\w-]+): {colour};", text))
    return both | {name: light if scheme == "light" else dark for name, light, dark in pairs}


def _luminance(colour: str) -> float:
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str) -> None:
    tokens = _tokens(scheme)
    for text, ground in PAIRS:
        light, dark = sorted((_luminance(tokens[text]), _luminance(tokens[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_colours_are_named_once() -> None:
    """Everything but the tokens uses the tokens, so that both schemes are complete."""
    for name in ("parts.css", "pages.css", "upload.css", "viewer.css", "reading.css"):
        found = re.findall(r"#[0-9a-fA-F]{3,6}\b", (STATIC / "css" / name).read_text())
        assert set(found) <= {"#dfe6ec"}, name  # on a film, which is black in both themes


def test_nothing_comes_from_elsewhere() -> None:
    for path in filter(Path.is_file, STATIC.rglob("*")):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        text = text.replace("@import {", "")  # of types, in the comments of a script
        assert not re.search(r"https?:|//cdn|@import|\burl\(|\beval\b|innerHTML", text), path.name


def _without_comments(sheet: str) -> str:
    return re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)


def _classes_of_sheet(sheet: str) -> set[str]:
    """Return the classes in the selectors of a style sheet."""
    selectors = re.findall(r"([^{};]+)\{", _without_comments(sheet))
    return set(re.findall(r"\.([a-zA-Z_][\w-]*)", " ".join(selectors)))


def _classes_of_template(template: str) -> set[str]:
    """Return the classes of a template's elements, with ``*`` in the place of a variable."""
    found: set[str] = set()
    for value in re.findall(r'\bclass="([^"]*)"', template):
        found.update(re.sub(r"\{\{.*?\}\}", "*", re.sub(r"\{%.*?%\}", " ", value)).split())
    return found


def _classes_of_script(script: str) -> set[str]:
    """Return the classes that a script sets or looks for, with ``*`` in the place of a variable."""
    found: set[str] = set()
    for value in re.findall(
        r"""(?:createElement\("\w+", |classList\.\w+\(|"class", |className = )["`]([^"`]+)["`]""", script
    ):
        found.update(re.sub(r"\$\{.*?\}", "*", value).split())
    found.update(re.findall(r"""["`]\.([a-z][\w-]*)["`]""", script))
    return found


def _values_of_variables() -> dict[str, set[str]]:
    """Return what the variables in class names can be, by the name before them."""
    states = set(re.findall(r"^  (\w+): \[\"", (STATIC / "upload" / "file-list.js").read_text(), flags=re.MULTILINE))
    assert {"waiting", "arrived", "unsent"} <= states
    return {"is-": {*screens.ICONS, *states, "low", "high"}, "chart__line--": {"0", "1", "2"}}


def _used_classes() -> set[str]:
    """Return every class that an element of a page can have."""
    used = {"icon"}  # of the template tag
    for template in (PACKAGE / "templates").rglob("*.html"):
        used |= _classes_of_template(template.read_text(encoding="utf-8"))
    for script in STATIC.rglob("*.js"):
        used |= _classes_of_script(script.read_text(encoding="utf-8"))
    values = _values_of_variables()
    for name in [name for name in used if name.endswith("*")]:
        used |= {name[:-1] + value for value in values[name[:-1]]}
    return used


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_each_declaration_and_each_selector_has_its_line(sheet: Path) -> None:
    lines = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL).splitlines()
    wrong = [line for line in lines if re.search(r"[;{}]\s*\S", line)]
    wrong += [line for line in lines if re.search(r"[^\s(),]+,\s+[.#\[\w][^()]*\{$", line) and "@" not in line]
    assert wrong == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_class_names_follow_the_scheme(sheet: Path) -> None:
    assert [name for name in sorted(_classes_of_sheet(sheet.read_text())) if not CLASS_NAME.fullmatch(name)] == []


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("card", True),
        ("film-tile__name", True),
        ("film-tile__label--right", True),
        ("is-zero", True),
        ("u-no-script-only", True),
        ("chart__line--0", True),
        ("filmTile", False),
        ("film_tile", False),
        ("film-tile__name__part", False),
        ("film-tile--", False),
    ],
)
def test_the_scheme_of_class_names(name: str, fits: bool) -> None:
    assert bool(CLASS_NAME.fullmatch(name)) == fits


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_class_of_a_style_sheet_is_used(sheet: Path) -> None:
    assert _classes_of_sheet(sheet.read_text()) - _used_classes() == set()


def test_every_used_class_has_a_style() -> None:
    """A block whose elements have a style needs none of its own; states are styled only where they need it."""
    styled = set().union(*(_classes_of_sheet(sheet.read_text()) for sheet in SHEETS))
    blocks = {re.split(r"__|--", name)[0] for name in styled}
    used = {name for name in _used_classes() if not name.endswith("*") and not name.startswith("is-")}
    assert used - styled - blocks == set()


def test_classes_are_found_where_they_are() -> None:
    assert _classes_of_sheet("/* .no */ .a.b > .c__d:not(.is-e) { margin: .5rem; } @media x { .f,\n.g { } }") == {
        "a", "b", "c__d", "is-e", "f", "g",
    }  # fmt: skip
    assert _classes_of_template('<p class="a{% if x %} is-b{% endif %} is-{{ y }}">') == {"a", "is-b", "is-*"}
    script = 'createElement("p", "a", "cell"); x.classList.toggle("is-b", y); x.className = `c is-${y}`; f(".d__e")'
    assert _classes_of_script(script) == {"a", "is-b", "c", "is-*", "d__e"}
