"""HTTP responses with a film's pictures: a fixed content type and file name, and headers that forbid scripts.

The deployment chooses who sends the bytes (docs/storage.md): this process, the proxy before it by
``X-Accel-Redirect``, or the bucket by a URL that is valid for a minute. Permissions are not checked here, but in the
views by :mod:`screening.batches.queries`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import default_storage
from django.http import FileResponse, HttpResponse, HttpResponseBase, HttpResponseRedirect

from screening.codes import request_codes
from screening.errors import NotFoundError, ScreeningError
from screening.models import UPLOADED_PARTS, Film

# Types that browsers display and never execute. Other stored files, the films among them, are never sent from here.
EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}
CACHE_SECONDS = 3600  # in the browser of a user who may see the film
PRESIGNED_SECONDS = 60  # a presigned URL needs no login, so it is valid only briefly
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": f"private, max-age={CACHE_SECONDS}",
}


def serve_picture(film: Film, part: str, content_type: str) -> HttpResponseBase:
    """Return a response with one of a film's pictures.

    Args:
        film: a film that the user may see.
        part: the stored part, see ``Film.storage_name``.
        content_type: ``image/jpeg`` or ``image/png``.

    Raises:
        NotFoundError: the part is not stored, or is no picture.
        ScreeningError: ``storage_away``.
    """
    if part in UPLOADED_PARTS or content_type not in EXTENSIONS:
        raise NotFoundError("picture")
    name = film.storage_name(part)
    disposition = f'inline; filename="{_file_name(film, part, content_type)}"'
    try:
        with report_storage_errors("picture"):
            response = _response(name, content_type, disposition)
    except FileNotFoundError:
        raise NotFoundError("picture") from None
    for header, value in HEADERS.items():
        response.headers.setdefault(header, value)
    return response


@contextmanager
def report_storage_errors(what: str) -> Iterator[None]:
    """Turn errors of an unavailable storage into a ScreeningError.

    Args:
        what: what is read, as the sentence names it: ``picture`` or ``film``.

    Raises:
        ScreeningError: ``storage_away``.
    """
    try:
        yield
    except (ConnectionError, TimeoutError) as error:
        raise ScreeningError(request_codes.STORAGE_AWAY, what=what) from error


def _response(name: str, content_type: str, disposition: str) -> HttpResponseBase:
    if settings.SERVE_ACCEL_PREFIX:
        where = settings.SERVE_ACCEL_PREFIX + quote(name)
        headers = {"Content-Type": content_type, "Content-Disposition": disposition, "X-Accel-Redirect": where}
        return HttpResponse(headers=headers)
    if settings.SERVE_PRESIGNED:
        return _redirect(name, content_type, disposition)
    response = FileResponse(default_storage.open(name), content_type=content_type)
    response.headers["Content-Disposition"] = disposition  # Django's would have the stored name
    return response


def _redirect(name: str, content_type: str, disposition: str) -> HttpResponseBase:
    storage: Any = default_storage  # the settings allow this only with a bucket
    headers = {
        "ResponseContentType": content_type,
        "ResponseContentDisposition": disposition,
        "ResponseCacheControl": HEADERS["Cache-Control"],
    }
    url = storage.presigned_url(name, seconds=PRESIGNED_SECONDS, headers=headers)
    # Cached for half its validity, so that no browser is redirected to an expired URL.
    return HttpResponseRedirect(url, headers={"Cache-Control": f"private, max-age={PRESIGNED_SECONDS // 2}"})


def _file_name(film: Film, part: str, content_type: str) -> str:
    """Return the name of a saved picture: made of the film's key, never of the sender's name, which may identify."""
    stem = "".join(letter for letter in part.rpartition(".")[0] or part if letter.isalnum() or letter == "-")
    return f"{film.pk.hex[:12]}-{stem}.{EXTENSIONS[content_type]}"
