"""What a request may carry: decided from its header, and from who sends it, before its body is read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError

from dashboard.errors import as_json, refusal
from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.storage.spool import broken_off, spool_folder, storage_failed

API = "api"  # the name space of the REST addresses; their views look the sender up before they read a body
UPLOADS = {"batch-create", "batch-add", "api:batch-files"}  # addresses that take files
FORM_OF_A_STRANGER = 64 * 1024  # bytes; a login form has a few hundred
WITHOUT_BODY = {"GET", "HEAD", "OPTIONS", "TRACE"}

Handler = Callable[[HttpRequest], HttpResponseBase]


def body_limits(get_response: Handler) -> Handler:
    """Return Django's middleware; all it does is in its view hook, which stands before that of the CSRF check."""

    class BodyLimits:
        """Refuse bodies that the address, or the sender, may not send."""

        def __call__(self, request: HttpRequest) -> HttpResponseBase:
            return get_response(request)

        def process_view(
            self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
        ) -> HttpResponseBase | None:
            return None if request.method in WITHOUT_BODY else _refused(request, view)

    return BodyLimits()


def _refused(request: HttpRequest, view: Callable[..., Any]) -> HttpResponseBase | None:
    match = request.resolver_match
    is_api = match is not None and API in match.namespaces
    takes_files = match is not None and match.view_name in UPLOADS
    size = _declared(request)
    if not is_api and size > FORM_OF_A_STRANGER and not request.user.is_authenticated:
        if getattr(view, "login_required", True):
            return redirect_to_login(request.get_full_path())
        return _answer(request, _too_large(FORM_OF_A_STRANGER), is_api)
    most = settings.MAX_REQUEST_BYTES if takes_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if size > most:
        return _answer(request, _too_large(most), is_api)
    if takes_files and size > shutil.disk_usage(spool_folder()).free:
        return _answer(request, storage_failed(), is_api)
    return None if is_api or not takes_files else _read_form(request)


def _read_form(request: HttpRequest) -> HttpResponseBase | None:
    """Read an upload of a page here, where what goes wrong can still be answered; the CSRF check would answer 500."""
    if not request.user.is_authenticated:
        return None
    try:
        request.POST  # noqa: B018  # reading it parses the body
    except ScreeningError as error:
        return refusal(request, error)
    except UnreadablePostError:
        return refusal(request, broken_off())
    return None


def _too_large(most: int) -> ScreeningError:
    return ScreeningError(request_codes.BODY_TOO_LARGE, most=most)


def _answer(request: HttpRequest, error: ScreeningError, is_api: bool) -> HttpResponse:
    if is_api:
        return as_json(error)
    return refusal(request, error)


def _declared(request: HttpRequest) -> int:
    """Bytes that the header announces; 0 where it announces none, and then Django reads none."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdigit() else 0
