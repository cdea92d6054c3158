"""Pictures that the gate is trained on: frontal films, and other pictures that people upload by mistake."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
from PIL import Image

from ml.data.datasets import PICTURE_SUFFIXES, SOURCES, load_source
from ml.decoding.preprocess import Grey, load
from ml.errors import FilmError
from ml.inference.gate import CT, FRAMED, FRONTAL, INVERTED, LATERAL, LEFT, OTHER, RIGHT, SEVERAL, UPSIDE_DOWN
from ml.phantom.film import PhantomSpec, chest
from ml.training.gate.drawings import BODY_PARTS, CROP, DOCUMENTS, GRAPHICS, crop_part, draw_sheet
from ml.training.gate.framings import FRAMINGS, apply_framings, draw_framings
from ml.training.gate.interfaces import INTERFACES

COHEN, HANNOVER = "covid-chestxray-dataset", "covid-19-image-repository"
# Web sites of covid-chestxray-dataset that count as sources of their own.
SITES = {"radiopaedia.org": "radiopaedia.org", "www.eurorad.org": "eurorad.org", "github.com": HANNOVER}
WEB_SITES = ("radiopaedia.org", "eurorad.org")
PHANTOM, DRAWN = "phantom", "drawn"  # sources without a hospital
TURNED_FILMS = 700  # films that are also used turned and inverted
FRAMED_COPIES, VARIANTS, CROPS, PHANTOMS = 3, 12, 12, 120  # of a film, of a lateral film, of a photograph, in all
SCREENS, SHEETS, PAGES, PARTS = 150, 500, 120, 600  # of each interface, in all, of each drawing, in all
SHEET = "several films"  # the recipe of sheets; no fold leaves it out, as it is the only one of its kind


@dataclass(frozen=True)
class Sample:
    """A picture with its kind.

    Attributes:
        pixels: uint8 [H, W].
        kind: one of ``ml.inference.gate.CLASSES``.
        group: the patient or photograph that it shows.
        source: the data set, web site or folder of photographs; ``drawn`` or ``phantom`` where there is none.
        recipes: how it was changed or drawn; empty for a picture as published.
    """

    pixels: Grey
    kind: str
    group: str
    source: str
    recipes: tuple[str, ...] = ()


def frontal_films(root: Path) -> Iterator[Sample]:
    """Yield the frontal films of every data set."""
    sites = read_sites(root)
    for name in SOURCES:
        for film in load_source(name, root):
            source = sites.get(film.path.name, name) if name == COHEN else name
            yield Sample(load(film.path.read_bytes()).pixels, FRONTAL, film.patient_key, source)


def laterals_and_ct_slices(root: Path) -> Iterator[Sample]:
    """Yield the lateral films and CT slices of ``covid-chestxray-dataset``, by its metadata."""
    folder, sites = root / COHEN, read_sites(root)
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            kind = CT if row["modality"] == "CT" else LATERAL if row["view"] == "L" else None
            path = folder / "images" / row["filename"]
            if kind and path.is_file():
                pixels = load(path.read_bytes()).pixels
                yield Sample(pixels, kind, f"{COHEN}/{row['patientid']}", sites[path.name])


def read_sites(root: Path) -> dict[str, str]:
    """Return the source of each file of ``covid-chestxray-dataset``: a large web site, or the data set's name."""
    with (root / COHEN / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return {row["filename"]: SITES.get(urlparse(row["url"]).netloc, COHEN) for row in csv.DictReader(file)}


def photographs(folders: Sequence[Path]) -> Iterator[Sample]:
    """Yield every picture below some folders that can be decoded, as grey; each folder is a source."""
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES):
            try:
                yield Sample(load(path.read_bytes()).pixels, OTHER, str(path), f"photographs: {folder.name}")
            except FilmError:
                continue  # such as icons, which the upload refuses already


def phantoms(count: int) -> Iterator[Sample]:
    """Yield synthetic chest films, which the gate must accept, as the demo uses them."""
    for seed in range(count):
        spec = PhantomSpec(height=448, width=416, seed=1_000_000 + seed, opacities=seed % 4)
        yield Sample(chest(spec).astype(np.uint8), FRONTAL, f"{PHANTOM} {seed}", PHANTOM)


def framed_copies(film: Sample, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield a film in ``FRAMED_COPIES`` framings, and once in two to four of them together."""
    chosen: list[tuple[str, ...]] = [(name,) for name in draw_framings(rng, FRAMED_COPIES)]
    for names in (*chosen, draw_framings(rng, int(rng.integers(2, 5)))):
        yield replace(film, pixels=apply_framings(film.pixels, names, rng), recipes=names)


def turned_films(film: Sample, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield a frontal film on its side, upside down and inverted, about half of them in a framing."""
    pixels = film.pixels
    turned = {LEFT: np.rot90(pixels, 1), RIGHT: np.rot90(pixels, 3), UPSIDE_DOWN: np.rot90(pixels, 2)}
    for kind, picture in (turned | {INVERTED: 255 - pixels}).items():
        yield _framed_at_times(replace(film, pixels=picture.copy(), kind=kind), rng)


def shifted_variants(sample: Sample, count: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield variants: up to a tenth cut from each side, turned by up to eight degrees; half of them in a framing."""
    height, width = sample.pixels.shape
    for _ in range(count):
        edges = rng.uniform(0, 0.1, 4) * (width, height, width, height)
        box = (int(edges[0]), int(edges[1]), int(width - edges[2]), int(height - edges[3]))
        picture = Image.fromarray(sample.pixels).rotate(rng.uniform(-8, 8), Image.Resampling.BILINEAR).crop(box)
        if sample.kind == LATERAL and rng.random() < 0.5:  # patients face either side
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        yield _framed_at_times(replace(sample, pixels=np.asarray(picture)), rng)


def random_crops(sample: Sample, count: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield random parts of a picture, between a third and all of it, half of them flipped."""
    height, width = sample.pixels.shape
    for _ in range(count):
        share = rng.uniform(0.35, 1.0)
        rows, columns = max(64, int(height * share)), max(64, int(width * share * rng.uniform(0.8, 1.0)))
        top, left = rng.integers(0, max(1, height - rows + 1)), rng.integers(0, max(1, width - columns + 1))
        part = sample.pixels[top : top + rows, left : left + columns]
        yield replace(sample, pixels=part[:, ::-1].copy() if rng.random() < 0.5 else part.copy())


def drawn_pictures(films: Sequence[Sample], rng: np.random.Generator, share: float = 1.0) -> Iterator[Sample]:
    """Yield screenshots, sheets of several films, documents, noise, and other body parts.

    Args:
        films: frontal films that screenshots and sheets show.
        rng: source of the draws.
        share: of the usual number of pictures.
    """
    pixels = [film.pixels for film in films]

    def drawn(kind: str, recipe: str, count: int, draw: Callable[[], Grey]) -> Iterator[Sample]:
        for number in range(max(1, int(count * share))):
            yield Sample(draw(), kind, f"{recipe} {number}", DRAWN, (recipe,))

    for name, interface in INTERFACES.items():
        yield from drawn(FRAMED, name, SCREENS, lambda interface=interface: interface(pixels, rng))  # type: ignore[misc]
    yield from drawn(SEVERAL, SHEET, SHEETS, lambda: draw_sheet(pixels, rng))
    for name, drawing in (DOCUMENTS | GRAPHICS | BODY_PARTS).items():
        yield from drawn(OTHER, name, PAGES, lambda drawing=drawing: drawing(rng))  # type: ignore[misc]
    for index in rng.integers(0, len(films), max(1, int(PARTS * share))):
        film = films[int(index)]
        yield replace(film, pixels=crop_part(film.pixels, rng), kind=OTHER, recipes=(CROP,))


def collect_samples(root: Path, photograph_folders: Sequence[Path], seed: int = 0) -> Iterator[Sample]:
    """Yield every picture that the gate is trained on.

    Args:
        root: the folder of data sets.
        photograph_folders: folders of pictures of anything but chests.
        seed: of every random choice.

    Raises:
        DataSetError: when the data are not there.
    """
    rng = np.random.default_rng(seed)
    films = list(frontal_films(root))
    for film in (*films, *phantoms(PHANTOMS)):
        yield film
        yield from framed_copies(film, rng)
    for index in rng.choice(len(films), TURNED_FILMS, replace=False):
        yield from turned_films(films[index], rng)
    for other in laterals_and_ct_slices(root):
        yield from (other, *shifted_variants(other, VARIANTS, rng))
    for photograph in photographs(photograph_folders):
        yield from (photograph, *random_crops(photograph, CROPS, rng))
    yield from drawn_pictures(films, rng)


def _framed_at_times(sample: Sample, rng: np.random.Generator) -> Sample:
    """Return half of the pictures in a framing, so that a framing says nothing about the kind."""
    if rng.random() < 0.5:
        return sample
    name = str(rng.choice(list(FRAMINGS)))
    return replace(sample, pixels=apply_framings(sample.pixels, (name,), rng), recipes=(name,))
