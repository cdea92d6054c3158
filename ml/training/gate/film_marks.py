"""Marks on films: letters, words and arrows, devices, and the edges of cassettes and scanners."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ml.decoding.preprocess import Grey

WORDS = (
    "L", "R", "D", "I", "G", "DX", "IZQ", "DCHA", "RE", "LI", "AP", "PA", "PORTABLE", "PORTATIL", "SUPINE", "ERECT",
    "SITTING", "MOBILE", "BED", "AP SUPINE", "AP ERECT", "SEMI-UPRIGHT", "10:42", "2020", "75 kV 2 mAs", "ICU",
)  # fmt: skip


def add_lettering(film: Grey, rng: np.random.Generator) -> Grey:
    """Write one to five letters, words or arrows on the film, mostly near its corners and edges."""
    height, width = film.shape
    picture = Image.fromarray(film)
    for _ in range(int(rng.integers(1, 6))):
        size = int(rng.uniform(0.025, 0.11) * max(height, width))
        mark = _arrow(size) if rng.random() < 0.15 else _word(str(rng.choice(WORDS)), size, rng)
        mark = mark.rotate(float(rng.choice((0, 0, 0, 90, 270, rng.uniform(-25, 25)))), expand=True)
        if rng.random() < 0.15:
            mark = mark.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        edge = rng.beta(0.4, 0.4, 2)  # near 0 or 1
        place = tuple(int(share * max(1, a - b)) for share, a, b in zip(edge, picture.size, mark.size, strict=True))
        ink = int(rng.choice((255, 255, 235, 200, 20, 0)))
        if rng.random() < 0.2:  # in a box
            box = (place[0] - 2, place[1] - 2, place[0] + mark.width + 2, place[1] + mark.height + 2)
            ImageDraw.Draw(picture).rectangle(box, fill=255 - ink)
        picture.paste(ink, (place[0], place[1]), mark)
    return np.asarray(picture)


def add_devices(film: Grey, rng: np.random.Generator) -> Grey:
    """Draw tubes, wires, electrodes and an implant: bright lines, rings and blobs."""
    height, width = film.shape
    layer = Image.new("L", (width, height))
    draw = ImageDraw.Draw(layer)
    for _ in range(int(rng.integers(1, 7))):
        points = np.cumsum(np.concatenate([rng.uniform(0, 1, (1, 2)), rng.normal(0, 0.09, (14, 2))]), axis=0)
        points = points * (width, height)
        line = [(float(x), float(y)) for x, y in points]
        draw.line(line, fill=int(rng.integers(60, 255)), width=int(rng.integers(1, 5)), joint="curve")
    for _ in range(int(rng.integers(0, 6))):
        x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.008, 0.03) * width
        draw.ellipse((x - r, y - r, x + r, y + r), fill=int(rng.integers(80, 255)), outline=255)
    if rng.random() < 0.25:
        x, y, r = rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.4) * height, 0.06 * width
        draw.rounded_rectangle((x - r, y - r, x + r, y + r), int(r / 2), fill=250)
    shine = np.asarray(layer.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float32) / 255
    return to_grey(film + (255 - film.astype(np.float32)) * shine * rng.uniform(0.4, 1.0))


def add_film_edges(film: Grey, rng: np.random.Generator) -> Grey:
    """Draw thin white, grey or black edges, rounded corners and a label, as cassettes and scanners leave them."""
    height, width = film.shape
    picture = Image.fromarray(film)
    draw = ImageDraw.Draw(picture)
    level = int(rng.choice((255, 255, 235, 128, 0)))
    for side in range(4):
        if rng.random() < 0.55:
            thick = int(rng.uniform(0.005, 0.06) * max(height, width)) + 1
            top, bottom = (0, 0, width, thick), (0, height - thick, width, height)
            left, right = (0, 0, thick, height), (width - thick, 0, width, height)
            draw.rectangle((top, bottom, left, right)[side], fill=level)
    if rng.random() < 0.3:
        corner = int(rng.uniform(0.05, 0.2) * width)
        inside = Image.new("L", picture.size)
        ImageDraw.Draw(inside).rounded_rectangle((0, 0, width - 1, height - 1), corner, fill=255)
        picture = Image.composite(picture, Image.new("L", picture.size, level), inside)
    if rng.random() < 0.3:  # the label with the patient's name, blacked out or white
        x, y = rng.choice((0.0, 0.75)) * width, rng.choice((0.0, 0.93)) * height
        box = (x, y, x + 0.25 * width, y + 0.07 * height)
        ImageDraw.Draw(picture).rectangle(box, fill=int(rng.choice((0, 255))))
    return np.asarray(picture)


def to_grey(values: NDArray[np.floating]) -> Grey:
    """Convert to grey levels, limited to 0 and 255."""
    return np.asarray(values.clip(0, 255), dtype=np.uint8)


def _word(text: str, size: int, rng: np.random.Generator) -> Image.Image:
    """Return a mask of a word, in one of several weights and widths."""
    font = ImageFont.load_default(max(8, size))
    stroke = int(rng.integers(0, 1 + max(1, size // 12)))
    left, top, right, bottom = (int(value) for value in font.getbbox(text, stroke_width=stroke))
    mask = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, fill=255, font=font, stroke_width=stroke)
    return mask.resize((max(3, int(mask.width * rng.uniform(0.6, 1.3))), mask.height))


def _arrow(size: int) -> Image.Image:
    mask = Image.new("L", (size, size))
    draw = ImageDraw.Draw(mask)
    draw.line((size * 0.1, size * 0.5, size * 0.7, size * 0.5), fill=255, width=max(1, size // 8))
    draw.polygon((size * 0.6, size * 0.2, size * 0.95, size * 0.5, size * 0.6, size * 0.8), fill=255)
    return mask
