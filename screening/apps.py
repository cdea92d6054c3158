"""The application."""

from django.apps import AppConfig


class ScreeningConfig(AppConfig):
    """Registers the checks."""

    name = "screening"
    verbose_name = "Screening"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Importing the checks registers them."""
        from screening import checks  # noqa: F401
