"""The admin: staff review flagged films here too, and look after users, groups, models, quotas and tokens.

Nothing here writes a film or its history directly; verdicts go through ``services.reviews``.
"""

from django.contrib import admin

from screening.admin import accounts, batches, films, log, reviews

__all__ = ["accounts", "batches", "films", "log", "reviews"]

admin.site.site_header = "Chest X-ray screening"
admin.site.site_title = "Screening admin"
