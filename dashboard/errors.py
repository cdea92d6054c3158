"""What the domain refuses, as an answer: JSON for our scripts, a page for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from screening import early_refusals
from screening.errors import NotFoundError, ScreeningError

View = Callable[..., HttpResponseBase]


def guarded(view: View) -> View:
    """Wrap a view: what the domain refuses is answered instead of raised, and no proxy keeps an answer."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except ScreeningError as error:
            response = refusal(request, error)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    return answering


def wants_json(request: HttpRequest) -> bool:
    """Whether one of our scripts asks, not a person's browser."""
    return "application/json" in request.headers.get("Accept", "")


def as_json(error: ScreeningError) -> JsonResponse:
    """Return an error in the form that every error answer has."""
    return JsonResponse(asdict(error.reason), status=error.status)


def refusal(request: HttpRequest, error: ScreeningError) -> HttpResponse:
    """Say what the domain refused, and why."""
    if wants_json(request):
        return as_json(error)
    template = "404.html" if isinstance(error, NotFoundError) else "dashboard/shared/error.html"
    return render(request, template, {"error": error}, status=error.status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that Django could not take, with the reason and what to do."""
    return _early_refusal(request, early_refusals.bad_request(request, exception))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that may not come from our own pages, with the reason and what to do."""
    return _early_refusal(request, early_refusals.csrf_failure(request, reason))


def _early_refusal(request: HttpRequest, error: ScreeningError) -> HttpResponse:
    """Say it without anything that a middleware would have added to the request: no user, no session."""
    if request.path.startswith("/api/") or wants_json(request):
        return as_json(error)
    return HttpResponse(render_to_string("dashboard/shared/early_error.html", {"error": error}), status=error.status)
