from __future__ import annotations

import hashlib

import pytest

from screening.triage import FLAG_WORDS, flags_of


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


def test_every_flag_has_words() -> None:
    assert set(FLAG_WORDS) == {"positive", "uncertain", "failed", "sampled"}
