"""Cleaning of WebP files (RFC 9649): only the chunks of the picture are kept, in a container with matching flags."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from screening.deidentification import exif
from screening.deidentification.cleaned import TRAILING_DATA, CleanedFile, damaged, limit_parts, sorted_names

HEADER_SIZE = 12  # bytes: RIFF, size, WEBP
LOSSY, LOSSLESS, ALPHA_CHUNK = b"VP8 ", b"VP8L", b"ALPH"
PIXEL_CHUNKS = (LOSSY, LOSSLESS, ALPHA_CHUNK)
UNUSED = b"none"  # no chunk is called this
FRAME, FRAME_HEADER_SIZE = b"ANMF", 16  # bytes before the chunks of a frame
FIXED_SIZES = {b"VP8X": 10, b"ANIM": 6}  # bytes
ALPHA, ANIMATION, EXIF, XMP = 0x10, 0x02, 0x08, 0x04  # flags of VP8X: the contents of the file
CHUNK_NAMES = {b"XMP ": "XMP", b"ICCP": "ICC profile"}


class Chunk(NamedTuple):
    """A chunk: its type, its body (which may be cut short) and the size it declares."""

    kind: bytes
    body: memoryview
    size: int


def clean_file(data: bytes) -> CleanedFile:
    """Clean a WebP file; see :func:`screening.deidentification.clean_file`."""
    if len(data) < HEADER_SIZE + 8 or data[:4] != b"RIFF" or data[8:HEADER_SIZE] != b"WEBP":
        raise damaged("webp")
    end = 8 + int.from_bytes(data[4:8], "little")
    chunks = list(limit_parts(_chunks(memoryview(data)[HEADER_SIZE:end]), "webp"))
    orientation, removed = exif.read_orientation(_read_exif_and_xmp(chunks))
    pieces, dropped = _clean_chunks(_drop_unused(chunks))
    if not pieces:
        raise damaged("webp")
    removed |= dropped
    if len(data) > end:
        removed.add(TRAILING_DATA)
    if orientation != 1:
        block = exif.orientation_block(orientation)
        pieces.append(struct.pack("<4sI", b"EXIF", len(block)) + block)
    _set_flags(pieces, orientation)
    # Where the picture is cut short, the size still shows it, as in the original.
    short = sum(chunk.size - len(chunk.body) for chunk in chunks[-1:])
    size = 4 + sum(len(piece) for piece in pieces) + short
    if size > 0xFFFFFFFF:
        raise damaged("webp")
    new = b"".join([b"RIFF", struct.pack("<I", size), b"WEBP", *pieces])
    return CleanedFile(new, sorted_names(removed))


def _chunks(view: memoryview) -> Iterator[Chunk]:
    position = 0
    while position + 8 <= len(view):
        kind, size = struct.unpack_from("<4sI", view, position)
        yield Chunk(kind, view[position + 8 : position + 8 + size], size)
        position += 8 + size + size % 2


def _clean_chunks(chunks: list[Chunk]) -> tuple[list[bytes | memoryview], set[str]]:
    """Return the pieces of the allowed chunks with their padding, and the names of the others."""
    pieces: list[bytes | memoryview] = []
    removed: set[str] = set()
    for chunk in chunks:
        body: bytes | memoryview = chunk.body
        if chunk.kind == FRAME and len(body) >= FRAME_HEADER_SIZE:
            inner, dropped = _clean_chunks(_frame_chunks(chunk.body[FRAME_HEADER_SIZE:]))
            removed |= dropped
            body = b"".join([chunk.body[:FRAME_HEADER_SIZE], *inner])
        elif chunk.kind in FIXED_SIZES:
            body = body[: FIXED_SIZES[chunk.kind]]
        elif chunk.kind not in PIXEL_CHUNKS:
            removed.add(_chunk_name(chunk))
            continue
        cut = len(chunk.body) < chunk.size
        pieces.append(struct.pack("<4sI", chunk.kind, chunk.size if cut else len(body)))
        pieces += [body] if cut or len(body) % 2 == 0 else [body, b"\0"]
    return pieces, removed


def _drop_unused(chunks: list[Chunk]) -> list[Chunk]:
    """Return the chunks with those renamed that libwebp does not decode, so that they are dropped.

    Of several pictures the first counts. Alpha belongs to a lossy picture of the extended format and lies before it.
    """
    first = next((number for number, chunk in enumerate(chunks) if chunk.kind in (LOSSY, LOSSLESS)), len(chunks))
    kept: list[Chunk] = []
    extended, has_alpha = bool(chunks) and chunks[0].kind == b"VP8X", False
    for number, chunk in enumerate(chunks):
        is_alpha = chunk.kind == ALPHA_CHUNK and extended and number < first < len(chunks)
        is_alpha = is_alpha and chunks[first].kind == LOSSY
        unused = (chunk.kind in (LOSSY, LOSSLESS) and number != first) or (
            chunk.kind == ALPHA_CHUNK and (has_alpha or not is_alpha)
        )
        has_alpha = has_alpha or is_alpha
        kept.append(chunk._replace(kind=UNUSED) if unused else chunk)
    return kept


def _chunk_name(chunk: Chunk) -> str:
    if chunk.kind == b"EXIF":
        return exif.block_name(bytes(chunk.body))
    return CHUNK_NAMES.get(chunk.kind, "WebP chunk of unknown kind")


def _frame_chunks(view: memoryview) -> list[Chunk]:
    """Return the chunks of a frame; other chunks than pixels, nested frames among them, are renamed to be dropped."""
    return [
        chunk if chunk.kind in PIXEL_CHUNKS else chunk._replace(kind=UNUSED)
        for chunk in limit_parts(_chunks(view), "webp")
    ]


def _set_flags(pieces: list[bytes | memoryview], orientation: int) -> None:
    """Set the flags of VP8X to the contents of the new file; libwebp relies on them."""
    if bytes(pieces[0][:4]) != b"VP8X" or len(pieces) < 2 or len(pieces[1]) != FIXED_SIZES[b"VP8X"]:
        return
    flags = pieces[1][0] & (ALPHA | ANIMATION) | (EXIF if orientation != 1 else 0)
    pieces[1] = bytes([flags, 0, 0, 0]) + bytes(pieces[1][4:])


def _read_exif_and_xmp(chunks: list[Chunk]) -> dict[str, Any]:
    """Return EXIF and XMP as libwebp finds them: the first chunk of each, where the flags of VP8X announce it."""
    info: dict[str, Any] = {}
    flags = chunks[0].body[0] if chunks and chunks[0].kind == b"VP8X" and len(chunks[0].body) else 0
    for key, kind, flag in (("exif", b"EXIF", EXIF), ("xmp", b"XMP ", XMP)):
        found = [chunk for chunk in chunks if chunk.kind == kind]
        if found and flags & flag:
            info[key] = bytes(found[0].body)
    return info
