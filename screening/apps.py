"""The Django application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ScreeningConfig(AppConfig):
    """The application's configuration: it registers the checks and creates the groups."""

    name = "screening"
    verbose_name = "Screening"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks by importing them; models can only be imported now."""
        from screening import checks  # noqa: F401
        from screening.accounts.groups import assign_permissions

        post_migrate.connect(assign_permissions, dispatch_uid="screening.accounts.groups")
