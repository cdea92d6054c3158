"""A batch and a film on paper: everything that is known of them, for the printer or as a PDF."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard import cards, prevalence, shapes, wording
from dashboard.access import user_of
from screening import counts, queries, report_queries
from screening.models import Batch, XRay
from screening.triage import FLAG_WORDS
from screening.verified import READ_AT_LEAST, verified

FLAGGED_SHOWN = 500
REFUSED_SHOWN = 5_000


@require_safe
def batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What was sent, what came of it, and what the model is worth."""
    found = queries.batch_for(user_of(request), pk)
    progress = queries.progress_of(found)
    groups = counts.of_batch(found.pk)
    context = {
        "batch": found,
        "progress": progress,
        "batch_word": wording.BATCH_WORDS[progress.state],
        "headline": wording.headline(progress),
        "pace": wording.pace(progress),
        "states": [chip for chip in wording.state_chips(progress) if chip.films],
        "decisions": wording.decision_chips(progress),
        "histogram": shapes.histogram(queries.histogram_of(found), shapes.points_of(found.model.card)),
        "verified": verified(groups),
        "read_at_least": READ_AT_LEAST,
        **_flagged(found, groups),
        **_refused(found, progress),
        **_model(found),
    }
    return render(request, "dashboard/report_batch.html", context)


@require_safe
def film(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One film: picture, score, what it means, and how that came about."""
    found = queries.film_for(user_of(request), pk)
    card = found.batch.model.card
    predictions = list(queries.predictions_of(found))
    context = {
        "film": found,
        "batch": found.batch,
        "headline": wording.film_headline(found),
        "scale": shapes.scale(found.score, shapes.points_of(card)),
        "flags": [FLAG_WORDS.get(flag, flag) for flag in found.flags],
        "notes": [wording.NOTES.get(note, note) for note in found.notes],
        "predictions": predictions,
        "latest": next((one for one in predictions if one.model_id == found.batch.model_id), None),
        "reviews": queries.reviews_of(found),
        **prevalence.context(request, card),
        **_model(found.batch),
    }
    return render(request, "dashboard/report_film.html", context)


def _model(batch: Batch) -> dict[str, Any]:
    """The model that was used, and its honest numbers."""
    card = batch.model.card
    own, *_ = [*cards.evidence(card), None]
    return {
        "model": batch.model,
        "points": shapes.points_of(card),
        "preprocessing": card.get("preprocessing", {}).get("version", ""),
        "evidence": [*([own] if own and own.own else []), *cards.elsewhere(card)],
        "shortcuts": cards.shortcuts(card),
        "printed_at": timezone.now(),
    }


def _flagged(batch: Batch, groups: list[counts.Alike]) -> dict[str, Any]:
    total = sum(group.films for group in groups if group.review_state != XRay.ReviewState.NOT_NEEDED)
    return {
        "flagged": report_queries.flagged_of(batch)[:FLAGGED_SHOWN],
        "flagged_total": total,
        "flagged_left": max(0, total - FLAGGED_SHOWN),
    }


def _refused(batch: Batch, progress: queries.Progress) -> dict[str, Any]:
    total = sum(progress.states[state] for state in report_queries.REFUSED)
    return {
        "refused": report_queries.refused_of(batch)[:REFUSED_SHOWN],
        "refused_total": total,
        "refused_left": max(0, total - REFUSED_SHOWN),
        "reasons": report_queries.refused_by_code(batch) if total else [],
    }
