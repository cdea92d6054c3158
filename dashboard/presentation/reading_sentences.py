"""Texts of the reading room: buttons, keys and the message after a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from screening.models import Film, Review

# Letters that the viewer does not use. A finding has other keys than a verdict: one key must not mean "confirmed" on
# one film and "signs of COVID-19" on the next.
ANSWER_KEYS = [
    ("Y", "COVID-19 signs, where the decision is hidden or the model is uncertain"),
    ("A", "no COVID-19 signs (absent), in the same case"),
    ("C", "confirm the model's decision, where it is shown"),
    ("O", "overturn the model's decision, where it is shown"),
    ("U", "unreadable"),
    ("S", "second opinion: another reader decides"),
]
TOOL_KEYS = [
    ("N", "write a note; Esc leaves the field"),
    ("Z", "undo: withdraw your last verdict and show that film again"),
    ("K", "skip this film for now"),
    ("B", "release the film and exit"),
    ("?", "show the keys"),
]
VERDICT_LABELS = {
    "confirmed": "Confirmed",
    "overturned": "Overturned",
    "unreadable": "Marked unreadable",
    "second_opinion": "Second opinion requested",
}
READER_LABELS = ("First reader", "Second reader", "Third reader")


@dataclass(frozen=True)
class AnswerButton:
    """A button that gives a verdict."""

    value: str
    label: str
    key: str
    icon: str


@dataclass(frozen=True)
class EarlierReading:
    """The verdict of an earlier reader on a film on which the readers disagree, without the reader's name."""

    reader: str
    verdict: str
    note: str


def answer_buttons(film: Film, blind: bool) -> list[AnswerButton]:
    """Return the buttons below a film: findings where no decision is shown, else verdicts on the decision.

    Args:
        film: the film on the screen.
        blind: whether the model's decision is hidden.
    """
    if blind or film.decision not in (Film.Decision.POSITIVE, Film.Decision.NEGATIVE):
        first = [
            AnswerButton("positive", "COVID-19 signs", "Y", "triangle"),
            AnswerButton("negative", "No such signs", "A", "ring"),
        ]
    else:
        first = [
            AnswerButton("confirmed", f"Confirm “{film.decision}”", "C", "check"),
            AnswerButton("overturned", "Overturn", "O", "turn-back"),
        ]
    return [
        *first,
        AnswerButton("unreadable", "Unreadable", "U", "bar"),
        AnswerButton("second_opinion", "Second opinion", "S", "eye"),
    ]


def page_keys(buttons: Sequence[AnswerButton]) -> list[tuple[str, str]]:
    """Return the keys of a film's page with their meaning."""
    return [*((button.key, button.label) for button in buttons), *TOOL_KEYS]


def earlier_readings(readings: Sequence[Review], blind: bool) -> list[EarlierReading]:
    """Return the verdicts of earlier readers; where the decision is hidden, as findings that do not reveal it."""
    return [
        EarlierReading(
            reader=READER_LABELS[index] if index < len(READER_LABELS) else f"Reader {index + 1}",
            verdict=_finding_text(entry) if blind or entry.finding else VERDICT_LABELS[entry.verdict],
            note=entry.note,
        )
        for index, entry in enumerate(readings)
    ]


def verdict_message(entry: Review) -> str:
    """Return the message after a verdict: the model's decision, the reader's finding and the verdict."""
    if not entry.decision:
        return f"{VERDICT_LABELS[entry.verdict]}."
    model = f"Model: {entry.decision}, score {entry.score:.2f}."
    if not entry.finding:
        return f"{model} {VERDICT_LABELS[entry.verdict]}."
    if entry.decision == Film.Decision.UNCERTAIN:
        return f"{model} You: {_finding_text(entry)}."
    return f"{model} You: {_finding_text(entry)}. {VERDICT_LABELS[entry.verdict]}."


def _finding_text(entry: Review) -> str:
    if entry.finding:
        return Review.Finding(entry.finding).label
    return {"unreadable": "unreadable", "second_opinion": "second opinion requested"}.get(entry.verdict, "read")
