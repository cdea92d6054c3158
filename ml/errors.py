"""Reasons of films and their codes, and the exceptions of this package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import Formatter
from typing import Any, Literal, Self, TypeVar

Stage = Literal[
    "intake",  # when a file arrives: by its header or, for an archive, by its directory
    "worker",  # while a worker decodes, scores or unpacks it
    "gate",  # the model's gate: it can be decoded, but a score would mean nothing
    "sweep",  # after the process that had it died
    "sender",  # the sender ended it
    "viewer",  # while its pixels are prepared for the viewer; its score is not affected
    "note",  # not an error: it says how a file was dealt with
    "command",  # a command line of `ml`
    "request",  # a request was refused as a whole
    "probe",  # a health probe found a part of the system that does not work
    "start",  # an instance could not start
]


@dataclass(frozen=True)
class Reason:
    """Why a film has no result, or why a request was refused. Also the body of every error answer, as JSON.

    Attributes:
        code: stable identifier for programs, see the catalogues of codes.
        detail: for people: what is wrong and what to do.
    """

    code: str
    detail: str


@dataclass(frozen=True)
class Code:
    """An entry of a catalogue of codes.

    Attributes:
        code: stable identifier for programs, ``snake_case``.
        stage: where it is found.
        sentence: for people: what is wrong and what to do; a template with named placeholders (``str.format``).
        about: the same without placeholders, for the tables of codes in ``docs/``; empty in a further sentence of a
            code, see :meth:`variant`.
        status: HTTP status of the answer; ``None`` for reasons of films.
    """

    code: str
    stage: Stage
    sentence: str
    about: str
    status: int | None = None

    def variant(self, sentence: str, stage: Stage | None = None) -> Self:
        """Return another sentence for the same code, where the stage or what to do differs."""
        return replace(self, sentence=sentence, about="", stage=stage or self.stage)

    def reason(self, **values: object) -> Reason:
        """Return the code with its sentence.

        Args:
            values: what the placeholders stand for; exactly :attr:`placeholders`.
        """
        return Reason(self.code, self.sentence.format(**values))

    @property
    def placeholders(self) -> set[str]:
        """The names of the placeholders in the sentence."""
        return {name for _, name, _, _ in Formatter().parse(self.sentence) if name}


@dataclass(frozen=True)
class FilmCode(Code):
    """The code of a film that ends without a score, or of a file that is no film."""


@dataclass(frozen=True)
class NoteCode(Code):
    """The code of a note: what was put right in a film before it was scored. Its sentence has no placeholders."""


CodeType = TypeVar("CodeType", bound=Code)


def catalogue(names: Mapping[str, Any], kind: type[CodeType]) -> dict[str, CodeType]:
    """Return the entries among the names of a module by their code, in order, without variants.

    Args:
        names: the module's ``globals()``.
        kind: the class of the entries.

    Raises:
        ValueError: when two entries have the same code.
    """
    entries = [entry for entry in names.values() if isinstance(entry, kind) and entry.about]
    found = {entry.code: entry for entry in entries}
    if len(found) < len(entries):
        raise ValueError(f"a code has two entries: {[entry.code for entry in entries]}")
    return found


class CodedError(Exception):
    """An error with a stable code. Base of the errors that people and programs see.

    Attributes:
        code: stable identifier for programs.
        detail: for people: what is wrong and what to do.
        status: HTTP status of the answer; ``None`` for reasons of films.
    """

    def __init__(self, reason: Reason, status: int | None = None) -> None:
        super().__init__(f"{reason.code}: {reason.detail}")
        self.reason = reason
        self.code = reason.code
        self.detail = reason.detail
        self.status = status


class FilmError(CodedError):
    """A film that cannot be scored, for a reason that lies in its own bytes.

    Trying again would fail again: whoever catches it records the reason and goes on with the next film.
    """

    def __init__(self, code: FilmCode, **values: object) -> None:
        """Take the sentence from the catalogue.

        Args:
            code: an entry of :mod:`ml.codes` or :mod:`screening.codes.film_codes`.
            values: what the placeholders of its sentence stand for.
        """
        super().__init__(code.reason(**values))


class BundleError(Exception):
    """A model bundle that is incomplete, damaged or made for another version of this software."""


class DataSetError(Exception):
    """A data set that is missing or has another layout than its publisher's."""
