"""The application."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ScreeningConfig(AppConfig):
    """Registers the checks, and keeps the groups."""

    name = "screening"
    verbose_name = "Screening"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the checks registers them; models can be imported only now."""
        from screening import checks  # noqa: F401
        from screening.accounts.groups import assign_permissions

        post_migrate.connect(assign_permissions, dispatch_uid="screening.accounts.groups")
