"""Cleaning of PNG files (W3C PNG, third edition): critical chunks and chunks of fixed size about values are kept."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from screening.deidentification import exif
from screening.deidentification.cleaned import (
    TRAILING_DATA,
    ByteCopier,
    CleanedFile,
    damaged,
    limit_parts,
    sorted_names,
)

MAGIC = b"\x89PNG\r\n\x1a\n"
END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
CHUNK_OVERHEAD = 12  # bytes of a chunk besides its body: length, type, checksum
# Bytes that an allowed chunk may have: none of them has room for a text. Of three the header limits it further.
ALLOWED_SIZES = {
    b"IHDR": range(13, 14),
    b"PLTE": range(3, 769),
    b"tRNS": range(1, 257),
    b"gAMA": range(4, 5),
    b"sRGB": range(1, 2),
    b"sBIT": range(1, 5),
    b"pHYs": range(9, 10),
}
COLOUR_TYPE_AT, DEPTH_AT, PALETTE = 9, 8, 3  # in the body of IHDR; the colour type of pictures with a palette
MAX_DEPTH = 8  # bits of an index
TRANSPARENT_SIZES = {0: 2, 2: 6}  # bytes of tRNS by colour type; with alpha there is none
SIGNIFICANT_SIZES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # bytes of sBIT
UNUSED_PART = "PNG palette entries that are not used"
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
# The registered keywords of texts (11.3.3.1); any other keyword may itself identify a person.
KEYWORDS = {
    "Title", "Author", "Description", "Copyright", "Creation Time", "Software", "Disclaimer", "Warning", "Source",
    "Comment", "Collection",
}  # fmt: skip
XMP = "XML:com.adobe.xmp"
RAW_EXIF = "Raw profile type exif"  # EXIF as ImageMagick wrote it before there was a chunk for it
ORIENTATION_TEXTS = {XMP, RAW_EXIF, "exif"}  # texts in which Pillow looks for an orientation
MAX_TEXT_BYTES = 1 << 20  # bytes of an unpacked text; Pillow refuses more
CHUNK_NAMES = {
    b"iCCP": "ICC profile",
    b"acTL": "PNG animation",
    b"fcTL": "PNG animation",
    b"fdAT": "PNG animation",
}
REGISTERED = {b"cHRM", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST", b"sPLT", b"tIME", *ALLOWED_SIZES}


class Chunk(NamedTuple):
    """A chunk: its type, and offsets of its beginning, its body, the end of its body and its end."""

    kind: bytes
    start: int
    body: int
    body_end: int
    end: int


def clean_file(data: bytes) -> CleanedFile:
    """Clean a PNG file; see :func:`screening.deidentification.clean_file`."""
    chunks = list(limit_parts(_chunks(data), "png"))
    if not data.startswith(MAGIC) or not chunks or not _is_header(chunks[0], len(data)):
        raise damaged("png")
    orientation, removed = exif.read_orientation(_read_exif_and_xmp(data, chunks))
    kept = _keep_chunks(data, chunks)
    removed |= {_chunk_name(data, chunk) for chunk in chunks if chunk.start not in kept}
    if any(kept[chunk.start] < chunk.body_end for chunk in chunks if chunk.start in kept):
        removed.add(UNUSED_PART)
    if chunks[-1].end < len(data):
        removed.add(TRAILING_DATA)
    return CleanedFile(_rebuild(data, chunks, kept, orientation), sorted_names(removed))


def _keep_chunks(data: bytes, chunks: list[Chunk]) -> dict[int, int]:
    """Return the chunks that stay: where the body ends in the new file, by the offset of the chunk.

    Of several chunks of a kind the last before the pixels counts, as in Pillow; what follows the pixels has no use.
    """
    pixels = next((chunk.start for chunk in chunks if chunk.kind == b"IDAT"), len(data))
    last = {chunk.kind: chunk for chunk in chunks if chunk.start < pixels and _is_allowed(chunk)}
    header = chunks[0]
    last[b"IHDR"] = header
    colour, depth = data[header.body + COLOUR_TYPE_AT], data[header.body + DEPTH_AT]
    entries = 1 << min(depth, MAX_DEPTH) if colour == PALETTE else 0
    if palette := last.get(b"PLTE"):
        entries = min(entries, (palette.body_end - palette.body) // 3)
    room = {b"PLTE": 3 * entries, b"tRNS": TRANSPARENT_SIZES.get(colour, entries)}
    kept = {
        chunk.start: chunk.body_end for chunk in chunks if chunk.kind in (b"IDAT", b"IEND") and _is_allowed(chunk)
    }
    for kind, chunk in last.items():
        end = min(chunk.body_end, chunk.body + room.get(kind, chunk.end))
        sound = kind != b"sBIT" or end - chunk.body == SIGNIFICANT_SIZES.get(colour)
        if end > chunk.body and sound:
            kept[chunk.start] = end
    return kept


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks up to the end of the picture; the last one may be cut short."""
    position = len(MAGIC)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if not kind.isalpha():
            return  # the following bytes cannot be recognised as chunks
        end = position + length + CHUNK_OVERHEAD
        yield Chunk(kind, position, position + 8, min(end - 4, len(data)), end)
        if kind == b"IEND":
            return
        position = end


def _is_header(chunk: Chunk, size: int) -> bool:
    return chunk.kind == b"IHDR" and _is_allowed(chunk) and chunk.end <= size


def _is_allowed(chunk: Chunk) -> bool:
    if chunk.kind == b"IDAT":
        return True
    size = chunk.end - chunk.start - CHUNK_OVERHEAD
    return (chunk.kind == b"IEND" and not size) or (chunk.kind in ALLOWED_SIZES and size in ALLOWED_SIZES[chunk.kind])


def _rebuild(data: bytes, chunks: list[Chunk], kept: dict[int, int], orientation: int) -> bytes:
    copier = ByteCopier(data)
    copier.copy(0, len(MAGIC))
    write_exif = orientation != 1
    for chunk in chunks:
        if write_exif and chunk.kind == b"IDAT":
            copier.insert(_make_chunk(b"eXIf", exif.orientation_block(orientation)))
            write_exif = False
        if chunk.kind == b"IEND":
            copier.replace(END, chunk.start, chunk.end)
        elif chunk.start not in kept:
            continue
        elif kept[chunk.start] == chunk.body_end:
            copier.copy(chunk.start, chunk.end)
        else:
            copier.insert(_make_chunk(chunk.kind, data[chunk.body : kept[chunk.start]]))
    return copier.join()


def _make_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunk_name(data: bytes, chunk: Chunk) -> str:
    if chunk.kind in TEXT_CHUNKS:
        keyword = data[chunk.body : chunk.body_end].split(b"\0", 1)[0].decode("latin-1")
        if keyword == XMP:
            return "XMP"
        return f"PNG text: {keyword}" if keyword in KEYWORDS else "PNG text"
    if chunk.kind == b"eXIf":
        return exif.block_name(data[chunk.body : chunk.body_end])
    if chunk.kind in CHUNK_NAMES:
        return CHUNK_NAMES[chunk.kind]
    return f"PNG chunk {chunk.kind.decode()}" if chunk.kind in REGISTERED else "PNG chunk of unknown kind"


def _read_exif_and_xmp(data: bytes, chunks: list[Chunk]) -> dict[str, Any]:
    """Return EXIF and XMP as Pillow reads them: of several chunks the last counts."""
    info: dict[str, Any] = {}
    for chunk in chunks:
        body = data[chunk.body : chunk.body_end] if chunk.kind in (*TEXT_CHUNKS, b"eXIf") else b""
        if chunk.kind == b"eXIf":
            info["exif"] = exif.EXIF_HEADER + body
        elif (keyword := body.split(b"\0", 1)[0].decode("latin-1")) in ORIENTATION_TEXTS:
            text = _decode_text(chunk.kind, body[len(keyword) + 1 :])
            if keyword == "exif":
                info["exif"] = text
            elif text:
                info[keyword] = text.decode("utf-8" if chunk.kind == b"iTXt" else "latin-1", "replace")
    return info


def _decode_text(kind: bytes, rest: bytes) -> bytes:
    """Return the text behind its keyword; empty where it cannot be read."""
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _decompress(rest[1:])
    packed, parts = rest[:1] not in (b"", b"\0"), rest[2:].split(b"\0", 2)  # language, translated keyword, text
    text = parts[2] if len(parts) == 3 else b""
    return _decompress(text) if packed else text


def _decompress(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, MAX_TEXT_BYTES)
    except zlib.error:
        return b""
