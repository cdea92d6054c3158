"""The groups: there after every migration, each with what it may do and no more."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from screening.accounts.access import is_reviewer
from screening.accounts.groups import GROUP_PERMISSIONS, assign_permissions
from screening.models import Batch, Film
from tests.screening.factories import done


def client_of(name: str, *groups: str, staff: bool = True) -> Client:
    user = User.objects.create_user(name, password="x", is_staff=staff)
    user.groups.set(Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


def held(group: str) -> set[str]:
    permissions = Permission.objects.filter(group__name=group)
    return {f"{one.content_type.app_label}.{one.codename}" for one in permissions.select_related("content_type")}


@pytest.mark.django_db
@pytest.mark.parametrize("group", GROUP_PERMISSIONS)
def test_a_group_may_what_is_said_and_no_more(group: str) -> None:
    assert held(group) == {f"{app}.{name}" for app, names in GROUP_PERMISSIONS[group].items() for name in names}


@pytest.mark.django_db
def test_migrating_again_changes_nothing_and_puts_back_what_is_missing() -> None:
    before = {group: held(group) for group in GROUP_PERMISSIONS}
    extra = Permission.objects.get(codename="add_group")
    reviewers = Group.objects.get(name="reviewer")
    reviewers.permissions.add(extra)
    reviewers.permissions.remove(Permission.objects.get(codename="view_review"))
    Group.objects.get(name="uploader").delete()
    for _ in range(2):
        for app in apps.get_app_configs():
            assign_permissions(app)
    assert {group: held(group) for group in GROUP_PERMISSIONS} == {
        **before,
        "reviewer": before["reviewer"] | {"auth.add_group"},
    }
    assert Group.objects.count() == len(GROUP_PERMISSIONS)


@pytest.mark.django_db
def test_history_is_nobodys_to_change() -> None:
    for group in GROUP_PERMISSIONS:
        for name in held(group):
            verb, _, what = name.partition(".")[2].partition("_")
            changes = verb in ("add", "change", "delete")
            assert not (changes and what in ("xray", "batch", "prediction", "review", "modelversion", "logentry")), (
                name
            )


def test_a_reviewer_need_not_be_staff(batch: Batch) -> None:
    reader = client_of("reader", "reviewer", staff=False)
    assert is_reviewer(User.objects.get(username="reader"))
    assert reader.get(reverse("reading")).status_code == 200
    assert reader.get(reverse("admin:index")).status_code == 302


def test_an_uploader_sees_no_admin_and_uploads(batch: Batch) -> None:
    sender = client_of("sender", "uploader", staff=False)
    assert sender.get(reverse("admin:index")).status_code == 302
    assert sender.get(reverse("reading")).status_code == 404
    assert sender.post(reverse("batch-open"), {"name": "Mine"}, headers={"Accept": "application/json"}).json()
    assert Batch.objects.filter(name="Mine", owner__username="sender").exists()


LISTS = (
    "screening_film", "screening_batch", "screening_review", "screening_modelversion", "screening_prediction",
    "screening_goldcase", "screening_quota", "screening_apitoken", "auth_user", "auth_group", "admin_logentry",
)  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_an_administrator_sees_every_list(batch: Batch, name: str) -> None:
    done(batch, flags=["positive"], review_state="pending")
    assert client_of("boss", "admin").get(reverse(f"admin:{name}_changelist")).status_code == 200


def test_staff_in_no_group_see_only_what_they_review(batch: Batch) -> None:
    staff = client_of("staff")
    seen = {name for name in LISTS if staff.get(reverse(f"admin:{name}_changelist")).status_code == 200}
    assert seen == {"screening_film", "screening_goldcase"}


def test_an_administrator_changes_no_history(batch: Batch) -> None:
    film = done(batch, flags=["positive"], review_state="pending")
    boss = client_of("boss", "admin")
    for name, pk in (("screening_batch", batch.pk), ("screening_film", film.pk)):
        assert boss.post(reverse(f"admin:{name}_delete", args=[pk]), {"post": "yes"}).status_code == 403
    boss.post(reverse("admin:screening_batch_change", args=[batch.pk]), {"name": "renamed"})
    batch.refresh_from_db()
    assert batch.name == "Ward 3"
    assert Film.objects.filter(pk=film.pk).exists()
