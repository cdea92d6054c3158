from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ml.decoding.headers import read_header, refuse_unfit
from ml.decoding.preprocess import load
from ml.decoding.synthetic_mark import is_synthetic
from ml.errors import DataSetError, FilmError
from ml.inference.bundle import MODELS
from screening.batches import sample_study as sample
from screening.batches.sample_study import DICOM_CHESTS, DICOM_OTHERS, sample_study


def test_the_study_holds_real_chests_phantoms_other_examinations_and_a_broken_film(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sample.PHANTOMS_PER_KIND == 10  # of which two are enough here; each takes a while to draw
    monkeypatch.setattr(sample, "PHANTOMS_PER_KIND", 2)
    study = sample_study(None)
    by_name = {upload.name: upload.data() for upload in study.uploads}
    assert len(by_name) == len(study.uploads) == 4 + 3 * 2 + 5 + 1
    assert len(set(by_name.values())) == len(by_name)
    for name in DICOM_CHESTS:
        load(by_name[name])
        assert not is_synthetic(by_name[name])
    for name in DICOM_OTHERS:
        with pytest.raises(FilmError, match="not_a_"):
            refuse_unfit(read_header(by_name[name]))
    with pytest.raises(FilmError, match="damaged_pixels"):
        load(by_name["cut-short.png"])
    phantoms = [data for name, data in by_name.items() if name.lower().startswith("phantom")]
    assert len(phantoms) == 3 * 2
    assert all(is_synthetic(data) for data in phantoms)


def test_real_films_are_drawn_seeded_and_from_patients_nobody_trained_on(data: Path) -> None:
    study, again = sample_study(data), sample_study(data)
    assert [upload.name for upload in study.uploads] == [upload.name for upload in again.uploads]
    with (MODELS / "seed-cnn" / "split.csv").open(newline="") as file:
        trained = {row["patient"] for row in csv.DictReader(file) if row["part"] != "test"}
    assert trained
    assert not trained & {film.patient_key for film in study.truth.values()}
    assert {film.finding for film in study.truth.values()} == {"covid", "normal", "pneumonia"}


def test_a_folder_without_data_sets_says_which_are_known(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="covid-chestxray-dataset"):
        sample_study(tmp_path)
