"""Duplicate films, found by perceptual hash, so that copies of a film stay in one part of a split."""

from __future__ import annotations

from collections.abc import Sequence

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.data.datasets import FilmRecord
from ml.decoding.preprocess import load

HASH_SIDE = 16  # the hash has HASH_SIDE ** 2 = 256 bits
# Measured over 2,883 films of five sets: pairs up to 40 bits apart are the same film rescaled or recompressed
# (14 of 16 pairs across sources correlate above 0.95); films of different people start at about 44.
SAME_FILM_BITS = 40


def perceptual_hash(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Compute the DCT hash of a grey picture.

    Args:
        pixels: uint8 [H, W].

    Returns:
        bool [256]; similar pictures differ in few bits. Source: C. Zauner, "Implementation and Benchmarking of
        Perceptual Image Hash Functions", 2010, as the ImageHash library computes it.
    """
    return np.asarray(imagehash.phash(Image.fromarray(pixels), hash_size=HASH_SIDE).hash, dtype=bool).ravel()


def duplicate_groups(hashes: NDArray[np.bool_], limit: int = SAME_FILM_BITS) -> list[int]:
    """Join films whose hashes lie at most ``limit`` bits apart, transitively.

    Args:
        hashes: bool [N, bits].
        limit: largest Hamming distance between copies of one film.

    Returns:
        for each film the index of its group's first film, length N.
    """
    bits = hashes.astype(np.float32)
    distances = bits @ (1 - bits).T
    distances += distances.T
    group = list(range(len(bits)))
    for left, right in zip(*np.nonzero(np.triu(distances <= limit, k=1)), strict=True):
        _join(group, int(left), int(right))
    return [_root(group, film) for film in range(len(group))]


def patient_groups(films: Sequence[FilmRecord]) -> list[str]:
    """Return for each film the name of the group that must stay in one part of a split.

    A group is a patient, with every patient who shares a copy of a film with them.

    Raises:
        FilmError: when a film cannot be decoded.
    """
    hashes = np.stack([perceptual_hash(load(film.path.read_bytes()).pixels) for film in films])
    group = list(range(len(films)))
    first_of: dict[str, int] = {}
    for index, film in enumerate(films):
        _join(group, first_of.setdefault(film.patient_key, index), index)
    for index, twin in enumerate(duplicate_groups(hashes)):
        _join(group, twin, index)
    return [films[_root(group, index)].patient_key for index in range(len(films))]


def _root(group: list[int], film: int) -> int:
    while group[film] != film:
        group[film] = group[group[film]]  # halve the path
        film = group[film]
    return film


def _join(group: list[int], left: int, right: int) -> None:
    first, second = sorted((_root(group, left), _root(group, right)))
    group[second] = first
