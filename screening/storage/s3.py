"""Film storage in an S3-compatible bucket: django-storages, with one request a call and errors of our own types.

Loaded only where ``S3_BUCKET`` is set, see :mod:`screening.config.storages`. The bucket answers when it has stored
the bytes, so nothing else has to be waited for. All timeouts here are well below ``CHUNK_SECONDS``: an unavailable
storage must cost no film an attempt and no worker its process.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from typing import IO, Any, TypeVar, cast

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    FlexibleChecksumError,
    HTTPClientError,
    ReadTimeoutError,
)
from django.conf import settings
from django.core.files.base import File
from storages.backends.s3 import S3Storage
from storages.utils import ReadBytesWrapper, clean_name

from screening.storage.local import content_type_of
from screening.storage.s3_reader import ObjectReader

T = TypeVar("T")

MIB = 1024 * 1024
MISSING = frozenset({"NoSuchKey", "404"})
TIMED_OUT = (ConnectTimeoutError, ReadTimeoutError)
UNAVAILABLE_SECONDS = 5.0  # after a time-out no request is made for so long, or 32 films in a row would each time out
RETRY_PAUSE_SECONDS = 0.2


class StorageUnavailableError(ConnectionError):
    """The bucket does not answer, or not as it should: a temporary error that no film causes."""


class S3FilmStorage(S3Storage):  # type: ignore[misc]
    """A private bucket, or the part of one under ``location``. A new object replaces the one of the same name.

    Args:
        public_url: the URL at which browsers reach the bucket, if it is not ``endpoint_url``.
        options: those of django-storages.
    """

    def __init__(self, *, public_url: str | None = None, **options: Any) -> None:
        chunk = settings.CHUNK_SECONDS
        config = Config(
            connect_timeout=max(1, chunk / 10),
            read_timeout=max(2, chunk / 3),
            # botocore would also repeat requests that a time limit has interrupted, see _translate_error.
            retries={"mode": "standard", "total_max_attempts": 1},
            s3={"addressing_style": options.pop("addressing_style", None)},
            signature_version="s3v4",
        )
        transfer = TransferConfig(use_threads=False, multipart_threshold=64 * MIB, multipart_chunksize=16 * MIB)
        super().__init__(client_config=config, transfer_config=transfer, **options)
        self._unavailable_until = 0.0
        self._connection_lock = Lock()
        self._session: Any = None
        self._public = (
            S3FilmStorage(**{**options, "endpoint_url": public_url, "addressing_style": "path"})
            if public_url
            else self
        )

    def put(self, name: str, data: bytes) -> None:
        """Write an object, replacing one of that name, by one request.

        Raises:
            StorageUnavailableError: the bucket does not accept it.
        """
        kind = content_type_of(name)
        self._request(lambda: self._client.put_object(**self._object(name), Body=data, ContentType=kind))

    def presigned_url(self, name: str, *, seconds: int, headers: dict[str, str]) -> str:
        """Return a URL that serves one object without a login.

        Args:
            name: the object.
            seconds: how long the URL is valid.
            headers: headers of the response, by the names of ``GetObject``: ``ResponseContentType`` and others.
        """
        return str(self._request(lambda: self._public.url(name, parameters=headers, expire=seconds)))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Return the folders and objects under a name; one request for each thousand of them."""
        folders, names = self._request(lambda: super(S3FilmStorage, self).listdir(path))
        return folders, names

    def exists(self, name: str) -> bool:
        """Return whether there is such an object; one request."""
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        """Return the bytes of an object; one request.

        Raises:
            FileNotFoundError: there is no such object.
        """
        return int(self._head(name)["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        """Return when an object was written, by the bucket's clock; one request.

        Raises:
            FileNotFoundError: there is no such object.
        """
        modified: datetime = self._head(name)["LastModified"]
        return modified

    def delete(self, name: str) -> None:
        """Delete an object; it is no error if there is none."""
        self._request(lambda: self._client.delete_object(**self._object(name)))

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Open an object for reading as a stream; the request is made at once, so that a missing one is noticed here.

        Raises:
            FileNotFoundError: there is no such object.
            StorageUnavailableError: the bucket does not answer; reading may raise it too.
        """
        if mode != "rb":
            raise ValueError(f"films are opened for reading bytes, not in mode {mode!r}")

        def read_from(start: int) -> dict[str, Any]:
            rest = {"Range": f"bytes={start}-"} if start else {}
            return self._request(lambda: dict(self._client.get_object(**self._object(name), **rest)))

        return File(cast(IO[bytes], ObjectReader(read_from, self._translated_errors)), name=name)

    def _save(self, name: str, content: File[bytes]) -> str:
        extra = {"ContentType": content_type_of(name)}  # derived from the name, never given by the sender

        def send() -> None:
            content.seek(0)
            body = ReadBytesWrapper(content)
            body.close = lambda: None  # boto3 closes the body after sending, but the caller still needs the file
            where = self._object(name)
            self._client.upload_fileobj(
                body, where["Bucket"], where["Key"], ExtraArgs=extra, Config=self.transfer_config
            )

        self._request(send)
        return str(clean_name(name))

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    @property
    def connection(self) -> Any:
        """The connection of boto3: one a thread, all from one session, as each session takes ten megabytes."""
        with self._connection_lock:
            return super().connection

    def _create_session(self) -> Any:
        if self._session is None:
            self._session = super()._create_session()
        return self._session

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(clean_name(name))}

    def _head(self, name: str) -> dict[str, Any]:
        return self._request(lambda: dict(self._client.head_object(**self._object(name))))

    def _request(self, call: Callable[[], T]) -> T:
        """Send a request, and repeat it once where the bucket was busy or had closed an idle connection."""
        if time.monotonic() < self._unavailable_until:
            raise StorageUnavailableError("the storage did not answer a moment ago")
        try:
            return call()
        except (BotoCoreError, ClientError) as error:
            if not _is_retryable(error):
                raise self._translate_error(error) from error
        time.sleep(RETRY_PAUSE_SECONDS)
        with self._translated_errors():
            return call()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise self._translate_error(error) from error

    def _translate_error(self, error: Exception) -> Exception:
        """Return an error of our own or of Python's for one of the libraries."""
        if isinstance(error, ClientError) and _error_code(error) in MISSING:
            return FileNotFoundError(errno.ENOENT, "no such object in the storage")
        if isinstance(error, FlexibleChecksumError):
            return OSError(errno.EIO, "an object is not what was stored")
        kwargs: dict[str, Any] = getattr(error, "kwargs", {})
        if type(error) is HTTPClientError and isinstance(cause := kwargs.get("error"), Exception):
            return cause  # botocore wraps every exception that interrupts it, a worker's time limit among them
        if isinstance(error, TIMED_OUT):
            self._unavailable_until = time.monotonic() + UNAVAILABLE_SECONDS
        return StorageUnavailableError(str(error))


def _error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_retryable(error: Exception) -> bool:
    """Return whether a request may succeed in a moment. Time-outs are not repeated: they have cost enough time."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return status == 429 or status >= 500
    return isinstance(error, ConnectionClosedError)
