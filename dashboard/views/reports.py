"""Reports of a batch and of a film, made for printing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboard.access import user_of
from dashboard.presentation import expected_decisions, geometry, model_evidence, prevalence, sentences
from dashboard.presentation.shared_context import batch_context, film_context
from screening.batches import counts, queries
from screening.batches.progress import Progress, progress_of
from screening.model_versions import card_of
from screening.models import Batch, Film
from screening.reading.queries import noted_negatives
from screening.reading.verification_bias import MIN_READ_FILMS, estimate_from_verdicts

MAX_FLAGGED_SHOWN = 500
MAX_REFUSED_SHOWN = 5_000


@require_safe
def batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a batch's files, results and readings, and the model's performance."""
    found = queries.batch_for(user_of(request), pk)
    progress = progress_of(found)
    groups = counts.film_groups(found.pk)
    context = {
        **batch_context(found, progress),
        "states": [chip for chip in sentences.state_chips(progress) if chip.films],
        "decisions": sentences.decision_chips(progress),
        "verified": estimate_from_verdicts(groups, noted_negatives(found)),
        "read_at_least": MIN_READ_FILMS,
        **_flagged(found, groups),
        **_refused(found, progress),
        **_model(found),
    }
    return render(request, "dashboard/report/batch.html", context)


@require_safe
def film(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a film's image, score, reviews and processing details, and the model's performance."""
    found = queries.film_for(user_of(request), pk)
    context = {
        **film_context(found),
        **prevalence.prevalence_context(request, card_of(found.batch.model)),
        **_model(found.batch),
    }
    return render(request, "dashboard/report/film.html", context)


def _model(batch: Batch) -> dict[str, Any]:
    """Return the batch's model with its performance."""
    card = card_of(batch.model)
    own, *_ = [*model_evidence.all_evidence(card), None]
    known = [own] if own and own.own else []
    return {
        "model": batch.model,
        "points": geometry.points_of(card),
        "preprocessing": card.preprocessing.version if card else "",
        "evidence": [*model_evidence.external_evidence(card), *known],
        "expected": expected_decisions.expectation(card),
        "shortcuts": model_evidence.shortcut_sentences(card),
        "printed_at": timezone.now(),
    }


def _flagged(batch: Batch, groups: list[counts.FilmGroup]) -> dict[str, Any]:
    total = sum(group.films for group in groups if group.review_state != Film.ReviewState.NOT_NEEDED)
    return {
        "flagged": queries.flagged_of(batch)[:MAX_FLAGGED_SHOWN],
        "flagged_total": total,
        "flagged_left": max(0, total - MAX_FLAGGED_SHOWN),
    }


def _refused(batch: Batch, progress: Progress) -> dict[str, Any]:
    total = progress.refused
    return {
        "refused": queries.refused_of(batch)[:MAX_REFUSED_SHOWN],
        "refused_total": total,
        "refused_left": max(0, total - MAX_REFUSED_SHOWN),
        "reasons": queries.refused_by_code(batch) if total else [],
    }
