"""Requests that Django refuses before a view sees them: what to tell the sender, and whoever runs the server."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost, TooManyFilesSent
from django.http import HttpRequest
from django.middleware.csrf import REASON_BAD_ORIGIN, REASON_BAD_REFERER, REASON_NO_CSRF_COOKIE

from screening.errors import ScreeningError
from screening.intake.requests import too_many_files

LONGEST_NAME = 200  # characters of a header that are repeated in a sentence
ORIGIN_REASONS = tuple(reason.partition("%s")[0] for reason in (REASON_BAD_ORIGIN, REASON_BAD_REFERER))


def bad_request(request: HttpRequest, exception: Exception | None) -> ScreeningError:
    """Return what to answer to a request that Django could not take."""
    if isinstance(exception, TooManyFilesSent):
        return too_many_files()
    if isinstance(exception, DisallowedHost):
        return _host_unknown(request)
    return ScreeningError(
        "not_understood",
        "The request was incomplete, or its form has more or larger fields than this server takes. "
        "Load the page again and send it once more.",
        400,
    )


def csrf_failure(request: HttpRequest, reason: str) -> ScreeningError:
    """Return what to answer to a form that may not come from our own pages.

    Args:
        request: the request.
        reason: what Django says, one of the ``REASON_`` constants of its middleware.
    """
    if reason.startswith(ORIGIN_REASONS):
        return ScreeningError("csrf_origin", _why_origin(request), 403)
    if reason == REASON_NO_CSRF_COOKIE and settings.HTTPS and not request.is_secure():
        return ScreeningError(
            "https_needed",
            "This server signs people in over https only (DJANGO_HTTPS=1), and this page came over http. Open its "
            "https address. Whoever runs it has the proxy send X-Forwarded-Proto: https.",
            403,
        )
    return ScreeningError(
        "csrf_token",
        "This form has expired: you signed in or out since the page was loaded, or cookies are off. "
        "Load the page again, then send the form.",
        403,
    )


def _host_unknown(request: HttpRequest) -> ScreeningError:
    name = request.META.get("HTTP_HOST", "")[:LONGEST_NAME]
    return ScreeningError(
        "host_unknown",
        f"This server does not answer to the name {name!r}. Whoever runs it adds the name, without a port, to "
        "DJANGO_ALLOWED_HOSTS and starts it again; a proxy in front of it must pass the Host header on as it came.",
        400,
    )


def _why_origin(request: HttpRequest) -> str:
    came_from = request.headers.get("Origin") or request.headers.get("Referer", "")
    origin = urlsplit(came_from[:LONGEST_NAME])
    if origin.scheme == "https" and origin.netloc == request.get_host() and not request.is_secure():
        todo = "has the proxy send X-Forwarded-Proto: https" if settings.HTTPS else "sets DJANGO_HTTPS=1"
        return (
            "The form was not taken: the page came over https, but this server was asked over http. "
            f"Whoever runs it {todo}, as it must be behind a proxy that ends TLS."
        )
    return (
        f"The form was not taken: it was sent from {came_from[:LONGEST_NAME]!r}, which is not this server's own "
        f"address ({request.get_host()}). Whoever runs it adds that origin to DJANGO_CSRF_TRUSTED_ORIGINS, or has "
        "the proxy pass the Host header on as it came."
    )
