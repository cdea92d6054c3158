"""The audit log: who did what in the admin, and when."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin.models import LogEntry

from screening.admin.base import ReadOnlyAdmin


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """Everything that was added, changed, deleted or decided here, the newest first."""

    list_display = ("action_time", "user", "what", "content_type", "object_repr", "message")
    list_select_related = ("user", "content_type")
    list_filter = ("action_flag",)
    search_fields = ("user__username__iexact", "object_id__exact")
    search_help_text = "A user's whole name, or the id of what was changed."
    ordering = ("-id",)  # the table has no index on its times

    @admin.display(description="action")
    def what(self, entry: LogEntry) -> str:
        """Added, changed or deleted."""
        return entry.get_action_flag_display()

    @admin.display(description="message")
    def message(self, entry: LogEntry) -> str:
        """Which fields, or which verdict."""
        return entry.get_change_message()
