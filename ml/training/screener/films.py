"""Films of the screener: their patient groups, the folds that leave hospitals out, and how often each is drawn."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
from numpy.typing import NDArray

from ml.arrays import Float32Array, Float64Array
from ml.data.datasets import NORMAL, PNEUMONIA, SOURCES, FilmRecord, load_source
from ml.data.duplicates import duplicate_groups, perceptual_hash
from ml.decoding.preprocess import Grey, load

COHEN, KERMANY, NIH = "covid-chestxray-dataset", "chest_xray", "nih-chestxray14"
HANNOVER, CXNET = "covid-19-image-repository", "covid-cxnet"
HANNOVER_SITE = "github.com"  # where covid-chestxray-dataset says it took the Hannover films from
VALIDATION_SHARE = 0.12
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Films:
    """Every labelled film, with its pixels, patient group and web site.

    Attributes:
        records: the films, [N].
        pixels: their working pictures.
        groups: patient, duplicates and published case joined, [N].
        sites: for ``covid-chestxray-dataset`` the web site the film was taken from, else empty, [N].
    """

    records: list[FilmRecord]
    pixels: list[Grey]
    groups: NDArray[np.str_]
    sites: NDArray[np.str_]

    @property
    def labels(self) -> Float32Array:
        """Return 1 for COVID-19, else 0, [N]."""
        return np.array([film.label for film in self.records], dtype=np.float32)

    @property
    def sources(self) -> NDArray[np.str_]:
        """Return the data set of each film, [N]; a Hannover film within another set counts as Hannover's."""
        return np.array([
            HANNOVER if site == HANNOVER_SITE else film.source
            for film, site in zip(self.records, self.sites, strict=True)
        ])  # fmt: skip

    @property
    def findings(self) -> NDArray[np.str_]:
        """Return ``covid``, ``normal`` or ``pneumonia`` for each film, [N]."""
        return np.array([film.finding for film in self.records])


def read_films(root: Path) -> Films:
    """Read every data set.

    Args:
        root: the folder that holds the data sets.

    Raises:
        DataSetError: when one is not there.
    """
    records = [film for name in SOURCES for film in load_source(name, root)]
    pixels = [load(film.path.read_bytes()).pixels for film in records]
    with (root / COHEN / "metadata.csv").open(newline="", encoding="utf-8") as file:
        address = {row["filename"]: row["url"].split("?")[0] for row in csv.DictReader(file)}
    urls = [address.get(film.path.name, "") if film.source == COHEN else "" for film in records]
    hashes = np.stack([perceptual_hash(film) for film in pixels])
    groups = _groups(records, urls, duplicate_groups(hashes))
    return Films(records, pixels, groups, np.array([urlparse(url).netloc for url in urls]))


def _groups(records: Sequence[FilmRecord], urls: Sequence[str], twins: Sequence[int]) -> NDArray[np.str_]:
    """Join films of one patient, one picture, one published case, and Hannover's films under their own names.

    The perceptual hash finds about 20 of the Hannover films in ``covid-chestxray-dataset``; their file names are
    Hannover's own, which joins 62.
    """
    keys: list[list[str]] = []
    for film, url, twin in zip(records, urls, twins, strict=True):
        key = [film.patient_key, f"twin {twin}"]
        if film.source in {COHEN, HANNOVER}:
            key.append(f"file {film.path.stem}")
        if url and urlparse(url).netloc != HANNOVER_SITE:
            key.append(url)
        keys.append(key)
    return np.array(_joined(keys))


def _joined(keys: Sequence[Sequence[str]]) -> list[str]:
    """Return for each item the name of its connected component; items that share a key are connected."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        parent.setdefault(key, key)
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for first, *others in keys:
        for other in others:
            parent[root(other)] = root(first)
    return [root(first) for first, *_ in keys]


@dataclass(frozen=True)
class Fold:
    """Films to train on and films to test on: masks over the films, [N].

    Attributes:
        train: films to train on.
        tests: for each test its positive and its negative films; no source of theirs is in training.
    """

    train: Mask
    tests: dict[str, tuple[Mask, Mask]]


def folds(films: Films) -> dict[str, Fold]:
    """Return the folds. Each leaves out one source of each class, or one source that has both classes.

    Patient groups with films in a source that is left out are left out as a whole.
    """
    source, site, finding = films.sources, films.sites, films.findings
    covid, ill, well = films.labels == 1, finding == PNEUMONIA, finding == NORMAL
    cohen, hannover, cxnet, nih, children = (source == name for name in (COHEN, HANNOVER, CXNET, NIH, KERMANY))
    web, cases = site == "radiopaedia.org", site == "www.eurorad.org"
    rest = cohen & ~web & ~cases

    def fold(out: Mask, tests: dict[str, tuple[Mask, Mask]]) -> Fold:
        return Fold(~np.isin(films.groups, np.unique(films.groups[out])), tests)

    def fold_of_both_classes(part: Mask, name: str) -> Fold:
        return fold(part, {f"{name}: COVID / other": (part & covid, part & ~covid)})

    return {
        "cohen": fold(cohen, {
            "Cohen: COVID / other pneumonia": (cohen & covid, cohen & ill),
            "Cohen: COVID / normal": (cohen & covid, cohen & well),
        }),
        "radiopaedia": fold_of_both_classes(web, "Radiopaedia"),
        "eurorad": fold_of_both_classes(cases, "Eurorad"),
        "journals": fold_of_both_classes(rest, "Journals and others"),
        "hannover+nih": fold(hannover | nih, {
            "Hannover / NIH normal": (hannover, nih & well),
            "Hannover / NIH pneumonia": (hannover, nih & ill),
        }),
        "cxnet+nih": fold(cxnet | nih, {
            "CXNet / NIH normal": (cxnet, nih & well), "CXNet / NIH pneumonia": (cxnet, nih & ill),
        }),
        "cxnet+children": fold(cxnet | children, {
            "CXNet / healthy children": (cxnet, children & well),
            "CXNet / children with pneumonia": (cxnet, children & ill),
        }),
        "hannover+children": fold(hannover | children, {"Hannover / children": (hannover, children)}),
    }  # fmt: skip


def draw_validation_part(films: Films, among: Mask, seed: int = 0, share: float = VALIDATION_SHARE) -> Mask:
    """Return the films of a random share of the patient groups, which are kept from training for calibration.

    Args:
        films: every film.
        among: the films to draw from, [N].
        seed: of the draw.
        share: of the groups.
    """
    names = np.unique(films.groups[among])
    drawn = np.random.default_rng(seed).permutation(names)[: round(share * len(names))]
    return np.asarray(among & np.isin(films.groups, drawn))


def cell_weights(films: Films, among: Mask) -> Float64Array:
    """Return how often each film is drawn.

    Both classes are drawn equally often. Within a class, each pair of source and finding is drawn by the square root
    of its number of films: a large hospital does not make up a class, and films of a small one are not repeated too
    often.

    Args:
        films: every film.
        among: the films to draw from, [N].

    Returns:
        [N], sums to 1, zero outside ``among``.
    """
    weights = np.zeros(len(films.records))
    cells = np.array([f"{s} {f}" for s, f in zip(films.sources, films.findings, strict=True)])
    for cell in np.unique(cells[among]):
        members = among & (cells == cell)
        weights[members] = 1 / np.sqrt(members.sum())
    for label in (0, 1):
        weights[films.labels == label] /= max(weights[films.labels == label].sum(), 1e-12)
    return np.asarray(weights / weights.sum())
