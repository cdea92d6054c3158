"""What stands of a film by what readers said of it; pure."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from screening.reading.rules import finding_of, readings_needed, state_of, verdict_of


@dataclass(frozen=True)
class Said:
    reviewer_id: int
    verdict: str
    finding: str = ""
    final: bool = False


SIGNS, NONE = ("confirmed", "positive"), ("overturned", "negative")
UNREADABLE, ASKED = ("unreadable", ""), ("second_opinion", "")


@pytest.mark.parametrize("decision", ["positive", "uncertain", "negative"])
@pytest.mark.parametrize("finding", ["positive", "negative"])
def test_a_finding_can_be_told_from_decision_and_verdict(decision: str, finding: str) -> None:
    assert finding_of(decision, verdict_of(decision, finding)) == finding


def test_a_finding_confirms_or_overturns_a_decision() -> None:
    assert verdict_of("positive", "positive") == verdict_of("negative", "negative") == "confirmed"
    assert verdict_of("positive", "negative") == verdict_of("negative", "positive") == "overturned"
    assert finding_of("", "confirmed") == finding_of("positive", "unreadable") == ""


@pytest.mark.parametrize(
    ("needed", "readings", "state"),
    [
        (1, [], "pending"),
        (1, [(1, SIGNS)], "confirmed"),
        (2, [(1, SIGNS)], "pending"),
        (2, [(1, SIGNS), (1, SIGNS)], "pending"),  # the same person twice is one reader
        (2, [(1, SIGNS), (2, SIGNS)], "confirmed"),
        (2, [(1, SIGNS), (2, NONE)], "disputed"),
        (2, [(1, SIGNS), (2, UNREADABLE)], "disputed"),
        (2, [(1, UNREADABLE), (2, UNREADABLE)], "unreadable"),
        (1, [(1, ASKED)], "disputed"),
        (2, [(1, SIGNS), (2, ASKED)], "disputed"),
        (1, [(1, ASKED), (1, NONE)], "overturned"),  # who asked has made up their mind
        (1, [(1, SIGNS), (2, NONE)], "disputed"),
        (2, [(1, SIGNS), (1, NONE), (2, NONE)], "overturned"),
    ],
)
def test_where_a_film_stands(needed: int, readings: list[tuple[int, tuple[str, str]]], state: str) -> None:
    assert state_of([Said(reader, *said) for reader, said in readings], needed) == state


def test_what_settles_a_film_outweighs_all_others_and_the_newest_of_these_counts() -> None:
    said = [Said(1, *SIGNS), Said(2, *NONE), Said(3, *NONE, final=True), Said(4, *SIGNS)]
    assert state_of(said, 2) == "overturned"
    assert state_of([*said, Said(5, *UNREADABLE, final=True)], 2) == "unreadable"


def test_a_stable_share_of_films_is_read_twice() -> None:
    import hashlib

    digests = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(4000)]
    twice = [readings_needed(digest, 1, 0.1) == 2 for digest in digests]
    assert 320 <= sum(twice) <= 480
    assert twice == [readings_needed(digest, 1, 0.1) == 2 for digest in digests]
    assert {readings_needed(digest, 2, 0.0) for digest in digests} == {2}
    assert {readings_needed(digest, 1, 0.0) for digest in digests} == {1}
    # Not the digits that draw the audit sample: else every audit film would be read twice, or none.
    audited = [twice[index] for index, digest in enumerate(digests) if int(digest[:8], 16) < 0.1 * 2**32]
    assert 0 < sum(audited) < len(audited) / 3
