"""The split file of a bundle: file names, digests and patient numbers of its films, no pictures."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from ml.data.datasets import FilmRecord
from ml.inference.bundle import sha256_of

TEST = "test"


def write_split(path: Path, parts: Mapping[str, Sequence[FilmRecord]]) -> None:
    """Write a split file.

    Args:
        path: the file.
        parts: the films of ``train``, ``validation`` and ``test``, in the order of the rows.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["part", "label", "source", "file", "patient", "sha256"])
        for part, films in parts.items():
            for film in films:
                row = [film.label, film.source, film.path.name, film.patient_key, sha256_of(film.path)]
                writer.writerow([part, *row])


def read_split(path: Path) -> list[dict[str, str]]:
    """Read the rows of a split file.

    Raises:
        OSError: when it cannot be read.
    """
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def trained_patients(path: Path) -> set[str]:
    """Return every patient of the training and validation parts, over all sources.

    Raises:
        OSError: when the file cannot be read.
    """
    return {row["patient"] for row in read_split(path) if row["part"] != TEST}
