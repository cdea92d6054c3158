"""The bundle ``screener``: its files, its gate, and the figures of its card."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from ml import note_codes
from ml.data.datasets import FilmRecord, load_source
from ml.decoding.preprocess import decode, load
from ml.errors import Reason
from ml.evaluation.card_markdown import TARGET, write_model_card
from ml.inference.bundle import GATE, LUNGS, RANGE, Bundle, find_bundle
from ml.inference.classifier import Classifier, FilmResult
from ml.model_card.card import GRAPH, card_to_json
from ml.phantom.film import PhantomSpec, chest
from ml.statistics.metrics import auroc
from ml.training.gate.data import Sample, drawn_pictures, laterals_and_ct_slices, turned_films
from ml.training.gate.drawings import CROP
from ml.training.gate.folds import HOSPITALS
from ml.training.gate.framings import FRAMINGS
from ml.training.screener.evidence import score_films

MAX_BYTES = 25_000_000


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return find_bundle("screener")


@pytest.fixture(scope="module")
def classifier(bundle: Bundle) -> Classifier:
    return Classifier(bundle, threads=0)


@pytest.fixture(scope="module")
def rows(bundle: Bundle) -> list[dict[str, str]]:
    with (bundle.path / "split.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def films(count: int) -> list[Any]:
    return [chest(PhantomSpec(height=448, width=420, seed=seed)).astype(np.uint8) for seed in range(count)]


def test_everything_is_there_and_small_enough(bundle: Bundle) -> None:
    assert set(bundle.card.checksums) - {RANGE} == {GRAPH, LUNGS, GATE, "split.csv"}
    assert (RANGE in bundle.card.checksums) == (bundle.card.feature_range is not None)
    assert sum((bundle.path / name).stat().st_size for name in (GRAPH, LUNGS, GATE)) <= MAX_BYTES


def test_no_patient_and_no_film_sits_on_two_sides(rows: list[dict[str, str]]) -> None:
    for key in ("patient", "sha256"):
        sides = defaultdict(set)
        for row in rows:
            sides[row[key]].add(row["part"])
        assert set(map(len, sides.values())) == {1}


def test_the_map_is_the_score(classifier: Classifier) -> None:
    """The mean of the map is the logit before calibration, so the picture explains the number exactly."""
    inputs = np.stack([ready.input for ready in classifier.prepare(films(4))])
    output = classifier.predict(inputs)
    assert output.maps is not None
    logits = classifier.bundle.slope * output.maps.mean(axis=(1, 2)) + classifier.bundle.intercept
    assert 1 / (1 + np.exp(-logits)) == pytest.approx(output.scores, abs=1e-4)


def test_a_film_alone_is_judged_as_in_a_stack(classifier: Classifier) -> None:
    together = classifier.classify(films(3))
    for film, result in zip(films(3), together, strict=True):
        (alone,) = classifier.classify([film])
        assert isinstance(alone, FilmResult)
        assert isinstance(result, FilmResult)
        assert alone.score == pytest.approx(result.score, abs=1e-5)
        assert alone.overlay is not None


def test_what_is_no_chest_film_is_not_scored(classifier: Classifier) -> None:
    others = [
        sample.pixels
        for sample in drawn_pictures(
            [Sample(film, "frontal", "", "") for film in films(2)], np.random.default_rng(99), 0.03
        )
        if sample.kind == "other" and CROP not in sample.recipes  # parts of phantoms are no parts of real films
    ]
    results = classifier.classify(others)
    refused = [isinstance(result, Reason) for result in results]
    assert np.mean(refused) >= 0.9


def test_an_inverted_film_is_put_right_and_says_so(classifier: Classifier) -> None:
    path = get_testdata_file("RG1_UNCR.dcm", download=False)
    film = load(Path(str(path)).read_bytes()).pixels
    before, after = classifier.classify([film, 255 - film])
    assert isinstance(before, FilmResult)
    assert isinstance(after, FilmResult)
    assert after.notes == (note_codes.INVERTED, *before.notes)
    assert after.score == pytest.approx(before.score, abs=1e-5)


def test_a_leg_is_not_scored(classifier: Classifier) -> None:
    """Its header would refuse it at the door; as a picture without one, the gate has to."""
    path = get_testdata_file("RG3_UNCR.dcm", download=False)
    (result,) = classifier.classify([decode(Path(str(path)).read_bytes(), "dicom").pixels])
    assert isinstance(result, Reason)
    assert result.code in {"not_a_chest_film", "upside_down"}  # whatever it is taken for


def test_the_card_carries_its_evidence(bundle: Bundle) -> None:
    card = card_to_json(bundle.card)
    assert card["calibration"]["slope"] > 0
    assert 0 < bundle.low <= bundle.high < 1
    assert len(card["elsewhere"]) >= 12
    for row in [card["metrics"], *card["elsewhere"]]:
        assert row["values"]["auroc"]["low"] <= row["values"]["auroc"]["value"]
    assert {row["name"] for row in card["shortcuts"]["changed_films"]} >= {"lungs blacked out", "border only"}
    assert {row["dimension"] for row in card["subgroups"]} == {"view", "sex", "age", "source"}
    gate = card["gate"]
    assert gate["lungs"] == card["checksums"]["lungs.onnx"]  # the gate reads features of this network
    frontal = [row for row in gate["left_out"] if row["kind"] == "frontal"]
    assert {row["name"] for row in frontal if row["family"] == "source"} == set(HOSPITALS)
    assert {row["name"] for row in frontal if row["family"] == "framing"} == set(FRAMINGS)
    assert all(row["refused"]["value"] <= 0.015 for row in frontal if row["family"] == "source")
    assert all(row["refused"]["low"] <= row["refused"]["value"] <= row["refused"]["high"] for row in frontal)


def test_the_document_says_what_the_card_says(bundle: Bundle, tmp_path: Path) -> None:
    write_model_card(bundle.card, tmp_path / "model-card.md")
    assert TARGET.read_text() == (tmp_path / "model-card.md").read_text()


def test_the_files_of_the_bundle_give_the_cards_number(
    bundle: Bundle, classifier: Classifier, rows: list[dict[str, str]], data: Path
) -> None:
    test = {(row["source"], row["file"]) for row in rows if row["part"] == "test"}
    records: list[FilmRecord] = [
        film
        for source in sorted({source for source, _ in test})
        for film in load_source(source, data)
        if (source, film.path.name) in test
    ]
    served = score_films(classifier, [load(film.path.read_bytes()).pixels for film in records])
    found = auroc([film.label for film in records], served.scores)
    assert found == pytest.approx(card_to_json(bundle.card)["metrics"]["values"]["auroc"]["value"], abs=0.005)


def test_real_laterals_slices_and_turned_films_are_refused(classifier: Classifier, data: Path) -> None:
    """On films the gate was trained on; what it does on others is in the card."""
    samples: list[Sample] = list(laterals_and_ct_slices(data))
    upright, rng = load_source("covid-19-image-repository", data)[:20], np.random.default_rng(5)
    for film in upright:
        samples += [
            sample
            for sample in turned_films(Sample(load(film.path.read_bytes()).pixels, "frontal", "", ""), rng)
            if sample.kind != "inverted"
        ]
    results = [classifier.classify([sample.pixels])[0] for sample in samples]
    assert np.mean([isinstance(result, Reason) for result in results]) >= 0.95
