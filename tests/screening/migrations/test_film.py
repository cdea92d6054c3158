"""The rename of the films' model keeps the rows, and what groups and users were granted on them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType

from screening.models import Batch
from tests.screening.migrations.steps import insert_film, migrate, migrate_to_latest

BEFORE, AFTER = [("screening", "0010_intake")], [("screening", "0011_film")]


@pytest.fixture
def version_0_1(transactional_db: None) -> Iterator[None]:
    """The database before the rename, with the permissions that version 0.1 made."""
    migrate(BEFORE)
    ContentType.objects.filter(app_label="screening", model="film").update(model="xray")
    yield
    migrate_to_latest()
    ContentType.objects.filter(app_label="screening", model="xray").update(model="film")
    ContentType.objects.clear_cache()


def codenames(holder: Group | User) -> set[str]:
    held = holder.permissions if isinstance(holder, Group) else holder.user_permissions
    return set(held.values_list("codename", flat=True))


@pytest.mark.usefixtures("version_0_1")
def test_what_was_granted_stays_granted_in_both_directions(batch: Batch) -> None:
    of_films = Permission.objects.filter(content_type__app_label="screening", content_type__model="xray")
    assert set(of_films.values_list("codename", flat=True)) == {
        "add_xray", "change_xray", "delete_xray", "view_xray",
    }  # fmt: skip
    group = Group.objects.create(name="film readers")
    group.permissions.add(of_films.get(codename="view_xray"))
    user = User.objects.create(username="one reader")
    user.user_permissions.add(of_films.get(codename="change_xray"))
    stored = insert_film(BEFORE, "xray", batch, 1, original_name="a.png")

    migrate(AFTER)
    assert (codenames(group), codenames(user)) == ({"view_film"}, {"change_film"})
    assert list(batch.films.values_list("pk", flat=True)) == [stored]
    migrate(BEFORE)
    assert (codenames(group), codenames(user)) == ({"view_xray"}, {"change_xray"})
    assert list(batch.films.values_list("pk", flat=True)) == [stored]
