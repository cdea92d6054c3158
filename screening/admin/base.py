"""What the admin's lists have in common: nobody writes by hand, and a list of millions opens like a short one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from screening.batches.pagination import COUNTED_AT_MOST, BoundedPaginator

if TYPE_CHECKING:  # generic for the type checker, a plain class when run
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

ROWS_A_PAGE = 50


class BoundedAdmin(_ModelAdmin):
    """A list that costs the same however long it is."""

    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = ROWS_A_PAGE
    list_max_show_all = ROWS_A_PAGE
    change_list_template = "screening/admin_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list; it says so where there is more than it counts."""
        return super().changelist_view(request, {"counted_at_most": COUNTED_AT_MOST, **(extra_context or {})})


class ReadOnlyAdmin(BoundedAdmin):
    """Rows to look at; what writes them is elsewhere."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is lost."""
        return False


class StaffAdmin(ReadOnlyAdmin):
    """Rows that all staff may see: what they review."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff review; that is what staff is for."""
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As above."""
        return self.has_view_permission(request)


class WithoutCards(ReadOnlyAdmin):
    """Rows beside their model, whose card no list shows."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave the card in the database."""
        return super().get_queryset(request).defer("model__card")
