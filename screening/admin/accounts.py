"""Admin of users with their quotas, groups and API tokens."""

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

USAGE_FIELDS = ("used_files", "used_bytes")
SUPERUSER_FIELDS = ("is_superuser", "user_permissions")  # only a superuser may set these


class QuotaForm(_ModelForm):
    """A form for a user's own limits. It never writes usage, which an upload may change at the same time."""

    class Meta:
        model = Quota
        fields = quotas.LIMITS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, usual in quotas.default_limits().items():
            if name in self.fields:
                self.fields[name].help_text = f"Empty: the deployment's, {usual:,}."

    def save(self, commit: bool = True) -> Quota:
        """Write the limits and nothing else."""
        return _save_limits(super().save(commit=False)) if commit else super().save(commit=False)


class QuotaInline(_Inline):
    """A user's quota on the user's page."""

    model = Quota
    form = QuotaForm
    fields = (USAGE_FIELDS, quotas.LIMITS)
    readonly_fields = USAGE_FIELDS
    can_delete = False
    verbose_name_plural = "quota"


@admin.register(Quota)
class QuotaAdmin(BoundedAdmin):
    """Quotas of all users, the largest usage first."""

    form = QuotaForm
    list_display = ("user", "used_files", "files_allowed", "used", "allowed", "batches_allowed")
    list_select_related = ("user",)
    search_fields = ("user__username__istartswith",)
    search_help_text = "The beginning of a user's name."
    fields = ("user", *USAGE_FIELDS, *quotas.LIMITS)
    readonly_fields = ("user", *USAGE_FIELDS)
    ordering = ("-used_bytes",)

    @admin.display(description="used", ordering="used_bytes")
    def used(self, quota: Quota) -> str:
        """Return the used bytes as text."""
        return filesizeformat(quota.used_bytes)

    @admin.display(description="allowed")
    def allowed(self, quota: Quota) -> str:
        """Return the allowed bytes as text."""
        return filesizeformat(quota.bytes_allowed)

    def save_model(self, request: HttpRequest, obj: Quota, form: Any, change: bool) -> None:
        """Write the limits and nothing else."""
        _save_limits(obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: limits are set on the user's page, and a row is created with the first file."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: usage must not be lost."""
        return False


admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class ScreeningUserAdmin(_UserAdmin):
    """Users. They are deactivated, never deleted, since batches, verdicts and the log refer to them."""

    list_display = ("username", "email", "in_groups", "is_staff", "is_active", "last_login", "films_sent")
    list_filter = ("groups", "is_staff", "is_active")
    inlines = (QuotaInline,)
    show_full_result_count = False
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return users with groups and quotas, by one query each."""
        return super().get_queryset(request).select_related("quota").prefetch_related("groups")

    @admin.display(description="groups")
    def in_groups(self, user: User) -> str:
        """Return the names of the user's groups."""
        return ", ".join(group.name for group in user.groups.all())

    @admin.display(description="films sent", ordering="quota__used_files")
    def films_sent(self, user: User) -> int:
        """Return the number of files sent, including rejected ones."""
        return user.quota.used_files if hasattr(user, "quota") else 0

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return the read-only fields; only a superuser may edit superuser fields."""
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if _is_superuser(request) else (*fields, *SUPERUSER_FIELDS)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Return the inlines; a new user has no quota yet."""
        return self.inlines if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user may be changed; only a superuser may change a superuser or their password."""
        above = obj is not None and obj.is_superuser and not _is_superuser(request)
        return not above and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: users are deactivated instead."""
        return False


@admin.register(Group)
class ScreeningGroupAdmin(GroupAdmin):
    """Groups. Every ``migrate`` restores the permissions of the project's own, see ``screening.accounts.groups``."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether groups may be changed; only superusers, since a group can be granted every permission."""
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether groups may be added; only by superusers."""
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether groups may be deleted; only by superusers."""
        return _is_superuser(request)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """API tokens. They can be revoked, but not read."""

    list_display = ("name", "user", "created_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name__istartswith", "user__username__iexact")
    search_help_text = "The beginning of a token's name, or a user's whole name."
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether tokens may be revoked, which deletes them."""
        return request.user.has_perm("screening.delete_apitoken")


def _save_limits(quota: Quota) -> Quota:
    return quotas.set_limits(quota.pk, **{name: getattr(quota, name) for name in quotas.LIMITS})


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)
