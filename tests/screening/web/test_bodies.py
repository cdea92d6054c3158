"""Bodies of undeclared length and bodies that cannot be parsed, sent to the running system through sockets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from ml.phantom.film import PhantomSpec, png_bytes
from tests.conftest import LiveStack
from tests.screening.web.server import answer, connect, request

FILM = png_bytes(PhantomSpec(height=300, width=300, seed=11))
CHUNKED = "Transfer-Encoding: chunked"
FORM = "Content-Type: multipart/form-data; boundary=XX"


@pytest.fixture(scope="module")
def port(live_stack: LiveStack) -> int:
    return int(urlsplit(live_stack.base_url).port or 0)


@pytest.fixture(scope="module")
def token(live_stack: LiveStack) -> str:
    return f"Authorization: Token {live_stack.token('chunker')}"


@pytest.fixture
def batch(live_stack: LiveStack, token: str) -> str:
    """The id of an open batch."""
    name, _, value = token.partition(": ")
    made = requests.post(f"{live_stack.base_url}/api/v1/batches", {"name": "b"}, headers={name: value}, timeout=30)
    return str(made.json()["id"])


def form(data: bytes, name: bytes = b"a.png") -> bytes:
    head = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
    return head + data + b"\r\n--XX--\r\n"


def chunks(pieces: Iterable[bytes], extension: bytes = b"", trailer: bytes = b"") -> bytes:
    return (
        b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces)
        + b"0\r\n"
        + trailer
        + b"\r\n"
    )


def split(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def send(port: int, path: str, *fields: str, body: bytes, stop: bool = False) -> tuple[int, Any]:
    """Send a request and return status and answer; with ``stop`` the sending side closes after the body."""
    with connect(port) as client:
        client.sendall(request(path, *fields, method="POST", body=body))
        if stop:
            client.shutdown(1)
        head, _, content = answer(client).partition(b"\r\n\r\n")
    status = int(head.split()[1])
    return status, json.loads(content) if b"application/json" in head else content


def rows(live_stack: LiveStack, token: str, batch: str) -> int:
    name, _, value = token.partition(": ")
    status = requests.get(f"{live_stack.base_url}/api/v1/batches/{batch}", headers={name: value}, timeout=30).json()
    return int(status["progress"]["total"])


@pytest.mark.parametrize(
    "body",
    [
        chunks([form(FILM)]),
        chunks(split(form(FILM), 1000)),
        chunks(split(form(FILM[:3000]), 1)),
        chunks(split(form(FILM), 4096), extension=b';name="a value";other'),
        chunks(split(form(FILM), 4096), trailer=b"X-Checksum: 1\r\n"),
    ],
    ids=["one", "many", "of a byte", "with extensions", "with a trailer"],
)
def test_a_chunked_upload_is_taken(port: int, token: str, batch: str, body: bytes) -> None:
    status, films = send(port, f"/api/v1/batches/{batch}/files", token, FORM, CHUNKED, body=body)
    assert (status, [film["file"] for film in films]) == (201, ["a.png"])


def test_chunked_json_is_taken(port: int, token: str, batch: str) -> None:
    fields = (token, "Content-Type: application/json", CHUNKED)
    status, made = send(port, "/api/v1/batches", *fields, body=chunks(split(b'{"name": "In chunks"}', 3)))
    assert (status, made["name"]) == (201, "In chunks")
    digest = "0" * 64
    asked = json.dumps({"sha256": [digest]}).encode()
    assert send(port, f"/api/v1/batches/{batch}/missing", *fields, body=chunks([asked])) == (
        200,
        {"missing": [digest]},
    )
    large = chunks([b'{"name": "' + b" " * 3_000_000 + b'"}'])
    assert send(port, "/api/v1/batches", *fields, body=large)[1]["code"] == "body_too_large"


def test_chunked_forms_of_the_pages_are_taken(live_stack: LiveStack, port: int) -> None:
    live_stack.create_user("chunks", "chunks-password")
    session, base = requests.Session(), live_stack.base_url
    session.get(f"{base}/login", timeout=30)
    signing_in = {
        "username": "chunks",
        "password": "chunks-password",
        "csrfmiddlewaretoken": session.cookies["csrftoken"],
    }
    page = session.post(f"{base}/login", signing_in, timeout=30).text
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    fields = (f"Cookie: {cookies}", f"X-CSRFToken: {found[1]}", "Accept: application/json", CHUNKED)
    text = "Content-Type: application/x-www-form-urlencoded"
    status, made = send(port, "/batches/open", *fields, text, body=chunks([b"name=", b"Ward"]))
    assert status == 201, made
    status, sent = send(port, urlsplit(made["files"]).path, *fields, FORM, body=chunks(split(form(FILM), 999)))
    assert (status, sent["films"][0]["state"]) == (201, "queued")
    status, sent = send(port, urlsplit(made["files"]).path, *fields, FORM, body=chunks([form(FILM)[:500]]))
    assert (status, sent["code"]) == (400, "not_understood")
    status, asked = send(
        port,
        urlsplit(made["missing"]).path,
        *fields,
        "Content-Type: application/json",
        body=chunks([b'{"sha256": []}']),
    )
    assert (status, asked) == (200, {"missing": []})


BROKEN = {
    "no last chunk": chunks([form(FILM)])[:-5],
    "end inside a chunk": chunks([form(FILM)])[:500],
    "no size": b"zz\r\n" + form(FILM),
    "size and data differ": b"5\r\n" + form(FILM),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_chunked_body_that_breaks_off_stores_nothing(
    live_stack: LiveStack, port: int, token: str, batch: str, kind: str
) -> None:
    path = f"/api/v1/batches/{batch}/files"
    status, refused = send(port, path, token, FORM, CHUNKED, body=BROKEN[kind], stop=True)
    assert (status, refused["code"]) == (408, "body_broken_off")
    assert rows(live_stack, token, batch) == 0
    status, films = send(port, path, token, FORM, CHUNKED, body=chunks([form(FILM)]))
    assert (status, films[0]["state"]) == (201, "queued"), "the server is sound afterwards"


def test_a_stranger_sends_no_chunked_body(port: int, batch: str) -> None:
    body = chunks([form(FILM)])
    status, refused = send(port, f"/api/v1/batches/{batch}/files", FORM, CHUNKED, body=body)
    assert (status, refused["code"]) == (401, "not_authenticated")
    assert send(port, "/batches/create", FORM, CHUNKED, body=body)[0] == 302


JSON, TEXT = "Content-Type: application/json", "Content-Type: text/plain"
URLENCODED = "Content-Type: application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (FORM, b"", (400, "no_file")),
        (FORM, b"--XX--\r\n", (400, "no_file")),
        (FORM, form(FILM).replace(b'; filename="a.png"', b""), (400, "no_file")),
        (FORM, form(FILM).replace(b'name="file"', b'name="films"'), (400, "no_file")),
        (URLENCODED, b"file=a.png", (400, "no_file")),
        (FORM, form(FILM)[:-10], (400, "not_understood")),
        (FORM, b'{"file": "a.png"}', (400, "not_understood")),
        (FORM.replace("XX", "YY"), form(FILM), (400, "not_understood")),
        ("Content-Type: multipart/form-data", form(FILM), (400, "not_understood")),
        (JSON, b'{"file": "a.png"}', (415, "unsupported_media_type")),
        (TEXT, FILM, (415, "unsupported_media_type")),
        ("X-None: 1", FILM, (415, "unsupported_media_type")),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_parsed_gets_its_code(
    live_stack: LiveStack,
    port: int,
    token: str,
    batch: str,
    content_type: str,
    body: bytes,
    expected: tuple[int, str],
) -> None:
    path = f"/api/v1/batches/{batch}/files"
    for framing, sent in ((f"Content-Length: {len(body)}", body), (CHUNKED, chunks([body]) if body else chunks([]))):
        status, refused = send(port, path, token, content_type, framing, body=sent)
        assert (status, refused["code"]) == expected
        assert "may not be empty" not in refused["detail"]
    assert rows(live_stack, token, batch) == 0


@pytest.mark.parametrize(
    "body", [b"{", b"[" * 100_000, b'"\xff"', b"nonsense", b'{"name": "\\ud800"}', b"[]", b"null", b'{"name": {}}']
)
def test_json_that_cannot_be_used_gets_a_code(port: int, token: str, batch: str, body: bytes) -> None:
    for path in ("/api/v1/batches", f"/api/v1/batches/{batch}/missing"):
        status, refused = send(port, path, token, JSON, CHUNKED, body=chunks([body]))
        assert (status, refused["code"]) in {
            (400, "parse_error"), (400, "invalid"), (400, "hashes_invalid"), (400, "not_understood"),
        }  # fmt: skip


@pytest.mark.parametrize("parameters", ["boundary*0=XX; boundary*=XX", "boundary*=no-such-encoding''XX"])
@pytest.mark.parametrize("path", ["/api/v1/batches/{batch}/files", "/api/v1/batches", "/login"])
def test_a_malformed_content_type_gets_a_code(port: int, token: str, batch: str, path: str, parameters: str) -> None:
    content_type = f"Content-Type: multipart/form-data; {parameters}"
    length = f"Content-Length: {len(form(FILM))}"
    status, content = send(port, path.format(batch=batch), token, content_type, length, body=form(FILM))
    if path.startswith("/api/"):
        assert (status, content["code"]) == (415, "unsupported_media_type")
    else:
        assert status == 403  # without a form there is no token of the page


@pytest.mark.parametrize("encoding", ["latin-1", "cp932", "utf-8"])
def test_a_name_in_any_encoding_is_taken(port: int, token: str, batch: str, encoding: str) -> None:
    name = "胸部ソ.png" if encoding == "cp932" else "Müller.png"
    body = form(FILM, name.encode(encoding))
    path = f"/api/v1/batches/{batch}/files"
    status, films = send(port, path, token, FORM, f"Content-Length: {len(body)}", body=body)
    assert (status, films[0]["file"], films[0]["state"]) == (201, name, "queued")
