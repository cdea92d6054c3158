"""Sending films. With JavaScript one file a request; without it, all of them in one form."""

from __future__ import annotations

from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.access import text_of, user_of
from dashboard.errors import wants_json
from screening import queries
from screening.errors import ScreeningError
from screening.models import Batch, XRay
from screening.services import batches


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """The plain form: make a batch of all its files and hand it to the workers."""
    files = _files(request)
    batch = _new_batch(request)
    for file in files:
        batches.add_upload(batch=batch, file=file)
    return redirect(batches.submit(batch=batch))


@require_POST
def open_batch(request: HttpRequest) -> JsonResponse:
    """For the script: make an empty batch and say where its files go."""
    batch = _new_batch(request)
    return JsonResponse(
        {
            "page": batch.get_absolute_url(),
            "files": reverse("batch-add", args=[batch.pk]),
            "submit": reverse("batch-submit", args=[batch.pk]),
        },
        status=201,
    )


@require_POST
def add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add files to a batch that is still open."""
    batch = queries.batch_for(user_of(request), pk)
    films = [batches.add_upload(batch=batch, file=file)[0] for file in _files(request)]
    if wants_json(request):
        return JsonResponse({"films": [_as_json(film) for film in films]}, status=201)
    return redirect(batch)


@require_POST
def submit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand a batch to the workers."""
    batch = batches.submit(batch=queries.batch_for(user_of(request), pk))
    if wants_json(request):
        return JsonResponse({"page": batch.get_absolute_url()})
    return redirect(batch)


def _new_batch(request: HttpRequest) -> Batch:
    chosen = text_of(request, "model")
    model = queries.model_by_name(chosen) if chosen else None
    return batches.create_batch(owner=user_of(request), name=text_of(request, "name"), model=model)


def _files(request: HttpRequest) -> list[UploadedFile[bytes]]:
    files = request.FILES.getlist("file")
    if not files:
        raise ScreeningError("no_file", "Choose at least one file, then send it.", 400)
    return files


def _as_json(film: XRay) -> dict[str, str]:
    return {
        "film": str(film.pk),
        "name": film.original_name,
        "state": film.state,
        "code": film.code,
        "reason": film.reason,
    }
