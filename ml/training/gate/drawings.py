"""Pictures without a film: documents, noise, and drawn radiographs of other body parts; several films on one sheet.

No ordinary package ships radiographs of other body parts. They are drawn here roughly, and cut from the edges of
chest films (neck, shoulder, abdomen); the evidence says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ml.decoding.preprocess import Grey
from ml.training.gate.interfaces import TERMS

SIDE = 512  # pixels; longer side of the drawn pictures
Drawing = Callable[[np.random.Generator], Grey]


def draw_text_page(rng: np.random.Generator) -> Grey:
    """Return a page of printed lines, in one or two columns."""
    page, draw = _page(rng)
    size, columns = int(rng.integers(9, 18)), int(rng.integers(1, 3))
    for column in range(columns):
        y = float(rng.integers(10, 60))
        while y < page.height - 30:
            words = " ".join(str(word) for word in rng.choice(TERMS, max(2, int(40 / size * 3 / columns))))
            if rng.random() > 0.1:
                _text(draw, (20 + column * page.width // columns, y), words, size, int(rng.integers(0, 70)))
            y += size * rng.uniform(1.3, 1.6)
    return _inverted_at_times(page, rng)


def draw_chart(rng: np.random.Generator) -> Grey:
    """Return a chart with axes: bars, lines or points."""
    page, draw = _page(rng)
    width, height = page.size
    draw.line((50, 20, 50, height - 40, width - 20, height - 40), fill=20, width=2)
    kind, step = rng.integers(3), int(rng.integers(14, 50))
    xs = range(60, width - 30, step)
    ys = (height - 50 - np.abs(np.cumsum(rng.normal(0, 0.15, len(xs)))) * height).clip(25, height - 45)
    for x, y in zip(xs, ys, strict=True):
        if kind == 0:
            draw.rectangle((x, y, x + step * 0.7, height - 40), fill=int(rng.integers(30, 200)))
        elif kind == 1:
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=60)
        _text(draw, (x, height - 34), str(int(rng.integers(100))), 10, 30)
    if kind == 2:
        draw.line([(float(x), float(y)) for x, y in zip(xs, ys, strict=True)], fill=30, width=3)
    return _inverted_at_times(page, rng)


def draw_form(rng: np.random.Generator) -> Grey:
    """Return a form or a table with ruled fields, some of them filled in."""
    page, draw = _page(rng)
    width, height = page.size
    row, column = int(rng.integers(20, 50)), int(rng.integers(60, 200))
    for y in range(20, height - 20, row):
        draw.line((20, y, width - 20, y), fill=90)
        for x in range(20, width - 40, column):
            if rng.random() < 0.7:
                _text(draw, (x + 4, y + 4), str(rng.choice(TERMS)), min(row - 6, 14), 40)
    for x in range(20, width - 20, column):
        draw.line((x, 20, x, height - 20), fill=90)
    return _inverted_at_times(page, rng)


def draw_handwriting(rng: np.random.Generator) -> Grey:
    """Return a photographed sheet of handwriting: uneven light, wavy lines."""
    page, draw = _page(rng)
    for y in range(40, page.height - 20, int(rng.integers(22, 44))):
        x = np.arange(30.0, page.width * rng.uniform(0.5, 0.95), 3)
        wave = y + rng.normal(0, 5, len(x)) + 4 * np.sin(x / rng.uniform(3, 8))
        line = [(float(a), float(b)) for a, b in zip(x, wave, strict=True)]
        draw.line(line, fill=int(rng.integers(20, 110)), width=2)
    light = np.linspace(rng.uniform(0.5, 1), rng.uniform(0.5, 1), page.width)[None]
    return np.asarray((np.asarray(page) * light).clip(0, 255), dtype=np.uint8)


def draw_grain(rng: np.random.Generator) -> Grey:
    """Return noise of random grain, contrast and brightness."""
    cells = int(2 ** rng.uniform(1, 8.5))
    values = rng.normal(rng.uniform(60, 200), rng.uniform(5, 80), (cells, cells)).clip(0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(values).resize((SIDE, int(SIDE * rng.uniform(0.7, 1.3)))))


def draw_shapes(rng: np.random.Generator) -> Grey:
    """Return a drawing or a logo: filled shapes on a plain or graded background."""
    page = Image.new("L", (SIDE, int(SIDE * rng.uniform(0.6, 1.4))), int(rng.integers(0, 256)))
    draw = ImageDraw.Draw(page)
    for _ in range(int(rng.integers(1, 20))):
        x, y = np.sort(rng.uniform(0, page.width, 2)), np.sort(rng.uniform(0, page.height, 2))
        form = (draw.ellipse, draw.rectangle)[rng.integers(2)]
        form((float(x[0]), float(y[0]), float(x[1]), float(y[1])), fill=int(rng.integers(0, 256)))
    return np.asarray(page.filter(ImageFilter.GaussianBlur(float(rng.choice((0, 0, 2, 8))))))


def draw_limb(rng: np.random.Generator) -> Grey:
    """Return a limb as on a radiograph: soft tissue with one or two long bones and a joint, at any angle."""
    picture, draw, level = _dark(rng)
    width, height = picture.size
    half = rng.uniform(0.15, 0.35) * width
    draw.rectangle((width / 2 - half, 0, width / 2 + half, height), fill=level)
    joint = rng.uniform(0.2, 0.8) * height
    for share in ((0.0,), (-0.4, 0.4))[rng.integers(2)]:
        x, thick = width / 2 + share * half, half * rng.uniform(0.2, 0.45)
        for top, bottom in ((0, joint - 4), (joint + 4, height)):
            draw.rounded_rectangle((x - thick, top, x + thick, bottom), int(thick / 2), fill=min(255, level + 80))
            inner = thick * 0.45
            draw.rectangle((x - inner, top, x + inner, bottom), fill=min(255, level + 45))
        draw.ellipse((x - 1.5 * thick, joint - 2 * thick, x + 1.5 * thick, joint - 4), fill=min(255, level + 75))
    return _finish(picture.rotate(float(rng.choice((0, 0, 90, rng.uniform(-40, 40)))), fillcolor=8), rng)


def draw_hand(rng: np.random.Generator) -> Grey:
    """Return a hand or a foot: five rays of short bones."""
    picture, draw, level = _dark(rng)
    width, height = picture.size
    for ray in range(5):
        angle = np.deg2rad((ray - 2) * rng.uniform(8, 18) + rng.normal(0, 3))
        start = np.array((width * (0.3 + 0.1 * ray), height * 0.65))
        way, thick = np.array((np.sin(angle), -np.cos(angle))), width * rng.uniform(0.018, 0.03)
        end = start + way * height * 0.5
        draw.line((*start, *end), fill=level, width=int(5 * thick))
        for part in range(4):
            a, b = start + way * height * 0.13 * part, start + way * height * (0.13 * part + 0.11)
            draw.line((*a, *b), fill=min(255, level + 80), width=int(1.8 * thick))
    draw.ellipse((0.25 * width, 0.6 * height, 0.78 * width, 1.05 * height), fill=min(255, level + 40))
    return _finish(picture.rotate(float(rng.choice((0, 180, rng.uniform(-30, 30)))), fillcolor=8), rng)


def draw_skull(rng: np.random.Generator) -> Grey:
    """Return a head, from the front or the side: a bright rim, dark sinuses, teeth or a spine below."""
    picture, draw, level = _dark(rng)
    width, height = picture.size
    box = (0.15 * width, 0.06 * height, 0.85 * width, 0.72 * height)
    draw.ellipse(box, fill=level, outline=255, width=int(0.02 * width) + 2)
    draw.rectangle((0.35 * width, 0.6 * height, 0.65 * width, height), fill=min(255, level + 20))
    for sign in (-1, 1):
        x, y, r = width * (0.5 + sign * 0.14), 0.5 * height, width * rng.uniform(0.06, 0.1)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=max(0, level - 50), outline=min(255, level + 70), width=3)
    for tooth in range(10):
        x = width * (0.36 + 0.028 * tooth)
        draw.rectangle((x, 0.72 * height, x + 0.02 * width, 0.78 * height), fill=245)
    return _finish(picture, rng)


def draw_pelvis(rng: np.random.Generator) -> Grey:
    """Return an abdomen or a pelvis: spine, iliac wings, femoral heads, gas bubbles of the bowel."""
    picture, draw, level = _dark(rng)
    width, height = picture.size
    draw.rounded_rectangle((0.08 * width, 0, 0.92 * width, height), 40, fill=level)
    for body in range(6):
        y = 0.1 * height * body
        draw.rounded_rectangle((0.44 * width, y, 0.56 * width, y + 0.085 * height), 6, fill=min(255, level + 60))
    for sign in (-1, 1):
        x = width * (0.5 + sign * 0.22)
        draw.ellipse((x - 0.16 * width, 0.45 * height, x + 0.16 * width, 0.8 * height), fill=min(255, level + 55))
        draw.ellipse((x - 0.03 * width, 0.78 * height, x + 0.09 * width, 0.9 * height), fill=min(255, level + 85))
    for _ in range(int(rng.integers(3, 25))):
        x, y, r = rng.uniform(0.15, 0.85) * width, rng.uniform(0.05, 0.6) * height, rng.uniform(0.01, 0.06) * width
        draw.ellipse((x - r, y - r, x + r * rng.uniform(1, 2), y + r), fill=max(0, level - 70))
    return _finish(picture, rng)


DOCUMENTS: dict[str, Drawing] = {
    "text page": draw_text_page,
    "chart": draw_chart,
    "form": draw_form,
    "handwriting": draw_handwriting,
}
GRAPHICS: dict[str, Drawing] = {"noise": draw_grain, "shapes": draw_shapes}
BODY_PARTS: dict[str, Drawing] = {
    "limb (drawn)": draw_limb,
    "hand (drawn)": draw_hand,
    "skull (drawn)": draw_skull,
    "pelvis (drawn)": draw_pelvis,
}
CROP = "part of a chest film"


def crop_part(film: Grey, rng: np.random.Generator) -> Grey:
    """Return a small part of a chest film that is no chest film: a corner, the neck, the abdomen or a middle part."""
    height, width = film.shape
    rows, columns = (min(side, max(64, int(side * rng.uniform(0.18, 0.36)))) for side in (height, width))
    top = int(rng.choice((0.0, 0.98, rng.uniform(0, 1))) * (height - rows))
    left = int(rng.uniform(0, 1) * (width - columns))
    return film[top : top + rows, left : left + columns].copy()


def draw_sheet(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return two to six films on one sheet, as on a light box or in a figure of a journal."""
    across, down = ((2, 1), (1, 2), (2, 2), (3, 1), (3, 2))[rng.integers(5)]
    cell = (SIDE // across, int(SIDE // across * rng.uniform(0.8, 1.25)))
    sheet = Image.new("L", (across * cell[0], down * cell[1]), int(rng.choice((0, 0, 40, 255))))
    gap = int(rng.integers(0, 14))
    for index in range(across * down):
        film = Image.fromarray(films[int(rng.integers(len(films)))]).resize((cell[0] - gap, cell[1] - gap))
        place = (index % across * cell[0], index // across * cell[1])
        sheet.paste(film, place)
        if rng.random() < 0.3:
            size = int(rng.integers(14, 40))
            _text(ImageDraw.Draw(sheet), (place[0] + 6, place[1] + 6), "ABCDEF"[index], size, 255)
    return np.asarray(sheet)


def _page(rng: np.random.Generator) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    page = Image.new("L", (SIDE, int(SIDE * rng.uniform(0.7, 1.45))), int(rng.integers(200, 256)))
    return page, ImageDraw.Draw(page)


def _text(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, ink: int) -> None:
    draw.text(place, text, fill=ink, font=ImageFont.load_default(max(8, size)))


def _inverted_at_times(page: Image.Image, rng: np.random.Generator) -> Grey:
    pixels = np.asarray(page)
    return 255 - pixels if rng.random() < 0.25 else pixels


def _dark(rng: np.random.Generator) -> tuple[Image.Image, ImageDraw.ImageDraw, int]:
    picture = Image.new("L", (SIDE, int(SIDE * rng.uniform(0.8, 1.4))), int(rng.integers(0, 25)))
    return picture, ImageDraw.Draw(picture), int(rng.integers(70, 160))


def _finish(picture: Image.Image, rng: np.random.Generator) -> Grey:
    """Blur a drawing as a radiograph is, and add a coarse and a fine texture."""
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(2, 7)))), dtype=np.float32)
    coarse = rng.normal(0, 1, (24, 24)).astype(np.float32)
    cloud = np.asarray(Image.fromarray(coarse).resize(picture.size, Image.Resampling.BICUBIC))
    noisy = soft * (1 + 0.12 * cloud) + rng.normal(0, 3, soft.shape)
    return np.asarray(noisy.clip(0, 255), dtype=np.uint8)
