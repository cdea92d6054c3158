"""Parsers of the bodies of requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, DataAndFiles, JSONParser

from screening.intake.upload_form import parse_upload_form


class BoundedJsonParser(JSONParser):
    """Parser of JSON that refuses what is nested too deeply, instead of failing."""

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value of a body.

        Raises:
            ParseError: it is no JSON.
        """
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("it is nested too deeply") from error


class UploadParser(BaseParser):
    """Parser of multipart forms whose names may have any encoding, see :mod:`screening.intake.upload_form`."""

    media_type = "multipart/form-data"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles[Any, Any]:
        """Return the fields and files of a request.

        Raises:
            ScreeningError: ``not_understood`` or ``storage_failed``.
        """
        request = (parser_context or {})["request"]
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        fields, files = parse_upload_form(media_type or "", length, stream.read, request.upload_handlers)
        return DataAndFiles(fields, files)
