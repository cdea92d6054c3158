"""The sample study, which ``make demo`` screens.

Without real data sets: real radiographs of the package pydicom-data, synthetic phantoms and files that must be
rejected. With ``XRAY_DATA_DIR``: a seeded mix of real films that the model was not trained on, with their labels.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.data import get_testdata_file

from ml.data.datasets import SOURCES, FilmRecord, load_source
from ml.data.split_file import trained_patients
from ml.errors import DataSetError
from ml.inference.bundle import MODELS, SPLIT
from ml.phantom.film import PhantomSpec, dicom_bytes, jpeg_bytes, png_bytes
from xrayscreen import Upload

# RG1 is a chest, RG3 a leg; then CT, MR and ultrasound, all by their publishers' own headers.
DICOM_CHESTS = ("RG1_UNCR.dcm", "RG1_UNCI.dcm", "RG1_J2KR.dcm", "RG1_J2KI.dcm")
DICOM_OTHERS = ("RG3_UNCR.dcm", "RG3_J2KR.dcm", "693_UNCI.dcm", "MR2_UNCI.dcm", "US1_UNCI.dcm")
PHANTOMS_PER_KIND = 10
FIRST_PHANTOMS = 4
REAL_FILMS_PER_GROUP = 6
SEED = 7


@dataclass(frozen=True)
class Study:
    """Files to send, with their labels.

    Attributes:
        title: the batch's name.
        uploads: the files.
        truth: finding and source by file name, where they are known.
    """

    title: str
    uploads: list[Upload]
    truth: dict[str, FilmRecord] = field(default_factory=dict)


def sample_study(data: Path | None) -> Study:
    """Return the sample study.

    Args:
        data: the folder of real data sets, or ``None``.

    Raises:
        DataSetError: ``data`` has none of the known data sets.
    """
    return _synthetic_study() if data is None else _real_study(data)


def short_study() -> Study:
    """Return a study with a few files of every kind, made in about a second, for a user's first visit."""
    small = [png_bytes(_spec(number, 3 * (number % 2), side=320)) for number in range(FIRST_PHANTOMS)]
    phantoms = [Upload(f"phantom-{number}.png", data) for number, data in enumerate(small)]
    cut = Upload("cut-short.png", small[0][: len(small[0]) // 3])
    return Study("Sample study", [*_packaged_films(DICOM_CHESTS), *phantoms, *_packaged_films(DICOM_OTHERS[:2]), cut])


def _synthetic_study() -> Study:
    uploads = [*_packaged_films(DICOM_CHESTS), *_phantom_films(), *_packaged_films(DICOM_OTHERS), _truncated_film()]
    return Study("Sample study", uploads)


def _packaged_films(names: tuple[str, ...]) -> Iterator[Upload]:
    for name in names:
        if (path := get_testdata_file(name, download=False)) is not None:
            yield Upload(name, Path(str(path)))


def _phantom_films() -> Iterator[Upload]:
    for index in range(PHANTOMS_PER_KIND):
        opacities = 3 * (index % 2)
        yield Upload(f"phantom-{index:02}.png", png_bytes(_spec(index, opacities)))
        yield Upload(f"phantom-{index + 100}.jpg", jpeg_bytes(_spec(index + 100, opacities)))
        yield Upload(f"PHANTOM{index + 200}", dicom_bytes(_spec(index + 200, opacities, bits=12)))


def _spec(seed: int, opacities: int, bits: int = 8, side: int = 768) -> PhantomSpec:
    return PhantomSpec(height=side, width=side * 11 // 12, seed=seed, opacities=opacities, bits=bits)


def _truncated_film() -> Upload:
    """Return a film whose transfer was cut: the header is complete, most of the pixels are missing."""
    whole = png_bytes(_spec(999, 0))
    return Upload("cut-short.png", whole[: len(whole) // 3])


def _real_study(data: Path) -> Study:
    trained_on = _training_patients()
    rng = random.Random(SEED)
    picked = [film for group in _groups(data) for film in _draw(group, trained_on, rng)]
    rng.shuffle(picked)
    truth = {f"{number:03}-{film.path.name}": film for number, film in enumerate(picked)}
    uploads = [Upload(name, film.path) for name, film in truth.items()]
    return Study("Sample study of real films", [*uploads, _truncated_film()], truth)


def _groups(data: Path) -> list[list[FilmRecord]]:
    """Return films grouped by source and finding, of the data sets that exist in the folder."""
    groups: dict[tuple[str, str], list[FilmRecord]] = {}
    for name in SOURCES:
        if (data / name).is_dir():
            for film in load_source(name, data):
                groups.setdefault((film.source, film.finding), []).append(film)
    if not groups:
        raise DataSetError(f"XRAY_DATA_DIR={data} holds none of: {', '.join(SOURCES)}.")
    return list(groups.values())


def _draw(films: list[FilmRecord], trained_on: set[str], rng: random.Random) -> list[FilmRecord]:
    fresh = (film for film in rng.sample(films, len(films)) if film.patient_key not in trained_on)
    return [film for film, _ in zip(fresh, range(REAL_FILMS_PER_GROUP), strict=False)]


def _training_patients() -> set[str]:
    """Return every patient that was used to train the shipped models or to select them."""
    return {patient for split in MODELS.glob(f"*/{SPLIT}") for patient in trained_patients(split)}
