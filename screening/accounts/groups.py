"""Groups of users and their permissions in the admin.

Any signed-in user may upload films and sees their own batches; the group ``uploader`` grants nothing more.
Readers need not be staff: ``access.is_reviewer`` checks the group. The admin itself lets staff in only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

from screening.accounts.access import REVIEWER_GROUP

UPLOADER_GROUP, ADMIN_GROUP = "uploader", "admin"

VIEW_PERMISSIONS = ("view_batch", "view_film", "view_review", "view_modelversion", "view_prediction")
GROUP_PERMISSIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    UPLOADER_GROUP: {},
    REVIEWER_GROUP: {"screening": ("view_batch", "view_film", "view_review")},
    # Films, predictions, verdicts and the log are a record of what happened: they may be viewed, not changed.
    ADMIN_GROUP: {
        "screening": (*VIEW_PERMISSIONS, "view_goldcase", "view_quota", "change_quota", "add_quota", "view_apitoken",
                      "delete_apitoken"),
        "auth": ("view_user", "add_user", "change_user", "view_group"),
        "admin": ("view_logentry",),
    },
}  # fmt: skip


def assign_permissions(sender: AppConfig, using: str = "default", **signal: Any) -> None:
    """Grant each group its permissions in an app after the app was migrated; repeating it changes nothing.

    Further permissions that somebody granted a group are kept.
    """
    if not any(sender.label in apps for apps in GROUP_PERMISSIONS.values()):
        return
    create_permissions(sender, verbosity=0, using=using)  # Django's own handler may run after this one
    for name, apps in GROUP_PERMISSIONS.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        wanted = Permission.objects.using(using).filter(
            content_type__app_label=sender.label, codename__in=apps.get(sender.label, ())
        )
        group.permissions.add(*wanted)
