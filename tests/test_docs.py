"""README and documentation: links, navigation, names of files and code, diagrams, records, the built site."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SITE = ROOT / "var" / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PARTS = ("ml", "screening", "dashboard", "xrayscreen")
READMES = [path for part in PARTS for path in (ROOT / part).rglob("README.md")]
TEXTS = [ROOT / "README.md", *READMES, *PAGES]

FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
# A path of the repository in the text; a name in capitals or a star stands for any.
REPOSITORY_PATH = re.compile(r"(?:ml|screening|dashboard|xrayscreen|tests|docs)/[\w./-]*")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
STEP = re.compile(r"^(?:\d+\.|   -) .+(?:\n(?! *(?:\d+\.|-) |\n|#).+)*", re.MULTILINE)
RECIPES = (
    "Add a refusal code",
    "Add a DICOM codec with its privacy half",
    "Add a page",
    "Add a REST endpoint",
    "Add a model bundle and its training",
    "Change the lease time",
)


def prose(path: Path) -> str:
    """Return a text without its blocks of code."""
    return FENCE.sub("", path.read_text())


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts and MyST make them."""
    found: set[str] = set()
    for heading in HEADING.findall(prose(path)):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = sum(anchor == plain or anchor.rpartition("-")[0] == plain for anchor in found)
        found.add(f"{plain}-{number}" if number and plain in found else plain)
    return found


def links(path: Path) -> list[str]:
    """Return the targets of a text's links and pictures within the repository."""
    return [target for target in LINK.findall(prose(path)) if not re.match(r"[a-z]+:", target)]


def navigation(page: Path) -> Iterator[Path]:
    """Yield the pages below a page in the navigation."""
    for block in re.findall(r"^```\{toctree\}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line and not line.startswith(":"):
                target = (page.parent / f"{line}.md").resolve()
                yield target
                if target.exists():
                    yield from navigation(target)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in links(path):
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        assert place.is_file(), target
        assert place.is_relative_to(ROOT), target
        if anchor:
            assert anchor in anchors(place), target


def test_links_are_found() -> None:
    assert sum(len(links(path)) for path in TEXTS) > 100


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_and_folders_exist(path: Path) -> None:
    for code in CODE.findall(prose(path)):
        if REPOSITORY_PATH.fullmatch(code) and "NAME" not in code:
            assert (ROOT / code).exists(), code


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z0-9]+)", path.read_text(), re.MULTILINE)
    assert set(named) - targets == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_page_is_in_the_navigation_once() -> None:
    listed = list(navigation(DOCS / "index.md"))
    assert len(listed) == len(set(listed))
    assert set(listed) | {DOCS / "index.md"} == set(PAGES)


def test_the_index_names_every_page_but_the_records() -> None:
    named = {(DOCS / target.partition("#")[0]).resolve() for target in links(DOCS / "index.md")}
    assert {page for page in PAGES if page.parent == DOCS} - named == {DOCS / "index.md"}


def test_decision_records_have_one_form() -> None:
    records = sorted((DOCS / "decisions").glob("0*.md"))
    assert [record.name[:4] for record in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    index = links(DOCS / "decisions" / "index.md")
    for record in records:
        headings = HEADING.findall(prose(record))
        assert headings[0].startswith(f"{record.name[:4]}: "), record.name
        assert headings[1:] == ["Context", "Decision", "Consequences"], record.name
        assert record.name in index


def recipe(title: str) -> str:
    """Return the text of a recipe."""
    text = prose(DOCS / "development.md")
    return text.split(f"### {title}\n", 1)[1].split("\n##", 1)[0]


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_names_files_and_a_test(title: str) -> None:
    steps = STEP.findall(recipe(title))
    assert len(steps) >= 4
    assert any("Test:" in step and "../tests/" in step for step in steps)


@pytest.mark.parametrize("title", RECIPES)
def test_what_a_step_names_is_in_the_files_it_links(title: str) -> None:
    """Functions and constants are in the linked files; settings are on their page."""
    settings = (DOCS / "settings.md").read_text()
    for step in STEP.findall(recipe(title)):
        files = [DOCS / target.partition("#")[0] for target in LINK.findall(step)]
        text = "\n".join([settings, *(file.read_text() for file in files)])
        names = {name for name in CODE.findall(step) if IDENTIFIER.fullmatch(name)}
        assert {name for name in names if name not in text} == set(), step


def diagrams() -> Iterator[tuple[Path, str]]:
    """Yield the sources of diagrams and their pages."""
    fence = runpy.run_path(str(DOCS / "_extensions" / "diagram_source.py"))["FENCE"]
    for page in PAGES:
        yield from ((page, source) for source in fence.findall(page.read_text()))


def test_diagrams_were_rendered_from_their_sources() -> None:
    source_of = runpy.run_path(str(DOCS / "_extensions" / "diagram_source.py"))
    shown = set()
    for page, source in diagrams():
        head = source_of["HEAD"].match(source)
        assert head is not None, page.name
        picture = (DOCS / "diagrams" / head["file"]).read_text()
        assert source_of["digest_of"](source) in picture, f"{page.name}: run python3 docs/diagrams/render.py"
        shown.add(head["file"])
    assert shown == {path.name for path in (DOCS / "diagrams").glob("*.svg")}


class _Loaded(HTMLParser):
    """The addresses that a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "link":
            self.addresses.append(named.get("href", ""))
        self.addresses.extend(named[name] for name in ("src", "srcset", "poster", "data") if name in named)


def outside(text: str) -> list[str]:
    """Return the addresses on other hosts that a page loads by itself."""
    parser = _Loaded()
    parser.feed(text)
    return [address for address in parser.addresses if re.match(r"(?:https?:)?//", address)]


def test_the_search_for_outside_requests_finds_them() -> None:
    assert outside('<script src="https://example.org/a.js"></script><link href="//example.org/b.css">') == [
        "https://example.org/a.js", "//example.org/b.css",
    ]  # fmt: skip


def test_the_built_site_loads_nothing_from_elsewhere() -> None:
    pages = sorted(SITE.rglob("*.html"))
    if not pages:
        pytest.skip("the site was not built: make docs")
    assert {page.name: found for page in pages if (found := outside(page.read_text()))} == {}
    imported = re.compile(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//")
    assert [path.name for path in SITE.rglob("*.css") if imported.search(path.read_text())] == []
