"""Limits on the size of a request's body, checked by its header and its sender before the body is read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError

from dashboard.chunked_bodies import allow_body, is_chunked
from dashboard.errors import as_json, error_response
from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.intake.upload_form import parse_upload_form
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
    size, chunked = _declared(request), is_chunked(request)
    if not is_api and (chunked or size > MAX_ANONYMOUS_BYTES) and not request.user.is_authenticated:
        if getattr(view, "login_required", True):
            return redirect_to_login(request.get_full_path())
        # A chunked body of a stranger is not read, and the form is empty: many slow ones would take all threads.
        return None if chunked else _answer(request, _too_large(MAX_ANONYMOUS_BYTES), is_api)
    if chunked:
        return _prepare_chunked(request, is_api=is_api, takes_files=takes_files)
    limit = settings.MAX_REQUEST_BYTES if takes_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if size > limit:
        return _answer(request, _too_large(limit), is_api)
    if takes_files and size > shutil.disk_usage(spool_folder()).free:
        return _answer(request, storage_failed(), is_api)
    return None if is_api or not takes_files else _read_form(request)


def _prepare_chunked(request: HttpRequest, *, is_api: bool, takes_files: bool) -> HttpResponseBase | None:
    """Allow a chunked body up to the limit of the address; it is refused while it is read."""
    takes_files = takes_files and request.content_type == "multipart/form-data"
    limit = settings.MAX_REQUEST_BYTES if takes_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    refusal, free = _too_large(limit), shutil.disk_usage(spool_folder()).free
    if takes_files and free < limit:
        limit, refusal = free, storage_failed()
    allow_body(request, limit, refusal)
    if is_api:
        return None
    return _read_form(request) if takes_files else _read_small_body(request)


def _read_form(request: HttpRequest) -> HttpResponseBase | None:
    """Read the form of an upload here, where an error gets an answer; in the CSRF check it would be a status 500."""
    return _answer_errors(request, _parse_form) if request.user.is_authenticated else None


def _parse_form(request: HttpRequest) -> None:
    if request.content_type == "multipart/form-data":
        length, content_type = _declared(request), request.META.get("CONTENT_TYPE", "")
        form = parse_upload_form(content_type, length, request.read, request.upload_handlers)
        request._post, request._files = form  # type: ignore[attr-defined]  # where Django looks for them
    request.POST  # noqa: B018  # reading it parses the body


def _read_small_body(request: HttpRequest) -> HttpResponseBase | None:
    """Read a body that is kept in memory; Django then parses it from there."""
    return _answer_errors(request, attrgetter("body"))


def _answer_errors(request: HttpRequest, read: Callable[[HttpRequest], object]) -> HttpResponseBase | None:
    """Read a body, and return the answer to a body that cannot be read, else ``None``."""
    try:
        read(request)
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
