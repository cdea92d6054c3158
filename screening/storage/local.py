"""Where films are kept; local files outlive a power cut: no row says that bytes are there which only the cache holds.

A bucket is the other place they may be kept in, see :mod:`screening.storage.s3`; nothing here loads its libraries.
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
    """What a stored part is by the name we gave it; a film as it was sent is bytes, whatever its sender calls it."""
    return PICTURE_TYPES.get(PurePosixPath(name).suffix, UNKNOWN_TYPE)


class DurableFileSystemStorage(FileSystemStorage):
    """Django's local storage with two ways to wait for the disk. ``FSYNC=0`` waits for nothing (tests).

    Args:
        picture_permissions_mode: of what :meth:`put` writes, where a proxy must be able to read it.
        options: those of Django's storage.
    """

    def __init__(self, *, picture_permissions_mode: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._picture_permissions_mode = picture_permissions_mode

    def _save(self, name: str, content: File[Any]) -> str:
        """As Django's; a spooled upload is given its name instead of being copied."""
        if isinstance(content, SpooledUpload):
            path = Path(self.path(name))
            folder_mode = self.directory_permissions_mode or settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS
            path.parent.mkdir(parents=True, exist_ok=True, mode=folder_mode)
            if content.link_to(str(path)):
                return name
        return str(super()._save(name, content))  # type: ignore[misc]  # the stubs have public methods only

    def put(self, name: str, data: bytes) -> None:
        """Write a file, over one of that name, in four system calls; :meth:`save` took twice a worker's time.

        Args:
            name: one of our own making, see ``Film.storage_name``; it is not made safe here.
            data: the whole file.

        Raises:
            OSError: when the disk does not take it.
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
        """Wait until one file and the folders that lead to it are on the disk.

        Raises:
            OSError: when the disk does not take them.
        """
        if settings.FSYNC:
            path, root = Path(self.path(name)), Path(self.location)
            for place in (path, *(folder for folder in path.parents if folder.is_relative_to(root))):
                _wait_for(place, os.fsync)

    def make_all_durable(self) -> None:
        """Wait until everything stored so far is on the disk: one wait for the files of many films.

        Raises:
            OSError: when the disk does not take it.
        """
        if settings.FSYNC:
            _wait_for(Path(self.location), _sync_file_system)


def put(name: str, data: bytes) -> None:
    """Store a file under a name of our own, over one that is there.

    Raises:
        OSError: when the storage does not take it.
    """
    backend = storages["default"]
    if hasattr(backend, "put"):
        backend.put(name, data)
    else:
        backend.save(name, ContentFile(data))


def make_durable(name: str) -> None:
    """Wait for one file; a storage that is not ours keeps what it has answered for."""
    backend = storages["default"]
    if isinstance(backend, DurableFileSystemStorage):
        backend.make_durable(name)


def make_all_durable() -> None:
    """Wait for all files, see :func:`make_durable`."""
    backend = storages["default"]
    if isinstance(backend, DurableFileSystemStorage):
        backend.make_all_durable()


def _wait_for(place: Path, sync: Callable[[int], object]) -> None:
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
    """``syncfs(2)``, which Python does not offer; elsewhere than on Linux all file systems are synced."""
    syncfs = _syncfs()
    if syncfs is None:
        os.sync()
    elif syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
