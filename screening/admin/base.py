"""Base classes of the admin: read-only rows, and lists whose cost does not grow with the table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from screening.batches.pagination import MAX_COUNTED, BoundedPaginator

if TYPE_CHECKING:  # generic for the type checker, a plain class when run
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

ROWS_A_PAGE = 50


class BoundedAdmin(_ModelAdmin):
    """A list whose cost does not grow with the table."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = ROWS_A_PAGE
    list_max_show_all = ROWS_A_PAGE
    change_list_template = "screening/admin_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with a note if it has more rows than are counted."""
        return super().changelist_view(request, {"counted_at_most": MAX_COUNTED, **(extra_context or {})})


class ReadOnlyAdmin(BoundedAdmin):
    """Rows that can be viewed, but not written, in the admin."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows are not added by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows are not changed by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows are not deleted by hand."""
        return False


class StaffAdmin(ReadOnlyAdmin):
    """Rows that all staff may view, since staff review films."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user is active staff."""
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is active staff."""
        return self.has_view_permission(request)


class WithoutModelCards(ReadOnlyAdmin):
    """Rows with a model version, loaded without the model's card."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows without the model's card, which is large."""
        return super().get_queryset(request).defer("model__card")
