from __future__ import annotations

import hashlib

import pytest

from ml.model_card.evidence import AtOperatingPoints, SensitivitySpecificity
from ml.note_codes import FLAGGING, INVERTED, NOTE_CODES
from screening.worker.triage import FLAG_WORDS, PredictiveValues, flags_of, predictive_values_at


@pytest.mark.parametrize("decision", ["positive", "uncertain"])
def test_positive_and_uncertain_films_are_flagged(decision: str) -> None:
    assert flags_of(decision, "f" * 64, 0.0) == [decision]


def test_the_audit_sample_draws_its_share_of_the_negatives_and_the_same_ones_again() -> None:
    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(4000)]
    drawn = [digest for digest in digests if flags_of("negative", digest, 0.05)]
    assert 150 < len(drawn) < 250
    assert drawn == [digest for digest in digests if flags_of("negative", digest, 0.05) == ["sampled"]]


def test_a_share_of_nothing_and_of_everything() -> None:
    assert flags_of("negative", "0" * 64, 0.0) == []
    assert flags_of("negative", "f" * 64, 1.0) == ["sampled"]


@pytest.mark.parametrize("code", sorted(FLAGGING))
def test_a_film_with_a_flagging_note_is_flagged_whatever_its_decision(code: str) -> None:
    notes = (NOTE_CODES[code],)
    assert flags_of("negative", "f" * 64, 0.0, notes) == ["note"]
    assert flags_of("positive", "f" * 64, 0.0, notes) == ["positive", "note"]
    assert flags_of("negative", "0" * 64, 1.0, notes) == ["note"]  # not part of the audit sample


def test_a_correction_does_not_flag_a_film() -> None:
    assert flags_of("negative", "f" * 64, 0.0, (INVERTED,)) == []


def test_every_flag_has_words() -> None:
    assert set(FLAG_WORDS) == {"positive", "uncertain", "failed", "note", "sampled"}


MEASURED = AtOperatingPoints(low=SensitivitySpecificity(0.95, 0.6), high=SensitivitySpecificity(0.7, 0.95))


def test_a_positive_is_worth_less_where_the_disease_is_rare() -> None:
    rare, common = predictive_values_at(MEASURED, 0.01), predictive_values_at(MEASURED, 0.5)
    assert rare.ppv == pytest.approx(0.007 / (0.007 + 0.0495))
    assert rare.npv == pytest.approx(0.594 / (0.594 + 0.0005))
    assert common.ppv is not None
    assert common.ppv > 0.9


def test_where_nobody_is_called_there_is_no_number() -> None:
    never = AtOperatingPoints(low=SensitivitySpecificity(1.0, 0.0), high=SensitivitySpecificity(0.0, 1.0))
    assert predictive_values_at(never, 0.1) == PredictiveValues(None, None)
