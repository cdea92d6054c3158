"""Sending films. With JavaScript one file a request; without it, all of them in one form."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.access import text_of, user_of
from dashboard.errors import wants_json
from screening.batches import queries
from screening.batches import sample as samples
from screening.batches import services as batches
from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.intake.requests import missing_digests, pair_with_paths
from screening.intake.services import add_upload
from screening.model_versions import model_by_name
from screening.models import Batch, Film

# What the script does with a batch, and the addresses for it.
PLACES = {
    "page": "batch",
    "progress": "batch-progress",
    "files": "batch-add",
    "missing": "batch-missing",
    "submit": "batch-submit",
    "cancel": "batch-cancel",
}


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """The plain form: make a batch of all its files and hand it to the workers."""
    files = _files(request)
    batch = _new_batch(request)
    for file, path in files:
        add_upload(batch=batch, file=file, path=path)
    return redirect(batches.submit_batch(batch=batch))


@require_POST
def sample(request: HttpRequest) -> HttpResponse:
    """The sample study, sent for who has no films at hand."""
    return redirect(samples.create_sample_batch(owner=user_of(request)))


@require_POST
def open_batch(request: HttpRequest) -> JsonResponse:
    """For the script: make an empty batch and say where its files go."""
    batch = _new_batch(request)
    places = {name: reverse(route, args=[batch.pk]) for name, route in PLACES.items()}
    return JsonResponse({"id": str(batch.pk), "name": batch.name, **places}, status=201)


@require_POST
def add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add files to a batch that is still open."""
    batch = queries.batch_for(user_of(request), pk)
    films = [add_upload(batch=batch, file=file, path=path)[0] for file, path in _files(request)]
    if wants_json(request):
        return JsonResponse({"films": [_as_json(film) for film in films]}, status=201)
    return redirect(batch)


@require_POST
def missing(request: HttpRequest, pk: UUID) -> JsonResponse:
    """For the script: which of these files the batch does not have yet, so that only they are sent."""
    batch = queries.batch_for(user_of(request), pk)
    try:
        asked = json.loads(request.body)
    except ValueError:
        asked = None
    hashes = asked.get("sha256") if isinstance(asked, dict) else None
    return JsonResponse({"missing": missing_digests(batch, hashes)})


@require_POST
def submit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand a batch to the workers."""
    batch = batches.submit_batch(batch=queries.batch_for(user_of(request), pk))
    if wants_json(request):
        return JsonResponse({"page": batch.get_absolute_url()})
    return redirect(batch)


def _new_batch(request: HttpRequest) -> Batch:
    chosen = text_of(request, "model")
    model = model_by_name(chosen) if chosen else None
    return batches.create_batch(owner=user_of(request), name=text_of(request, "name"), model=model)


def _files(request: HttpRequest) -> list[tuple[UploadedFile[Any], str]]:
    files = request.FILES.getlist("file")
    if not files:
        raise ScreeningError(request_codes.NO_FILE)
    return pair_with_paths(files, request.POST.getlist("path"))


def _as_json(film: Film) -> dict[str, str]:
    return {
        "film": str(film.pk),
        "name": film.original_name,
        "state": film.state,
        "code": film.code,
        "reason": film.reason,
    }
