"""What arrives with the files of an upload: where each lay, and digests that tell which are here already."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.models import Batch, Film

HASHES_AT_MOST = 1000
SHA256 = re.compile(r"[0-9a-f]{64}")


def missing_of(batch: Batch, hashes: object) -> list[str]:
    """The digests of which a batch has no row, in whatever state, each once and in the order they were asked.

    Args:
        batch: the batch.
        hashes: list of at most ``HASHES_AT_MOST`` sha256 digests of files as they are sent: 64 hexadecimal
            digits, lower case. Comes from outside, so it may be anything.

    Raises:
        ScreeningError: ``hashes_invalid`` or ``too_many_hashes``.
    """
    wanted = list(dict.fromkeys(_checked(hashes)))
    rows = Film.objects.filter(batch=batch, sha256__in=wanted).order_by()
    known = set(rows.values_list("sha256", flat=True))
    return [digest for digest in wanted if digest not in known]


def with_paths(files: Sequence[UploadedFile[Any]], paths: Sequence[str]) -> list[tuple[UploadedFile[Any], str]]:
    """Each file of a request with where it lay in the folder that is sent, or with nothing.

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
    """What to answer where one request brought more files than one may."""
    return ScreeningError(request_codes.TOO_MANY_FILES, most=settings.DATA_UPLOAD_MAX_NUMBER_FILES)


def _checked(hashes: object) -> Sequence[str]:
    if not isinstance(hashes, list) or not all(isinstance(one, str) and SHA256.fullmatch(one) for one in hashes):
        raise ScreeningError(request_codes.HASHES_INVALID)
    if len(hashes) > HASHES_AT_MOST:
        raise ScreeningError(request_codes.TOO_MANY_HASHES, hashes=len(hashes), most=HASHES_AT_MOST)
    return hashes
