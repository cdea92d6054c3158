"""Register the model bundles that ship with the project."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ml.errors import BundleError
from ml.inference.bundle import bundle_names, find_bundle
from screening.locks import START_LOCK, transaction_lock
from screening.model_versions import register_model


class Command(BaseCommand):
    """The command ``manage.py ensure_models``."""

    help = "Register the model bundles that ship with the project; SCREENING_MODEL names the default."

    def handle(self, *args: Any, **options: Any) -> None:
        """Check every bundle against its checksums and register it."""
        if settings.DEFAULT_MODEL not in bundle_names():
            known = ", ".join(bundle_names())
            raise CommandError(f"SCREENING_MODEL={settings.DEFAULT_MODEL!r} is not a known model; there are: {known}")
        try:
            bundles = [(name, find_bundle(name)) for name in bundle_names()]
        except BundleError as error:
            raise CommandError(str(error)) from error
        with transaction_lock(START_LOCK):
            for name, bundle in bundles:
                version = register_model(
                    name=name, digest=bundle.digest, card=bundle.card, default=name == settings.DEFAULT_MODEL
                )
                self.stdout.write(f"model {version}{' (default)' if version.is_default else ''}")
