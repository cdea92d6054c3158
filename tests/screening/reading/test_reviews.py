from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from screening.errors import NotFoundError, ScreeningError
from screening.models import Batch, Film, Review
from screening.reading.reviews import record_review
from tests.screening.factories import done


@pytest.fixture
def flagged(batch: Batch) -> Film:
    return done(batch, flags=["positive"], review_state="pending")


def test_a_verdict_is_added_and_counts(flagged: Film, colleague: User) -> None:
    entry = record_review(film=flagged, reviewer=colleague, verdict="overturned", note="  a nipple shadow ")
    flagged.refresh_from_db()
    assert flagged.review_state == "overturned"
    assert (entry.note, entry.score, entry.decision) == ("a nipple shadow", 0.9, "positive")


def test_every_verdict_is_kept_and_the_newest_counts(flagged: Film, colleague: User) -> None:
    record_review(film=flagged, reviewer=colleague, verdict="overturned")
    record_review(film=flagged, reviewer=colleague, verdict="confirmed")
    flagged.refresh_from_db()
    assert flagged.review_state == "confirmed"
    assert [entry.verdict for entry in Review.objects.all()] == ["confirmed", "overturned"]


def test_who_is_not_staff_does_not_review(flagged: Film, owner: User) -> None:
    with pytest.raises(NotFoundError):
        record_review(film=flagged, reviewer=owner, verdict="confirmed")


@pytest.mark.parametrize(
    ("verdict", "note", "code"), [("maybe", "", "verdict_unknown"), ("confirmed", "x" * 2001, "note_too_long")]
)
def test_a_verdict_must_be_one(flagged: Film, colleague: User, verdict: str, note: str, code: str) -> None:
    with pytest.raises(ScreeningError, match=code):
        record_review(film=flagged, reviewer=colleague, verdict=verdict, note=note)
    assert not Review.objects.exists()


def test_what_is_not_flagged_is_not_reviewed(batch: Batch, colleague: User) -> None:
    with pytest.raises(ScreeningError, match="not_flagged"):
        record_review(film=done(batch), reviewer=colleague, verdict="confirmed")
