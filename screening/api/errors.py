"""The API's errors; all have the form ``{"code": …, "detail": …}``."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import UnreadablePostError
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.response import Response
from rest_framework.views import exception_handler

from screening import unanswerable
from screening.errors import ScreeningError
from screening.storage.spool import broken_off

DATABASE_UNAVAILABLE = {
    "code": "database_away",
    "detail": "The database does not answer; send the same request again soon.",
}


def handle_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn the domain's and the framework's errors into that form."""
    if isinstance(error, UnreadablePostError):
        error = broken_off()
    if isinstance(error, SuspiciousOperation):
        error = unanswerable.bad_request(context["request"], error)
    if isinstance(error, PermissionDenied) and (reason := _csrf_reason(str(error.detail))):
        error = unanswerable.csrf_failure(context["request"], reason)
    if isinstance(error, ScreeningError):
        return Response({"code": error.code, "detail": error.sentence}, status=error.status)
    if isinstance(error, (OperationalError, InterfaceError)):
        return Response(DATABASE_UNAVAILABLE, status=503, headers={"Retry-After": "5"})
    response = exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, APIException) and isinstance(error.detail, dict):
        # A serializer's complaint: which field, and why.
        response.data = {"code": "invalid", "detail": "Some fields are not right.", "fields": error.detail}
        return response
    detail = response.data.get("detail") if isinstance(response.data, dict) else None
    response.data = {"code": getattr(detail, "code", "error"), "detail": str(detail or error)}
    return response


def _csrf_reason(detail: str) -> str:
    """Return Django's reason if the request was refused for the origin of its page, else an empty string."""
    reason = detail.removeprefix("CSRF Failed: ")
    return reason if reason != detail and reason.startswith(unanswerable.ORIGIN_REASONS) else ""
