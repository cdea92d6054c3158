"""Template context that pages and reports share: of a batch and of a film."""

from __future__ import annotations

from typing import Any

from dashboard.presentation import expected_decisions, geometry, sentences
from dashboard.presentation.geometry import Histogram
from screening.batches import progress as batch_progress
from screening.batches import queries
from screening.batches.progress import Progress
from screening.model_versions import card_of
from screening.models import Batch, Film
from screening.reading.queries import reviews_of
from screening.worker.triage import FLAG_WORDS


def batch_context(batch: Batch, progress: Progress) -> dict[str, Any]:
    """Return a batch's progress in words, and its scores as a histogram."""
    return {
        "batch": batch,
        "progress": progress,
        "headline": sentences.batch_headline(progress),
        "pace": sentences.pace(progress),
        "histogram": score_histogram(batch),
    }


def score_histogram(batch: Batch) -> Histogram:
    """Return the batch's films by score."""
    return geometry.histogram(batch_progress.histogram_of(batch), geometry.points_of(card_of(batch.model)))


def film_context(film: Film) -> dict[str, Any]:
    """Return a film's result, the reasons of its flags, its predictions and its reviews."""
    card = card_of(film.batch.model)
    predictions = list(queries.predictions_of(film))
    return {
        "film": film,
        "batch": film.batch,
        "headline": sentences.film_headline(film),
        "uncertain_meaning": expected_decisions.uncertain_meaning(card),
        "scale": geometry.scale(film.score, geometry.points_of(card)),
        "flags": [FLAG_WORDS.get(flag, flag) for flag in film.flags],
        "notes": [note.sentence for note in film.all_notes],
        "preprocessing": card.preprocessing.version if card else "",
        "predictions": predictions,
        "latest": next((item for item in predictions if item.model_id == film.batch.model_id), None),
        "reviews": reviews_of(film),
    }
