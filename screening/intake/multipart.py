"""Reading of multipart bodies (RFC 2046, RFC 7578) from a stream: their parts, and the fields of a part's header.

Django's own parser drops a part whose header is not UTF-8 or is longer than 1 KiB, and with it the file, and it takes
a body that ends before its last boundary for a complete one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.name_encoding import decode_name

CHUNK_BYTES = 64 * 1024
MAX_HEADER_BYTES = 64 * 1024  # of one part; names of files may be long
BOUNDARY = re.compile(r"""boundary[ \t]*=[ \t]*(?:"([^"]{1,200})"|([^\s;,"]{1,200}))""", re.IGNORECASE)
# A quoted value ends at a quotation mark that a semicolon or the end follows; \" inside it is a quotation mark,
# unless the backslash is the second byte of a character in cp932 or GBK at the end of the value.
PARAMETER = re.compile(
    rb""";[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:\\"|[^"]|"(?![ \t]*(?:;|$)))*)"(?=[ \t]*(?:;|$))|([^;]*))"""
)
CONTINUATION = re.compile(r"(.+?)\*(\d{1,3})(\*?)$")  # RFC 2231: filename*0*=…; filename*1=…


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
    found = BOUNDARY.search(content_type)
    if not found:
        raise not_understood("its content type names no boundary")
    return (found[1] or found[2]).encode("latin-1", "replace")


class MultipartReader:
    """The parts of a body, one after the other, read from a stream in pieces.

    Args:
        read: returns the next bytes of the body, at most as many as asked for; none at the end.
        boundary: what separates the parts.
        first: bytes of the body that were read already.
    """

    def __init__(self, read: Callable[[int], bytes], boundary: bytes, first: bytes = b"") -> None:
        self._read = read
        self._delimiter = b"\r\n--" + boundary
        self._buffer = b"\r\n" + first  # the first boundary has no line break in front of it
        for _ in self.iter_data():  # the preamble
            pass

    def next_header(self) -> PartHeader | None:
        """Return the header of the next part, or ``None`` behind the last one.

        Raises:
            ScreeningError: ``not_understood``.
        """
        while len(self._buffer) < 2:
            self._fill()
        if self._buffer.startswith(b"--"):
            return None
        while (end := self._buffer.find(b"\r\n\r\n")) < 0 and len(self._buffer) <= MAX_HEADER_BYTES:
            self._fill()
        if not 0 <= end <= MAX_HEADER_BYTES:
            raise not_understood("the header of a part is too long")
        header, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        while len(self._buffer) < len(self._delimiter):
            self._fill()
        if not self._buffer.startswith(self._delimiter):  # a part without data may end with its header
            self._buffer = self._buffer[2:]
        return parse_header(header)

    def iter_data(self) -> Iterator[bytes]:
        """Yield the data of the current part in pieces; all of it has to be read before the next header.

        Raises:
            ScreeningError: ``not_understood``: the body ends before the boundary.
        """
        kept = len(self._delimiter) - 1
        while (end := self._buffer.find(self._delimiter)) < 0:
            if len(self._buffer) > kept:
                piece, self._buffer = self._buffer[:-kept], self._buffer[-kept:]
                yield piece
            self._fill()
        piece, self._buffer = self._buffer[:end], self._buffer[end + len(self._delimiter) :]
        if piece:
            yield piece

    def skip_rest(self) -> None:
        """Read what follows the last boundary, so that a body that breaks off there is noticed."""
        self._buffer = b""
        while self._read(CHUNK_BYTES):
            pass

    def _fill(self) -> None:
        data = self._read(CHUNK_BYTES)
        if not data:
            raise not_understood("it ends before its last boundary")
        self._buffer += data


def parse_header(data: bytes) -> PartHeader:
    """Return the fields of a part's header; what is missing or malformed is left empty."""
    fields: dict[bytes, bytes] = {}
    for line in re.sub(rb"\r\n[ \t]+", b" ", data).split(b"\r\n"):
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    values = _parameters(fields.get(b"content-disposition", b""))
    field = values.get("name", b"")
    return PartHeader(
        name=(field if isinstance(field, str) else field.decode(errors="replace")).strip(),
        file_name=values.get("filename"),
        content_type=fields.get(b"content-type", b"").split(b";")[0].decode("latin-1").strip(),
        transfer_encoding=fields.get(b"content-transfer-encoding", b"").decode("latin-1").strip().lower(),
    )


def _parameters(disposition: bytes) -> dict[str, bytes | str]:
    """Return the parameters of a header field; a value is text where its encoding is declared (``filename*``)."""
    plain: dict[str, bytes | str] = {}
    extended: dict[str, bytes | str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for raw_name, quoted, bare in PARAMETER.findall(disposition):
        name = raw_name.decode("latin-1").lower()
        value: bytes = quoted.replace(b'\\"', b'"').replace(b"%22", b'"') if quoted else bare.strip()
        if continued := CONTINUATION.match(name):
            pieces.setdefault(continued[1], {})[int(continued[2])] = (value, bool(continued[3]))
        elif name.endswith("*"):
            extended[name[:-1]] = _decode_extended(value)
        else:
            plain.setdefault(name, value)
    extended = {**{name: _join_pieces(numbered) for name, numbered in pieces.items()}, **extended}
    return {**plain, **extended}


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
        return data.decode(charset.decode("ascii") or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return decode_name(data)
