"""API tokens: create, revoke, record their use."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.utils import timezone

from screening.codes import batch_codes
from screening.errors import ScreeningError
from screening.models import ApiToken


def create_token(*, user: User, name: str) -> tuple[ApiToken, str]:
    """Create an API token for a program.

    Returns:
        the row, and the key, which is not stored and cannot be shown again.

    Raises:
        ScreeningError: ``name_missing``.
    """
    name = " ".join(name.split())[:64]
    if not name:
        raise ScreeningError(batch_codes.TOKEN_NAME_MISSING)
    key = ApiToken.new_key()
    return ApiToken.objects.create(user=user, name=name, digest=ApiToken.digest_of(key)), key


def revoke_token(*, user: User, token_id: int) -> bool:
    """Revoke one of a user's API tokens; return whether it existed."""
    return bool(ApiToken.objects.filter(user=user, pk=token_id).delete()[0])


def record_token_use(token: ApiToken) -> None:
    """Record the time a token was used, at most once a minute."""
    now = timezone.now()
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > 60:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
