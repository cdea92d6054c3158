"""The cheap checks at the door: what a file is, by its content, without decoding a pixel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from ml.decoding.headers import MIN_SIDE as MIN_SIDE
from ml.decoding.headers import Header, read_header, refuse_unfit
from ml.decoding.limits import MEGAPIXEL
from ml.decoding.synthetic_mark import is_synthetic
from ml.errors import FilmError, Reason
from screening.codes import film_codes
from screening.intake.zip import archive

MAGIC_BYTES = 4
ARCHIVE = "zip"  # the kind of a row that is no film but holds films


@dataclass(frozen=True)
class Arrival:
    """What the door found out about a file.

    Attributes:
        sha256: hex digest of its bytes.
        header: what its header says, or ``None`` where that cannot be read.
        synthetic: it carries the mark of our phantom.
        refusal: why it is not let in, or ``None``.
    """

    sha256: str
    header: Header | None = None
    synthetic: bool = False
    refusal: Reason | None = None


def inspect(data: bytes) -> Arrival:
    """Look at a file the way the door does; refuses, never raises."""
    header: Header | None = None
    refusal: Reason | None = None
    try:
        _refuse_large(len(data), settings.MAX_FILE_BYTES)
        max_pixels = settings.MAX_MEGAPIXELS * MEGAPIXEL
        header = read_header(data, max_pixels)
        refuse_unfit(header, max_pixels)
    except FilmError as error:
        refusal = error.reason
    return Arrival(hashlib.sha256(data).hexdigest(), header, is_synthetic(data), refusal)


def inspect_archive(file: UploadedFile[Any], size: int) -> Arrival:
    """Look at an archive's directory, and at nothing in it; refuses, never raises."""
    refusal: Reason | None = None
    try:
        _refuse_large(size, settings.MAX_ARCHIVE_BYTES)
        archive.inspect(file, archive.limits())
    except FilmError as error:
        refusal = error.reason
    return Arrival(_digest(file), refusal=refusal)


def too_large(file: UploadedFile[Any], size: int) -> Arrival:
    """What is known of a file that is too large to be read as a whole: its digest, so that it is known again."""
    refusal = film_codes.FILE_TOO_LARGE.reason(size=size, most=settings.MAX_FILE_BYTES)
    return Arrival(_digest(file), refusal=refusal)


def unread(mark: bytes, refusal: Reason) -> Arrival:
    """A file whose bytes nobody has, told from others by a mark of its own."""
    return Arrival(hashlib.sha256(mark).hexdigest(), refusal=refusal)


def is_archive(file: UploadedFile[Any]) -> bool:
    """Whether an upload is a ZIP by its first bytes."""
    file.seek(0)
    head = file.read(MAGIC_BYTES)
    file.seek(0)
    return archive.is_archive(head)


def _refuse_large(size: int, most: int) -> None:
    if size > most:
        raise FilmError(film_codes.FILE_TOO_LARGE, size=size, most=most)


def _digest(file: UploadedFile[Any]) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()
