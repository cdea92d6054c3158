"""What a user may send: counted with the row, refused with a sentence, and the same after a crash."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connections
from django.test import Client

from ml.phantom.film import PhantomSpec, png_bytes
from screening.accounts import quotas
from screening.accounts.queries import quota_of
from screening.batches import services as batches
from screening.errors import ScreeningError
from screening.intake.services import add_file
from screening.integrity.checks import find_violations
from screening.integrity.violations import CheckedCounts
from screening.models import Batch, Film, Quota


def owners_quota(batch: Batch) -> Quota:
    return quota_of(batch.owner_id)


def test_every_row_is_counted_and_every_kept_byte(batch: Batch, png: bytes) -> None:
    film, _ = add_file(batch=batch, name="a.png", data=png)
    add_file(batch=batch, name="a.png", data=png)  # a retry
    add_file(batch=batch, name="b.png", data=png)  # a duplicate
    add_file(batch=batch, name="c.txt", data=b"no film")
    assert (owners_quota(batch).used_files, owners_quota(batch).used_bytes) == (3, film.kept_bytes)
    assert list(find_violations(CheckedCounts())) == []


@pytest.mark.parametrize(("field", "most", "code"), [("files", 1, "quota_files"), ("bytes", 100, "quota_bytes")])
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    batch: Batch, png: bytes, jpeg: bytes, settings: Any, field: str, most: int, code: str
) -> None:
    setattr(settings, f"QUOTA_{field.upper()}", most)
    if field == "files":
        add_file(batch=batch, name="a.png", data=png)
    with pytest.raises(ScreeningError) as refused:
        add_file(batch=batch, name="b.jpg", data=jpeg)
    assert (refused.value.code, refused.value.status) == (code, 403)
    assert batch.films.filter(original_name="b.jpg").count() == 0
    assert list(find_violations(CheckedCounts())) == []


def test_a_users_own_limit_goes_before_the_deployments(batch: Batch, png: bytes, settings: Any) -> None:
    settings.QUOTA_FILES = 0
    Quota.objects.create(user=batch.owner, most_files=1)
    assert add_file(batch=batch, name="a.png", data=png)[1]
    assert owners_quota(batch).files_left == 0


def test_unfinished_batches_are_bounded(batch: Batch, settings: Any) -> None:
    settings.QUOTA_OPEN_BATCHES = 1
    with pytest.raises(ScreeningError, match="quota_open_batches"):
        batches.create_batch(owner=batch.owner, name="another")
    batches.cancel_batch(batch=batch)
    assert batches.create_batch(owner=batch.owner, name="another").pk


@pytest.mark.django_db(transaction=True)
def test_uploads_side_by_side_never_pass_the_limit(batch: Batch, settings: Any) -> None:
    settings.QUOTA_FILES = 5
    films = [png_bytes(PhantomSpec(height=64, width=64, seed=seed)) for seed in range(12)]

    def send(number: int) -> bool:
        try:
            return add_file(batch=batch, name=f"{number}.png", data=films[number])[1]
        except ScreeningError as error:
            return error.code != "quota_files"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send, range(12))) == 5
    assert batch.films.count() == owners_quota(batch).used_files == 5
    assert list(find_violations(CheckedCounts())) == []


def test_a_wrong_count_is_reported_and_put_right(batch: Batch, png: bytes) -> None:
    add_file(batch=batch, name="a.png", data=png)
    Quota.objects.update(used_files=7)
    assert [violation.code for violation in find_violations(CheckedCounts())] == ["quota_differs"]
    quotas.recount_usage()
    assert list(find_violations(CheckedCounts())) == []


def test_the_bytes_as_sent_are_kept_only_where_the_deployment_says_so(
    batch: Batch, png: bytes, jpeg: bytes, settings: Any
) -> None:
    gone, _ = add_file(batch=batch, name="a.png", data=png)
    assert not gone.as_sent
    assert not default_storage.exists(gone.storage_name("as-sent"))
    settings.KEEP_ORIGINALS = True
    kept, _ = add_file(batch=batch, name="b.jpg", data=jpeg)
    with default_storage.open(kept.storage_name("as-sent")) as file:
        assert file.read() == jpeg
    assert Film.objects.get(pk=kept.pk).as_sent
    assert list(find_violations(CheckedCounts())) == []


def test_what_is_left_is_shown_before_anything_is_sent(batch: Batch, client: Client, settings: Any) -> None:
    settings.QUOTA_FILES = 4321
    client.force_login(batch.owner)
    assert client.get("/").context["quota"].files_left == 4321
    answer = client.get("/api/v1/limits").json()
    assert answer["quota"]["files_left"] == 4321
    assert answer["max_file_bytes"] == settings.MAX_FILE_BYTES
