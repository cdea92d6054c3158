"""Refusals of requests, each with a stable code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from ml.errors import CodedError, Reason
from screening.codes.batch_codes import FILTER_UNKNOWN
from screening.codes.entries import RequestCode
from screening.codes.request_codes import NOT_FOUND


class ScreeningError(CodedError):
    """A request that the system refuses."""

    status: int

    def __init__(self, code: RequestCode, **values: object) -> None:
        """Take the sentence and the status from the catalogue.

        Args:
            code: an entry of :mod:`screening.codes`.
            values: what the placeholders of its sentence stand for.
        """
        super().__init__(code.reason(**values), code.status)


class NotFoundError(ScreeningError):
    """Missing, or somebody else's: the two look the same."""

    def __init__(self, what: str) -> None:
        super().__init__(NOT_FOUND, what=what)


class NotRenderedError(ScreeningError):
    """The pixels of a film cannot be shown, for the film's own reason."""

    def __init__(self, reason: Reason) -> None:
        CodedError.__init__(self, reason, HTTPStatus.UNPROCESSABLE_ENTITY.value)


def unknown_choice(name: str, value: str, choices: Iterable[str]) -> ScreeningError:
    """Return the error for a filter or an order that does not exist."""
    return ScreeningError(FILTER_UNKNOWN, name=name, value=value, choices=", ".join(choices))
