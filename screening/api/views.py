"""Views of the REST API. They read through ``queries`` and write through ``services``."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from screening.api import exports, serializers
from screening.api.pagination import Pages
from screening.api.parsers import UploadParser
from screening.api.schema import answers_errors
from screening.batches import counts, queries
from screening.batches import services as batches
from screening.codes import batch_codes, request_codes
from screening.intake.limits import upload_limits_of
from screening.intake.requests import missing_digests, pair_with_paths, require_files
from screening.intake.services import add_upload, skipped_upload
from screening.model_versions import model_by_name, model_versions
from screening.models import Batch, Film, ModelVersion

STATE = OpenApiParameter("state", enum=Film.State.values)
DECISION = OpenApiParameter("decision", enum=Film.Decision.values)
SORT = OpenApiParameter("sort", enum=list(queries.SORT_ORDERS))
BAR = OpenApiParameter("bar", enum=queries.BARS, description="of the histogram of scores, from 0")
FILTERS = [STATE, DECISION, BAR, SORT]
PAGING = [OpenApiParameter("page", int), OpenApiParameter("page_size", int)]


def _user(request: Request) -> User:
    return cast(User, request.user)


def _filters_of(request: Request) -> dict[str, str]:
    """Return the filter and order of a list or an export."""
    given = {name: request.query_params.get(name, "") for name in ("state", "decision", "bar", "sort")}
    return {name: value for name, value in given.items() if value}


class _Paged(APIView):
    """A view that returns one page of a list."""

    def page(
        self, request: Request, rows: QuerySet[Any], serializer: type[BaseSerializer[Any]], count: int | None = None
    ) -> Response:
        """Return the requested page; rows are counted if ``count`` is not given."""
        paginator = Pages(count)
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(serializer(page, many=True).data)


class BatchList(_Paged):
    """The user's batches."""

    @extend_schema(parameters=PAGING, responses=serializers.BatchSummary(many=True))
    @answers_errors(request_codes.NOT_FOUND)
    def get(self, request: Request) -> Response:
        """List my batches, newest first."""
        rows = Batch.objects.filter(owner=_user(request)).select_related("model").defer("model__card")
        return self.page(request, rows, serializers.BatchSummary)

    @extend_schema(request=serializers.NewBatch, responses={201: serializers.BatchStatus})
    @answers_errors(
        request_codes.INVALID,
        batch_codes.NAME_MISSING,
        batch_codes.NAME_TOO_LONG,
        batch_codes.MODEL_UNKNOWN,
        batch_codes.NO_MODEL,
        batch_codes.QUOTA_OPEN_BATCHES,
    )
    def post(self, request: Request) -> Response:
        """Open a batch; add files to it, then submit it."""
        wanted = serializers.NewBatch(data=request.data)
        wanted.is_valid(raise_exception=True)
        fields = wanted.validated_data
        model = model_by_name(fields["model"]) if fields.get("model") else None
        batch = batches.create_batch(owner=_user(request), name=fields["name"], model=model)
        return Response(serializers.BatchStatus(batch).data, status.HTTP_201_CREATED)


class BatchDetail(APIView):
    """One batch."""

    @extend_schema(responses=serializers.BatchStatus)
    def get(self, request: Request, pk: str) -> Response:
        """Return state and counts; poll this."""
        return Response(serializers.BatchStatus(queries.batch_for(_user(request), pk)).data)


class BatchFiles(APIView):
    """Files of a batch."""

    parser_classes = (UploadParser, FormParser)

    @extend_schema(
        request={"multipart/form-data": serializers.Files}, responses={201: serializers.SentFileSerializer(many=True)}
    )
    @answers_errors(
        request_codes.NO_FILE,
        request_codes.NOT_UNDERSTOOD,
        request_codes.TOO_MANY_FILES,
        request_codes.PATHS_UNEQUAL,
        request_codes.SERVER_BUSY,
        request_codes.STORAGE_FAILED,
        batch_codes.BATCH_SUBMITTED,
        batch_codes.BATCH_CANCELLED,
        batch_codes.QUOTA_FILES,
        batch_codes.QUOTA_BYTES,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Add one or more files in fields named ``file``; each is QUEUED or REJECTED with its reason.

        For files of a folder, fields named ``path`` may hold each file's path in the folder. A file sent again
        under the same name returns the existing film. A helper file of an operating system (``Thumbs.db``, a file
        below ``@eaDir``) and a hidden file have the state ``skipped``, no ``id`` and no row.
        """
        batch = queries.batch_for(_user(request), pk)
        files = pair_with_paths(require_files(request.FILES.getlist("file")), request.POST.getlist("path"))
        films = [
            skipped_upload(batch=batch, file=file, path=path) or add_upload(batch=batch, file=file, path=path)[0]
            for file, path in files
        ]
        return Response(serializers.SentFileSerializer(films, many=True).data, status.HTTP_201_CREATED)


class BatchMissing(APIView):
    """Files that a batch does not have yet."""

    @extend_schema(request=serializers.Hashes, responses=serializers.Missing)
    @answers_errors(request_codes.HASHES_INVALID, request_codes.TOO_MANY_HASHES)
    def post(self, request: Request, pk: str) -> Response:
        """List the files that a batch does not have yet, to resume an interrupted upload.

        A file with a row in any state, also rejected, is not missing.
        """
        batch = queries.batch_for(_user(request), pk)
        asked = request.data.get("sha256") if isinstance(request.data, dict) else None
        return Response({"missing": missing_digests(batch, asked)})


class BatchSubmit(APIView):
    """Submission of a batch."""

    @extend_schema(request=None, responses=serializers.BatchStatus)
    @answers_errors(batch_codes.BATCH_EMPTY, batch_codes.BATCH_CANCELLED)
    def post(self, request: Request, pk: str) -> Response:
        """Submit the batch to the workers. A repeated request changes nothing."""
        batch = batches.submit_batch(batch=queries.batch_for(_user(request), pk))
        return Response(serializers.BatchStatus(batch).data)


class BatchCancel(APIView):
    """Cancellation of a batch."""

    @extend_schema(request=None, responses=serializers.BatchStatus)
    @answers_errors(batch_codes.BATCH_FINISHED)
    def post(self, request: Request, pk: str) -> Response:
        """Cancel the films that still wait; running films are finished.

        A finished batch is refused: ``batch_finished``.
        """
        batch = batches.cancel_batch(batch=queries.batch_for(_user(request), pk))
        return Response(serializers.BatchStatus(batch).data)


class BatchFilms(_Paged):
    """The films of a batch."""

    @extend_schema(parameters=[*FILTERS, *PAGING], responses=serializers.FilmSerializer(many=True))
    @answers_errors(batch_codes.FILTER_UNKNOWN)
    def get(self, request: Request, pk: str) -> Response:
        """List films with their results, filtered and sorted."""
        wanted = _filters_of(request)
        batch = queries.batch_for(_user(request), pk)
        rows = queries.films_of(batch, **wanted)
        filters = {name: value for name, value in wanted.items() if name != "sort"}
        return self.page(request, rows, serializers.FilmSerializer, counts.count_films(batch.pk, **filters))


class BatchCsv(APIView):
    """The CSV export."""

    @extend_schema(parameters=FILTERS, responses={(200, "text/csv"): OpenApiTypes.STR})
    @answers_errors(batch_codes.FILTER_UNKNOWN)
    def get(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Export every film of the batch, or those of a filter, one row each."""
        batch = queries.batch_for(_user(request), pk)
        return exports.stream_csv(batch, queries.films_of(batch, **_filters_of(request)))


class BatchJson(APIView):
    """The JSON export."""

    @extend_schema(parameters=FILTERS, responses={(200, "application/json"): OpenApiTypes.OBJECT})
    @answers_errors(batch_codes.FILTER_UNKNOWN)
    def get(self, request: Request, pk: str) -> StreamingHttpResponse:
        """Export every film of the batch, or those of a filter, in one object."""
        batch = queries.batch_for(_user(request), pk)
        return exports.stream_json(batch, queries.films_of(batch, **_filters_of(request)))


class FilmDetail(APIView):
    """One film."""

    @extend_schema(responses=serializers.FilmSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """Return a film with its state and reason."""
        return Response(serializers.FilmSerializer(queries.film_for(_user(request), pk)).data)


class LimitsDetail(APIView):
    """The limits."""

    @extend_schema(responses=serializers.Limits)
    def get(self, request: Request) -> Response:
        """Return the limits of intake and what is left of the user's quota."""
        return Response(serializers.Limits(upload_limits_of(_user(request))).data)


class ModelList(APIView):
    """The models."""

    @extend_schema(responses=serializers.Model(many=True))
    def get(self, request: Request) -> Response:
        """List the model versions with their cards: evaluation data, performance, limits of use."""
        versions: list[ModelVersion] = list(model_versions())
        return Response(serializers.Model(versions, many=True).data)
