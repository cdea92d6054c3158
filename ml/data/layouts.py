"""Data sets that no model here was trained on, in the layout of their publisher or as one folder a class.

- ``siim``: SIIM-FISABIO-RSNA COVID-19 Detection (Lakhani et al. 2023; films from BIMCV-COVID19 and RSNA RICORD):
  ``train_study_level.csv``, ``train_image_level.csv`` and ``train/STUDY/SERIES/IMAGE.dcm``. Its terms of use must be
  accepted at the publisher's.
- ``folders``: ``CLASS/…/FILM``, any depth, any format that intake reads.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom import dcmread
from pydicom.tag import Tag

from ml.data.datasets import COVID, NORMAL, FilmRecord
from ml.decoding.bounded_reader import suppress_parser_warnings
from ml.errors import DataSetError

STUDY_TABLE, IMAGE_TABLE, IMAGES = "train_study_level.csv", "train_image_level.csv", "train"
# The four classes of a study, exactly one is 1 (Litmanovich et al., Journal of Thoracic Imaging 2020).
APPEARANCES = {
    "Typical Appearance": COVID,
    "Negative for Pneumonia": NORMAL,
    "Indeterminate Appearance": "indeterminate appearance",
    "Atypical Appearance": "atypical appearance",
}
# Names of folders that mean a class; any other folder is a class of its own name.
COVID_FOLDERS = frozenset({"covid", "covid19", "covid-19", "positive"})
NORMAL_FOLDERS = frozenset({"normal", "negative", "no finding", "healthy", "control"})


def load_layout(layout: str, folder: Path) -> list[FilmRecord]:
    """Read the labels of a data set.

    Args:
        layout: a key of ``LAYOUTS``.
        folder: the data set's folder.

    Returns:
        its films by path. Classes besides ``covid`` and ``normal`` have their publisher's or their folder's name.

    Raises:
        DataSetError: when the folder has another layout, or lacks COVID-19 films or others.
    """
    if not folder.is_dir():
        raise DataSetError(f"{folder} is no folder; name the one that holds the data set.")
    try:
        films = sorted(LAYOUTS[layout](folder), key=lambda film: film.path)
    except (KeyError, OSError, csv.Error, UnicodeDecodeError) as error:
        raise DataSetError(f"{folder} does not have the layout {layout!r}: {error}.") from error
    if len({film.label for film in films}) < 2:
        raise DataSetError(
            f"{folder} holds {len(films)} films, but not both COVID-19 films and others. "
            f"With the layout 'folders', name the folders of the classes, such as covid/ and normal/."
        )
    return films


def _siim(folder: Path) -> Iterator[FilmRecord]:
    appearance_of = dict(_appearances(folder / STUDY_TABLE))
    series_of = _index_images(folder / IMAGES)
    with (folder / IMAGE_TABLE).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = series_of.get(row["id"].removesuffix("_image"))
            finding = appearance_of.get(row["StudyInstanceUID"])
            if path is not None and finding is not None:
                patient = _patient_of(path) or row["StudyInstanceUID"]
                yield FilmRecord(path, folder.name, finding, patient)


def _appearances(table: Path) -> Iterator[tuple[str, str]]:
    """Yield each study and its finding; studies without exactly one class are left out."""
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            findings = [finding for column, finding in APPEARANCES.items() if row[column] == "1"]
            if len(findings) == 1:
                yield row["id"].removesuffix("_study"), findings[0]


def _index_images(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("*/*/*.dcm")}


def _patient_of(path: Path) -> str:
    """Return Patient ID of a DICOM file, which the tables do not have; empty where there is none."""
    try:
        with suppress_parser_warnings():
            header = dcmread(path, stop_before_pixels=True, specific_tags=[Tag("PatientID")])
            return str(header.get("PatientID") or "")
    except Exception:  # pydicom raises errors of many types; a damaged file is refused when it is decoded
        return ""


def _folders(folder: Path) -> Iterator[FilmRecord]:
    for class_folder in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        finding = _class_of(class_folder.name)
        for path in sorted(class_folder.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                patient = _patient_of(path) if path.suffix.lower() in {"", ".dcm"} else ""
                yield FilmRecord(path, folder.name, finding, patient or str(path.relative_to(folder)))


def _class_of(name: str) -> str:
    words = name.strip().casefold().replace("_", " ")
    if words.replace(" ", "-") in COVID_FOLDERS or words in COVID_FOLDERS:
        return COVID
    return NORMAL if words in NORMAL_FOLDERS else words


LAYOUTS: dict[str, Callable[[Path], Iterator[FilmRecord]]] = {"siim": _siim, "folders": _folders}
