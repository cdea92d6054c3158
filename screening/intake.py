"""The cheap checks at the door: what a file is, by its content, without decoding a pixel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.conf import settings

from ml.errors import FilmError
from ml.headers import MIN_SIDE as MIN_SIDE
from ml.headers import Header, read_header, refuse_unfit
from ml.phantom import is_synthetic

NAME_LENGTH = 255


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
    header: Header | None
    synthetic: bool
    refusal: FilmError | None


def inspect(data: bytes, size: int) -> Arrival:
    """Look at a file the way the door does; refuses, never raises.

    Args:
        data: its bytes; of a file over the limit the beginning is enough.
        size: how many bytes were sent.
    """
    header: Header | None = None
    refusal: FilmError | None = None
    try:
        if size > settings.MAX_FILE_BYTES:
            raise FilmError(
                "file_too_large",
                f"The file has {size:,} bytes; at most {settings.MAX_FILE_BYTES:,} are accepted.",
            )
        header = read_header(data)
        refuse_unfit(header)
    except FilmError as error:
        refusal = error
    return Arrival(hashlib.sha256(data).hexdigest(), header, is_synthetic(data), refusal)


def clean_name(name: str) -> str:
    """A sender's file name as it may be shown: no path, no control characters, at most 255 characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(character if character.isprintable() else "�" for character in last).strip()
    return shown[-NAME_LENGTH:] or "unnamed"
