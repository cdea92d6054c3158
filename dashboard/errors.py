"""Errors of the domain as responses: JSON for the scripts of the pages, an error page for people."""

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


def answer_errors(view: View) -> View:
    """Wrap a view so that an error of the domain becomes a response, and no proxy caches a response."""

    @wraps(view)
    def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except ScreeningError as error:
            response = error_response(request, error)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    return answering


def wants_json(request: HttpRequest) -> bool:
    """Return whether a script of the pages sent the request, not the browser itself."""
    return "application/json" in request.headers.get("Accept", "")


def as_json(error: ScreeningError) -> JsonResponse:
    """Return an error in the form that every error answer has."""
    return JsonResponse(asdict(error.reason), status=error.status)


def error_response(request: HttpRequest, error: ScreeningError) -> HttpResponse:
    """Return the response to an error of the domain."""
    if wants_json(request):
        return as_json(error)
    template = "404.html" if isinstance(error, NotFoundError) else "dashboard/shared/error.html"
    return render(request, template, {"error": error}, status=error.status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer a request that Django cannot process, with the reason and what to do."""
    return _early_refusal(request, early_refusals.bad_request(request, exception))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that may come from another site, with the reason and what to do."""
    return _early_refusal(request, early_refusals.csrf_failure(request, reason))


def _early_refusal(request: HttpRequest, error: ScreeningError) -> HttpResponse:
    """Return a response that needs nothing that a middleware adds to the request: no user, no session."""
    if request.path.startswith("/api/") or wants_json(request):
        return as_json(error)
    return HttpResponse(render_to_string("dashboard/shared/early_error.html", {"error": error}), status=error.status)
