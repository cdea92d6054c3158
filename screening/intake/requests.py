"""Parameters of upload requests: the paths of files, and digests of files that may be in the batch already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.models import Batch, Film

MAX_HASHES = 1000
SHA256 = re.compile(r"[0-9a-f]{64}")


def missing_digests(batch: Batch, hashes: object) -> list[str]:
    """Return the digests of which a batch has no row in any state, each once and in the given order.

    Args:
        batch: the batch.
        hashes: list of at most ``MAX_HASHES`` sha256 digests of files as they are sent: 64 hexadecimal digits in
            lower case. Untrusted input of any type.

    Raises:
        ScreeningError: ``hashes_invalid`` or ``too_many_hashes``.
    """
    wanted = list(dict.fromkeys(_require_digests(hashes)))
    rows = Film.objects.filter(batch=batch, sha256__in=wanted).order_by()
    known = set(rows.values_list("sha256", flat=True))
    return [digest for digest in wanted if digest not in known]


def require_files(files: Sequence[UploadedFile[Any]]) -> Sequence[UploadedFile[Any]]:
    """Return the files of a request.

    Raises:
        ScreeningError: ``no_file``.
    """
    if not files:
        raise ScreeningError(request_codes.NO_FILE)
    return files


def pair_with_paths(files: Sequence[UploadedFile[Any]], paths: Sequence[str]) -> list[tuple[UploadedFile[Any], str]]:
    """Return each file of a request with its path in the folder that is sent, or with an empty path.

    Args:
        files: the files.
        paths: their paths in the same order, or none at all.

    Raises:
        ScreeningError: ``paths_unequal``.
    """
    if paths and len(paths) != len(files):
        raise ScreeningError(request_codes.PATHS_UNEQUAL, files=len(files), paths=len(paths))
    return list(zip(files, paths or [""] * len(files), strict=True))


def too_many_files() -> ScreeningError:
    """Return the error for a request with more files than one request may have."""
    return ScreeningError(request_codes.TOO_MANY_FILES, most=settings.DATA_UPLOAD_MAX_NUMBER_FILES)


def _require_digests(hashes: object) -> Sequence[str]:
    if not isinstance(hashes, list) or not all(
        isinstance(digest, str) and SHA256.fullmatch(digest) for digest in hashes
    ):
        raise ScreeningError(request_codes.HASHES_INVALID)
    if len(hashes) > MAX_HASHES:
        raise ScreeningError(request_codes.TOO_MANY_HASHES, hashes=len(hashes), most=MAX_HASHES)
    return hashes
