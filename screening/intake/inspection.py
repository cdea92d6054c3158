"""Inspection of uploaded files: their kind by content and their declared size, without decoding a pixel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from ml import codes
from ml.decoding.headers import Header, read_header, refuse_unfit
from ml.decoding.limits import MEGAPIXEL
from ml.decoding.synthetic_mark import is_synthetic
from ml.errors import FilmError, Reason
from screening.codes import film_codes
from screening.intake.zip import archive, members
from screening.intake.zip import directory as zip_directory

ARCHIVE_KIND = "zip"  # the kind of a row that is an archive of films


@dataclass(frozen=True)
class Inspection:
    """The result of inspecting a file.

    Attributes:
        sha256: hex digest of its bytes.
        header: the content of its header, or ``None`` where that cannot be read.
        synthetic: the file has the mark of a computed phantom.
        refusal: the reason why it is rejected, or ``None``.
    """

    sha256: str
    header: Header | None = None
    synthetic: bool = False
    refusal: Reason | None = None


def inspect_file(data: bytes, name: str = "") -> Inspection:
    """Inspect a file by its header; a refusal is part of the result and is not raised.

    Args:
        data: its bytes.
        name: its name, which only tells a part of a split archive from a file of an unknown kind.
    """
    header: Header | None = None
    refusal: Reason | None = None
    try:
        _refuse_large(len(data), settings.MAX_FILE_BYTES)
        max_pixels = settings.MAX_MEGAPIXELS * MEGAPIXEL
        header = read_header(data, max_pixels)
        refuse_unfit(header, max_pixels)
    except FilmError as error:
        refusal = error.reason
        if error.code == codes.UNSUPPORTED_KIND.code and zip_directory.is_split_part(BytesIO(data), name):
            refusal = film_codes.ARCHIVE_SPLIT.reason()
    return Inspection(hashlib.sha256(data).hexdigest(), header, is_synthetic(data), refusal)


def inspect_archive(file: UploadedFile[Any], size: int, name: str = "") -> Inspection:
    """Inspect an archive by its directory alone; a refusal is part of the result and is not raised.

    Args:
        file: the archive.
        size: its bytes.
        name: its name, which only tells a part of a split archive from one that was cut short.
    """
    refusal: Reason | None = None
    try:
        _refuse_large(size, settings.MAX_ARCHIVE_BYTES)
        archive.read_contents(file, archive.zip_limits())
    except FilmError as error:
        refusal = error.reason
        if error.code == film_codes.ARCHIVE_DAMAGED.code and zip_directory.PART_NAME.search(name):
            refusal = film_codes.ARCHIVE_SPLIT.reason()
    return Inspection(_digest(file), refusal=refusal)


def inspect_oversized(file: UploadedFile[Any], size: int, name: str = "") -> Inspection:
    """Return the refusal of a file that is too large to be read into memory; its digest identifies it."""
    refusal = film_codes.FILE_TOO_LARGE.reason(size=size, most=settings.MAX_FILE_BYTES)
    if zip_directory.is_split_part(file, name):
        refusal = film_codes.ARCHIVE_SPLIT.reason()
    return Inspection(_digest(file), refusal=refusal)


def inspection_without_bytes(identity: bytes, refusal: Reason) -> Inspection:
    """Return the refusal of a file whose bytes cannot be read; its digest is that of ``identity``."""
    return Inspection(hashlib.sha256(identity).hexdigest(), refusal=refusal)


def is_archive(file: UploadedFile[Any]) -> bool:
    """Return whether an upload is a ZIP, by its first bytes."""
    file.seek(0)
    head = file.read(members.MAGIC_LENGTH)
    file.seek(0)
    return members.is_archive(head)


def _refuse_large(size: int, most: int) -> None:
    if size > most:
        raise FilmError(film_codes.FILE_TOO_LARGE, size=size, most=most)


def _digest(file: UploadedFile[Any]) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()
