"""Each publisher's layout, in miniature, and the real sets where they are at hand."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from ml.data.datasets import SOURCES, FilmRecord, data_dir, load_source, require_data_dir
from ml.errors import DataSetError

Row = dict[str, str]


def write_table(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def touch(folder: Path, *names: str) -> None:
    """Reading a layout opens no picture, so empty files will do."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def findings(films: list[FilmRecord]) -> dict[str, str]:
    return {film.path.name: film.finding for film in films}


def patients(films: list[FilmRecord]) -> dict[str, str]:
    return {film.path.name: film.patient for film in films}


def cohen_row(filename: str, finding: str, **other: str) -> Row:
    row = {"patientid": "7", "sex": "F", "age": "41.0", "finding": finding, "view": "PA", "modality": "X-ray"}
    return {**row, "filename": filename, **other}


@pytest.fixture
def cohen(tmp_path: Path) -> Path:
    folder = tmp_path / "covid-chestxray-dataset"
    rows = [
        cohen_row("new.png", "Pneumonia/Viral/COVID-19", patientid="2"),
        cohen_row("old.jpg", "COVID-19", patientid="2", view="AP Supine", age=""),
        cohen_row("clear.png", "No Finding"),
        cohen_row("bacteria.png", "Pneumonia/Bacterial/Klebsiella"),
        cohen_row("pneumonia.png", "Pneumonia"),
        cohen_row("lateral.png", "COVID-19", view="L"),
        cohen_row("slice.png", "COVID-19", modality="CT", view="Axial"),
        cohen_row("later.png", "todo"),
        cohen_row("open.png", "Unknown"),
        cohen_row("tb.png", "Tuberculosis"),
    ]
    touch(folder / "images", *(row["filename"] for row in rows))
    write_table(folder / "metadata.csv", [*rows, cohen_row("missing.png", "COVID-19")])
    return tmp_path


def test_cohen_labels(cohen: Path) -> None:
    films = load_source("covid-chestxray-dataset", cohen)
    assert findings(films) == {
        "new.png": "covid",
        "old.jpg": "covid",
        "clear.png": "normal",
        "bacteria.png": "pneumonia",
        "pneumonia.png": "pneumonia",
    }
    assert {film.path.name for film in films if film.label} == {"new.png", "old.jpg"}


def test_cohen_details(cohen: Path) -> None:
    films = {film.path.name: film for film in load_source("covid-chestxray-dataset", cohen)}
    new, old = films["new.png"], films["old.jpg"]
    assert (new.view, new.sex, new.age) == ("PA", "F", 41.0)
    assert (old.view, old.age) == ("AP Supine", None)
    assert new.patient_key == old.patient_key == "covid-chestxray-dataset/2"
    assert new.path.is_file()


def test_films_come_in_the_order_of_their_paths(cohen: Path) -> None:
    paths = [film.path for film in load_source("covid-chestxray-dataset", cohen)]
    assert paths == sorted(paths)


def test_kermany_labels_and_patients(tmp_path: Path) -> None:
    folder = tmp_path / "chest_xray"
    touch(folder / "train" / "NORMAL", "IM-0115-0001.jpeg", "IM-0115-0002.jpeg", "NORMAL2-IM-1427-0001.jpeg")
    touch(folder / "train" / "PNEUMONIA", "person12_bacteria_46.jpeg", "person12_bacteria_47.jpeg")
    touch(folder / "test" / "NORMAL", "IM-0001-0001.jpeg", "odd.jpeg")
    touch(folder / "test" / "PNEUMONIA", "person120_virus_226.jpeg", "Thumbs.db", ".DS_Store")
    films = load_source("chest_xray", tmp_path)
    assert patients(films) == {
        "IM-0115-0001.jpeg": "IM-0115",
        "IM-0115-0002.jpeg": "IM-0115",
        "NORMAL2-IM-1427-0001.jpeg": "NORMAL2-IM-1427",
        "IM-0001-0001.jpeg": "IM-0001",
        "odd.jpeg": "odd",
        "person12_bacteria_46.jpeg": "person12",
        "person12_bacteria_47.jpeg": "person12",
        "person120_virus_226.jpeg": "person120",
    }
    for name, finding in findings(films).items():
        assert finding == ("pneumonia" if name.startswith("person") else "normal")
    assert not any(film.label for film in films)


def test_nih_takes_pneumonia_among_several_labels(tmp_path: Path) -> None:
    folder = tmp_path / "nih-chestxray14"
    labels = {
        "clear.png": "No Finding",
        "alone.png": "Pneumonia",
        "among.png": "Edema|Pneumonia|Effusion",
        "other.png": "Cardiomegaly",
        "near.png": "Pneumothorax",
    }
    rows = [
        {"Image Index": name, "Finding Labels": text, "Patient ID": f"00{index}"}
        for index, (name, text) in enumerate(labels.items())
    ]
    touch(folder / "images", *labels)
    write_table(
        folder / "labels.csv",
        [*rows, {"Image Index": "gone.png", "Finding Labels": "Pneumonia", "Patient ID": "9"}],
    )
    films = load_source("nih-chestxray14", tmp_path)
    assert findings(films) == {"clear.png": "normal", "alone.png": "pneumonia", "among.png": "pneumonia"}
    assert patients(films)["among.png"] == "002"


def test_hannover_leaves_lateral_films_out(tmp_path: Path) -> None:
    folder = tmp_path / "covid-19-image-repository"
    projections = {"a1": "pa", "b2": "ap", "c3": "lateral", "d4": "LL", "gone": "pa"}
    touch(folder / "images", *(f"{name}.png" for name in projections if name != "gone"))
    write_table(
        folder / "data.csv",
        [
            {"patient_id": "p1", "image_id": name, "sex": "f", "age": "60", "projection": projection}
            for name, projection in projections.items()
        ],
    )
    films = load_source("covid-19-image-repository", tmp_path)
    assert findings(films) == {"a1.png": "covid", "b2.png": "covid"}
    assert [(film.view, film.sex, film.age) for film in films] == [("PA", "F", 60.0), ("AP", "F", 60.0)]


def test_cxnet_skips_missing_files(tmp_path: Path) -> None:
    folder = tmp_path / "covid-cxnet"
    touch(folder / "images", "009.jpg")
    write_table(
        folder / "metadata.csv",
        [
            {"filename": name, "patient_id": name[:3], "view": "", "sex": "", "age": ""}
            for name in ("009.jpg", "010.jpg")
        ],
    )
    (film,) = load_source("covid-cxnet", tmp_path)
    assert (film.finding, film.patient_key, film.age) == ("covid", "covid-cxnet/009", None)


@pytest.mark.parametrize("name", SOURCES)
def test_an_absent_set_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataSetError, match=f"{name} is not in .*; download it from its publisher"):
        load_source(name, tmp_path)


@pytest.mark.parametrize("name", SOURCES)
def test_an_empty_folder_is_not_the_publishers_layout(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(DataSetError, match="does not have its publisher's layout"):
        load_source(name, tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write_table(tmp_path / "nih-chestxray14" / "labels.csv", [{"Image Index": "a.png", "Patient ID": "1"}])
    with pytest.raises(DataSetError, match="Finding Labels"):
        load_source("nih-chestxray14", tmp_path)


def test_a_table_without_its_films_is_named(tmp_path: Path) -> None:
    row = {"Image Index": "a.png", "Finding Labels": "Pneumonia", "Patient ID": "1"}
    write_table(tmp_path / "nih-chestxray14" / "labels.csv", [row])
    with pytest.raises(DataSetError, match="holds no film that can be used"):
        load_source("nih-chestxray14", tmp_path)


def test_data_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRAY_DATA_DIR", str(tmp_path))
    assert data_dir() == require_data_dir() == tmp_path


@pytest.mark.parametrize("value", ["", "/nowhere/at/all", None])
def test_without_a_data_folder_the_variable_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("XRAY_DATA_DIR", raising=False)
    if value is not None:
        monkeypatch.setenv("XRAY_DATA_DIR", value)
    assert data_dir() is None
    with pytest.raises(DataSetError, match="XRAY_DATA_DIR"):
        require_data_dir()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("covid-chestxray-dataset", {"covid", "normal", "pneumonia"}),
        ("chest_xray", {"normal", "pneumonia"}),
        ("nih-chestxray14", {"normal", "pneumonia"}),
        ("covid-19-image-repository", {"covid"}),
        ("covid-cxnet", {"covid"}),
    ],
)
def test_real_sets_are_read(data: Path, name: str, expected: set[str]) -> None:
    films = load_source(name, data)
    counts = Counter(film.finding for film in films)
    assert set(counts) == expected
    assert min(counts.values()) >= 10
    assert all(film.path.is_file() and film.patient for film in films)
    assert len({film.path for film in films}) == len(films)
    assert not any(film.view == "L" for film in films)
    assert all((film.label == 1) == (film.finding == "covid") for film in films)


def test_real_labels_agree_with_the_folders_of_kermany(data: Path) -> None:
    for film in load_source("chest_xray", data):
        assert film.finding == film.path.parent.name.lower()
