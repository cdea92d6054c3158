"""Helper files at each way into the server: they are skipped and counted, and have no row."""

from __future__ import annotations

from io import BytesIO

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.test import APIClient

from ml.phantom.film import PhantomSpec, png_bytes
from screening.intake.filenames import clean_path
from screening.intake.zip import archive
from screening.intake.zip.members import ZipLimits
from screening.models import Batch, Film
from tests.screening.zips import zip_of

LIMITS = ZipLimits(file_bytes=1 << 22, members=100, unpacked_bytes=1 << 24, ratio=200)
FILM = png_bytes(PhantomSpec(height=96, width=96, seed=7))
NAS = {
    "Ward 3/film.png": b"film",
    "Ward 3/@eaDir/film.png/SYNOPHOTO_THUMB_XL.jpg": b"preview",
    "Ward 3/@eaDir/film.png/SYNOPHOTO_THUMB_M.jpg": b"preview 2",
    "Ward 3/.@__thumb/s800film.png": b"preview 3",
    "$RECYCLE.BIN/S-1-5-21/$R1.png": b"deleted",
    "Ward 3/my Thumbs.db.png": b"film 2",
}


def test_a_zip_of_a_nas_folder_has_only_the_films() -> None:
    first, *films = archive.iter_members(BytesIO(zip_of(NAS)), LIMITS, row_name=clean_path)
    assert first.skipped == ("1 × $RECYCLE.BIN", "1 × .@__thumb", "2 × @eaDir")
    assert [film.path for film in films] == ["Ward 3/film.png", "Ward 3/my Thumbs.db.png"]


def test_the_api_answers_each_file_and_stores_only_films(api: APIClient, batch: Batch) -> None:
    files = [SimpleUploadedFile(path.rsplit("/")[-1], FILM + data) for path, data in NAS.items()]
    answer = api.post(
        reverse("api:batch-files", args=[batch.pk]), {"file": files, "path": list(NAS)}, format="multipart"
    )
    assert answer.status_code == 201
    assert [(film["file"], film["state"]) for film in answer.json()] == [
        (path, "queued" if data.startswith(b"film") else "skipped") for path, data in NAS.items()
    ]
    skipped = answer.json()[1]
    assert (skipped["id"], skipped["code"]) == (None, "helper_file")
    assert "@eaDir" in skipped["reason"]
    assert set(Film.objects.values_list("original_name", flat=True)) == {"Ward 3/film.png", "Ward 3/my Thumbs.db.png"}


def test_a_single_helper_file_is_skipped_by_its_name(api: APIClient, batch: Batch) -> None:
    answer = api.post(
        reverse("api:batch-files", args=[batch.pk]),
        {"file": SimpleUploadedFile("Thumbs.db", b"x")},
        format="multipart",
    )
    assert [film["state"] for film in answer.json()] == ["skipped"]
    assert not Film.objects.exists()
