"""What the domain refuses, as an answer: JSON for our scripts, a page for people."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.defaults import bad_request as not_understood

from screening.arrivals import too_many_files
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


def refusal(request: HttpRequest, error: ScreeningError) -> HttpResponse:
    """Say what the domain refused, and why."""
    if wants_json(request):
        return JsonResponse({"code": error.code, "sentence": error.sentence}, status=error.status)
    template = "404.html" if isinstance(error, NotFoundError) else "dashboard/refused.html"
    return render(request, template, {"error": error}, status=error.status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django could not take a request; where it held too many files, say so and what to do."""
    if isinstance(exception, TooManyFilesSent):
        return refusal(request, too_many_files())
    return not_understood(request, exception)
