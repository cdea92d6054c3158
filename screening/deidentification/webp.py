"""WebP (RFC 9649): the chunks that hold the picture, in a container that says what is left."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from screening.deidentification import exif
from screening.deidentification.cleaned import AFTER_THE_END, Cleaned, bounded, damaged, names

HEAD = 12  # bytes: RIFF, size, WEBP
PIXELS = (b"VP8 ", b"VP8L", b"ALPH")
FRAME, FRAME_HEAD = b"ANMF", 16  # bytes before the chunks of a frame
FIXED = {b"VP8X": 10, b"ANIM": 6}  # bytes
ALPHA, ANIMATION, EXIF, XMP = 0x10, 0x02, 0x08, 0x04  # flags of VP8X, which say what the file holds
NAMES = {b"XMP ": "XMP", b"ICCP": "ICC profile"}


class Chunk(NamedTuple):
    """A chunk: its type, its body (which may be cut short) and the size it declares."""

    kind: bytes
    body: memoryview
    size: int


def clean(data: bytes) -> Cleaned:
    """Clean a WebP file; see :func:`screening.deidentification.clean`."""
    if len(data) < HEAD + 8 or data[:4] != b"RIFF" or data[8:HEAD] != b"WEBP":
        raise damaged("webp")
    end = 8 + int.from_bytes(data[4:8], "little")
    chunks = list(bounded(_chunks(memoryview(data)[HEAD:end]), "webp"))
    orientation, removed = exif.read(_said(chunks))
    pieces, dropped = _kept(chunks)
    if not pieces:
        raise damaged("webp")
    removed |= dropped
    if len(data) > end:
        removed.add(AFTER_THE_END)
    if orientation != 1:
        block = exif.block(orientation)
        pieces.append(struct.pack("<4sI", b"EXIF", len(block)) + block)
    _set_flags(pieces, orientation)
    # Where the picture is cut short the size says so still, as it did.
    short = sum(chunk.size - len(chunk.body) for chunk in chunks[-1:])
    size = 4 + sum(len(piece) for piece in pieces) + short
    if size > 0xFFFFFFFF:
        raise damaged("webp")
    new = b"".join([b"RIFF", struct.pack("<I", size), b"WEBP", *pieces])
    return Cleaned(new, names(removed))


def _chunks(view: memoryview) -> Iterator[Chunk]:
    position = 0
    while position + 8 <= len(view):
        kind, size = struct.unpack_from("<4sI", view, position)
        yield Chunk(kind, view[position + 8 : position + 8 + size], size)
        position += 8 + size + size % 2


def _kept(chunks: list[Chunk]) -> tuple[list[bytes | memoryview], set[str]]:
    """The pieces of what stays, padded anew, and the names of what does not."""
    pieces: list[bytes | memoryview] = []
    removed: set[str] = set()
    for chunk in chunks:
        body: bytes | memoryview = chunk.body
        if chunk.kind == FRAME and len(body) >= FRAME_HEAD:
            inner, dropped = _kept(_pixels_only(chunk.body[FRAME_HEAD:]))
            removed |= dropped
            body = b"".join([chunk.body[:FRAME_HEAD], *inner])
        elif chunk.kind in FIXED:
            body = body[: FIXED[chunk.kind]]
        elif chunk.kind not in PIXELS:
            removed.add(_name(chunk))
            continue
        cut = len(chunk.body) < chunk.size
        pieces.append(struct.pack("<4sI", chunk.kind, chunk.size if cut else len(body)))
        pieces += [body] if cut or len(body) % 2 == 0 else [body, b"\0"]
    return pieces, removed


def _name(chunk: Chunk) -> str:
    if chunk.kind == b"EXIF":
        return exif.name(bytes(chunk.body))
    return NAMES.get(chunk.kind, "WebP chunk of unknown kind")


def _pixels_only(view: memoryview) -> list[Chunk]:
    """The chunks of a frame, in which no further frame may be."""
    return [
        chunk if chunk.kind in PIXELS else chunk._replace(kind=b"none") for chunk in bounded(_chunks(view), "webp")
    ]


def _set_flags(pieces: list[bytes | memoryview], orientation: int) -> None:
    """Let VP8X say what the file holds now; libwebp believes it."""
    if bytes(pieces[0][:4]) != b"VP8X" or len(pieces) < 2 or len(pieces[1]) != FIXED[b"VP8X"]:
        return
    flags = pieces[1][0] & (ALPHA | ANIMATION) | (EXIF if orientation != 1 else 0)
    pieces[1] = bytes([flags, 0, 0, 0]) + bytes(pieces[1][4:])


def _said(chunks: list[Chunk]) -> dict[str, Any]:
    """EXIF and XMP as libwebp finds them: the first chunk, where VP8X announces it."""
    info: dict[str, Any] = {}
    flags = chunks[0].body[0] if chunks and chunks[0].kind == b"VP8X" and len(chunks[0].body) else 0
    for key, kind, flag in (("exif", b"EXIF", EXIF), ("xmp", b"XMP ", XMP)):
        found = [chunk for chunk in chunks if chunk.kind == kind]
        if found and flags & flag:
            info[key] = bytes(found[0].body)
    return info
