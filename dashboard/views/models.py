"""The page of a model: performance, limits and training."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import condition, require_safe

from dashboard.errors import View
from dashboard.presentation import charts, expected_decisions, model_evidence, prevalence
from screening.errors import NotFoundError
from screening.model_versions import card_of, model_versions
from screening.models import ModelVersion

# An SVG has its style sheet inside. The cast widens the narrow annotation of the decorator.
_ALLOW_INLINE_STYLES = cast(Callable[[View], View], csp_update({"style-src": ["'unsafe-inline'"]}))


@require_safe
def model(request: HttpRequest, name: str = "") -> HttpResponse:
    """Show a model; without a name, the default model."""
    version = _version(name)
    card = card_of(version)
    context = {
        "version": version,
        "versions": model_versions(),
        "card": card,
        "expected": expected_decisions.expectation(card),
        "hospitals": expected_decisions.hospital_rows(card),
        "ranges": expected_decisions.range_rows(card),
        "note_sentence": expected_decisions.note_sentence(card),
        "evidence": [*model_evidence.external_evidence(card), *model_evidence.own_evidence(card)],
        "comparison": model_evidence.internal_and_worst_external(card),
        "labels": model_evidence.LABELS,
        "split": model_evidence.split_counts(card),
        "seeds": model_evidence.seed_runs(card),
        "subgroups": model_evidence.subgroups(card),
        "gate": model_evidence.gate_results(card),
        "gate_left_out": model_evidence.gate_left_out(card),
        "matrices": model_evidence.confusion_matrices(card),
        "charts": charts.available_charts(card),
        "details": model_evidence.card_details(card),
        **prevalence.prevalence_context(request, card),
    }
    return render(request, "dashboard/model/model.html", context)


def _etag(request: HttpRequest, name: str, kind: str) -> str:
    return f'"{charts.chart_digest(card_of(_version(name)), kind)}"'


@require_safe
@_ALLOW_INLINE_STYLES
@condition(etag_func=_etag)
def _chart(request: HttpRequest, name: str, kind: str) -> HttpResponse:
    svg = charts.draw_chart(card_of(_version(name)), kind)
    return HttpResponse(svg, content_type="image/svg+xml", headers={"Cache-Control": "private, max-age=300"})


def chart(request: HttpRequest, name: str, kind: str) -> HttpResponseBase:
    """Return one chart of a model card as SVG."""
    if kind not in charts.CHARTS:
        raise NotFoundError("chart")
    return _chart(request, name, kind)


def _version(name: str) -> ModelVersion:
    if not name.isprintable():
        raise NotFoundError("model")
    versions = model_versions()
    version = versions.filter(name=name).first() if name else versions.first()
    if version is None:
        raise NotFoundError("model")
    return version
