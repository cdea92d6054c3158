"""A film's own values for the viewer: a worker renders them when somebody looks, and they are kept for a while.

A cache, so no row tells of it and it lies beside the films' folders, where it may be deleted at any time. While a
worker is at it, and after a refusal, a note lies there; as long as it does, the values count as not there.
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

RENDER = "screening.tasks.render_pixels"  # by name: the web process has no need of what the task imports
ROOT = "rendered"
VALUES, NOTE = ".bin", ".json"
KEPT = timedelta(days=1)
MOST_A_SHARD = 16  # films; there are 256 shards
ASK_AGAIN_SECONDS = 5.0  # a message may be lost; one film's messages need not be many
MOST_ASKED = 1_000
GZIP_LEVEL = 1  # a film in 12 bits: half its size in 0.15 s; level 6 takes twice as long for the same
VERSION = 1

_asked: dict[UUID, float] = {}


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
    def in_work(self) -> bool:
        """Whether a worker may still be at it; after the hard limit it is dead."""
        return 0 <= time.time() - self.since < time_limits(settings.CHUNK_SECONDS).lease


Note = Attempt | Reason  # the reason why there will be no rendering


def find(pk: UUID) -> File[bytes] | None:
    """A film's rendered values, as :func:`packed` has them, or ``None`` after asking a worker for them.

    Raises:
        NotRenderedError: why they cannot be shown.
    """
    note = _note(pk)
    if note is None:
        try:
            return default_storage.open(_name(pk))
        except FileNotFoundError:
            _ask(pk)
            return None
    if isinstance(note, Reason):
        raise NotRenderedError(note)
    if not note.in_work:
        _ask(pk)
    return None


def render(pk: UUID) -> None:
    """Render a film's values, unless they are there, refused before, or in another worker's hands."""
    film = Film.objects.filter(pk=pk, pictured=True).only("pk", "kind", "source").first()
    note = _note(pk)
    if film is None or (note is None and default_storage.exists(_name(pk))):
        return
    if isinstance(note, Reason) or (note is not None and note.in_work):
        return
    attempts = 1 if note is None else note.attempts + 1
    if attempts > settings.MAX_ATTEMPTS:
        _keep_note(pk, film_codes.RENDERING_LOST.reason())
        return
    _keep_note(pk, Attempt(attempts, time.time()))
    if refusal := _rendered(film):
        _keep_note(pk, refusal)
    else:
        default_storage.delete(_name(pk, NOTE))
    _tidy(pk)


def packed(film: FilmValues) -> bytes:
    """A film's values for the browser, compressed by gzip.

    Layout: the length of the header (uint32, little endian); the header, JSON with the other attributes of
    :class:`ml.decoding.viewer_pixels.FilmValues`, padded with spaces to a multiple of four bytes; the codes row by
    row, one or two bytes each (little endian); the curve, one byte a code, where there is one.
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


def _rendered(film: Film) -> Reason | None:
    """Render and store; or why that cannot be."""
    from ml.decoding.viewer_pixels import decode_values  # here: only workers decode
    from screening.worker import leases

    try:
        values = decode_values(leases.read_original(film), film.kind, max_pixels=settings.MAX_MEGAPIXELS * MEGAPIXEL)
        storage.put(_name(film.pk), packed(values))
    except SoftTimeLimitExceeded:
        return film_codes.RENDERING_TOOK_TOO_LONG.reason()
    except FilmError as error:  # which may come of a decoder that the time limit interrupted
        slow = isinstance(error.__cause__, SoftTimeLimitExceeded)
        return film_codes.RENDERING_TOOK_TOO_LONG.reason() if slow else error.reason
    except Exception:
        default_storage.delete(_name(film.pk, NOTE))  # of the surroundings: the next one to look may have more luck
        raise
    return None


def _ask(pk: UUID) -> None:
    """Publish the task, but not again within a few seconds."""
    now = time.monotonic()
    if now - _asked.get(pk, -ASK_AGAIN_SECONDS) < ASK_AGAIN_SECONDS:
        return
    if len(_asked) >= MOST_ASKED:
        _asked.clear()
    _asked[pk] = now
    try:
        app.send_task(RENDER, args=[str(pk)], queue=SMALL)
    except BROKER_ERRORS as error:
        log.warning("broker away, the viewer will ask again: %s", error)


def _note(pk: UUID) -> Note | None:
    try:
        with default_storage.open(_name(pk, NOTE)) as file:
            fields = json.loads(file.read())
            return Reason(**fields) if "code" in fields else Attempt(**fields)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):  # being written, or torn by a power cut
        return Attempt(1)


def _keep_note(pk: UUID, note: Note) -> None:
    storage.put(_name(pk, NOTE), json.dumps(asdict(note)).encode())


def _tidy(pk: UUID) -> None:
    """Delete what is old, or too much, in one shard: what grows is tidied, and nobody has to look at all of it."""
    shard = f"{ROOT}/{pk.hex[:2]}"
    with suppress(FileNotFoundError):  # another worker tidies as well
        names = [f"{shard}/{name}" for name in default_storage.listdir(shard)[1]]
        ages = sorted((timezone.now() - default_storage.get_modified_time(name), name) for name in names)
        for place, (age, name) in enumerate(ages):
            if age > KEPT or place >= MOST_A_SHARD:
                default_storage.delete(name)


def _name(pk: UUID, suffix: str = VALUES) -> str:
    return f"{ROOT}/{pk.hex[:2]}/{pk.hex}{suffix}"
