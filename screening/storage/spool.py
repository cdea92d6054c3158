"""Spool of uploads in progress: unnamed files in the data directory, which vanish with the process that writes."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from screening.codes import request_codes
from screening.errors import ScreeningError

# Errors of file systems without unnamed files: NFS and some overlays.
NO_UNNAMED_FILES = {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT}
MODE = 0o600


def storage_failed() -> ScreeningError:
    """Return the error for an upload that cannot be stored."""
    return ScreeningError(request_codes.STORAGE_FAILED)


def broken_off() -> ScreeningError:
    """Return the error for a request body that did not arrive completely, or too slowly."""
    return ScreeningError(request_codes.BODY_BROKEN_OFF)


def spool_folder() -> Path:
    """Return the folder of uploads in progress; creates it where it is missing."""
    path = Path(settings.UPLOAD_SPOOL)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


class SpooledUpload(UploadedFile):  # type: ignore[type-arg]  # it takes no argument at run time
    """An upload in an unnamed file, which can be linked to a name without copying a byte."""

    def __init__(self, name: str, content_type: str, charset: str | None, extra: dict[str, bytes] | None) -> None:
        self.unnamed = _unnamed_file(spool_folder())
        super().__init__(self.unnamed, name, content_type, 0, charset, extra)

    def link_to(self, path: str) -> bool:
        """Link the file to a name; returns False where the file system cannot, or ``path`` is on another one.

        Raises:
            FileExistsError: there is a file of that name.
        """
        descriptor = self.unnamed.fileno()
        try:
            # Only with a folder does Python call linkat, which follows the link in /proc.
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)
        except FileExistsError:
            raise
        except OSError:
            return False
        return True


class SpoolHandler(FileUploadHandler):
    """Upload handler that writes files which are too large for memory into the spool."""

    def new_file(self, *args: Any, **options: Any) -> None:
        """Open a new file in the spool.

        Raises:
            ScreeningError: ``storage_failed``.
        """
        super().new_file(*args, **options)
        try:
            self._upload = SpooledUpload(
                self.file_name or "", self.content_type or "", self.charset, self.content_type_extra
            )
        except OSError as error:
            raise storage_failed() from error

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a piece of the file.

        Raises:
            ScreeningError: ``storage_failed``.
        """
        try:
            self._upload.write(raw_data)
        except OSError as error:
            raise storage_failed() from error

    def file_complete(self, file_size: int) -> SpooledUpload:
        """Return the complete file, positioned at its start."""
        self._upload.seek(0)
        self._upload.size = file_size
        return self._upload

    def upload_interrupted(self) -> None:
        """Discard the incomplete file."""
        if hasattr(self, "_upload"):
            self._upload.close()


def _unnamed_file(place: Path) -> IO[bytes]:
    try:
        # tempfile's own would add O_EXCL, and such a file can never be linked to a name.
        descriptor = os.open(place, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, MODE)
    except OSError as error:
        if error.errno not in NO_UNNAMED_FILES:
            raise
        return tempfile.TemporaryFile(dir=place, buffering=0)
    return os.fdopen(descriptor, "w+b", buffering=0)
