"""What is known of a model: what it was measured on, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import condition, require_safe

from dashboard import cards, charts, prevalence
from dashboard.errors import View
from screening import queries
from screening.errors import NotFoundError
from screening.models import ModelVersion

# An image: its style sheet is inside it. The cast widens the decorator's narrow annotation.
_WITH_OWN_STYLES = cast(Callable[[View], View], csp_update({"style-src": ["'unsafe-inline'"]}))


@require_safe
def model(request: HttpRequest, name: str = "") -> HttpResponse:
    """The model's page; without a name, that of the model new batches get."""
    version = _version(name)
    card = version.card
    context = {
        "version": version,
        "versions": queries.model_versions(),
        "card": card,
        "evidence": cards.evidence(card),
        "honesty": cards.honesty(card),
        "labels": cards.LABELS,
        "split": cards.split(card),
        "seeds": cards.seeds(card),
        "gate": cards.gate(card),
        "matrices": cards.matrices(card),
        "charts": charts.catalogue(card),
        "details": cards.details(card),
        **prevalence.context(request, card),
    }
    return render(request, "dashboard/model.html", context)


def _etag(request: HttpRequest, name: str, kind: str) -> str:
    return f'"{charts.fingerprint(_version(name).card, kind)}"'


@require_safe
@_WITH_OWN_STYLES
@condition(etag_func=_etag)
def _chart(request: HttpRequest, name: str, kind: str) -> HttpResponse:
    svg = charts.draw(_version(name).card, kind)
    return HttpResponse(svg, content_type="image/svg+xml", headers={"Cache-Control": "private, max-age=300"})


def chart(request: HttpRequest, name: str, kind: str) -> HttpResponseBase:
    """One chart of the model's card as SVG."""
    if kind not in charts.KINDS:
        raise NotFoundError("chart")
    return _chart(request, name, kind)


def _version(name: str) -> ModelVersion:
    if not name.isprintable():
        raise NotFoundError("model")
    versions = queries.model_versions()
    version = versions.filter(name=name).first() if name else versions.first()
    if version is None:
        raise NotFoundError("model")
    return version
