"""Multipart bodies as browsers, programs and old clients write them, whole and broken."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import MemoryFileUploadHandler

from screening.errors import ScreeningError
from screening.intake.upload_form import parse_upload_form
from screening.storage.spool import SpooledUpload, SpoolHandler

TYPE = "multipart/form-data; boundary=XX"


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Path:
    settings.UPLOAD_SPOOL = tmp_path / "spool"
    return tmp_path / "spool"


def part(disposition: bytes, data: bytes = b"film", *more: bytes) -> bytes:
    lines = [b"--XX", b"Content-Disposition: form-data; " + disposition, *more, b"", data]
    return b"\r\n".join(lines) + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--XX--\r\n"


def in_steps(body: bytes, step: int) -> Callable[[int], bytes]:
    """Return a function that reads a body in small steps."""
    stream = BytesIO(body)
    return lambda size: stream.read(min(size, step))


def parsed(
    body: bytes, content_type: str = TYPE, step: int = 1 << 20
) -> tuple[dict[str, Any], list[tuple[str, bytes]]]:
    post, files = parse_upload_form(content_type, len(body), in_steps(body, step), [SpoolHandler()])
    found = [(str(file.name), file.read()) for file in files.getlist("file")]
    for file in files.getlist("file"):
        file.close()
    return dict(post.lists()), found


def names_of(*dispositions: bytes) -> list[str]:
    _, files = parsed(form(*(part(b'name="file"; ' + disposition) for disposition in dispositions)))
    assert [data for _, data in files] == [b"film"] * len(dispositions)
    return [name for name, _ in files]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'filename="M\xfcller.png"', "Müller.png"),
        (b'filename="' + "Müller.png".encode() + b'"', "Müller.png"),
        (b'filename="' + "胸部ソ.png".encode("cp932") + b'"', "胸部ソ.png"),
        (b'filename="' + "胸部ソ".encode("cp932") + b'"', "胸部ソ"),
        (b'filename="' + "胸片/正位.png".encode("gbk") + b'"', "正位.png"),
        (b"filename*=UTF-8''M%C3%BCller.png", "Müller.png"),
        (b"filename=x.png; filename*=UTF-8''M%C3%BCller.png", "Müller.png"),
        (b"filename*=iso-8859-1'de'M%FCller.png", "Müller.png"),
        (b"filename*=nonsense''M%FCller.png", "Müller.png"),
        (b"filename*=undefined''a.png", "a.png"),
        (b"filename*=idna''xn--0", "xn--0"),
        (b"filename*=utf\0''a.png", "a.png"),
        (b"filename*=\xff''a.png", "a.png"),
        (b"filename*=unicode_escape''%5Cx41.png", "x41.png"),
        (b"filename*=hex''6162", "6162"),
        (b"filename*=Shift_JIS''%83%5C.png", "ソ.png"),
        (b"filename*=windows-1251''%D0%F3%EA%E0.png", "Рука.png"),
        (b"filename*0=\"long \"; filename*1*=M%C3%BCller; filename*2=\".png\"", "long Müller.png"),
        (b"filename*0*=UTF-8''M%C3%BC; filename*1*=ller.png", "Müller.png"),
        (b'filename="a\\"b.png"', 'a"b.png'),
        (b'filename="a%22b.png"', 'a"b.png'),
        (b'filename="a"b.png"', 'a"b.png'),
        (b'filename="a;b=c.png"; x=y', "a;b=c.png"),
        (b"filename=plain.png", "plain.png"),
        (b'filename="C:\\films\\a.png"', "a.png"),
        (b'filename="../../a.png"', "a.png"),
        (b'filename="a\0b\x1b.png"', "ab.png"),
        (b'filename=".."', "unnamed"),
        (b'filename="\0"', "unnamed"),
        (b'FileName = "a.png"', "a.png"),
    ],
)  # fmt: skip
def test_a_file_is_kept_whatever_its_name_is(disposition: bytes, name: str) -> None:
    assert names_of(disposition) == [name]


@pytest.mark.parametrize("name", [b'\\"', b'"', b'" ', b';a="', b'\\" ;', b"*0*=", b"%"])
@pytest.mark.parametrize("end", [b"", b'"'])
def test_a_name_of_many_marks_is_read_at_once(name: bytes, end: bytes) -> None:
    """The time of a pattern with two ways for one mark would double with each mark, and this would never end."""
    disposition = b'filename="' + name * (12_000 // len(name)) + b"x" + end
    parsed(form(part(b'name="file"; ' + disposition)))


def test_a_long_name_is_cut_and_the_file_is_kept() -> None:
    (name,) = names_of(b'filename="' + b"n" * 10_000 + b'.png"')
    assert len(name) == 255
    assert name.endswith("n.png")


def test_names_of_one_request_are_guessed_together() -> None:
    names = ["肺部.png", "誠一.png", "門診病人.png"]
    assert names_of(*(b'filename="' + name.encode("big5") + b'"' for name in names)) == names


def test_paths_have_any_encoding_as_well() -> None:
    path = "Röntgen/Müller.png"
    fields, _ = parsed(form(part(b'name="path"', path.encode("latin-1")), part(b'name="name"', "Größe".encode())))
    assert fields == {"path": [path], "name": ["Größe"]}


@pytest.mark.parametrize("step", [1, 2, 7, 1 << 20])
def test_data_is_the_same_however_it_arrives(step: int) -> None:
    data = b"\r\n--X\r\n-\r\n--\r\r\n" + bytes(range(256)) * 20 + b"\n"
    body = b"preamble\r\n" + form(part(b'name="file"; filename="a"', data), part(b'name="file"; filename="b"', b""))
    assert parsed(body + b"epilogue", step=step)[1] == [("a", data), ("b", b"")]
    assert parsed(body, 'multipart/form-data; charset=utf-8; boundary="XX"', step)[1][0] == ("a", data)


def test_a_folded_header_and_base64_are_read() -> None:
    body = form(
        part(
            b'name="file";\r\n filename="a.png"', base64.encodebytes(bytes(999)), b"Content-Transfer-Encoding: base64"
        )
    )
    assert parsed(body)[1] == [("a.png", bytes(999))]


def test_an_input_without_a_chosen_file_is_no_file() -> None:
    assert parsed(form(part(b'name="file"; filename=""', b""))) == ({}, [])
    assert parsed(form(part(b'name="file"', b"no name"))) == ({"file": ["no name"]}, [])
    assert parsed(form(part(b'filename="a.png"'))) == ({}, [])
    assert parsed(form(b"--XX\r\n\r\ndata\r\n")) == ({}, [])
    assert parsed(b"--XX--") == ({}, [])
    assert parse_upload_form(TYPE, 0, in_steps(b"", 1), [])[1] == {}


WHOLE = form(part(b'name="file"; filename="a.png"'), part(b'name="file"; filename="b.png"', bytes(100)))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        *((WHOLE[:size], TYPE) for size in (1, 3, 4, 20, 90, 100, len(WHOLE) - 7, len(WHOLE) - 4)),
        (WHOLE, "multipart/form-data"),
        (WHOLE, "multipart/form-data; boundary="),
        (WHOLE, "multipart/form-data; boundary=YY"),
        (b'{"file": 1}', TYPE),
        (form(b"--XX\r\n" + b"x" * 100_000 + b"\r\n\r\n\r\n"), TYPE),
        (form(part(b'name="file"; filename="a"', b"####", b"Content-Transfer-Encoding: base64")), TYPE),
        (form(part(b'name="file"; filename="a"', b"film", *[b"X-Number: 1"] * 100)), TYPE),
        (form(part(b'name="file"; filename="a"', b"film", b"no colon")), TYPE),
        (form(part(b'name="file"; filename="a"', b"fi\r\n--XXlm")), TYPE),
        (WHOLE.replace(b"\r\n", b"\n"), TYPE),
        (WHOLE, "multipart/form-data; boundary*=nonsense''XX"),
        (WHOLE, "multipart/form-data; boundary*0=X; boundary*=X"),
    ],
)
def test_what_cannot_be_parsed_is_refused_and_nothing_stays_open(body: bytes, content_type: str) -> None:
    with pytest.raises(ScreeningError) as refused:
        parsed(body, content_type)
    assert refused.value.code == "not_understood"


@pytest.mark.parametrize("step", [1, 5, 1 << 20])
@pytest.mark.parametrize("disposition", [b'name="file"; filename=""', b'name="file"; filename="a"', b'name="path"'])
def test_a_part_that_ends_with_its_header_does_not_swallow_the_next_one(disposition: bytes, step: int) -> None:
    header_only = part(disposition, b"").removesuffix(b"\r\n")
    for body in (form(header_only, part(b'name="file"; filename="b"')), form(header_only)):
        with pytest.raises(ScreeningError, match="line break"):
            parsed(body, step=step)


@pytest.mark.parametrize("boundary", ["----=_Part_0_12.34", '"a b"', "a/b:c?d(e)", "a'b+c_d,e", '"a;b"', "x" * 70])
def test_boundaries_may_have_every_character_that_is_allowed(boundary: str) -> None:
    body = WHOLE.replace(b"XX", boundary.strip('"').encode())
    for content_type in (
        f"multipart/form-data; boundary={boundary}",
        f"multipart/form-data;BOUNDARY={boundary};x=y",
    ):
        assert parsed(body, content_type)[1] == [("a.png", b"film"), ("b.png", bytes(100))]


@pytest.mark.parametrize(("size", "kind"), [(1000, InMemoryUploadedFile), (200_000, SpooledUpload)])
def test_the_length_of_the_body_decides_what_stays_in_memory(settings: Any, size: int, kind: type) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 100_000
    body = form(part(b'name="file"; filename="a"', bytes(size)))
    handlers = [MemoryFileUploadHandler(), SpoolHandler()]
    _, files = parse_upload_form(TYPE, len(body), in_steps(body, 1 << 20), handlers)
    (file,) = files.getlist("file")
    assert type(file) is kind
    assert file.read() == bytes(size)
    file.close()


def test_limits_of_a_form_hold(settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    with pytest.raises(TooManyFilesSent):
        parsed(form(*[part(b'name="file"; filename="a"')] * 3))
    with pytest.raises(TooManyFieldsSent):
        parsed(form(*[part(b'name="path"')] * 3))
    with pytest.raises(RequestDataTooBig):
        parsed(form(part(b'name="path"', bytes(101))))
