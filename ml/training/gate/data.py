"""Pictures that the gate is trained on: frontal films, and other pictures that people upload by mistake."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ml.data.datasets import PICTURE_SUFFIXES
from ml.decoding.preprocess import Grey, load
from ml.errors import FilmError
from ml.inference.gate import CT, FRAMED, FRONTAL, INVERTED, LATERAL, LEFT, OTHER, RIGHT, SEVERAL, UPSIDE_DOWN
from ml.phantom.film import PhantomSpec, chest

SIDE = 384  # pixels; longer side of the generated pictures
PHANTOM = "phantom"  # the group names of phantoms begin with it
FRAME_GREYS = (25, 60, 120, 200, 240)


@dataclass(frozen=True)
class Sample:
    """A picture with its kind, and the group (patient, photograph) it belongs to."""

    pixels: Grey
    kind: str
    group: str


def turned_films(pixels: Grey, group: str) -> Iterator[Sample]:
    """Yield a frontal film in the ways that must be refused: on its side, upside down, inverted."""
    yield Sample(np.rot90(pixels, 1).copy(), LEFT, group)
    yield Sample(np.rot90(pixels, 3).copy(), RIGHT, group)
    yield Sample(np.rot90(pixels, 2).copy(), UPSIDE_DOWN, group)
    yield Sample(255 - pixels, INVERTED, group)


def laterals_and_ct_slices(root: Path) -> Iterator[Sample]:
    """Yield the lateral films and CT slices of ``covid-chestxray-dataset``, by its metadata."""
    folder = root / "covid-chestxray-dataset"
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            kind = CT if row["modality"] == "CT" else LATERAL if row["view"] == "L" else None
            path = folder / "images" / row["filename"]
            if kind and path.is_file():
                yield Sample(load(path.read_bytes()).pixels, kind, f"covid-chestxray-dataset/{row['patientid']}")


def photographs(folders: Sequence[Path]) -> Iterator[Sample]:
    """Yield every picture below some folders that can be decoded, as grey."""
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES):
            try:
                yield Sample(load(path.read_bytes()).pixels, OTHER, str(path))
            except FilmError:
                continue  # such as icons, which the upload refuses already


def random_crops(sample: Sample, count: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield random parts of a picture, between a third and all of it, half of them flipped."""
    height, width = sample.pixels.shape
    for _ in range(count):
        share = rng.uniform(0.35, 1.0)
        rows, columns = max(64, int(height * share)), max(64, int(width * share * rng.uniform(0.8, 1.0)))
        top, left = rng.integers(0, max(1, height - rows + 1)), rng.integers(0, max(1, width - columns + 1))
        part = sample.pixels[top : top + rows, left : left + columns]
        yield Sample(part[:, ::-1].copy() if rng.random() < 0.5 else part.copy(), sample.kind, sample.group)


def shifted_variants(sample: Sample, count: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield variants of a film: up to a tenth cut from each side, turned by up to eight degrees."""
    height, width = sample.pixels.shape
    for _ in range(count):
        edges = rng.uniform(0, 0.1, 4) * (width, height, width, height)
        box = (int(edges[0]), int(edges[1]), int(width - edges[2]), int(height - edges[3]))
        picture = Image.fromarray(sample.pixels).rotate(rng.uniform(-8, 8), Image.Resampling.BILINEAR).crop(box)
        yield Sample(np.asarray(picture), sample.kind, sample.group)


def noise_picture(rng: np.random.Generator) -> Grey:
    """Return noise of random grain, contrast and brightness."""
    cells = int(2 ** rng.uniform(1, 8.5))
    values = rng.normal(rng.uniform(60, 200), rng.uniform(5, 80), (cells, cells)).clip(0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(values).resize((SIDE, int(SIDE * rng.uniform(0.7, 1.3)))))


def document_picture(rng: np.random.Generator) -> Grey:
    """Return a page of printed lines or a bar chart, dark on light or light on dark."""
    height = int(SIDE * rng.uniform(0.7, 1.4))
    page = Image.new("L", (SIDE, height), int(rng.integers(200, 256)))
    draw = ImageDraw.Draw(page)
    letters = "abcdefghijklmnopqrstuvwxyz      ,.0123456789"
    if rng.random() < 0.6:
        step = int(rng.integers(9, 22))
        for top in range(20, height - 20, step):
            line = "".join(letters[index] for index in rng.integers(0, len(letters), int(rng.integers(10, 60))))
            draw.text((20, top), line, fill=int(rng.integers(0, 90)))
    else:
        for left in range(30, SIDE - 30, int(rng.integers(15, 50))):
            top = int(rng.integers(20, height - 40))
            draw.rectangle((left, top, left + 12, height - 20), fill=int(rng.integers(0, 200)))
    pixels = np.asarray(page)
    return 255 - pixels if rng.random() < 0.3 else pixels


def film_sheet(films: Sequence[Grey], rng: np.random.Generator) -> Grey:
    """Return two to four films side by side, as on a light box or in a report."""
    across, down = ((2, 1), (1, 2), (2, 2), (3, 1))[rng.integers(4)]
    cell = SIDE // 2
    sheet = Image.new("L", (across * cell, down * cell), int(rng.choice((0, 0, 255))))
    gap = int(rng.integers(0, 8))
    for index in range(across * down):
        film = Image.fromarray(films[int(rng.integers(len(films)))])
        film = film.resize((cell - gap, cell - gap))
        sheet.paste(film, (index % across * cell, index // across * cell))
    return np.asarray(sheet)


def viewer_screenshot(film: Grey, rng: np.random.Generator) -> Grey:
    """Return a film in the window of a program, with bars, buttons and text around it."""
    width, height = SIDE, int(SIDE * rng.uniform(0.6, 0.8))
    screen = Image.new("L", (width, height), int(rng.choice(FRAME_GREYS)))
    draw = ImageDraw.Draw(screen)
    bar, side = int(rng.uniform(0.06, 0.14) * height), int(rng.uniform(0.1, 0.32) * width)
    draw.rectangle((0, 0, width, bar), fill=int(rng.choice(FRAME_GREYS)))
    ink = int(rng.choice((20, 230)))
    for left in range(6, width - 30, int(rng.integers(30, 70))):
        draw.text((left, bar // 3), "File View"[: int(rng.integers(3, 9))], fill=ink)
    for top in range(bar + 8, height - 12, int(rng.integers(10, 20))):
        draw.text((4, top), "Patient study series"[: int(rng.integers(4, 20))], fill=ink)
    room = (width - side - int(rng.integers(0, side + 1)), height - bar - int(rng.integers(0, bar + 1)))
    picture = Image.fromarray(film)
    picture.thumbnail((max(64, room[0]), max(64, room[1])))
    screen.paste(picture, (side, bar))
    return np.asarray(screen)


def generated_pictures(films: Sequence[Grey], count: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield ``count`` each of noise, documents, sheets of several films and screenshots."""
    for number in range(count):
        group = f"made {number}"
        yield Sample(noise_picture(rng), OTHER, group)
        yield Sample(document_picture(rng), OTHER, group)
        yield Sample(film_sheet(films, rng), SEVERAL, group)
        yield Sample(viewer_screenshot(films[int(rng.integers(len(films)))], rng), FRAMED, group)


def frontal_films(films: Sequence[Grey], groups: Sequence[str]) -> Iterator[Sample]:
    """Yield frontal films unchanged."""
    for pixels, group in zip(films, groups, strict=True):
        yield Sample(pixels, FRONTAL, group)


def phantoms(count: int) -> Iterator[Sample]:
    """Yield synthetic chest films, which the gate must accept, as the demo uses them."""
    for seed in range(count):
        spec = PhantomSpec(height=448, width=416, seed=1_000_000 + seed, opacities=seed % 4)
        yield Sample(chest(spec).astype(np.uint8), FRONTAL, f"{PHANTOM} {seed}")


def kinds_of(samples: Sequence[Sample]) -> NDArray[np.str_]:
    """Return the kind of each sample, [N]."""
    return np.array([sample.kind for sample in samples])
