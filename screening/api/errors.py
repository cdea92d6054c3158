"""Every error of the REST API has the same form: ``{"code": ..., "detail": ...}``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.response import Response
from rest_framework.views import exception_handler

from screening import early_refusals
from screening.codes import request_codes
from screening.codes.entries import RequestCode
from screening.errors import NotFoundError, ScreeningError
from screening.storage.spool import broken_off

# Errors of Django REST Framework and their entries in the catalogue. A subclass comes before its base.
FRAMEWORK: dict[type[APIException], RequestCode] = {
    exceptions.NotAuthenticated: request_codes.NOT_AUTHENTICATED,
    exceptions.AuthenticationFailed: request_codes.TOKEN_INVALID,
    exceptions.PermissionDenied: request_codes.PERMISSION_DENIED,
    exceptions.MethodNotAllowed: request_codes.METHOD_NOT_ALLOWED,
    exceptions.NotAcceptable: request_codes.NOT_ACCEPTABLE,
    exceptions.UnsupportedMediaType: request_codes.UNSUPPORTED_MEDIA_TYPE,
    exceptions.ParseError: request_codes.PARSE_ERROR,
    exceptions.ValidationError: request_codes.INVALID,
}


def handle_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the answer to an error that a view raised; ``None`` where it is a fault of ours."""
    if isinstance(error, DjangoPermissionDenied):
        error = PermissionDenied()
    refusal = _refusal(error, context)
    if refusal is not None:
        return Response(asdict(refusal.reason), status=refusal.status)
    if isinstance(error, (OperationalError, InterfaceError)):
        away = request_codes.DATABASE_AWAY
        return Response(asdict(away.reason()), status=away.status, headers={"Retry-After": "5"})
    response = exception_handler(error, context)  # sets the status and the header fields that belong to it
    if response is None or not isinstance(error, APIException):
        return response
    response.data = _body(error)
    return response


def _refusal(error: Exception, context: dict[str, Any]) -> ScreeningError | None:
    """Return the error as one of the system's own, if it is or stands for one."""
    if isinstance(error, ScreeningError):
        return error
    if isinstance(error, UnreadablePostError):
        return broken_off()
    if isinstance(error, SuspiciousOperation):
        return early_refusals.bad_request(context["request"], error)
    if isinstance(error, (Http404, exceptions.NotFound)):
        return NotFoundError("page")
    if isinstance(error, PermissionDenied) and (reason := _refused_origin(str(error.detail))):
        return early_refusals.csrf_failure(context["request"], reason)
    return None


def _body(error: APIException) -> dict[str, Any]:
    code = next((code for kind, code in FRAMEWORK.items() if isinstance(error, kind)), request_codes.ERROR)
    values = {"why": str(error.detail)} if "why" in code.placeholders else {}
    body: dict[str, Any] = asdict(code.reason(**values))
    if isinstance(error.detail, dict):  # of a serializer: which field, and why
        body["fields"] = error.detail
    return body


def _refused_origin(detail: str) -> str:
    """Return Django's reason, where the framework refused a browser for the address its page came from."""
    reason = detail.removeprefix("CSRF Failed: ")
    return reason if reason != detail and reason.startswith(early_refusals.ORIGIN_REASONS) else ""
