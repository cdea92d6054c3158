"""Errors of requests that Django refuses before a view sees them."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost, TooManyFilesSent
from django.http import HttpRequest
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_BAD_REFERER, REASON_NO_CSRF_COOKIE

from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.intake.requests import too_many_files

MAX_NAME = 200  # characters of a header that are repeated in a sentence
ORIGIN_REASONS = tuple(reason.partition("%s")[0] for reason in (REASON_BAD_ORIGIN, REASON_BAD_REFERER))


def bad_request(request: HttpRequest, exception: Exception | None) -> ScreeningError:
    """Return the error for a request that Django could not read."""
    if isinstance(exception, TooManyFilesSent):
        return too_many_files()
    if isinstance(exception, DisallowedHost):
        return _host_unknown(request)
    return ScreeningError(request_codes.NOT_UNDERSTOOD)


def csrf_failure(request: HttpRequest, reason: str) -> ScreeningError:
    """Return the error for a form that may not come from our own pages.

    Args:
        request: the request.
        reason: what Django says, one of the ``REASON_`` constants of its middleware.
    """
    if reason.startswith(ORIGIN_REASONS):
        return _wrong_origin(request)
    if reason == REASON_NO_CSRF_COOKIE and settings.HTTPS and not request.is_secure():
        return ScreeningError(request_codes.HTTPS_NEEDED)
    return ScreeningError(request_codes.CSRF_TOKEN)


def _host_unknown(request: HttpRequest) -> ScreeningError:
    name = request.META.get("HTTP_HOST", "")[:MAX_NAME]
    return ScreeningError(request_codes.HOST_UNKNOWN, name=name)


def _wrong_origin(request: HttpRequest) -> ScreeningError:
    came_from = request.headers.get("Origin") or request.headers.get("Referer", "")
    origin = urlsplit(came_from[:MAX_NAME])
    if origin.scheme == "https" and origin.netloc == request.get_host() and not request.is_secure():
        remedy = "has the proxy send X-Forwarded-Proto: https" if settings.HTTPS else "sets DJANGO_HTTPS=1"
        return ScreeningError(request_codes.PROXY_HIDES_HTTPS, remedy=remedy)
    return ScreeningError(request_codes.CSRF_ORIGIN, sender=came_from[:MAX_NAME], host=request.get_host())
