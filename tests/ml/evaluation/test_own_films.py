"""Films of the user's own, measured through the gate: every film is counted, scored or not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml import NOTICE, evaluate
from ml.data.datasets import FilmRecord
from ml.evaluation.own_films import Outcome, count_outcomes, evaluate_classes, format_outcomes
from ml.inference.bundle import find_bundle
from ml.phantom.film import PhantomSpec, png_bytes

BUNDLE = find_bundle("screener")


def outcome(number: int, finding: str, score: float | None, code: str = "", patient: str = "") -> Outcome:
    return Outcome(FilmRecord(Path(f"{number}.png"), "own", finding, patient or f"p{number}"), score, code)


OUTCOMES = [
    outcome(1, "covid", 0.9), outcome(2, "covid", BUNDLE.high), outcome(3, "covid", 0.01),
    outcome(4, "normal", 0.02), outcome(5, "normal", 0.95), outcome(6, "normal", None, "screenshot"),
    outcome(7, "tuberculosis", BUNDLE.low, patient="p8"), outcome(8, "tuberculosis", 0.03),
]  # fmt: skip


def test_every_class_is_measured_against_covid_on_scored_films() -> None:
    rows = {row.name: row for row in evaluate_classes(OUTCOMES, threshold=0.5)}
    assert list(rows) == ["COVID-19 against normal", "COVID-19 against tuberculosis", "COVID-19 against all others"]
    counts = {name: (row.films, row.positives, row.patients) for name, row in rows.items()}
    assert list(counts.values()) == [(5, 3, 5), (5, 3, 4), (7, 3, 6)]
    assert rows["COVID-19 against normal"].confusion.false_positive == 1


def test_films_of_each_class_are_counted_by_outcome() -> None:
    covid, normal, tuberculosis = count_outcomes(OUTCOMES, BUNDLE)
    assert (covid.finding, covid.films, covid.refused) == ("covid", 3, {})
    assert covid.decisions["positive"].value == pytest.approx(2 / 3)
    assert (normal.refused, normal.kept.n) == ({"screenshot": 1}, 3)
    assert normal.kept.value == pytest.approx(2 / 3)
    assert normal.decisions["positive"].value == 0.5  # of those that were scored
    assert (tuberculosis.patients, tuberculosis.decisions["uncertain"].value) == (1, 0.5)
    for row in (covid, normal, tuberculosis):
        for share in (row.kept, *row.decisions.values()):
            assert share.low is not None
            assert share.high is not None
            assert 0 <= share.low <= (share.value or 0) <= share.high <= 1
            assert share.high > share.low


def test_a_class_without_a_score_prints_dashes() -> None:
    text = format_outcomes(count_outcomes([outcome(1, "covid", 0.9), outcome(2, "cat", None, "not_a_chest")], BUNDLE))
    assert "not scored: 1 not_a_chest" in text
    assert text.splitlines()[2].split()[-3:] == ["-"] * 3


def test_command_line_measures_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(4):
        path = tmp_path / ("covid" if number % 2 else "normal") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(png_bytes(PhantomSpec(320, 320, seed=number)))
    (tmp_path / "normal" / "notes.txt").write_text("not a film")
    assert evaluate.main(["--data", str(tmp_path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["notice"] == NOTICE
    (row,) = answer["evaluations"]
    assert (row["films"], row["positives"], row["name"]) == (4, 2, "COVID-19 against normal")
    normal = answer["classes"][1]
    assert (normal["films"], normal["refused"]) == (3, {"unsupported_kind": 1})
    assert np.isclose(normal["kept"]["value"], 2 / 3)
    assert evaluate.main(["--data", str(tmp_path)]) == 0
    assert NOTICE in capsys.readouterr().out


def test_command_line_says_what_is_wrong_with_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--data", str(tmp_path), "--layout", "siim"]) == 2
    assert "train_study_level.csv" in capsys.readouterr().err
