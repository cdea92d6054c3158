"""Limits on the size of a request's body, checked by its header and its sender before the body is read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError

from dashboard.errors import as_json, error_response
from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.storage.spool import broken_off, spool_folder, storage_failed

API_NAMESPACE = "api"  # views of the REST API authenticate the sender before they read the body
UPLOAD_ROUTES = {"batch-create", "batch-add", "api:batch-files"}
MAX_ANONYMOUS_BYTES = 64 * 1024  # a login form has a few hundred
BODYLESS_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}

Handler = Callable[[HttpRequest], HttpResponseBase]


def body_limits(get_response: Handler) -> Handler:
    """Return a Django middleware that works in its view hook, which runs before the hook of the CSRF check."""

    class BodyLimits:
        """Middleware that refuses bodies too large for the address or for the sender."""

        def __call__(self, request: HttpRequest) -> HttpResponseBase:
            return get_response(request)

        def process_view(
            self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
        ) -> HttpResponseBase | None:
            return None if request.method in BODYLESS_METHODS else _refused(request, view)

    return BodyLimits()


def _refused(request: HttpRequest, view: Callable[..., Any]) -> HttpResponseBase | None:
    match = request.resolver_match
    is_api = match is not None and API_NAMESPACE in match.namespaces
    takes_files = match is not None and match.view_name in UPLOAD_ROUTES
    size = _declared(request)
    if not is_api and size > MAX_ANONYMOUS_BYTES and not request.user.is_authenticated:
        if getattr(view, "login_required", True):
            return redirect_to_login(request.get_full_path())
        return _answer(request, _too_large(MAX_ANONYMOUS_BYTES), is_api)
    limit = settings.MAX_REQUEST_BYTES if takes_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if size > limit:
        return _answer(request, _too_large(limit), is_api)
    if takes_files and size > shutil.disk_usage(spool_folder()).free:
        return _answer(request, storage_failed(), is_api)
    return None if is_api or not takes_files else _read_form(request)


def _read_form(request: HttpRequest) -> HttpResponseBase | None:
    """Read the form of an upload here, where an error gets an answer; in the CSRF check it would be a status 500."""
    if not request.user.is_authenticated:
        return None
    try:
        request.POST  # noqa: B018  # reading it parses the body
    except ScreeningError as error:
        return error_response(request, error)
    except UnreadablePostError:
        return error_response(request, broken_off())
    return None


def _too_large(limit: int) -> ScreeningError:
    return ScreeningError(request_codes.BODY_TOO_LARGE, most=limit)


def _answer(request: HttpRequest, error: ScreeningError, is_api: bool) -> HttpResponse:
    if is_api:
        return as_json(error)
    return error_response(request, error)


def _declared(request: HttpRequest) -> int:
    """Return the bytes that the header declares; 0 without a declaration, and then Django reads no body."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdigit() else 0
