"""Data sets outside the training: the SIIM layout and one folder a class, in miniature."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from ml.data.layouts import APPEARANCES, load_layout
from ml.errors import DataSetError
from ml.phantom.film import PhantomSpec, dicom_bytes
from tests.ml.data.test_datasets import write_table

CLASSES = list(APPEARANCES)


def study_row(study: str, *classes: str) -> dict[str, str]:
    return {"id": f"{study}_study", **{name: str(int(name in classes)) for name in CLASSES}}


@pytest.fixture
def siim(tmp_path: Path) -> Path:
    """Five studies: one of each class, of three patients, and one with two classes; the first has two films."""
    images = [("a1", "s1", "P1"), ("a2", "s1", "P1"), ("b1", "s2", "P2"), ("c1", "s3", "P1"), ("d1", "s4", "P3")]
    studies = [study_row(f"s{number}", name) for number, name in enumerate(CLASSES, start=1)]
    write_table(tmp_path / "train_study_level.csv", [*studies, study_row("s5", *CLASSES[:2])])
    rows = [
        {"id": f"{image}_image", "boxes": "", "label": "none 1 0 0 1 1", "StudyInstanceUID": study}
        for image, study, _ in [*images, ("e1", "s5", ""), ("absent", "s1", "")]
    ]
    write_table(tmp_path / "train_image_level.csv", rows)
    for number, (image, study, patient) in enumerate([*images, ("e1", "s5", "P9")]):
        path = tmp_path / "train" / study / f"series{number}" / f"{image}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dicom_bytes(PhantomSpec(96, 96, seed=number), patient_id=patient))
    return tmp_path


def test_siim_films_have_the_class_of_their_study_and_the_patient_of_their_header(siim: Path) -> None:
    films = load_layout("siim", siim)
    found = [(film.path.stem, film.finding, film.label, film.patient) for film in films]
    assert found == [
        ("a1", "covid", 1, "P1"),
        ("a2", "covid", 1, "P1"),
        ("b1", "normal", 0, "P2"),
        ("c1", "indeterminate appearance", 0, "P1"),
        ("d1", "atypical appearance", 0, "P3"),
    ]


def test_a_siim_film_without_a_patient_belongs_to_its_study(siim: Path) -> None:
    path = next(siim.glob("train/s2/*/b1.dcm"))
    dataset = pydicom.dcmread(path)
    del dataset.PatientID
    out = BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    path.write_bytes(out.getvalue())
    next(siim.glob("train/s4/*/d1.dcm")).write_bytes(b"damaged")
    patients = {film.path.stem: film.patient for film in load_layout("siim", siim)}
    assert patients == {"a1": "P1", "a2": "P1", "b1": "s2", "c1": "P1", "d1": "s4"}


@pytest.mark.parametrize(
    ("folder", "finding"),
    [
        ("covid", "covid"), ("COVID-19", "covid"), ("Covid19", "covid"), ("covid_19", "covid"), ("positive", "covid"),
        ("NORMAL", "normal"), ("No_Finding", "normal"), ("healthy", "normal"), ("negative", "normal"),
        ("Tuberculosis", "tuberculosis"), ("Viral_Pneumonia", "viral pneumonia"), ("not covid", "not covid"),
    ],
)  # fmt: skip
def test_folders_are_classes(tmp_path: Path, folder: str, finding: str) -> None:
    other = "normal" if finding == "covid" else "covid"
    for name in (f"{folder}/deep/er/a.png", f"{folder}/.DS_Store", f"{other}/b.png", ".hidden/c.png", "d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    films = {film.path.name: film for film in load_layout("folders", tmp_path)}
    assert {name: film.finding for name, film in films.items()} == {"a.png": finding, "b.png": other}
    assert films["a.png"].patient == f"{folder}/deep/er/a.png"


def test_folders_take_the_patient_of_a_dicom_file(tmp_path: Path) -> None:
    for name, patient in (("covid/1", "P1"), ("covid/2.dcm", "P1"), ("normal/3.DCM", "P2")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(dicom_bytes(PhantomSpec(96, 96, seed=1), patient_id=patient))
    assert [film.patient for film in load_layout("folders", tmp_path)] == ["P1", "P1", "P2"]


def test_another_layout_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="train_study_level"):
        load_layout("siim", tmp_path)
    with pytest.raises(DataSetError, match="covid/ and normal/"):
        load_layout("folders", tmp_path)
    with pytest.raises(DataSetError, match="no folder"):
        load_layout("folders", tmp_path / "absent")
    write_table(tmp_path / "train_study_level.csv", [{"id": "s1_study", "label": "typical"}])
    with pytest.raises(DataSetError, match="Typical Appearance"):
        load_layout("siim", tmp_path)
