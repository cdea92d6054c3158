"""Measurement of a model on films of the user's own, through every step that the worker takes, the gate included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ml.data.datasets import COVID, FilmRecord
from ml.decoding.preprocess import WorkingPicture, load
from ml.errors import FilmError, Reason
from ml.evaluation.measurement import evaluate_scores
from ml.inference.bundle import Bundle
from ml.inference.decision import Decision, decide
from ml.model_card.evidence import Evaluation
from ml.statistics import metrics
from ml.statistics.estimate import Estimate, wilson_interval
from ml.statistics.metrics import Metric

BATCH = 8
BOOTSTRAPS = 2000


@dataclass(frozen=True)
class Outcome:
    """A film with its score, or with the code of its refusal."""

    film: FilmRecord
    score: float | None = None
    code: str = ""


@dataclass(frozen=True)
class ClassOutcomes:
    """What became of the films of one class. Shares have 95 % intervals by patient.

    Attributes:
        finding: the class.
        films: how many there are.
        patients: of how many patients.
        refused: how many were not scored, by code.
        kept: share that was scored.
        decisions: share of the scored films with each decision.
    """

    finding: str
    films: int
    patients: int
    refused: dict[str, int]
    kept: Estimate
    decisions: dict[str, Estimate]


def screen_films(bundle: Bundle, films: Sequence[FilmRecord]) -> Iterator[Outcome]:
    """Score films as the worker does; yield one outcome a film, in order. A film that is refused has no score."""
    from ml.inference.classifier import Classifier

    classifier = Classifier(bundle, threads=0)
    for start in range(0, len(films), BATCH):
        chunk = films[start : start + BATCH]
        pictures = [_load(film) for film in chunk]
        results = iter(classifier.classify([item.pixels for item in pictures if isinstance(item, WorkingPicture)]))
        for film, picture in zip(chunk, pictures, strict=True):
            result = picture if isinstance(picture, Reason) else next(results)
            if isinstance(result, Reason):
                yield Outcome(film, code=result.code)
            else:
                yield Outcome(film, result.score)


def _load(film: FilmRecord) -> WorkingPicture | Reason:
    try:
        return load(film.path.read_bytes())
    except FilmError as error:
        return error.reason


def evaluate_classes(outcomes: Sequence[Outcome], threshold: float) -> list[Evaluation]:
    """Measure COVID-19 against each other class, and against all of them together, on the films that were scored.

    Args:
        outcomes: from :func:`screen_films`.
        threshold: at or above it a film is called COVID-19.
    """
    scored = [outcome for outcome in outcomes if outcome.score is not None]
    others = sorted({outcome.film.finding for outcome in scored if not outcome.film.label})
    selections = [(f"COVID-19 against {finding}", {finding}) for finding in others]
    if len(others) > 1:
        selections.append(("COVID-19 against all others", set(others)))
    return [
        _evaluate(name, [item for item in scored if item.film.label or item.film.finding in chosen], threshold)
        for name, chosen in selections
        if any(item.film.label for item in scored)
    ]


def _evaluate(name: str, outcomes: Sequence[Outcome], threshold: float) -> Evaluation:
    films = [outcome.film for outcome in outcomes]
    scores = np.array([outcome.score for outcome in outcomes], dtype=np.float64)
    return evaluate_scores(name, films, [film.patient_key for film in films], scores, threshold)


def count_outcomes(outcomes: Sequence[Outcome], bundle: Bundle) -> list[ClassOutcomes]:
    """Return what became of the films of each class, COVID-19 first."""
    findings = sorted({outcome.film.finding for outcome in outcomes}, key=lambda finding: (finding != COVID, finding))
    return [_count_class(finding, outcomes, bundle) for finding in findings]


def _count_class(finding: str, outcomes: Sequence[Outcome], bundle: Bundle) -> ClassOutcomes:
    chosen = [outcome for outcome in outcomes if outcome.film.finding == finding]
    scored = [outcome for outcome in chosen if outcome.score is not None]
    called = [decide(outcome.score or 0.0, bundle.low, bundle.high) for outcome in scored]
    return ClassOutcomes(
        finding=finding,
        films=len(chosen),
        patients=len({outcome.film.patient_key for outcome in chosen}),
        refused=dict(Counter(outcome.code for outcome in chosen if outcome.score is None)),
        kept=_share(chosen, [outcome.score is not None for outcome in chosen]),
        decisions={str(decision): _share(scored, [item == decision for item in called]) for decision in Decision},
    )


def _share(outcomes: Sequence[Outcome], counted: Sequence[bool]) -> Estimate:
    """Return a share with its interval: a bootstrap by patient, or Wilson's over patients where all draws agree."""
    if not outcomes:
        return Estimate(None, None, None, n=0)
    groups = [outcome.film.patient_key for outcome in outcomes]
    values = np.array(counted, dtype=np.float64)
    mean: Metric = partial(_mean_score)
    low, high = metrics.bootstrap_interval(mean, np.ones(len(values)), values, groups, repeats=BOOTSTRAPS)
    method = "bootstrap"
    if low == high:
        patients = len(set(groups))
        low, high = wilson_interval(float(values.mean()) * patients, patients)
        method = "Wilson"
    return Estimate(float(values.mean()), low, high, n=len(values), method=method)


def _mean_score(_labels: object, scores: object) -> float:
    return float(np.mean(np.asarray(scores, dtype=np.float64)))


def format_outcomes(rows: Sequence[ClassOutcomes]) -> str:
    """Return what became of each class as plain text."""
    lines = [f"{'class':30}{'films':>7}{'patients':>10}{'scored':>22}" + "".join(f"{d:>22}" for d in Decision)]
    for row in rows:
        shares = [row.kept, *(row.decisions[str(decision)] for decision in Decision)]
        lines.append(f"{row.finding[:29]:30}{row.films:>7}{row.patients:>10}" + "".join(map(_format_share, shares)))
        if row.refused:
            refused = ", ".join(f"{number} {code}" for code, number in sorted(row.refused.items()))
            lines.append(f"{'':30}not scored: {refused}")
    return "\n".join(lines)


def _format_share(share: Estimate) -> str:
    if share.value is None or share.low is None or share.high is None:
        return f"{'-':>22}"
    return f"{share.value:.3f} ({share.low:.3f}-{share.high:.3f})".rjust(22)
