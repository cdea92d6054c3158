"""The words of the reading room: buttons, keys, and what came of a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from screening.models import Film, Review

# Letters that the viewer leaves free. A finding has other keys than a verdict: one key must not mean "confirmed" on
# one film and "signs of COVID-19" on the next.
ANSWER_KEYS = [
    ("Y", "COVID-19 signs, where no decision is in sight or the model was uncertain"),
    ("A", "no such signs (absent), in the same case"),
    ("C", "confirm the decision in sight"),
    ("O", "overturn the decision in sight"),
    ("U", "unreadable"),
    ("S", "second opinion: somebody else decides"),
]
OTHER_KEYS = [
    ("N", "write a note; Esc leaves it"),
    ("Z", "withdraw your last verdict and see that film again"),
    ("K", "skip: not this one, not now"),
    ("B", "hand the film back and leave"),
    ("?", "these keys"),
]
PAST = {
    "confirmed": "Confirmed",
    "overturned": "Overturned",
    "unreadable": "Called unreadable",
    "second_opinion": "Second opinion asked for",
}


@dataclass(frozen=True)
class Answer:
    """A button that gives a verdict."""

    value: str
    label: str
    key: str
    icon: str


@dataclass(frozen=True)
class Said:
    """What an earlier reader said of a film about which readers differ."""

    who: str
    what: str
    note: str


def answers(film: Film, blind: bool) -> list[Answer]:
    """The buttons below a film. Where no decision is in sight, a reader says what they see."""
    if blind or film.decision not in (Film.Decision.POSITIVE, Film.Decision.NEGATIVE):
        first = [
            Answer("positive", "COVID-19 signs", "Y", "triangle"),
            Answer("negative", "No such signs", "A", "ring"),
        ]
    else:
        first = [
            Answer("confirmed", f"Confirm “{film.decision}”", "C", "check"),
            Answer("overturned", "Overturn", "O", "turn-back"),
        ]
    return [
        *first,
        Answer("unreadable", "Unreadable", "U", "bar"),
        Answer("second_opinion", "Second opinion", "S", "eye"),
    ]


def keys_of(given: Sequence[Answer]) -> list[tuple[str, str]]:
    """The keys of a film's page."""
    return [*((answer.key, answer.label) for answer in given), *OTHER_KEYS]


def said(readings: Sequence[Review], blind: bool) -> list[Said]:
    """What earlier readers said, without their names; a verdict on a hidden decision as the finding it stands for."""
    words = ("First reader", "Second reader", "Third reader")
    return [
        Said(
            who=words[index] if index < len(words) else f"Reader {index + 1}",
            what=_call(entry) if blind or entry.finding else PAST[entry.verdict],
            note=entry.note,
        )
        for index, entry in enumerate(readings)
    ]


def outcome(entry: Review) -> str:
    """What came of a verdict: what the model said, what the reader said, how the two go together."""
    if not entry.decision:
        return f"{PAST[entry.verdict]}."
    model = f"The model said {entry.score:.2f}, {entry.decision}."
    if not entry.finding:
        return f"{model} {PAST[entry.verdict]}."
    if entry.decision == Film.Decision.UNCERTAIN:
        return f"{model} You: {_call(entry)}."
    return f"{model} You: {_call(entry)}. {PAST[entry.verdict]}."


def _call(entry: Review) -> str:
    if entry.finding:
        return Review.Finding(entry.finding).label
    return {"unreadable": "unreadable", "second_opinion": "asks for a second opinion"}.get(entry.verdict, "read")
