"""Entries of the catalogues of requests, of health probes and of the start."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from ml.errors import Code


@dataclass(frozen=True)
class RequestCode(Code):
    """The code of a refused request; it always has an HTTP status."""

    status: int


@dataclass(frozen=True)
class ProbeCode(Code):
    """The code of a part of the system that does not work; it always has an HTTP status."""

    status: int


@dataclass(frozen=True)
class StartCode(Code):
    """The code of an error that prevents the start of an instance; shown on a terminal, it has no HTTP status."""


def request_code(code: str, status: HTTPStatus, sentence: str, about: str) -> RequestCode:
    """Return an entry for a refused request; the arguments are those of :class:`ml.errors.Code`."""
    return RequestCode(code, "request", sentence, about, status.value)


def probe_code(code: str, sentence: str, about: str) -> ProbeCode:
    """Return an entry for a part that does not work; every probe answers 503 then."""
    return ProbeCode(code, "probe", sentence, about, HTTPStatus.SERVICE_UNAVAILABLE.value)


def start_code(code: str, sentence: str) -> StartCode:
    """Return an entry for an error that prevents the start of an instance; it has no table in ``docs/``."""
    return StartCode(code, "start", sentence, "")
