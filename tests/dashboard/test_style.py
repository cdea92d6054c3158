"""The colours: text keeps a contrast of 4.5 : 1 on what it stands on, by day and by night (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dashboard

STATIC = Path(dashboard.__file__).parent / "static" / "dashboard"
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
        assert set(found) <= {"#dfe6ec"}, name  # on a film, which is black by day and by night


def test_nothing_comes_from_elsewhere() -> None:
    for path in filter(Path.is_file, STATIC.rglob("*")):
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|//cdn|@import|\burl\(|\beval\b|innerHTML", text), path.name
