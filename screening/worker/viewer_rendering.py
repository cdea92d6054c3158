"""Rendering of a film's pixel values for the viewer: a worker does it on request, and the storage caches the result.

It is a cache, so no row refers to it; it is stored next to the films' folders and may be deleted at any time. A note
file marks a rendering in progress or refused; while there is one, the values count as missing.
"""

from __future__ import annotations

import gzip
import json
import logging
import struct
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone

from ml.decoding.limits import MEGAPIXEL
from ml.errors import FilmError, Reason
from screening.codes import film_codes
from screening.config.celery import SMALL, app
from screening.config.limits import time_limits
from screening.errors import NotRenderedError
from screening.models import Film
from screening.publishing import BROKER_ERRORS
from screening.storage import local as storage

if TYPE_CHECKING:
    from ml.decoding.viewer_pixels import FilmValues

log = logging.getLogger(__name__)

RENDER_TASK = "screening.tasks.render_pixels"  # by name: the web process must not import the worker's task
FOLDER = "rendered"
VALUES, NOTE = ".bin", ".json"
RETENTION = timedelta(days=1)
MAX_FILMS_PER_SHARD = 16  # films; there are 256 shards
REQUEST_AGAIN_SECONDS = 5.0  # between two messages for a film, as a message may be lost
MAX_REMEMBERED_REQUESTS = 1_000
GZIP_LEVEL = 1  # a film in 12 bits: half its size in 0.15 s; level 6 takes twice as long for the same
VERSION = 1

_requested_at: dict[UUID, float] = {}


@dataclass(frozen=True)
class Attempt:
    """The last attempt at a rendering that is not there yet.

    Attributes:
        attempts: its number, counted from 1.
        since: when it began, in seconds since 1970.
    """

    attempts: int
    since: float = 0.0

    @property
    def in_progress(self) -> bool:
        """True if a worker may still be rendering; after its lease it counts as dead."""
        return 0 <= time.time() - self.since < time_limits(settings.CHUNK_SECONDS).lease


Note = Attempt | Reason  # the reason why there will be no rendering


def find_rendering(pk: UUID) -> File[bytes] | None:
    """Return a film's rendered values in the format of :func:`pack_values`; else request them and return ``None``.

    Raises:
        NotRenderedError: they cannot be rendered; it has the reason.
    """
    note = _read_note(pk)
    if note is None:
        try:
            return default_storage.open(_name(pk))
        except FileNotFoundError:
            _request_rendering(pk)
            return None
    if isinstance(note, Reason):
        raise NotRenderedError(note)
    if not note.in_progress:
        _request_rendering(pk)
    return None


def render_film(pk: UUID) -> None:
    """Render a film's values, unless they exist, were refused, or another worker is rendering them."""
    film = Film.objects.filter(pk=pk, pictured=True).only("pk", "kind", "source").first()
    note = _read_note(pk)
    if film is None or (note is None and default_storage.exists(_name(pk))):
        return
    if isinstance(note, Reason) or (note is not None and note.in_progress):
        return
    attempts = 1 if note is None else note.attempts + 1
    if attempts > settings.MAX_ATTEMPTS:
        _write_note(pk, film_codes.RENDERING_LOST.reason())
        return
    _write_note(pk, Attempt(attempts, time.time()))
    if refusal := _render_and_store(film):
        _write_note(pk, refusal)
    else:
        default_storage.delete(_name(pk, NOTE))
    _delete_old(pk)


def pack_values(film: FilmValues) -> bytes:
    """Return a film's values for the browser, compressed with gzip.

    Layout: the length of the header (uint32, little endian); the header, JSON with the other attributes of
    :class:`ml.decoding.viewer_pixels.FilmValues`, padded with spaces to a multiple of four bytes; the codes row by
    row, one or two bytes each (little endian); the curve, one byte for each code, where there is one.
    """
    height, width = film.codes.shape
    about: dict[str, Any] = {
        "version": VERSION, "width": width, "height": height, "sample_bytes": film.codes.dtype.itemsize,
        "bits": film.bits, "scale": film.scale, "slope": film.slope, "intercept": film.intercept,
        "inverted": film.inverted, "padding": film.padding, "exact": film.exact,
        "windows": [asdict(window) for window in film.windows],
        "curve": 0 if film.curve is None else len(film.curve),
    }  # fmt: skip
    header = json.dumps(about).encode()
    header += b" " * (-len(header) % 4)
    codes = film.codes.astype(film.codes.dtype.newbyteorder("<"), copy=False).tobytes()
    curve = b"" if film.curve is None else film.curve.tobytes()
    return gzip.compress(struct.pack("<I", len(header)) + header + codes + curve, GZIP_LEVEL, mtime=0)


def _render_and_store(film: Film) -> Reason | None:
    """Render a film and store the values; returns the reason if it is refused."""
    from ml.decoding.viewer_pixels import decode_values  # here: only workers decode
    from screening.worker import leases

    try:
        values = decode_values(leases.read_original(film), film.kind, max_pixels=settings.MAX_MEGAPIXELS * MEGAPIXEL)
        storage.put_file(_name(film.pk), pack_values(values))
    except SoftTimeLimitExceeded:
        return film_codes.RENDERING_TOOK_TOO_LONG.reason()
    except FilmError as error:  # maybe from a decoder that the time limit interrupted
        slow = isinstance(error.__cause__, SoftTimeLimitExceeded)
        return film_codes.RENDERING_TOOK_TOO_LONG.reason() if slow else error.reason
    except Exception:
        default_storage.delete(_name(film.pk, NOTE))  # a temporary error: the next request tries again
        raise
    return None


def _request_rendering(pk: UUID) -> None:
    """Publish the task, unless it was published a few seconds ago."""
    now = time.monotonic()
    if now - _requested_at.get(pk, -REQUEST_AGAIN_SECONDS) < REQUEST_AGAIN_SECONDS:
        return
    if len(_requested_at) >= MAX_REMEMBERED_REQUESTS:
        _requested_at.clear()
    _requested_at[pk] = now
    try:
        app.send_task(RENDER_TASK, args=[str(pk)], queue=SMALL)
    except BROKER_ERRORS as error:
        log.warning("the broker is not available, the viewer requests the film again: %s", error)


def _read_note(pk: UUID) -> Note | None:
    try:
        with default_storage.open(_name(pk, NOTE)) as file:
            fields = json.loads(file.read())
            return Reason(**fields) if "code" in fields else Attempt(**fields)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # being written, or cut off by a power cut
        return Attempt(1)


def _write_note(pk: UUID, note: Note) -> None:
    storage.put_file(_name(pk, NOTE), json.dumps(asdict(note)).encode())


def _delete_old(pk: UUID) -> None:
    """Delete old and surplus files in the shard that was written to, so that no job has to list all of them."""
    shard = f"{FOLDER}/{pk.hex[:2]}"
    with suppress(FileNotFoundError):  # another worker deletes too
        names = [f"{shard}/{name}" for name in default_storage.listdir(shard)[1]]
        ages = sorted((timezone.now() - default_storage.get_modified_time(name), name) for name in names)
        for place, (age, name) in enumerate(ages):
            if age > RETENTION or place >= MAX_FILMS_PER_SHARD:
                default_storage.delete(name)


def _name(pk: UUID, suffix: str = VALUES) -> str:
    return f"{FOLDER}/{pk.hex[:2]}/{pk.hex}{suffix}"
