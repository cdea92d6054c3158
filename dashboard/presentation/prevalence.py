"""Predictive values of a model's decisions at the prevalence that the reader enters."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest

from ml.model_card.card import ModelCard
from ml.model_card.evidence import AtOperatingPoints
from screening.worker.triage import predictive_values_at

DEFAULT_PREVALENCE = 5.0  # per cent; of films of people with symptoms, outside a wave


def prevalence_context(request: HttpRequest, card: ModelCard | None) -> dict[str, Any]:
    """Return the prevalence in per cent and the predictive values at it.

    Args:
        request: its parameter ``prevalence`` is per cent; the default is used where it is missing or not in 0..100.
        card: the model card; without sensitivity and specificity at the operating points the context is empty.
            Those at hospitals not trained on are used where they were measured.
    """
    measured = operating_points_of(card)
    if card is None or measured is None:
        return {}
    try:
        percent = float(request.GET.get("prevalence", ""))
    except ValueError:
        percent = DEFAULT_PREVALENCE
    if not 0 < percent < 100:  # NaN too
        percent = DEFAULT_PREVALENCE
    return {
        "prevalence": f"{percent:g}",
        "measured": measured,
        "measured_elsewhere": card.expected_decisions is not None,
        "prevalence_settings": asdict(measured),
        "predictive_values": predictive_values_at(measured, percent / 100),
    }


def operating_points_of(card: ModelCard | None) -> AtOperatingPoints | None:
    """Return sensitivity and specificity at the operating points: at hospitals not trained on, else on test films."""
    if card is None:
        return None
    return card.expected_decisions.at_operating_points if card.expected_decisions else card.at_operating_points
