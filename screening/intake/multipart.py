"""Reading of multipart bodies (RFC 2046, RFC 7578) from a stream: their parts, and the fields of a part's header.

The package ``multipart`` finds the parts. Names are read here, from the bytes of the header: they may have any
encoding. Django's own parser drops a part whose header is not UTF-8 or is longer than 1 KiB, and with it the file,
and it takes a body that ends before its last boundary for a complete one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from django.utils.http import parse_header_parameters
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser

from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.name_encoding import decode_name

CHUNK_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024  # of one line; a path of 4096 bytes has 12 KiB where all of it is percent-encoded
MAX_HEADER_LINES = 32
HEADER_CHARSET = "latin-1"  # keeps every byte
PARAMETER_START = re.compile(rb"""[ \t]*([^\s=;"]+)[ \t]*=[ \t]*""")  # behind a semicolon
VALUE_END = re.compile(rb"""[ \t]*(?:;|$)""")  # behind the quotation mark that ends a value
CONTINUATION = re.compile(r"(.+?)\*(\d{1,3})(\*?)$")  # RFC 2231: filename*0*=…; filename*1=…
# Character sets that names are written in. Python knows other codecs, which are not sets of characters.
CHARSETS = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp\d+|shift_jis\w*|euc_\w+|gb\w+|big5\w*|koi8-[rtu]|iso2022_jp\w*|mac-roman"
)


@dataclass(frozen=True)
class PartHeader:
    """The header of a part.

    Attributes:
        name: of the form's field; empty where it is missing.
        file_name: bytes or text of the file's name, ``None`` if the part is no file.
        content_type: of the file, without parameters.
        transfer_encoding: in lower case.
    """

    name: str
    file_name: bytes | str | None
    content_type: str
    transfer_encoding: str


def not_understood(why: str) -> ScreeningError:
    """Return the error for a body that cannot be parsed."""
    return ScreeningError(request_codes.FORM_NOT_UNDERSTOOD, why=why)


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a content type declares.

    Raises:
        ScreeningError: ``not_understood``.
    """
    try:
        boundary = parse_header_parameters(content_type)[1].get("boundary", "")
    except (TypeError, ValueError):  # a malformed parameter, or one in an unknown encoding
        boundary = ""
    if not boundary:
        raise not_understood("its content type names no boundary")
    return boundary.encode("latin-1", "replace")


def iter_parts(
    read: Callable[[int], bytes], boundary: bytes, first: bytes = b""
) -> Iterator[tuple[PartHeader, Iterator[bytes]]]:
    """Yield header and data of each part; data that the caller does not read is skipped.

    The body is read to its end, so that a body that breaks off behind the last boundary is noticed.

    Args:
        read: returns the next bytes of the body, at most as many as asked for; none at the end.
        boundary: what separates the parts.
        first: bytes of the body that were read already.

    Raises:
        ScreeningError: ``not_understood``.
    """
    events = _iter_events(read, boundary, first)
    for segment in events:
        data = _iter_data(events, boundary)
        yield parse_header(segment), data
        for _ in data:
            pass


class _PartParser(PushMultipartParser):  # type: ignore[misc]  # the package has no types
    """Parser that leaves it to its caller to judge a part's ``Content-Disposition``."""

    def _create_segment(self, headerlist: list[tuple[str, str]]) -> MultipartSegment:
        return MultipartSegment(headerlist)


def _iter_events(read: Callable[[int], bytes], boundary: bytes, first: bytes) -> Iterator[Any]:
    """Yield for each part a ``MultipartSegment``, its data in pieces, and ``None``."""
    try:
        parser = _PartParser(
            boundary,
            max_header_size=MAX_HEADER_BYTES,
            max_header_count=MAX_HEADER_LINES,
            header_charset=HEADER_CHARSET,
        )
        chunk = first or read(CHUNK_BYTES)
        while chunk:
            if not parser.closed:
                yield from parser.parse(chunk)
            chunk = read(CHUNK_BYTES)
    except ParserLimitReached as error:
        raise not_understood("the header of a part is too long") from error
    except MultipartError as error:
        raise not_understood(f"its structure is wrong ({error})") from error
    try:
        parser.close()
    except MultipartError as error:
        raise not_understood("it ends before its last boundary") from error


def _iter_data(events: Iterator[Any], boundary: bytes) -> Iterator[bytes]:
    """Yield the data of a part up to its end.

    Raises:
        ScreeningError: ``not_understood``: data begin with a boundary. The line break in front of it is missing, and
            the parser takes the next part for data of this one.
    """
    delimiter = b"--" + boundary
    start = b""
    for piece in iter(lambda: next(events), None):
        if len(start) < len(delimiter):
            start += piece[: len(delimiter)]
            if start.startswith(delimiter):
                raise not_understood("a part without data has no line break in front of the next boundary")
        yield piece


def parse_header(segment: MultipartSegment) -> PartHeader:
    """Return the fields of a part's header; what is missing or malformed is left empty."""
    values = _parameters(segment.header("Content-Disposition", "").encode(HEADER_CHARSET))
    field = values.get("name", b"")
    return PartHeader(
        name=(field if isinstance(field, str) else field.decode(errors="replace")).strip(),
        file_name=values.get("filename"),
        content_type=segment.content_type or "",
        transfer_encoding=segment.header("Content-Transfer-Encoding", "").strip().lower(),
    )


def _parameters(disposition: bytes) -> dict[str, bytes | str]:
    """Return the parameters of a header field; a value is text where its encoding is declared (``filename*``)."""
    plain: dict[str, bytes | str] = {}
    extended: dict[str, bytes | str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, value in _iter_parameters(disposition):
        if continued := CONTINUATION.match(name):
            pieces.setdefault(continued[1], {})[int(continued[2])] = (value, bool(continued[3]))
        elif name.endswith("*"):
            extended[name[:-1]] = _decode_extended(value)
        else:
            plain.setdefault(name, value)
    extended = {**{name: _join_pieces(numbered) for name, numbered in pieces.items()}, **extended}
    return {**plain, **extended}


def _iter_parameters(disposition: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield name and value of each parameter, in time that grows with the length alone; the rest is left out."""
    at = disposition.find(b";")
    while at >= 0:
        start = PARAMETER_START.match(disposition, at + 1)
        if start is None:
            at = disposition.find(b";", at + 1)
            continue
        name, begin = start[1].decode("latin-1").lower(), start.end()
        end = _find_closing_mark(disposition, begin + 1) if disposition[begin : begin + 1] == b'"' else -1
        if end >= 0:
            yield name, disposition[begin + 1 : end].replace(b'\\"', b'"').replace(b"%22", b'"')
        following = disposition.find(b";", max(begin, end))
        if end < 0:
            yield name, disposition[begin : following if following >= 0 else None].strip()
        at = following


def _find_closing_mark(disposition: bytes, begin: int) -> int:
    """Return the offset of the quotation mark that ends a quoted value, or -1 if there is none.

    A semicolon or the end of the field follows it. One behind a backslash belongs to the value, but ends it where no
    other does: the backslash may be the second byte of a character in cp932 or GBK.
    """
    escaped = -1
    at = disposition.find(b'"', begin)
    while at >= 0:
        if VALUE_END.match(disposition, at + 1):
            if disposition[at - 1 : at] != b"\\" or at == begin:
                return at
            escaped = at
        at = disposition.find(b'"', at + 1)
    return escaped


def _decode_extended(value: bytes) -> str:
    """Return a value of RFC 8187: ``UTF-8''M%C3%BCller.png``."""
    charset, first, rest = value.partition(b"'")
    _, second, encoded = rest.partition(b"'")
    return _decode_declared(unquote_to_bytes(encoded), charset) if first and second else decode_name(value)


def _join_pieces(numbered: dict[int, tuple[bytes, bool]]) -> str:
    """Return a value that RFC 2231 has divided; only the first piece declares the encoding."""
    charset, joined = b"", b""
    for number in sorted(numbered):
        value, is_encoded = numbered[number]
        if is_encoded and number == 0 and value.count(b"'") >= 2:
            charset, _, value = value.split(b"'", 2)
        joined += unquote_to_bytes(value) if is_encoded else value
    return _decode_declared(joined, charset)


def _decode_declared(data: bytes, charset: bytes) -> str:
    try:
        codec = codecs.lookup(charset.decode("ascii") or "utf-8")
        if CHARSETS.fullmatch(codec.name):
            return data.decode(codec.name)
    except (LookupError, ValueError):  # an unknown name, one with odd characters, or bytes of another encoding
        pass
    return decode_name(data)
