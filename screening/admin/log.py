"""Admin log: who changed what, and when."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry

from screening.admin.base import ReadOnlyAdmin


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """Actions in the admin, the newest first."""

    list_display = ("action_time", "user", "what", "content_type", "object_repr", "message")
    list_select_related = ("user", "content_type")
    list_filter = ("action_flag",)
    search_fields = ("user__username__iexact", "object_id__exact")
    search_help_text = "A user's whole name, or the id of what was changed."
    ordering = ("-id",)  # the table has no index on its times

    @admin.display(description="action")
    def what(self, entry: LogEntry) -> str:
        """Return the action: added, changed or deleted."""
        return entry.get_action_flag_display()

    @admin.display(description="message")
    def message(self, entry: LogEntry) -> str:
        """Return the changed fields, or the verdict."""
        return entry.get_change_message()
