"""The streamed multipart body."""

from __future__ import annotations

import contextlib
import threading
import tracemalloc
from collections.abc import Callable
from email import message_from_bytes
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http.multipartparser import MultiPartParser

from tests.xrayscreen.server import fields
from xrayscreen import FileError, Upload
from xrayscreen.errors import StoppedError
from xrayscreen.upload import HEADER_NAME, PIECE, Body


def body_of(upload: Upload) -> tuple[bytes, Body]:
    with Body(upload, threading.Event()) as body:
        return b"".join(body), body


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_the_length_is_known_before_and_right(size: int) -> None:
    data, body = body_of(Upload("a/b.dcm", b"\r\n--" + bytes(size)))
    assert len(data) == len(body)
    assert fields(data, body.content_type) == {"path": b"a/b.dcm", "file": b"\r\n--" + bytes(size)}


@pytest.mark.parametrize(
    "name",
    ["plain.png", 'quo"te.png', "Röntgen/säule 3.dcm", "a\r\nX-Header: 1.png", "x" * 255, "häufig/" * 500 + "a.png"],
)
def test_names_reach_django_whole_and_add_no_header(name: str) -> None:
    data, body = body_of(Upload(name, b"content"))
    request = {"CONTENT_TYPE": body.content_type, "CONTENT_LENGTH": str(len(data))}
    handler = TemporaryFileUploadHandler()
    post, files = MultiPartParser(request, BytesIO(data), [handler], settings.DEFAULT_CHARSET).parse()
    assert post["path"] == name
    (file,) = files.getlist("file")
    assert file.read() == b"content"
    assert set(message_from_bytes(data.split(b"\r\n\r\n")[1].split(b"\r\n", 2)[2]).keys()) <= {
        "Content-Disposition",
        "Content-Type",
    }
    if name.isprintable() and '"' not in name:
        assert file.name == name.rsplit("/", 1)[-1][-HEADER_NAME:]  # Django takes no long headers


def test_a_large_file_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.truncate(200 * PIECE)
    upload = Upload("large.zip", path, sha256=Upload("", path).digest()[0])
    tracemalloc.start()
    with Body(upload, threading.Event()) as body:
        sent = sum(len(piece) for piece in body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sent == len(body) > 200 * PIECE
    assert most < 4 * PIECE


def send(upload: Upload, stop: threading.Event, between: Callable[[], object] = int) -> tuple[int, int]:
    """Read a body as it is read when it is sent.

    Returns:
        bytes of it before the end or an error, and the length it claims.
    """
    sent, length = 0, 0
    with contextlib.suppress(FileError), Body(upload, stop) as body:
        length = len(body)
        for piece in body:
            sent += len(piece)
            between()
    return sent, length


@pytest.mark.parametrize("content", [b"B" * 3000, b"A" * 2999, b"A" * 3001, b""])
def test_a_file_that_changed_never_makes_a_complete_body(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"A" * 3000)
    sha256, size = Upload("a", path).digest()
    upload = Upload("a", path, sha256, size)
    assert len(set(send(upload, threading.Event()))) == 1
    path.write_bytes(content)
    sent, length = send(upload, threading.Event())
    assert sent < length
    with pytest.raises(FileError, match="file_changed"):
        body_of(upload)


def test_a_file_that_shrinks_while_it_is_sent_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(3 * PIECE))
    sent, length = send(Upload("a", path), threading.Event(), lambda: path.write_bytes(b""))
    assert 0 < sent < length


def test_what_went_out_in_vain_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(3 * PIECE))
    moved: list[int] = []
    with contextlib.suppress(FileError), Body(Upload("a", path, "0" * 64), threading.Event(), moved.append) as body:
        list(body)
    assert moved == [PIECE, PIECE, PIECE, -3 * PIECE]


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="file_gone"):
        Upload("a", tmp_path / "a").data()
    with pytest.raises(FileError, match="file_unreadable"):
        Upload("a", tmp_path).digest()


def test_a_body_is_given_up_when_nobody_wants_it() -> None:
    stop = threading.Event()
    with pytest.raises(StoppedError):
        send(Upload("a", bytes(3 * PIECE)), stop, stop.set)
