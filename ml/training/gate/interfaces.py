"""Screenshots: films shown in the user interface of a program, drawn by recipes that differ much from one another.

Evidence leaves out whole recipes, so each of them is a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ml.decoding.preprocess import Grey

SIDE = 768  # pixels; longer side of the drawn pictures, about that of a reduced screenshot
MENU = ("File", "Edit", "View", "Image", "Tools", "Window", "Help", "Patient", "Series", "Layout", "Export", "Print")
TERMS = (
    "patient", "study", "series", "chest", "date", "name", "report", "normal", "opacity", "lung", "lower", "lobe",
    "right", "left", "the", "of", "with", "no", "and", "is", "figure", "shows", "heart", "size", "42", "2020",
    "male", "case", "view",
)  # fmt: skip
Interface = Callable[[Sequence[Grey], np.random.Generator], Grey]


def draw_viewer(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return a dark viewer of a picture archive: tool bar, list of series with thumbnails, film with overlay text."""
    screen, draw = _screen(rng, int(rng.integers(0, 60)), rng.uniform(0.5, 0.8))
    width, height = screen.size
    bar, side = int(rng.uniform(0.05, 0.12) * height), int(rng.uniform(0.1, 0.25) * width)
    draw.rectangle((0, 0, width, bar), fill=int(rng.integers(30, 100)))
    for left in range(8, width - 30, int(rng.integers(28, 60))):
        draw.rectangle((left, bar * 0.2, left + bar * 0.6, bar * 0.8), fill=int(rng.integers(90, 200)))
    draw.rectangle((0, bar, side, height), fill=int(rng.integers(20, 80)))
    for top in range(bar + 10, height - side, int(side * 1.1) + 20):
        _paste(screen, _pick(films, rng), (10, top, side - 10, top + side - 20))
        _write(draw, (10, top + side - 18), _words(3, rng), 12, 200)
    area = (side + 4, bar + 4, width - 4, height - 4)
    _paste(screen, _pick(films, rng), area)
    for corner in range(4):
        for line in range(int(rng.integers(1, 5))):
            x = area[0] + 6 if corner % 2 else area[2] - 130
            y = area[1] + 6 + 15 * line if corner < 2 else area[3] - 20 - 15 * line
            _write(draw, (x, y), _words(3, rng), 12, int(rng.integers(180, 256)))
    return np.asarray(screen)


def draw_desktop_window(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return a light window of a desktop: title bar, menus, tool bar, film, status line."""
    screen, draw = _screen(rng, int(rng.integers(225, 256)), rng.uniform(0.55, 1.0))
    width, height = screen.size
    line = int(rng.integers(18, 30))
    draw.rectangle((0, 0, width, line), fill=int(rng.choice((40, 110, 200, 245))))
    _write(draw, (8, 3), _words(4, rng), 13, int(rng.choice((0, 255))))
    for place in range(3):
        draw.rectangle(
            (width - 22 - 26 * place, 5, width - 8 - 26 * place, line - 5), outline=int(rng.choice((0, 255)))
        )
    for number, left in enumerate(range(8, width - 80, 62)):
        if number < rng.integers(4, 9):
            _write(draw, (left, line + 3), str(rng.choice(MENU)), 13, 20)
    for left in range(8, int(width * rng.uniform(0.3, 1.0)), 30):
        draw.rectangle((left, 2 * line + 2, left + 20, 3 * line - 4), outline=100, fill=int(rng.integers(120, 250)))
    draw.line((0, 3 * line, width, 3 * line), fill=160)
    draw.rectangle((0, height - line, width, height), fill=210)
    _write(draw, (8, height - line + 3), _words(6, rng), 12, 40)
    _paste(screen, _pick(films, rng), (int(rng.uniform(0, 0.25) * width), 3 * line + 4, width, height - line - 4))
    return np.asarray(screen)


def draw_browser_page(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return a web page: tabs, address line, heading, blocks of text and a film among them, in light or dark."""
    dark = rng.random() < 0.3
    paper, ink = (28, 225) if dark else (255, 25)
    screen, draw = _screen(rng, paper, rng.uniform(0.6, 1.2))
    width, height = screen.size
    draw.rectangle((0, 0, width, 26), fill=60 if dark else 215)
    draw.rounded_rectangle((8, 5, 180, 30), 6, fill=paper)
    _write(draw, (18, 8), _words(3, rng), 12, ink)
    draw.rectangle((0, 26, width, 54), fill=40 if dark else 240)
    draw.rounded_rectangle((70, 30, width - 60, 50), 9, fill=80 if dark else 220)
    _write(draw, (84, 33), "https://" + _words(2, rng).replace(" ", "."), 12, ink)
    _write(draw, (30, 66), _words(5, rng), int(rng.integers(20, 34)), ink)
    split = rng.uniform(0.35, 0.65)
    film_left = rng.random() < 0.5
    _paste(screen, _pick(films, rng), _column(film_left, split, (20, 110, width - 20, height - 30)))
    _write_block(draw, _column(not film_left, split, (20, 110, width - 20, height - 20)), rng, ink)
    return np.asarray(screen)


def draw_phone_screen(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return the screen of a phone: status line, head line with a name, film, messages or buttons below."""
    dark = rng.random() < 0.5
    paper, ink = (int(rng.integers(0, 40)), 235) if dark else (int(rng.integers(235, 256)), 25)
    screen, draw = _screen(rng, paper, rng.uniform(1.6, 2.1))
    width, height = screen.size
    _write(draw, (12, 6), "10:42", 15, ink)
    for number in range(4):
        draw.rectangle((width - 20 - 20 * number, 8, width - 8 - 20 * number, 20), fill=ink)
    draw.rectangle((0, 28, width, 76), fill=int(rng.integers(0, 256)))
    draw.ellipse((10, 34, 46, 70), fill=int(rng.integers(80, 200)))
    _write(draw, (56, 42), _words(2, rng), 18, int(rng.choice((0, 255))))
    top = int(rng.uniform(0.12, 0.4) * height)
    _paste(screen, _pick(films, rng), (0 if rng.random() < 0.5 else 30, top, width, top + int(0.45 * height)))
    at = top + int(0.47 * height)
    while at < height - 60:
        left = int(rng.choice((12, 0.25 * width)))
        draw.rounded_rectangle((left, at, left + 0.7 * width, at + 40), 12, fill=int(rng.integers(60, 220)))
        _write(draw, (left + 10, at + 10), _words(4, rng), 15, int(rng.choice((0, 255))))
        at += int(rng.integers(46, 90))
    draw.rounded_rectangle((0.35 * width, height - 14, 0.65 * width, height - 9), 2, fill=ink)
    return np.asarray(screen)


def draw_slide(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return a slide: a large title, a film at one side, bullets at the other."""
    paper = int(rng.choice((255, 250, 0, 35, 90)))
    ink = 20 if paper > 128 else 240
    screen, draw = _screen(rng, paper, float(rng.choice((0.5625, 0.75))))
    width, height = screen.size
    if rng.random() < 0.4:
        draw.rectangle((0, 0, width, 0.16 * height), fill=int(rng.integers(40, 220)))
    _write(draw, (0.05 * width, 0.04 * height), _words(4, rng).title(), int(0.08 * height), ink)
    film_left, split = bool(rng.random() < 0.5), rng.uniform(0.4, 0.6)
    room = (int(0.04 * width), int(0.2 * height), int(0.96 * width), int(0.94 * height))
    _paste(screen, _pick(films, rng), _column(film_left, split, room))
    x, y, _, _ = _column(not film_left, split, room)
    for number in range(int(rng.integers(2, 7))):
        top, size = y + number * 0.11 * height, int(0.045 * height)
        draw.ellipse((x, top + size * 0.4, x + size * 0.4, top + size * 0.8), fill=ink)
        _write(draw, (x + size, top), _words(4, rng), size, ink)
    return np.asarray(screen)


def draw_report_page(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return a printed report or journal page: head, lines of text, one film within them, a legend."""
    screen, draw = _screen(rng, int(rng.integers(235, 256)), rng.uniform(1.2, 1.45))
    width, height = screen.size
    _write(draw, (40, 30), _words(4, rng).title(), int(rng.integers(16, 30)), 20)
    draw.line((40, 70, width - 40, 70), fill=90)
    top = int(rng.uniform(0.15, 0.4) * height)
    bottom = top + int(rng.uniform(0.3, 0.45) * height)
    _write_block(draw, (40, 84, width - 40, top - 10), rng, 25)
    _paste(screen, _pick(films, rng), (40, top, width - 40, bottom))
    _write(draw, (60, bottom + 6), "Fig. 1. " + _words(7, rng), 11, 25)
    _write_block(draw, (40, bottom + 30, width - 40, height - 30), rng, 25)
    return np.asarray(screen)


def draw_work_list(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return a program with a table of patients beside a film: rows, columns, a form with fields."""
    dark = rng.random() < 0.4
    paper, ink, rule = (35, 215, 70) if dark else (245, 30, 200)
    screen, draw = _screen(rng, paper, rng.uniform(0.5, 0.75))
    width, height = screen.size
    film_left, split = bool(rng.random() < 0.5), rng.uniform(0.4, 0.65)
    _paste(screen, _pick(films, rng), _column(film_left, split, (4, 34, width - 4, height - 4)))
    left, top, right, bottom = _column(not film_left, split, (4, 34, width - 4, height - 4))
    draw.rectangle((0, 0, width, 28), fill=90 if dark else 60)
    _write(draw, (10, 7), _words(5, rng), 14, 240)
    step = int(rng.integers(18, 34))
    for row, y in enumerate(range(top, bottom - step, step)):
        if row % 2:
            draw.rectangle((left, y, right, y + step), fill=paper + (12 if dark else -12))
        draw.line((left, y, right, y), fill=rule)
        for x in range(left + 6, right - 60, 90):
            _write(draw, (x, y + step // 2 - 7), _words(1, rng), 12, ink)
    return np.asarray(screen)


INTERFACES: dict[str, Interface] = {
    "archive viewer": draw_viewer,
    "desktop window": draw_desktop_window,
    "web page": draw_browser_page,
    "phone screen": draw_phone_screen,
    "slide": draw_slide,
    "report page": draw_report_page,
    "work list": draw_work_list,
}


def _screen(rng: np.random.Generator, level: int, proportion: float) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return an empty screen of this height by width, its longer side between half of ``SIDE`` and all of it."""
    longer = rng.uniform(0.75, 1.0) * SIDE
    width = longer if proportion <= 1 else longer / proportion
    screen = Image.new("L", (int(width), int(width * proportion)), level)
    return screen, ImageDraw.Draw(screen)


def _pick(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    return films[int(rng.integers(len(films)))]


def _paste(screen: Image.Image, film: Grey, box: tuple[float, float, float, float]) -> None:
    """Place a film in the middle of a box, as large as it fits."""
    left, top, right, bottom = (int(value) for value in box)
    room = (max(24, right - left), max(24, bottom - top))
    factor = min(room[0] / film.shape[1], room[1] / film.shape[0])
    size = (max(16, int(film.shape[1] * factor)), max(16, int(film.shape[0] * factor)))
    picture = Image.fromarray(film).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    screen.paste(picture, (left + (room[0] - size[0]) // 2, top + (room[1] - size[1]) // 2))


def _column(is_left: bool, split: float, room: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = room
    middle = int(left + split * (right - left))
    return (left, top, middle - 8, bottom) if is_left else (middle + 8, top, right, bottom)


def _words(count: int, rng: np.random.Generator) -> str:
    return " ".join(str(word) for word in rng.choice(TERMS, count))


def _write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, ink: int) -> None:
    draw.text(place, text, fill=ink, font=ImageFont.load_default(max(8, size)))


def _write_block(
    draw: ImageDraw.ImageDraw, room: tuple[int, int, int, int], rng: np.random.Generator, ink: int
) -> None:
    """Write lines of words into a box, with gaps between paragraphs."""
    left, top, right, bottom = room
    size = int(rng.integers(10, 17))
    count = max(1, int((right - left) / (size * 3.2)))
    y = float(top)
    while y < bottom - size:
        if rng.random() > 0.12:
            _write(draw, (left, y), _words(max(1, int(count * rng.choice((1, 1, 1, 0.5)))), rng), size, ink)
        y += size * 1.4
