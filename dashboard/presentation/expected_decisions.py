"""The errors to expect at a hospital that the model was not trained on, as sentences and rows of the pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean

from dashboard.presentation.estimates import format_percent, format_percent_interval, interval_phrase
from dashboard.presentation.model_evidence import Evidence, external_evidence
from ml.model_card.card import ModelCard
from ml.model_card.decision_evidence import (
    DecisionShares,
    ExpectedDecisions,
    FeatureRangeEvidence,
    HospitalDecisions,
    RangeResult,
)
from ml.statistics.estimate import Estimate

PLACE = "At hospitals not trained on"
KNOWN_PLACE = "New patients of the training hospitals"


@dataclass(frozen=True)
class Expectation:
    """The performance at hospitals not trained on, and on new patients of the training hospitals.

    Attributes:
        mean_auroc: over the tests on hospitals left out, with two decimals.
        worst: the test with the lowest AUROC.
        tests: their number.
        summary: one sentence with both errors and the uncertain share.
        sentences: each error with its interval and the worst hospital, and the uncertain shares.
        uncertain_meaning: what an uncertain decision means.
        known_sentence: the decisions on new patients of the training hospitals; empty if they were not measured.
    """

    mean_auroc: str
    worst: Evidence | None
    tests: int
    summary: str
    sentences: list[str]
    uncertain_meaning: str
    known_sentence: str


@dataclass(frozen=True)
class HospitalRow:
    """The decisions at one hospital, in per cent with their 95 % intervals; a dash where a class is missing.

    Attributes:
        name: of the hospital.
        known: whether the model was trained on films of it.
        cells: label, share and interval of the positive and uncertain films without COVID-19, and of the negative and
            uncertain films with COVID-19.
    """

    name: str
    known: bool
    cells: list[tuple[str, str, str]]


@dataclass(frozen=True)
class RangeRow:
    """How well the note finds some films: their number, the AUROC and the noted share in per cent."""

    name: str
    films: int
    auroc: str
    noted: str


def expectation(card: ModelCard | None) -> Expectation | None:
    """Return what to expect at a hospital not trained on; ``None`` where it was not measured."""
    expected = card.expected_decisions if card else None
    if expected is None:
        return None
    tests = [row for row in external_evidence(card) if row.auroc.value is not None]
    return Expectation(
        mean_auroc=f"{mean(row.auroc.value or 0.0 for row in tests):.2f}" if tests else "–",
        worst=tests[0] if tests else None,
        tests=len(tests),
        summary=_summary(expected),
        sentences=[
            _error_sentence(expected, positive=True),
            _error_sentence(expected, positive=False),
            _uncertain_sentence(expected),
        ],
        uncertain_meaning=uncertain_meaning(card),
        known_sentence=_known_sentence(expected.known) if expected.known else "",
    )


def uncertain_meaning(card: ModelCard | None) -> str:
    """Return what an uncertain decision means; empty where the band was not chosen for a stated error."""
    expected = card.expected_decisions if card else None
    if expected is None:
        return ""
    return (
        "Uncertain means that the model makes no decision: if it decided films with such scores too, more than "
        f"{format_percent(expected.stated_error)} % of the films with COVID-19, or of those without, would be "
        "decided wrongly at hospitals not trained on."
    )


def hospital_rows(card: ModelCard | None) -> list[HospitalRow]:
    """Return the decisions at each hospital left out, then on test patients of the training hospitals."""
    expected = card.expected_decisions if card else None
    if expected is None:
        return []
    rows = [_hospital_row(hospital, known=False) for hospital in (*expected.hospitals, expected.mean)]
    return rows + ([_hospital_row(expected.known, known=True)] if expected.known else [])


def range_rows(card: ModelCard | None) -> list[RangeRow]:
    """Return how well the note finds films of hospitals left out, other pictures, and known patients."""
    evidence = card.feature_range if card else None
    if evidence is None:
        return []
    return [_range_row(item) for item in (evidence.known, *evidence.hospitals, *evidence.other)]


def note_sentence(card: ModelCard | None) -> str:
    """Return what the note says about errors at hospitals left out; empty where it was not measured."""
    evidence = card.feature_range if card else None
    return _note_sentence(evidence) if evidence else ""


def _summary(expected: ExpectedDecisions) -> str:
    false_positive, false_negative = expected.without_covid.positive, expected.with_covid.negative
    uncertain = mean([expected.without_covid.uncertain.value or 0, expected.with_covid.uncertain.value or 0])
    return (
        f"{PLACE}, {_percent(false_positive)} of films without COVID-19 are called positive, "
        f"{_percent(false_negative)} of films with COVID-19 negative, and {format_percent(uncertain)} % stay "
        "uncertain."
    )


def _error_sentence(expected: ExpectedDecisions, *, positive: bool) -> str:
    """Return the share of wrong positive decisions, or of wrong negative ones, with the worst hospital."""
    shares = expected.without_covid if positive else expected.with_covid
    films, decision = ("without COVID-19", "positive") if positive else ("with COVID-19", "negative")
    error = shares.positive if positive else shares.negative
    found = f"Of films {films}, {_percent(error)} are called {decision} ({_interval(error)})"
    worst = _worst_hospital(expected.hospitals, positive=positive)
    return f"{found}; at the worst of these hospitals, {worst}." if worst else f"{found}."


def _worst_hospital(hospitals: Iterable[HospitalDecisions], *, positive: bool) -> str:
    """Return name and error of the hospital with the largest error; empty without hospitals."""
    errors = [(error, hospital.name) for hospital in hospitals if (error := _error_of(hospital, positive=positive))]
    if not errors:
        return ""
    error, name = max(errors, key=lambda item: item[0].value or 0.0)
    return f"{_percent(error)} ({name})"


def _error_of(hospital: HospitalDecisions, *, positive: bool) -> Estimate | None:
    if positive:
        return hospital.without_covid.positive if hospital.without_covid else None
    return hospital.with_covid.negative if hospital.with_covid else None


def _uncertain_sentence(expected: ExpectedDecisions) -> str:
    return (
        f"{_percent(expected.without_covid.uncertain)} of films without COVID-19 and "
        f"{_percent(expected.with_covid.uncertain)} of films with COVID-19 are left uncertain."
    )


def _known_sentence(known: HospitalDecisions) -> str:
    parts = []
    if known.without_covid:
        parts.append(f"{_percent(known.without_covid.positive)} of films without COVID-19 are called positive")
    if known.with_covid:
        parts.append(f"{_percent(known.with_covid.negative)} of films with COVID-19 negative")
    return f"{', '.join(parts)}." if parts else ""


def _hospital_row(hospital: HospitalDecisions, *, known: bool) -> HospitalRow:
    classes = (
        ("Without COVID-19", hospital.without_covid, "positive"),
        ("With COVID-19", hospital.with_covid, "negative"),
    )
    cells = [
        (f"{films}: {decision}, %", *_cell(shares, decision))
        for films, shares, error in classes
        for decision in (error, "uncertain")
    ]
    return HospitalRow(KNOWN_PLACE if known else hospital.name, known, cells)


def _cell(shares: DecisionShares | None, decision: str) -> tuple[str, str]:
    if shares is None:
        return "–", ""
    share: Estimate = getattr(shares, decision)
    return format_percent(share.value or 0.0), format_percent_interval(share).removesuffix(" %")


def _range_row(item: RangeResult) -> RangeRow:
    return RangeRow(item.name, item.films, f"{item.auroc:.2f}", format_percent(item.noted.value or 0.0))


def _note_sentence(evidence: FeatureRangeEvidence) -> str:
    noted, others = evidence.with_note, evidence.without_note
    if noted.wrong is None or others.wrong is None or noted.uncertain is None or others.uncertain is None:
        return "Too few films of hospitals left out carry the note to tell what it says about errors."
    return (
        f"Of films of hospitals left out that carry the note, {format_percent(noted.uncertain)} % are uncertain, and "
        f"{format_percent(noted.wrong)} % of the decisions are wrong; of those without the note, "
        f"{format_percent(others.uncertain)} % and {format_percent(others.wrong)} %."
    )


def _percent(share: Estimate) -> str:
    return f"{format_percent(share.value or 0.0)} %"


def _interval(share: Estimate) -> str:
    return interval_phrase(format_percent_interval(share))
