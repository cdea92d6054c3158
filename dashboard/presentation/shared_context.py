"""What the pages and the reports say alike of a batch and of a film."""

from __future__ import annotations

from typing import Any

from dashboard.presentation import geometry, sentences
from dashboard.presentation.geometry import Histogram
from screening.batches import progress as counted
from screening.batches import queries
from screening.batches.progress import Progress
from screening.model_versions import card_of
from screening.models import Batch, Film
from screening.reading.queries import reviews_of
from screening.worker.triage import FLAG_WORDS


def batch_facts(batch: Batch, progress: Progress) -> dict[str, Any]:
    """Where a batch stands, in words and as a drawing."""
    return {
        "batch": batch,
        "progress": progress,
        "headline": sentences.headline(progress),
        "pace": sentences.pace(progress),
        "histogram": histogram_of(batch),
    }


def histogram_of(batch: Batch) -> Histogram:
    """A batch's films by score."""
    return geometry.histogram(counted.histogram_of(batch), geometry.points_of(card_of(batch.model)))


def film_facts(film: Film) -> dict[str, Any]:
    """What a film's score is and means, why people look at it, and what was said of it."""
    card = card_of(film.batch.model)
    predictions = list(queries.predictions_of(film))
    return {
        "film": film,
        "batch": film.batch,
        "headline": sentences.film_headline(film),
        "scale": geometry.scale(film.score, geometry.points_of(card)),
        "flags": [FLAG_WORDS.get(flag, flag) for flag in film.flags],
        "notes": [sentences.NOTES.get(note, note) for note in film.notes],
        "preprocessing": card.preprocessing.version if card else "",
        "predictions": predictions,
        "latest": next((one for one in predictions if one.model_id == film.batch.model_id), None),
        "reviews": reviews_of(film),
    }
