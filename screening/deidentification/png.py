"""PNG (W3C PNG, third edition): critical chunks and those that say how values are meant, of fixed sizes only."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from screening.deidentification import exif
from screening.deidentification.cleaned import AFTER_THE_END, Cleaned, Kept, bounded, damaged, names

MAGIC = b"\x89PNG\r\n\x1a\n"
END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
OVERHEAD = 12  # bytes of a chunk besides its body: length, type, checksum
# How many bytes a kept chunk may have: none of them has room for a text.
SIZES = {
    b"IHDR": range(13, 14),
    b"PLTE": range(3, 769),
    b"tRNS": range(1, 257),
    b"gAMA": range(4, 5),
    b"sRGB": range(1, 2),
    b"sBIT": range(1, 5),
    b"pHYs": range(9, 10),
}
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
# The registered keywords of texts (11.3.3.1): any other may itself name a person.
KEYWORDS = {
    "Title", "Author", "Description", "Copyright", "Creation Time", "Software", "Disclaimer", "Warning", "Source",
    "Comment", "Collection",
}  # fmt: skip
XMP = "XML:com.adobe.xmp"
RAW_EXIF = "Raw profile type exif"  # how ImageMagick wrote EXIF before there was a chunk for it
SAYING = {XMP, RAW_EXIF, "exif"}  # texts in which Pillow looks for an orientation
MOST_TEXT = 1 << 20  # bytes of an unpacked text; Pillow refuses more
NAMES = {
    b"iCCP": "ICC profile",
    b"acTL": "PNG animation",
    b"fcTL": "PNG animation",
    b"fdAT": "PNG animation",
}
REGISTERED = {b"cHRM", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"hIST", b"sPLT", b"tIME", *SIZES}


class Chunk(NamedTuple):
    """A chunk: its type, and offsets of its beginning, its body, the end of its body and its end."""

    kind: bytes
    start: int
    body: int
    body_end: int
    end: int


def clean(data: bytes) -> Cleaned:
    """Clean a PNG file; see :func:`screening.deidentification.clean`."""
    chunks = list(bounded(_chunks(data), "png"))
    if not data.startswith(MAGIC) or not chunks or not _is_header(chunks[0], len(data)):
        raise damaged("png")
    orientation, removed = exif.read(_said(data, chunks))
    removed |= {_name(data, chunk) for chunk in chunks if not _is_kept(chunk)}
    if chunks[-1].end < len(data):
        removed.add(AFTER_THE_END)
    return Cleaned(_rebuilt(data, chunks, orientation), names(removed))


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Walk the chunks up to the end of the picture; the last one may be cut short."""
    position = len(MAGIC)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if not kind.isalpha():
            return  # nothing that follows can be told from rubbish
        end = position + length + OVERHEAD
        yield Chunk(kind, position, position + 8, min(end - 4, len(data)), end)
        if kind == b"IEND":
            return
        position = end


def _is_header(chunk: Chunk, size: int) -> bool:
    return chunk.kind == b"IHDR" and _is_kept(chunk) and chunk.end <= size


def _is_kept(chunk: Chunk) -> bool:
    if chunk.kind == b"IDAT":
        return True
    size = chunk.end - chunk.start - OVERHEAD
    return (chunk.kind == b"IEND" and not size) or (chunk.kind in SIZES and size in SIZES[chunk.kind])


def _rebuilt(data: bytes, chunks: list[Chunk], orientation: int) -> bytes:
    kept = Kept(data)
    kept.keep(0, len(MAGIC))
    turned = orientation != 1
    for chunk in chunks:
        if turned and chunk.kind == b"IDAT":
            kept.add(_exif_chunk(orientation))
            turned = False
        if chunk.kind == b"IEND":
            kept.put(END, chunk.start, chunk.end)
        elif _is_kept(chunk):
            kept.keep(chunk.start, chunk.end)
    return kept.join()


def _exif_chunk(orientation: int) -> bytes:
    body = b"eXIf" + exif.block(orientation)
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _name(data: bytes, chunk: Chunk) -> str:
    if chunk.kind in TEXTS:
        keyword = data[chunk.body : chunk.body_end].split(b"\0", 1)[0].decode("latin-1")
        if keyword == XMP:
            return "XMP"
        return f"PNG text: {keyword}" if keyword in KEYWORDS else "PNG text"
    if chunk.kind == b"eXIf":
        return exif.name(data[chunk.body : chunk.body_end])
    if chunk.kind in NAMES:
        return NAMES[chunk.kind]
    return f"PNG chunk {chunk.kind.decode()}" if chunk.kind in REGISTERED else "PNG chunk of unknown kind"


def _said(data: bytes, chunks: list[Chunk]) -> dict[str, Any]:
    """What the file says of EXIF and XMP, as Pillow puts it together: what comes last counts."""
    info: dict[str, Any] = {}
    for chunk in chunks:
        body = data[chunk.body : chunk.body_end] if chunk.kind in (*TEXTS, b"eXIf") else b""
        if chunk.kind == b"eXIf":
            info["exif"] = exif.HEAD + body
        elif (keyword := body.split(b"\0", 1)[0].decode("latin-1")) in SAYING:
            text = _text(chunk.kind, body[len(keyword) + 1 :])
            if keyword == "exif":
                info["exif"] = text
            elif text:
                info[keyword] = text.decode("utf-8" if chunk.kind == b"iTXt" else "latin-1", "replace")
    return info


def _text(kind: bytes, rest: bytes) -> bytes:
    """The text after its keyword; empty where it cannot be read."""
    if kind == b"tEXt":
        return rest
    if kind == b"zTXt":
        return _unpacked(rest[1:])
    packed, parts = rest[:1] not in (b"", b"\0"), rest[2:].split(b"\0", 2)  # language, translated keyword, text
    text = parts[2] if len(parts) == 3 else b""
    return _unpacked(text) if packed else text


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, MOST_TEXT)
    except zlib.error:
        return b""
