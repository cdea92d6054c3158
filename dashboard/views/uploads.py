"""Upload of films: one file per request with JavaScript, all files in one form without it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from dashboard.access import posted_text, user_of
from dashboard.errors import wants_json
from dashboard.presentation.script_settings import batch_addresses
from screening.batches import queries
from screening.batches import sample as samples
from screening.batches import services as batches
from screening.codes import request_codes
from screening.errors import ScreeningError
from screening.intake.requests import missing_digests, pair_with_paths, require_files
from screening.intake.services import SKIPPED, add_upload, skipped_upload
from screening.model_versions import model_by_name
from screening.models import Batch, Film
from xrayscreen.helper_files import count_kinds, helper_file_kind


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    """Create a batch from the form without JavaScript, and submit it."""
    files = _files(request)
    kinds = [kind for file, path in files if (kind := helper_file_kind(path or file.name or ""))]
    if len(kinds) == len(files):
        raise ScreeningError(request_codes.ONLY_HELPER_FILES, skipped=", ".join(count_kinds(kinds)))
    batch = _new_batch(request)
    _add_files(request, batch, files)
    return redirect(batches.submit_batch(batch=batch))


@require_POST
def sample(request: HttpRequest) -> HttpResponse:
    """Create a batch with the films of the sample study."""
    return redirect(samples.create_sample_batch(owner=user_of(request)))


@require_POST
def open_batch(request: HttpRequest) -> JsonResponse:
    """Create an empty batch, and return its addresses to the script."""
    batch = _new_batch(request)
    return JsonResponse({"id": str(batch.pk), "name": batch.name, **batch_addresses(batch)}, status=201)


@require_POST
def add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add files to an open batch."""
    batch = queries.batch_for(user_of(request), pk)
    films = _add_files(request, batch, _files(request))
    if wants_json(request):
        return JsonResponse({"films": [_as_json(film) for film in films]}, status=201)
    return redirect(batch)


@require_POST
def missing(request: HttpRequest, pk: UUID) -> JsonResponse:
    """Return which of these files the batch does not have, so that the script sends only them."""
    batch = queries.batch_for(user_of(request), pk)
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):  # the latter where it is nested deeply
        body = None
    hashes = body.get("sha256") if isinstance(body, dict) else None
    return JsonResponse({"missing": missing_digests(batch, hashes)})


@require_POST
def submit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Submit a batch for screening."""
    batch = batches.submit_batch(batch=queries.batch_for(user_of(request), pk))
    if wants_json(request):
        return JsonResponse({"page": batch.get_absolute_url()})
    return redirect(batch)


def _new_batch(request: HttpRequest) -> Batch:
    chosen = posted_text(request, "model")
    model = model_by_name(chosen) if chosen else None
    return batches.create_batch(owner=user_of(request), name=posted_text(request, "name"), model=model)


def _files(request: HttpRequest) -> list[tuple[UploadedFile[Any], str]]:
    return pair_with_paths(require_files(request.FILES.getlist("file")), request.POST.getlist("path"))


def _add_files(request: HttpRequest, batch: Batch, files: Sequence[tuple[UploadedFile[Any], str]]) -> list[Film]:
    """Add files to a batch; return an answer for each, and show on the next page which ones were skipped."""
    films = [
        skipped_upload(batch=batch, file=file, path=path) or add_upload(batch=batch, file=file, path=path)[0]
        for file, path in files
    ]
    kinds = [
        kind
        for film, (file, path) in zip(films, files, strict=True)
        if film.state == SKIPPED and (kind := helper_file_kind(path or file.name or ""))
    ]
    if kinds and not wants_json(request):
        number = f"{len(kinds):,} {'file' if len(kinds) == 1 else 'files'}"
        messages.info(request, f"{number} skipped: {', '.join(count_kinds(kinds))}.")
    return films


def _as_json(film: Film) -> dict[str, str]:
    return {
        "film": str(film.pk or ""),
        "name": film.original_name,
        "state": film.state,
        "code": film.code,
        "reason": film.reason,
    }
