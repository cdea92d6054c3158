"""Errors of the client, each with a stable code for programs and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass


class ClientError(Exception):
    """An error of a request: the server refused it, or could not be reached.

    Attributes:
        code: the server's stable code, or one of ours, such as ``unreachable``.
        sentence: what is wrong and what to do.
        status: the HTTP status, or 0 where the server did not answer.
    """

    def __init__(self, code: str, sentence: str, status: int = 0) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.status = status


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
        sentence: why, for people.
    """

    name: str
    code: str
    sentence: str
