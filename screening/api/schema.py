"""The OpenAPI schema: every operation lists the errors it can answer, from the catalogue of codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from screening.api.serializers import ErrorAnswer
from screening.codes import request_codes
from screening.codes.entries import RequestCode

ANY_OPERATION = (
    request_codes.NOT_AUTHENTICATED,
    request_codes.TOKEN_INVALID,
    request_codes.NOT_ACCEPTABLE,
    request_codes.HOST_UNKNOWN,
    request_codes.DATABASE_AWAY,
    request_codes.REQUEST_TOO_SLOW,
    request_codes.HEADER_TOO_LARGE,
)
WRITES = (request_codes.PERMISSION_DENIED, request_codes.CSRF_ORIGIN)
WITH_ID = (request_codes.NOT_FOUND,)
WITH_BODY = (
    request_codes.PARSE_ERROR,
    request_codes.UNSUPPORTED_MEDIA_TYPE,
    request_codes.NOT_UNDERSTOOD,
    request_codes.BODY_TOO_LARGE,
    request_codes.BODY_BROKEN_OFF,
)

Method = TypeVar("Method", bound=Callable[..., Any])


def answers_errors(*codes: RequestCode) -> Callable[[Method], Method]:
    """Name the errors that this method of a view answers, beside those that any operation can answer."""

    def mark(method: Method) -> Method:
        method.error_codes = codes  # type: ignore[attr-defined]  # read below
        return method

    return mark


class ErrorSchema(AutoSchema):
    """The schema of an operation with its error answers."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if direction == "response":
            for status, codes in sorted(_by_status(self._error_codes()).items()):
                answer = OpenApiResponse(ErrorAnswer, description=_description(codes))
                body = self._get_response_for_code(answer, str(status), ["application/json"])  # type: ignore[no-untyped-call]
                bodies[str(status)] = body
        return bodies

    def _error_codes(self) -> list[RequestCode]:
        codes = [*ANY_OPERATION, *getattr(getattr(self.view, self.method.lower()), "error_codes", ())]
        if "{" in self.path:
            codes += WITH_ID
        if self.method != "GET":
            codes += WRITES
            if self.get_request_serializer() is not None:
                codes += WITH_BODY
        return codes


def _by_status(codes: Iterable[RequestCode]) -> dict[int, list[RequestCode]]:
    grouped: dict[int, list[RequestCode]] = {}
    for code in codes:
        grouped.setdefault(code.status, []).append(code)
    return grouped


def _description(codes: Iterable[RequestCode]) -> str:
    return "\n".join(f"* `{code.code}` - {code.about}" for code in codes)
