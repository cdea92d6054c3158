"""Local files that outlive a power cut: a row never says that bytes are there which only the cache holds."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, storages


class DurableFileSystemStorage(FileSystemStorage):
    """Django's local storage with two ways to wait for the disk. ``FSYNC=0`` waits for nothing (tests)."""

    def put(self, name: str, data: bytes) -> None:
        """Write a file, over one of that name, in four system calls; :meth:`save` took twice a worker's time.

        Args:
            name: one of our own making, see ``XRay.storage_name``; it is not made safe here.
            data: the whole file.

        Raises:
            OSError: when the disk does not take it.
        """
        path = Path(self.path(name))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            descriptor = os.open(path, flags, settings.FILE_UPLOAD_PERMISSIONS)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS)
            descriptor = os.open(path, flags, settings.FILE_UPLOAD_PERMISSIONS)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]

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
    """Store a file under a name of our own, over one that is there."""
    backend = storages["default"]
    if isinstance(backend, DurableFileSystemStorage):
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


def _sync_file_system(descriptor: int) -> None:
    """``syncfs(2)``, which Python does not offer; elsewhere than on Linux all file systems are synced."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except AttributeError:
        os.sync()
        return
    if syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
