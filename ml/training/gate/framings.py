"""Framings of frontal films: what surrounds and covers a sound film at other hospitals, drawn around known films.

Each recipe returns a frontal film again. The gate learns from them that width, borders, letters and exposure say
nothing about the kind of a picture. Evidence leaves out whole recipes, so each of them is a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from ml.decoding.preprocess import Grey
from ml.training.gate.film_marks import add_devices, add_film_edges, add_lettering, to_grey

Framing = Callable[[Grey, np.random.Generator], Grey]


def add_plain_borders(film: Grey, rng: np.random.Generator) -> Grey:
    """Add black, white or grey borders of one level at one to four sides, each up to 40 % of the film."""
    height, width = film.shape
    level = int(rng.choice((0, 0, int(rng.integers(1, 30)), int(rng.integers(60, 200)), 255)))
    sides = rng.random(4) < rng.choice((0.35, 0.6, 1.0))
    sides[rng.integers(4)] = True
    shares = rng.uniform(0.02, 0.4, 4) * sides
    top, bottom, left, right = (int(share * (height, height, width, width)[i]) for i, share in enumerate(shares))
    canvas = np.full((height + top + bottom, width + left + right), level, dtype=np.uint8)
    canvas[top : top + height, left : left + width] = film
    return canvas


def add_noisy_borders(film: Grey, rng: np.random.Generator) -> Grey:
    """Place the film on a larger background with a gradient and noise, as a scan or a photographed detector has."""
    height, width = film.shape
    grow = 1 + rng.uniform(0.05, 0.6, 2)
    canvas = _background(int(height * grow[0]), int(width * grow[1]), rng)
    top, left = (int(rng.uniform(0, 1) * (a - b)) for a, b in zip(canvas.shape, film.shape, strict=True))
    canvas[top : top + height, left : left + width] = film
    return canvas


def zoom_out(film: Grey, rng: np.random.Generator) -> Grey:
    """Place the film, at 40 to 80 % of the side, on a plain, noisy or graded background on all sides."""
    height, width = film.shape
    rows, columns = (int(side / rng.uniform(0.4, 0.8)) for side in (height, width))
    if rng.random() < 0.6:
        canvas = np.full((rows, columns), int(rng.choice((0, 0, 0, 10, 30, 90, 160, 255))), dtype=np.uint8)
    else:
        canvas = _background(rows, columns, rng)
    top, left = int(rng.uniform(0.2, 0.8) * (rows - height)), int(rng.uniform(0.2, 0.8) * (columns - width))
    canvas[top : top + height, left : left + width] = film
    return canvas


def collimate(film: Grey, rng: np.random.Generator) -> Grey:
    """Draw a collimator: cover the outside of a slightly turned rectangle with black, grey or white."""
    height, width = film.shape
    grown = _extend(film, 0.15, rng) if rng.random() < 0.6 else film
    rows, columns = grown.shape
    angle = np.deg2rad(rng.uniform(-8, 8))
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    u = (x - columns / 2) * np.cos(angle) + (y - rows / 2) * np.sin(angle)
    v = (y - rows / 2) * np.cos(angle) - (x - columns / 2) * np.sin(angle)
    reach = rng.uniform(0.42, 0.56, 4) * (width, width, height, height)
    inside = np.minimum.reduce([u + reach[0], reach[1] - u, v + reach[2], reach[3] - v])
    soft = float(rng.choice((0.5, 2.0, 6.0)))
    share = np.clip(inside / soft + 0.5, 0, 1)
    level = float(rng.choice((0, 0, 8, 25, 110, 180, 255)))
    noise = rng.normal(0, rng.choice((0.0, 1.5)), (rows, columns))
    leak = rng.choice((0.0, 0.0, 0.12))  # a collimator that lets some radiation through
    outside = level * (1 - leak) + grown * leak + noise
    return to_grey(share * grown + (1 - share) * outside)


def change_contrast(film: Grey, rng: np.random.Generator) -> Grey:
    """Return the film with low or high contrast, brighter or darker, or with a bent grey curve."""
    values = film.astype(np.float32) / 255
    choice = rng.integers(4)
    if choice == 0:  # low contrast
        spread = rng.uniform(0.2, 0.6)
        values = rng.uniform(0.05, 0.95 - spread) + spread * values
    elif choice == 1:  # high contrast, both ends saturated
        values = (values - rng.uniform(0.35, 0.6)) * rng.uniform(1.5, 2.5) + 0.5
    elif choice == 2:
        values = values ** np.exp(rng.uniform(-0.9, 0.9))
    else:
        order = np.argsort(np.argsort(film, axis=None, kind="stable"), kind="stable")
        values = (order / film.size).reshape(film.shape) * rng.uniform(0.6, 1.0)
    return to_grey(values * 255)


def show_arms(film: Grey, rng: np.random.Generator) -> Grey:
    """Widen the film by soft tissue, shoulders and arms with their bones, before a dark background."""
    height, width = film.shape
    side, above = int(rng.uniform(0.12, 0.45) * width), int(rng.uniform(0.0, 0.25) * height)
    rows, columns = height + above, width + 2 * side
    body = _extend_edges(film, above, side, rng)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    share = np.zeros((rows, columns), dtype=np.float32)
    bone = np.zeros((rows, columns), dtype=np.float32)
    for sign in (-1, 1):
        gap = rng.uniform(0.0, 0.1) * width * (1 if rng.random() < 0.6 else 0)  # air between chest and arm
        lean = (y / rows - 0.5) * side * rng.uniform(-0.6, 0.9)
        arm = columns / 2 + sign * (width / 2 + gap + side * 0.45 + lean)
        thick = side * rng.uniform(0.3, 0.55)
        share = np.maximum(share, np.clip((thick - np.abs(x - arm)) / (0.15 * thick) + 0.5, 0, 1))
        bone = np.maximum(bone, np.exp(-(((x - arm) / (0.28 * thick)) ** 2)))
    inside = np.clip((width / 2 + 2 - np.abs(x - columns / 2)) / 4, 0, 1)
    shoulders = np.clip((above + rng.uniform(0.1, 0.3) * height - y) / (0.1 * height) + 0.5, 0, 1)
    neck = 1 - np.clip((0.6 * above - y) / (0.3 * above + 1) + 0.5, 0, 1) * (np.abs(x - columns / 2) > 0.15 * width)
    tissue = rng.uniform(90, 190) + rng.uniform(30, 70) * bone + rng.normal(0, 3, (rows, columns))
    outside = rng.uniform(0, 25) + (tissue - 10) * np.maximum(share, shoulders)
    blend = np.maximum(inside, 0.5 * np.clip(1 - (np.abs(x - columns / 2) - width / 2) / (0.1 * width), 0, 1))
    return to_grey((blend * body + (1 - blend) * outside) * np.clip(neck, 0.05, 1))


def widen_body(film: Grey, rng: np.random.Generator) -> Grey:
    """Return the film of a large body: haze of low contrast, bright soft tissue around the lungs, blurred."""
    grown = _extend(film, float(rng.uniform(0.05, 0.3)), rng).astype(np.float32)
    rows, columns = grown.shape
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    rim = np.clip(np.maximum(np.abs(x) ** rng.uniform(1.5, 4), np.abs(y) ** rng.uniform(2, 5)), 0, 1)
    haze = rng.uniform(0.15, 0.5) + rng.uniform(0.1, 0.5) * rim
    level = rng.uniform(120, 215)
    hazy = Image.fromarray(to_grey(grown * (1 - np.clip(haze, 0, 0.8)) + level * np.clip(haze, 0, 0.8)))
    return np.asarray(hazy.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 1.5)))))


def cut_off(film: Grey, rng: np.random.Generator) -> Grey:
    """Cut off bases, apices or sides, up to 22 % at one side and 8 % at the others."""
    height, width = film.shape
    shares = rng.uniform(0, 0.08, 4)
    shares[rng.integers(4)] = rng.uniform(0.08, 0.22)
    top, bottom, left, right = shares * (height, height, width, width)
    return film[int(top) : int(height - bottom), int(left) : int(width - right)].copy()


def change_proportions(film: Grey, rng: np.random.Generator) -> Grey:
    """Return the film with a width of 0.5 to 2 of its height: padded with black or its own edges, or stretched."""
    height, width = film.shape
    picture = Image.fromarray(film).resize((max(64, int(width * rng.uniform(0.8, 1.25))), height))
    wanted = float(np.exp(rng.uniform(np.log(0.5), np.log(2.0))))
    rows, columns = max(height, int(picture.width / wanted)), max(picture.width, int(height * wanted))
    above, beside = rows - height, columns - picture.width
    room = (above // 2, (above + 1) // 2), (beside // 2, (beside + 1) // 2)
    if rng.random() < 0.5:
        return np.pad(np.asarray(picture), room, constant_values=int(rng.choice((0, 0, 0, 12, 255))))
    return np.pad(np.asarray(picture), room, mode="edge")


def change_quality(film: Grey, rng: np.random.Generator) -> Grey:
    """Return the film blurred, sharpened, noisy, or enlarged from a small copy."""
    picture = Image.fromarray(film)
    choice = rng.integers(4)
    if choice == 0:
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 2.5)))))
    if choice == 1:
        sharpen = ImageFilter.UnsharpMask(float(rng.uniform(1, 12)), int(rng.uniform(80, 300)), 0)
        return np.asarray(picture.filter(sharpen))
    if choice == 2:
        return to_grey(film + rng.normal(0, rng.uniform(3, 22), film.shape))
    size = (max(48, int(side * rng.uniform(0.2, 0.6))) for side in picture.size)
    small = picture.resize(tuple(size))  # type: ignore[arg-type]
    return np.asarray(small.resize(picture.size, Image.Resampling.BICUBIC))


FRAMINGS: dict[str, Framing] = {
    "plain borders": add_plain_borders,
    "noisy borders": add_noisy_borders,
    "zoomed out": zoom_out,
    "collimation": collimate,
    "lettering": add_lettering,
    "contrast": change_contrast,
    "tubes and wires": add_devices,
    "arms in view": show_arms,
    "large body": widen_body,
    "cut off": cut_off,
    "proportions": change_proportions,
    "film edges": add_film_edges,
    "sharpness": change_quality,
}


def apply_framings(film: Grey, names: tuple[str, ...], rng: np.random.Generator) -> Grey:
    """Apply framings one after the other; the longer side of the result is at most that of the film."""
    limit = max(film.shape)
    for name in names:
        film = FRAMINGS[name](film, rng)
    picture = Image.fromarray(film)
    if max(picture.size) > limit:
        picture.thumbnail((limit, limit), Image.Resampling.BILINEAR)
    return np.asarray(picture)


def draw_framings(rng: np.random.Generator, count: int) -> tuple[str, ...]:
    """Draw the names of ``count`` different framings, in random order."""
    return tuple(str(name) for name in rng.choice(list(FRAMINGS), count, replace=False))


def _background(rows: int, columns: int, rng: np.random.Generator) -> Grey:
    start, end = rng.uniform(0, 140, 2)
    axis = np.linspace(start, end, rows)[:, None] if rng.random() < 0.5 else np.linspace(start, end, columns)[None]
    return to_grey(np.broadcast_to(axis, (rows, columns)) + rng.normal(0, rng.uniform(0.5, 14), (rows, columns)))


def _extend(film: Grey, share: float, rng: np.random.Generator) -> Grey:
    side = int(share * film.shape[1])
    return _extend_edges(film, int(share * film.shape[0] / 2), side, rng)


def _extend_edges(film: Grey, above: int, side: int, rng: np.random.Generator) -> Grey:
    """Extend a film above and at both sides by its blurred edges, with noise."""
    grown = np.pad(film, ((above, 0), (side, side)), mode="edge")
    soft = np.asarray(Image.fromarray(grown).filter(ImageFilter.BoxBlur(9)), dtype=np.float32)
    soft += rng.normal(0, 2.5, soft.shape)
    soft[above:, side : side + film.shape[1]] = film
    return to_grey(soft)
