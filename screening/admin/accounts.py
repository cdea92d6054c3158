"""Users with their quotas, groups, and the keys of programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from screening.accounts import quotas
from screening.admin.base import BoundedAdmin, ReadOnlyAdmin
from screening.models import ApiToken, Quota

if TYPE_CHECKING:  # generic for the type checker, plain classes when run
    _ModelForm = ModelForm[Quota]
    _Inline = admin.StackedInline[Quota, User]
    _UserAdmin = UserAdmin[User]
else:
    _ModelForm, _Inline, _UserAdmin = ModelForm, admin.StackedInline, UserAdmin

USED = ("used_files", "used_bytes")
POWERS = ("is_superuser", "user_permissions")  # which nobody gives but who has all of them


class QuotaForm(_ModelForm):
    """A user's own limits. What they have used is counted elsewhere, perhaps at this very moment."""

    class Meta:
        model = Quota
        fields = quotas.LIMITS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, usual in quotas.usual_limits().items():
            if name in self.fields:
                self.fields[name].help_text = f"Empty: the deployment's, {usual:,}."

    def save(self, commit: bool = True) -> Quota:
        """Write the limits and nothing else."""
        return _with_limits(super().save(commit=False)) if commit else super().save(commit=False)


class QuotaInline(_Inline):
    """On the user's page."""

    model = Quota
    form = QuotaForm
    fields = (USED, quotas.LIMITS)
    readonly_fields = USED
    can_delete = False
    verbose_name_plural = "quota"


@admin.register(Quota)
class QuotaAdmin(BoundedAdmin):
    """What everybody has sent, the largest first, and what they may."""

    form = QuotaForm
    list_display = ("user", "used_files", "files_allowed", "used", "allowed", "batches_allowed")
    list_select_related = ("user",)
    search_fields = ("user__username__istartswith",)
    search_help_text = "The beginning of a user's name."
    fields = ("user", *USED, *quotas.LIMITS)
    readonly_fields = ("user", *USED)
    ordering = ("-used_bytes",)

    @admin.display(description="used", ordering="used_bytes")
    def used(self, quota: Quota) -> str:
        """Bytes, readable."""
        return filesizeformat(quota.used_bytes)

    @admin.display(description="allowed")
    def allowed(self, quota: Quota) -> str:
        """Bytes, readable."""
        return filesizeformat(quota.bytes_allowed)

    def save_model(self, request: HttpRequest, obj: Quota, form: Any, change: bool) -> None:
        """Write the limits and nothing else."""
        _with_limits(obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Limits are given on the user's page; a row is made with the first file."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was used stays used."""
        return False


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PeopleAdmin(_UserAdmin):
    """Users. They are made inactive, never deleted: batches, verdicts and the audit log name them."""

    list_display = ("username", "email", "in_groups", "is_staff", "is_active", "last_login", "films_sent")
    list_filter = ("groups", "is_staff", "is_active")
    inlines = (QuotaInline,)
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With groups and quotas, by one query each."""
        return super().get_queryset(request).select_related("quota").prefetch_related("groups")

    @admin.display(description="groups")
    def in_groups(self, user: User) -> str:
        """Their names."""
        return ", ".join(group.name for group in user.groups.all())

    @admin.display(description="films sent", ordering="quota__used_files")
    def films_sent(self, user: User) -> int:
        """Refused ones among them."""
        return user.quota.used_files if hasattr(user, "quota") else 0

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only a superuser makes superusers."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if _all_powerful(request) else (*fields, *POWERS)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Who is only just being made has no quota yet."""
        return self.inlines if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody but a superuser changes one, nor their password."""
        above = obj is not None and obj.is_superuser and not _all_powerful(request)
        return not above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is lost."""
        return False


@admin.register(Group)
class GroupsAdmin(GroupAdmin):
    """Groups. What the project's own may do is restored by every ``migrate``, see ``screening.accounts.groups``."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever changes what a group may do may give it everything."""
        return _all_powerful(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As above."""
        return _all_powerful(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """As above."""
        return _all_powerful(request)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens; who may may revoke them. Nobody can read one."""

    list_display = ("name", "user", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name__istartswith", "user__username__iexact")
    search_help_text = "The beginning of a token's name, or a user's whole name."
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoking is deleting."""
        return request.user.has_perm("screening.delete_apitoken")


def _with_limits(quota: Quota) -> Quota:
    return quotas.set_limits(quota.pk, **{name: getattr(quota, name) for name in quotas.LIMITS})


def _all_powerful(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
