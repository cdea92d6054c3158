"""Uploads on their way: on the data volume, seen by nobody else, gone with their process, never copied twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from rest_framework.test import APIClient

from screening.errors import ScreeningError
from screening.models import Batch
from screening.storage import spool
from screening.storage.spool import SpooledUpload, SpoolHandler
from tests.screening.zips import zip_of

MIB = 1024 * 1024


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Path:
    settings.UPLOAD_SPOOL = tmp_path / "spool"
    return tmp_path / "spool"


def upload(data: bytes = b"film") -> SpooledUpload:
    made = SpooledUpload("a.zip", "application/zip", None, None)
    made.write(data)
    made.seek(0)
    return made


def test_the_settings_keep_uploads_on_the_volume_of_the_films(settings: Any) -> None:
    from screening.config import settings as shipped

    assert shipped.UPLOAD_SPOOL.parent == shipped.MEDIA_ROOT.parent
    assert settings.FILE_UPLOAD_HANDLERS[-1] == "screening.storage.spool.SpoolHandler"


def test_an_upload_has_no_name_and_only_its_owner_may_read_it(place: Path) -> None:
    with upload() as film:
        assert list(place.iterdir()) == []
        assert os.fstat(film.fileno()).st_mode & 0o777 == 0o600
        assert place.stat().st_mode & 0o777 == 0o700


def test_a_killed_process_leaves_nothing(place: Path) -> None:
    code = (
        "import os, signal, django; django.setup();"
        "from django.test.utils import override_settings;"
        "from screening.storage.spool import SpooledUpload;"
        f"override_settings(UPLOAD_SPOOL={str(place)!r}).enable();"
        "film = SpooledUpload('a.dcm', '', None, None); film.write(bytes(1 << 20));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "screening.config.settings"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == -9
    assert [path for path in place.rglob("*") if path.is_file()] == []


def test_an_archive_gets_its_name_without_being_copied(settings: Any) -> None:
    with upload(b"x" * MIB) as film:
        name = default_storage.save("ab/archive/original", film)
        stored = Path(settings.MEDIA_ROOT) / name
        assert stored.stat().st_ino == os.fstat(film.fileno()).st_ino
        assert stored.stat().st_mode & 0o777 == 0o600
        assert stored.stat().st_size == MIB


def test_where_it_cannot_be_linked_it_is_copied(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise OSError(18, "cross-device link")

    monkeypatch.setattr("screening.storage.spool.os.link", refused)
    with upload(b"abc") as film:
        assert default_storage.open(default_storage.save("ab/other", film)).read() == b"abc"


def test_where_files_cannot_be_unnamed_they_are_unlinked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def without_unnamed(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(95, "not supported")
        return real(path, flags, *rest, **options)

    monkeypatch.setattr("screening.storage.spool.os.open", without_unnamed)
    with upload(b"abc") as film:
        assert film.read() == b"abc"
        assert [path for path in place.rglob("*") if path.is_file()] == []


def test_a_full_disk_is_said_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = SpoolHandler()
    handler.new_file("file", "a.dcm", "", None)

    def full(_upload: SpooledUpload, _data: bytes) -> int:
        raise OSError(28, "no space left")

    monkeypatch.setattr(SpooledUpload, "write", full)
    with pytest.raises(ScreeningError) as refused:
        handler.receive_data_chunk(bytes(10), 0)
    assert refused.value.code == "storage_failed"
    assert refused.value.status == 507


def test_a_large_archive_goes_through_the_spool_to_its_place(
    api: APIClient, batch: Batch, png: bytes, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    spooled: list[str] = []
    plain = SpooledUpload.link_to

    def watched(upload: SpooledUpload, path: str) -> bool:
        spooled.append(path)
        return plain(upload, path)

    monkeypatch.setattr(SpooledUpload, "link_to", watched)
    archive = zip_of({"a.png": png, "filler.bin": os.urandom(4 * MIB)})
    answer = api.post(f"/api/v1/batches/{batch.pk}/files", {"file": ContentFile(archive, "study.zip")})
    assert answer.status_code == 201
    assert answer.json()[0]["state"] == "queued"
    assert len(spooled) == 1
    assert Path(spooled[0]).read_bytes() == archive
    assert spool.spool_folder().exists()
