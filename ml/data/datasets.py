"""Public data sets, read into one table of films.

The data sets keep the layout of their publishers: ``XRAY_DATA_DIR`` is the folder that holds them under their
publishers' names. Sources:

- ``covid-chestxray-dataset``: Cohen et al. 2020, github.com/ieee8023/covid-chestxray-dataset
- ``chest_xray``: Kermany et al. 2018 (Kaggle paultimothymooney/chest-xray-pneumonia), children aged 1 to 5
- ``nih-chestxray14``: Wang et al., CVPR 2017, adults
- ``covid-19-image-repository``: Winther et al. 2020, Hannover Medical School
- ``covid-cxnet``: Haghanifar et al. 2022, github.com/armiro/COVID-CXNet
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ml.errors import DataSetError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
# The publisher renamed its findings in 2020; both forms are in circulation.
COVID_FINDINGS = frozenset({"COVID-19", "Pneumonia/Viral/COVID-19"})

COVID, NORMAL, PNEUMONIA = "covid", "normal", "pneumonia"


@dataclass(frozen=True)
class FilmRecord:
    """One labelled film of a data set.

    Attributes:
        path: the file.
        source: the data set's folder name.
        finding: ``covid``, ``normal``, ``pneumonia`` (any other), or another class of the user's own films.
        patient: the patient within the source; unique over all sources together with ``source``.
        view: ``PA``, ``AP``, ``AP Supine`` ... or empty where the publisher does not say.
        sex: ``M``, ``F`` or empty.
        age: years, or ``None``.
    """

    path: Path
    source: str
    finding: str
    patient: str
    view: str = ""
    sex: str = ""
    age: float | None = None

    @property
    def label(self) -> int:
        """Return 1 for COVID-19, 0 for everything else."""
        return int(self.finding == COVID)

    @property
    def patient_key(self) -> str:
        """Return the name of the patient over all sources."""
        return f"{self.source}/{self.patient}"


def data_dir() -> Path | None:
    """Return the folder of ``XRAY_DATA_DIR``; ``None`` where it is not set or does not exist."""
    name = os.environ.get("XRAY_DATA_DIR", "")
    path = Path(name)
    return path if name and path.is_dir() else None


def require_data_dir() -> Path:
    """Return the folder of ``XRAY_DATA_DIR``.

    Raises:
        DataSetError: when it is not set or does not exist.
    """
    path = data_dir()
    if path is None:
        raise DataSetError(
            "No data: set XRAY_DATA_DIR to the folder that holds the data sets "
            "(covid-chestxray-dataset, chest_xray, ...), each downloaded from its publisher."
        )
    return path


def load_source(name: str, root: Path) -> list[FilmRecord]:
    """Read one data set.

    Args:
        name: its folder name, a key of ``SOURCES``.
        root: the folder that holds the data sets.

    Raises:
        DataSetError: when it is missing, has another layout than its publisher's, or holds no usable film.
    """
    folder = root / name
    if not folder.is_dir():
        raise DataSetError(f"{name} is not in {root}; download it from its publisher.")
    try:
        films = list(SOURCES[name](folder))
    except (KeyError, OSError) as error:
        raise DataSetError(f"{folder} does not have its publisher's layout: {error}; download it again.") from error
    if not films:
        raise DataSetError(f"{folder} holds no film that can be used; download it again.")
    return sorted(films, key=lambda film: film.path)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _pictures(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in PICTURE_SUFFIXES:
            yield path


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _covid_chestxray(folder: Path) -> Iterator[FilmRecord]:
    for row in _rows(folder / "metadata.csv"):
        path = folder / "images" / row["filename"]
        finding = _cohen_finding(row["finding"])
        if row["modality"] != "X-ray" or finding is None or row["view"] == "L" or not path.is_file():
            continue
        yield FilmRecord(path, folder.name, finding, row["patientid"], row["view"], row["sex"], _number(row["age"]))


def _cohen_finding(text: str) -> str | None:
    """Return the label of a finding; ``None`` for ``todo``, ``Unknown`` and other lung disease."""
    if text in COVID_FINDINGS:
        return COVID
    if text == "No Finding":
        return NORMAL
    return PNEUMONIA if text.startswith("Pneumonia") else None


def _kermany(folder: Path) -> Iterator[FilmRecord]:
    for part in ("train", "test"):
        for path in _pictures(folder / part / "NORMAL"):
            yield FilmRecord(path, folder.name, NORMAL, _kermany_normal_patient(path.name))
        for path in _pictures(folder / part / "PNEUMONIA"):
            patient = re.match(r"(person\d+)_", path.name)
            yield FilmRecord(path, folder.name, PNEUMONIA, patient[1] if patient else path.stem)


def _kermany_normal_patient(name: str) -> str:
    """Return the patient of ``IM-0115-0001.jpeg`` or ``NORMAL2-IM-1427-0001.jpeg``: the number after ``IM``."""
    match = re.match(r"(?:NORMAL2-)?IM-\d{4}", name)
    return match[0] if match else Path(name).stem


def _nih(folder: Path) -> Iterator[FilmRecord]:
    for row in _rows(folder / "labels.csv"):
        path = folder / "images" / row["Image Index"]
        labels = row["Finding Labels"].split("|")
        finding = NORMAL if labels == ["No Finding"] else PNEUMONIA if "Pneumonia" in labels else None
        if finding and path.is_file():
            yield FilmRecord(path, folder.name, finding, row["Patient ID"])


def _hannover(folder: Path) -> Iterator[FilmRecord]:
    for row in _rows(folder / "data.csv"):
        path = next((folder / "images").glob(f"{row['image_id']}.*"), None)
        if path is None or row["projection"].lower() in {"lateral", "ll", "lat"}:
            continue
        yield FilmRecord(
            path,
            folder.name,
            COVID,
            row["patient_id"],
            row["projection"].upper(),
            row["sex"].upper(),
            _number(row["age"]),
        )


def _cxnet(folder: Path) -> Iterator[FilmRecord]:
    for row in _rows(folder / "metadata.csv"):
        path = folder / "images" / row["filename"]
        if path.is_file():
            yield FilmRecord(
                path, folder.name, COVID, row["patient_id"], row["view"], row["sex"], _number(row["age"])
            )


SOURCES: dict[str, Callable[[Path], Iterator[FilmRecord]]] = {
    "covid-chestxray-dataset": _covid_chestxray,
    "chest_xray": _kermany,
    "nih-chestxray14": _nih,
    "covid-19-image-repository": _hannover,
    "covid-cxnet": _cxnet,
}
