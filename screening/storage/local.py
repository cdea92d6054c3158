"""Film storage in local files that survive a power cut: rows name only bytes that are on the disk, not in the cache.

The other storage is a bucket, see :mod:`screening.storage.s3`; nothing here loads its libraries.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, cast

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, storages

from screening.storage.spool import SpooledUpload

PICTURE_TYPES = {".jpg": "image/jpeg", ".png": "image/png"}
UNKNOWN_TYPE = "application/octet-stream"


def content_type_of(name: str) -> str:
    """Return the content type of a stored part by its name in the storage; an uploaded film is plain bytes."""
    return PICTURE_TYPES.get(PurePosixPath(name).suffix, UNKNOWN_TYPE)


class DurableFileSystemStorage(FileSystemStorage):
    """Django's local storage with two methods that wait for the disk. With ``FSYNC=0`` they do not wait (tests).

    Args:
        picture_permissions_mode: of files that :meth:`put` writes, where a proxy must be able to read them.
        options: those of Django's storage.
    """

    def __init__(self, *, picture_permissions_mode: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._picture_permissions_mode = picture_permissions_mode

    def _save(self, name: str, content: File[Any]) -> str:
        """Save as Django does; a spooled upload is linked to its name instead of being copied."""
        if isinstance(content, SpooledUpload):
            path = Path(self.path(name))
            folder_mode = self.directory_permissions_mode or settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS
            path.parent.mkdir(parents=True, exist_ok=True, mode=folder_mode)
            if content.link_to(str(path)):
                return name
        return str(super()._save(name, content))  # type: ignore[misc]  # the stubs have public methods only

    def put(self, name: str, data: bytes) -> None:
        """Write a file, replacing one of that name, in four system calls; :meth:`save` took twice the time.

        Args:
            name: a name from ``Film.storage_name``; it is not checked here.
            data: the whole file.

        Raises:
            OSError: the file cannot be written.
        """
        path = f"{self.location}/{name}"  # pathlib took longer than the write
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        mode = self._picture_permissions_mode or settings.FILE_UPLOAD_PERMISSIONS
        try:
            descriptor = os.open(path, flags, mode)
        except FileNotFoundError:
            folder_mode = self.directory_permissions_mode or settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS
            Path(path).parent.mkdir(parents=True, exist_ok=True, mode=folder_mode)
            descriptor = os.open(path, flags, mode)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        finally:
            os.close(descriptor)

    def make_durable(self, name: str) -> None:
        """Wait until one file and its parent folders are on the disk.

        Raises:
            OSError: they cannot be written.
        """
        if settings.FSYNC:
            path, root = Path(self.path(name)), Path(self.location)
            for place in (path, *(folder for folder in path.parents if folder.is_relative_to(root))):
                _sync_path(place, os.fsync)

    def make_all_durable(self) -> None:
        """Wait until all files stored so far are on the disk: one wait for the files of many films.

        Raises:
            OSError: they cannot be written.
        """
        if settings.FSYNC:
            _sync_path(Path(self.location), _sync_file_system)


def put_file(name: str, data: bytes) -> None:
    """Store a file under a name from ``Film.storage_name``, replacing one of that name.

    Raises:
        OSError: the storage does not accept it.
    """
    backend = storages["default"]
    if hasattr(backend, "put"):
        backend.put(name, data)
    else:
        backend.save(name, ContentFile(data))


def make_durable(name: str) -> None:
    """Wait until a file is on the disk. Other storages have written a file when they answer."""
    backend = storages["default"]
    if isinstance(backend, DurableFileSystemStorage):
        backend.make_durable(name)


def make_all_durable() -> None:
    """Wait until all files are on the disk, see :func:`make_durable`."""
    backend = storages["default"]
    if isinstance(backend, DurableFileSystemStorage):
        backend.make_all_durable()


def _sync_path(place: Path, sync: Callable[[int], object]) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


@cache
def _syncfs() -> Callable[[int], int] | None:
    try:
        return cast("Callable[[int], int]", ctypes.CDLL(None, use_errno=True).syncfs)
    except AttributeError:
        return None


def _sync_file_system(descriptor: int) -> None:
    """Call ``syncfs(2)``, which Python does not offer; on other systems than Linux sync all file systems."""
    syncfs = _syncfs()
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
