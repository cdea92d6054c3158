"""What a decision is worth where the reader is: by the prevalence they set in the address."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from ml.model_card.card import ModelCard
from screening.worker.triage import predictive_values_at

USUAL = 5.0  # per cent; of films of people with symptoms, in a quiet season


def context(request: HttpRequest, card: ModelCard | None) -> dict[str, Any]:
    """Prevalence in per cent, and what the model's decisions are worth at it; nothing where it was not measured."""
    measured = card.at_operating_points if card else None
    if measured is None:
        return {}
    try:
        percent = float(request.GET.get("prevalence", ""))
    except ValueError:
        percent = USUAL
    if not 0 < percent < 100:  # also where it is no number at all
        percent = USUAL
    return {
        "prevalence": f"{percent:g}",
        "measured": measured,
        "worth": predictive_values_at(measured, percent / 100),
    }
