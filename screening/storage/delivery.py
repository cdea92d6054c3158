"""How a film's pictures leave the house: as our content type under our name, in a box in which nothing can run.

By whom they are sent is the deployment's choice (docs/storage.md): this process, the proxy before it by
``X-Accel-Redirect``, or the bucket itself by an address that is valid for a minute. Who may see a film is not asked
here; the views do, by :mod:`screening.batches.queries`, before they come here.
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
from screening.models import KEPT, Film

# What browsers show and none runs. All else that is stored, the films themselves among it, is never sent from here.
SHOWN = {"image/jpeg": "jpg", "image/png": "png"}
KEPT_SECONDS = 3600  # in the browser of who was let see it
ADDRESS_SECONDS = 60  # a presigned address needs no login, so it does not live long
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": f"private, max-age={KEPT_SECONDS}",
}


def serve(film: Film, part: str, content_type: str) -> HttpResponseBase:
    """Answer with one of a film's pictures.

    Args:
        film: one the user may see.
        part: which of its stored parts, see ``Film.storage_name``.
        content_type: ``image/jpeg`` or ``image/png``.

    Raises:
        NotFoundError: when it is not stored, or is no picture.
        ScreeningError: ``storage_away``.
    """
    if part in KEPT or content_type not in SHOWN:
        raise NotFoundError("picture")
    name = film.storage_name(part)
    disposition = f'inline; filename="{_file_name(film, part, content_type)}"'
    try:
        with storage_answering("picture"):
            response = _answer(name, content_type, disposition)
    except FileNotFoundError:
        raise NotFoundError("picture") from None
    for header, value in HEADERS.items():
        response.headers.setdefault(header, value)
    return response


@contextmanager
def storage_answering(what: str) -> Iterator[None]:
    """Say so where the storage is away while a ``what`` is read.

    Raises:
        ScreeningError: ``storage_away``.
    """
    try:
        yield
    except (ConnectionError, TimeoutError) as error:
        raise ScreeningError(request_codes.STORAGE_AWAY, what=what) from error


def _answer(name: str, content_type: str, disposition: str) -> HttpResponseBase:
    if settings.SERVE_ACCEL_PREFIX:
        where = settings.SERVE_ACCEL_PREFIX + quote(name)
        said = {"Content-Type": content_type, "Content-Disposition": disposition, "X-Accel-Redirect": where}
        return HttpResponse(headers=said)
    if settings.SERVE_PRESIGNED:
        return _redirect(name, content_type, disposition)
    response = FileResponse(default_storage.open(name), content_type=content_type)
    response.headers["Content-Disposition"] = disposition  # which Django has made from the stored name
    return response


def _redirect(name: str, content_type: str, disposition: str) -> HttpResponseBase:
    storage: Any = default_storage  # the settings allow this with a bucket alone
    said = {
        "ResponseContentType": content_type,
        "ResponseContentDisposition": disposition,
        "ResponseCacheControl": HEADERS["Cache-Control"],
    }
    address = storage.presigned(name, seconds=ADDRESS_SECONDS, headers=said)
    # Half its life, so that nobody is sent on to an address that has just ended.
    return HttpResponseRedirect(address, headers={"Cache-Control": f"private, max-age={ADDRESS_SECONDS // 2}"})


def _file_name(film: Film, part: str, content_type: str) -> str:
    """What a saved picture is called: by our key, never by the sender's name, which may say who it is."""
    stem = "".join(letter for letter in part.rpartition(".")[0] or part if letter.isalnum() or letter == "-")
    return f"{film.pk.hex[:12]}-{stem}.{SHOWN[content_type]}"
