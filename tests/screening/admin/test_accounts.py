"""Users, their quotas, and tokens in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from screening.accounts import quotas, tokens
from screening.models import ApiToken, Quota

PASSWORD = "a long enough password"


@pytest.fixture
def boss(db: None) -> User:
    """An administrator who is no superuser."""
    user = User.objects.create_user("boss", password=PASSWORD, is_staff=True)
    user.groups.add(Group.objects.get(name="admin"))
    return user


@pytest.fixture
def as_boss(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def form_of(client: Client, user: User, **changes: Any) -> dict[str, Any]:
    """What the user's page would send as it stands, with changes."""
    page = client.get(reverse("admin:auth_user_change", args=[user.pk]))
    assert page.status_code == 200
    form = page.context["adminform"].form
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    values["groups"] = [group.pk for group in user.groups.all()]
    joined = form.instance.date_joined
    values |= {"date_joined_0": joined.date(), "date_joined_1": joined.time(), "last_login_0": "", "last_login_1": ""}
    inline = page.context["inline_admin_formsets"][0].formset
    values |= {f"quota-{name}": value for name, value in inline.management_form.initial.items()}
    values |= {"quota-0-user": user.pk, **changes}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def save(client: Client, user: User, **changes: Any) -> None:
    answer = client.post(reverse("admin:auth_user_change", args=[user.pk]), form_of(client, user, **changes))
    assert answer.status_code == 302, answer.context["errors"]


@pytest.mark.parametrize("known", [False, True])
def test_a_user_gets_limits_of_their_own(as_boss: Client, owner: User, known: bool) -> None:
    if known:
        Quota.objects.create(pk=owner.pk, used_files=7, used_bytes=700, most_bytes=5)
    save(as_boss, owner, **{"quota-0-most_files": "12", "quota-0-most_bytes": ""})
    quota = Quota.objects.get(pk=owner.pk)
    assert (quota.most_files, quota.most_bytes) == (12, None)
    assert (quota.used_files, quota.used_bytes) == ((7, 700) if known else (0, 0))


def test_what_was_used_can_neither_be_typed_nor_lost(as_boss: Client, owner: User, monkeypatch: Any) -> None:
    """A film that is counted while the form is being saved stays counted."""
    Quota.objects.create(pk=owner.pk, used_files=7, used_bytes=700)
    set_limits = quotas.set_limits

    def late(user_id: int, **limits: Any) -> Quota:
        quotas.charge_quota(user_id, 50)
        return set_limits(user_id, **limits)

    monkeypatch.setattr(quotas, "set_limits", late)
    save(as_boss, owner, **{"quota-0-most_files": "12", "quota-0-used_files": "0"})
    quota = Quota.objects.get(pk=owner.pk)
    assert (quota.used_files, quota.used_bytes, quota.most_files) == (8, 750, 12)


def test_limits_are_changed_in_the_list_of_quotas_too(as_boss: Client, owner: User) -> None:
    Quota.objects.create(pk=owner.pk, used_files=7, used_bytes=700)
    page = reverse("admin:screening_quota_change", args=[owner.pk])
    assert "Empty: the deployment" in as_boss.get(page).content.decode()
    assert as_boss.post(page, {"most_files": "3", "used_files": "0"}).status_code == 302
    quota = Quota.objects.get(pk=owner.pk)
    assert (quota.most_files, quota.used_files) == (3, 7)


def test_an_administrator_makes_a_reviewer(as_boss: Client, boss: User, owner: User) -> None:
    reviewers = Group.objects.get(name="reviewer")
    save(as_boss, owner, groups=[reviewers.pk])
    assert list(owner.groups.all()) == [reviewers]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (boss, "owner")


def test_only_a_superuser_makes_superusers(as_boss: Client, owner: User, admin_user: User) -> None:
    save(as_boss, owner, is_superuser="on")
    owner.refresh_from_db()
    assert not owner.is_superuser
    for name in ("change", "password_change"):
        page = reverse(
            "admin:auth_user_change" if name == "change" else "admin:auth_user_password_change", args=[admin_user.pk]
        )
        answer = as_boss.post(page, {"password1": PASSWORD, "password2": PASSWORD, "username": "taken"})
        assert answer.status_code == 403
    admin_user.refresh_from_db()
    assert admin_user.username == "admin"


def test_nobody_is_deleted(admin_client: Client, owner: User) -> None:
    assert admin_client.post(reverse("admin:auth_user_delete", args=[owner.pk]), {"post": "yes"}).status_code == 403


def test_groups_are_a_superusers_to_change(as_boss: Client, admin_client: Client) -> None:
    group = Group.objects.get(name="admin")
    page = reverse("admin:auth_group_change", args=[group.pk])
    as_boss.post(page, {"name": "other"})
    group.refresh_from_db()
    assert group.name == "admin"
    assert admin_client.get(page).status_code == 200


def test_a_token_is_revoked(as_boss: Client, owner: User) -> None:
    token, _ = tokens.create_token(user=owner, name="ward")
    page = as_boss.get(reverse("admin:screening_apitoken_changelist"), {"q": "war"}).content.decode()
    assert "ward" in page
    assert token.digest not in page
    as_boss.post(reverse("admin:screening_apitoken_delete", args=[token.pk]), {"post": "yes"})
    assert not ApiToken.objects.exists()
    assert LogEntry.objects.get().object_repr == "ward"


def test_the_log_is_read_only(admin_client: Client, as_boss: Client, owner: User) -> None:
    save(as_boss, owner, first_name="Olga")
    entry = LogEntry.objects.get()
    assert "Changed First name" in as_boss.get(reverse("admin:admin_logentry_changelist")).content.decode()
    for client in (admin_client, as_boss):
        answer = client.post(reverse("admin:admin_logentry_delete", args=[entry.pk]), {"post": "yes"})
        assert answer.status_code == 403
        assert client.get(reverse("admin:admin_logentry_add")).status_code == 403
