"""Errors of the client, each with a stable code for programs and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass

from xrayscreen.codes import Code


class ClientError(Exception):
    """An error of the client: the server refused, or could not be reached, or there is nothing to send.

    Attributes:
        code: the server's stable code, or one of ours, such as ``unreachable``.
        detail: what is wrong and what to do.
        status: the HTTP status, or 0 where the server did not answer.
    """

    def __init__(self, code: Code, *, status: int = 0, **values: object) -> None:
        """Take the sentence from the catalogue.

        Args:
            code: an entry of :mod:`xrayscreen.codes`.
            status: the HTTP status, or 0 where the server did not answer.
            values: what the placeholders of the sentence stand for.
        """
        self._set(code.code, code.detail(**values), status)

    def _set(self, code: str, detail: str, status: int) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = status


class RefusedError(ClientError):
    """A refusal of the server, with its own code and sentence."""

    def __init__(self, code: str, detail: str, status: int) -> None:
        self._set(code, detail, status)


class FileError(ClientError):
    """A local file cannot be sent; other files can."""


class StoppedError(Exception):
    """A request was stopped by its caller."""


@dataclass(frozen=True)
class NotSent:
    """A file that was not sent.

    Attributes:
        name: its path within the folder that is screened.
        code: why, for programs.
        detail: why, for people.
    """

    name: str
    code: str
    detail: str

    @classmethod
    def of(cls, name: str, error: ClientError) -> NotSent:
        """Return the entry for a file that an error kept from being sent."""
        return cls(name, error.code, error.detail)
