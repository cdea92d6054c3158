"""Films in an S3-compatible bucket: django-storages, with one request a call and errors that the house knows.

Loaded only where ``S3_BUCKET`` is set, see :mod:`screening.config.storages`. The bucket answers when it has kept the
bytes, so there is nothing to wait for beside that. What waits here ends well before a chunk's time is over: a storage
that is away must cost a film neither an attempt nor a worker its process.
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
AWAY_SECONDS = 5.0  # after a time-out nothing is asked for so long; 32 films in a row would each wait for their own
PAUSE_SECONDS = 0.2


class StorageAwayError(ConnectionError):
    """The bucket does not answer, or not as it should. It will pass, and it is no film's fault."""


class S3FilmStorage(S3Storage):  # type: ignore[misc]
    """A private bucket, or the part of one under ``location``. Objects replace one another by name.

    Args:
        public_url: where browsers reach the bucket, if not at ``endpoint_url``.
        options: those of django-storages.
    """

    def __init__(self, *, public_url: str | None = None, **options: Any) -> None:
        chunk = settings.CHUNK_SECONDS
        config = Config(
            connect_timeout=max(1, chunk / 10),
            read_timeout=max(2, chunk / 3),
            # botocore would also repeat what a time limit has interrupted, see _error.
            retries={"mode": "standard", "total_max_attempts": 1},
            s3={"addressing_style": options.pop("addressing_style", None)},
            signature_version="s3v4",
        )
        transfer = TransferConfig(use_threads=False, multipart_threshold=64 * MIB, multipart_chunksize=16 * MIB)
        super().__init__(client_config=config, transfer_config=transfer, **options)
        self._away_until = 0.0
        self._making = Lock()
        self._session: Any = None
        self._public = (
            S3FilmStorage(**{**options, "endpoint_url": public_url, "addressing_style": "path"})
            if public_url
            else self
        )

    def put(self, name: str, data: bytes) -> None:
        """Write an object, over one of that name, by one request.

        Raises:
            StorageAwayError: when the bucket does not take it.
        """
        kind = content_type_of(name)
        self._ask(lambda: self._client.put_object(**self._object(name), Body=data, ContentType=kind))

    def presigned(self, name: str, *, seconds: int, headers: dict[str, str]) -> str:
        """An address that gives one object to whoever has it.

        Args:
            name: the object.
            seconds: how long it is valid.
            headers: what the answer says of it, by the names of ``GetObject``: ``ResponseContentType`` and others.
        """
        address = self._ask(lambda: self._public.url(name, parameters=headers, expire=seconds))
        return str(address)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Folders and objects under a name, one request for each thousand of them."""
        folders, names = self._ask(lambda: super(S3FilmStorage, self).listdir(path))
        return folders, names

    def exists(self, name: str) -> bool:
        """Whether there is such an object; one request."""
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        """Bytes of an object; one request.

        Raises:
            FileNotFoundError: when there is none.
        """
        return int(self._head(name)["ContentLength"])

    def get_modified_time(self, name: str) -> datetime:
        """When an object was written, by the bucket's clock; one request.

        Raises:
            FileNotFoundError: when there is none.
        """
        modified: datetime = self._head(name)["LastModified"]
        return modified

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        self._ask(lambda: self._client.delete_object(**self._object(name)))

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """An object's bytes as they come; the request is made now, so that a missing one is noticed here.

        Raises:
            FileNotFoundError: when there is none.
            StorageAwayError: when the bucket does not answer; reading may raise it as well.
        """
        if mode != "rb":
            raise ValueError(f"films are opened for reading bytes, not in mode {mode!r}")

        def read_from(start: int) -> dict[str, Any]:
            rest = {"Range": f"bytes={start}-"} if start else {}
            return self._ask(lambda: dict(self._client.get_object(**self._object(name), **rest)))

        return File(cast(IO[bytes], ObjectReader(read_from, self._in_our_words)), name=name)

    def _save(self, name: str, content: File[bytes]) -> str:
        extra = {"ContentType": content_type_of(name)}  # ours, never the sender's

        def send() -> None:
            content.seek(0)
            body = ReadBytesWrapper(content)
            body.close = lambda: None  # boto3 closes what it has sent, but the file is the caller's
            where = self._object(name)
            self._client.upload_fileobj(
                body, where["Bucket"], where["Key"], ExtraArgs=extra, Config=self.transfer_config
            )

        self._ask(send)
        return str(clean_name(name))

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    @property
    def connection(self) -> Any:
        """boto3's, one a thread, all from one session: what it parses for each is ten megabytes."""
        with self._making:
            return super().connection

    def _create_session(self) -> Any:
        if self._session is None:
            self._session = super()._create_session()
        return self._session

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket_name, "Key": self._normalize_name(clean_name(name))}

    def _head(self, name: str) -> dict[str, Any]:
        return self._ask(lambda: dict(self._client.head_object(**self._object(name))))

    def _ask(self, call: Callable[[], T]) -> T:
        """Ask the bucket, and once more where it was too busy or hung up: the connection may just have been idle."""
        if time.monotonic() < self._away_until:
            raise StorageAwayError("the storage did not answer a moment ago")
        try:
            return call()
        except (BotoCoreError, ClientError) as error:
            if not _is_brief(error):
                raise self._error(error) from error
        time.sleep(PAUSE_SECONDS)
        with self._in_our_words():
            return call()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> Exception:
        """What an error of the libraries is to the rest of the house."""
        if isinstance(error, ClientError) and _code(error) in MISSING:
            return FileNotFoundError(errno.ENOENT, "no such object in the storage")
        if isinstance(error, FlexibleChecksumError):
            return OSError(errno.EIO, "an object is not what was stored")
        kwargs: dict[str, Any] = getattr(error, "kwargs", {})
        if type(error) is HTTPClientError and isinstance(cause := kwargs.get("error"), Exception):
            return cause  # botocore wraps whatever interrupts it, a worker's time limit among them
        if isinstance(error, TIMED_OUT):
            self._away_until = time.monotonic() + AWAY_SECONDS
        return StorageAwayError(str(error))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _is_brief(error: Exception) -> bool:
    """Whether it may be over in a moment. A time-out is not asked to repeat itself, it has cost enough."""
    if isinstance(error, ClientError):
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return status == 429 or status >= 500
    return isinstance(error, ConnectionClosedError)
