"""The groups of users, and what each may do in the admin.

Anyone who is signed in may upload and sees their own batches; the group ``uploader`` says so and grants nothing more.
Readers need not be staff: ``queries.is_reviewer`` looks at the group. The admin itself lets staff in only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

from screening.accounts.access import REVIEWERS

UPLOADERS, ADMINISTRATORS = "uploader", "admin"

SEEN = ("view_batch", "view_film", "view_review", "view_modelversion", "view_prediction")
MAY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    UPLOADERS: {},
    REVIEWERS: {"screening": ("view_batch", "view_film", "view_review")},
    # All of the admin, but what happened: films, predictions, verdicts and the log are looked at, never changed.
    ADMINISTRATORS: {
        "screening": (*SEEN, "view_goldcase", "view_quota", "change_quota", "add_quota", "view_apitoken",
                      "delete_apitoken"),
        "auth": ("view_user", "add_user", "change_user", "view_group"),
        "admin": ("view_logentry",),
    },
}  # fmt: skip


def assign_permissions(sender: AppConfig, using: str = "default", **signal: Any) -> None:
    """Give each group the permissions it has in an app, after that app was migrated; doing it again adds nothing.

    Permissions that somebody gave a group besides are left alone.
    """
    if not any(sender.label in apps for apps in MAY.values()):
        return
    create_permissions(sender, verbosity=0, using=using)  # Django may only do so after us
    for name, apps in MAY.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        wanted = Permission.objects.using(using).filter(
            content_type__app_label=sender.label, codename__in=apps.get(sender.label, ())
        )
        group.permissions.add(*wanted)
