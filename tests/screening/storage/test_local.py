from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from screening.errors import ScreeningError
from screening.intake.services import add_file
from screening.models import Batch, Film
from screening.storage import local as storage


@pytest.fixture
def durable(settings: Any) -> None:
    settings.FSYNC = True


def test_a_file_and_its_folders_are_waited_for(durable: None, settings: Any) -> None:
    name = default_storage.save("films/ab/abc/original", ContentFile(b"bytes"))
    with patch("os.fsync", wraps=os.fsync) as waited, patch("os.open", wraps=os.open) as opened:
        storage.make_durable(name)
    root = Path(settings.MEDIA_ROOT)
    assert waited.call_count == 5
    assert [call.args[0] for call in opened.call_args_list] == [
        root / name, root / "films/ab/abc", root / "films/ab", root / "films", root,
    ]  # fmt: skip


def test_a_file_put_replaces_one_that_is_there_and_nobody_else_may_read_it() -> None:
    storage.put_file("films/cd/cde/thumb.jpg", b"a longer first version")
    storage.put_file("films/cd/cde/thumb.jpg", b"second")
    path = Path(default_storage.path("films/cd/cde/thumb.jpg"))
    assert path.read_bytes() == b"second"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o077) == (0o600, 0)


def test_another_storage_is_written_in_its_own_way(settings: Any, tmp_path: Path) -> None:
    plain = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "plain"}}
    settings.STORAGES = {**settings.STORAGES, "default": plain}
    storage.put_file("films/cd/cde/thumb.jpg", b"bytes")
    storage.make_durable("films/cd/cde/thumb.jpg")
    storage.make_all_durable()
    assert (tmp_path / "plain/films/cd/cde/thumb.jpg").read_bytes() == b"bytes"


def test_everything_is_waited_for_at_once(durable: None) -> None:
    default_storage.save("films/ab/abc/thumb.jpg", ContentFile(b"bytes"))
    with patch("screening.storage.local._sync_file_system", wraps=storage._sync_file_system) as waited:
        storage.make_all_durable()
    assert waited.call_count == 1


def test_a_disk_that_does_not_take_it_says_so(durable: None) -> None:
    default_storage.save("films/ab/abc/thumb.jpg", ContentFile(b"bytes"))
    with pytest.raises(OSError, match="Bad file descriptor"):
        storage._sync_file_system(-1)


def test_nothing_is_waited_for_where_that_is_not_wanted(settings: Any) -> None:
    settings.FSYNC = False
    with patch("screening.storage.local._sync_path") as waited:
        storage.make_durable("films/ab/abc/original")
        storage.make_all_durable()
    assert not waited.called


def test_a_full_disk_refuses_the_file_and_leaves_nothing(batch: Batch, png: bytes) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with patch("screening.storage.local.make_durable", side_effect=full), pytest.raises(ScreeningError) as refused:
        add_file(batch=batch, name="a.png", data=png)
    assert (refused.value.code, refused.value.status) == ("storage_failed", 507)
    assert not Film.objects.exists()
    assert [path for path in Path(default_storage.path("films")).rglob("*") if path.is_file()] == []
    assert add_file(batch=batch, name="a.png", data=png)[0].state == "queued"
