"""Make the first administrator of a fresh installation."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """``manage.py first_login``"""

    help = "Where there is no administrator yet, make one and print the password, once."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how to sign in."""
        if User.objects.filter(is_superuser=True, is_active=True).exists():
            self.stdout.write("Sign in with an account you have. Forgotten? python manage.py changepassword NAME")
            return
        password = secrets.token_urlsafe(12)
        User.objects.create_superuser("admin", password=password)
        self.stdout.write(
            f"First login: user admin, password {password}  (shown this once; change it on the account page)"
        )
