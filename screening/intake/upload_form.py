"""The form of an upload: its fields and files, read from a multipart body of any size."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO, UnsupportedOperation
from typing import Any, TypeAlias

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from screening.intake.multipart import CHUNK_BYTES, PartHeader, boundary_of, iter_parts, not_understood
from screening.name_encoding import decode_names

UNNAMED = "unnamed"
Handlers = Sequence[FileUploadHandler]
UploadedFiles: TypeAlias = "MultiValueDict[str, UploadedFile[Any]]"


def parse_upload_form(
    content_type: str, content_length: int, read: Callable[[int], bytes], handlers: Handlers
) -> tuple[QueryDict, UploadedFiles]:
    """Return the fields and files of a form.

    Names of files and folders may have any encoding: they are UTF-8 where that is valid, and else guessed.

    Args:
        content_type: of the request, with its boundary.
        content_length: the declared number of bytes, or the limit where none is declared; 0: there is no body.
        read: returns the next bytes of the body, at most as many as asked for.
        handlers: store the files.

    Raises:
        ScreeningError: ``not_understood``, or that of a handler. No file is left open.
        TooManyFieldsSent, TooManyFilesSent, RequestDataTooBig: as Django's own parser.
        UnreadablePostError: the body breaks off.
    """
    first = read(CHUNK_BYTES) if content_length else b""
    if not first:
        return QueryDict(), MultiValueDict()
    boundary = boundary_of(content_type)
    for handler in handlers:
        handler.handle_raw_input(_FirstBytes(first), {}, content_length, boundary.decode("latin-1"))
    form = _Form(handlers)
    try:
        for header, data in iter_parts(read, boundary, first):
            form.add_part(header, data)
    except BaseException:
        form.discard()
        raise
    return form.finish()


class _FirstBytes(BytesIO):
    """First bytes of a body. They cannot seek: Django's handler would take their number for the size of the body."""

    def seek(self, _offset: int, _whence: int = 0, /) -> int:
        """Raise ``UnsupportedOperation``."""
        raise UnsupportedOperation("seek")


class _Form:
    """The fields and files of the parts read so far."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._fields: list[tuple[str, bytes]] = []
        self._files: list[tuple[str, bytes | str, UploadedFile[Any]]] = []
        self._parts = self._field_bytes = 0

    def add_part(self, header: PartHeader, data: Iterator[bytes]) -> None:
        """Read one part; a file without a name is an input without a chosen file."""
        if header.transfer_encoding == "base64":
            data = _iter_base64(data)
        if header.file_name and header.name:
            self._add_file(header, header.file_name, data)
        elif header.file_name is None and header.name:
            self._add_field(header.name, data)
        else:
            for _ in data:
                pass

    def discard(self) -> None:
        """Close all files."""
        for _, _, file in self._files:
            file.close()
        for handler in self._handlers:
            handler.upload_interrupted()

    def finish(self) -> tuple[QueryDict, UploadedFiles]:
        """Return fields and files; the names of all files are decoded together, and so are all paths."""
        post = QueryDict(mutable=True)
        paths = iter(decode_names([value for name, value in self._fields if name == "path"]))
        for field_name, value in self._fields:
            post.appendlist(field_name, next(paths) if field_name == "path" else value.decode(errors="replace"))
        names = iter(decode_names([name for _, name, _ in self._files if isinstance(name, bytes)]))
        files: UploadedFiles = MultiValueDict()
        for field, name, file in self._files:
            file.name = _own_name(name if isinstance(name, str) else next(names))
            files.appendlist(field, file)
        for handler in self._handlers:
            handler.upload_complete()
        post._mutable = False  # as Django's parser does
        return post, files

    def _add_field(self, name: str, data: Iterable[bytes]) -> None:
        self._parts += 1
        if self._parts > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
            raise TooManyFieldsSent
        pieces = []
        for piece in data:
            self._field_bytes += len(piece)
            if self._field_bytes > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                raise RequestDataTooBig
            pieces.append(piece)
        self._fields.append((name, b"".join(pieces)))

    def _add_file(self, header: PartHeader, name: bytes | str, data: Iterable[bytes]) -> None:
        if len(self._files) >= settings.DATA_UPLOAD_MAX_NUMBER_FILES:
            raise TooManyFilesSent
        for handler in self._handlers:
            try:
                handler.new_file(header.name, UNNAMED, header.content_type, None, None, {})
            except StopFutureHandlers:
                break
        sizes = [0] * len(self._handlers)
        for piece in data:
            rest: bytes | None = piece
            for index, handler in enumerate(self._handlers):
                if rest is None:
                    break
                size = len(rest)
                rest = handler.receive_data_chunk(rest, sizes[index])
                sizes[index] += size
        for index, handler in enumerate(self._handlers):
            if file := handler.file_complete(sizes[index]):
                self._files.append((header.name, name, file))
                return


def _own_name(name: str) -> str:
    """Return a file's name without its folders and unprintable characters, as Django's parser does."""
    shown = html.unescape(name).replace("\\", "/").rsplit("/", maxsplit=1)[-1]
    shown = "".join(character for character in shown if character.isprintable())
    return shown if shown.strip() not in {"", ".", ".."} else UNNAMED


def _iter_base64(data: Iterator[bytes]) -> Iterator[bytes]:
    """Yield decoded data."""
    rest = b""
    for piece in data:
        rest += b"".join(piece.split())
        whole = len(rest) // 4 * 4
        try:
            decoded, rest = base64.b64decode(rest[:whole], validate=True), rest[whole:]
        except ValueError as error:
            raise not_understood("a part of it is no base64, as it says") from error
        yield decoded
    if rest:
        raise not_understood("a part of it is no base64, as it says")
