"""Entries of the catalogues of requests and of health probes."""

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


def request_code(code: str, status: HTTPStatus, sentence: str, about: str) -> RequestCode:
    """Return an entry for a refused request; the arguments are those of :class:`ml.errors.Code`."""
    return RequestCode(code, "request", sentence, about, status.value)


def probe_code(code: str, sentence: str, about: str) -> ProbeCode:
    """Return an entry for a part that does not work; every probe answers 503 then."""
    return ProbeCode(code, "probe", sentence, about, HTTPStatus.SERVICE_UNAVAILABLE.value)
