"""Models and API tokens."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from screening.errors import ScreeningError
from screening.models import ApiToken, ModelVersion


def register_model(*, name: str, digest: str, card: dict[str, object], default: bool) -> ModelVersion:
    """Enter a model version, or renew the card of one that is known by its weights."""
    with transaction.atomic():
        if default:
            ModelVersion.objects.filter(is_default=True).update(is_default=False)
        version, _ = ModelVersion.objects.update_or_create(
            name=name,
            digest=digest,
            defaults={"card": card, **({"is_default": True} if default else {})},
        )
    return version


def create_token(*, user: User, name: str) -> tuple[ApiToken, str]:
    """Make a key for a program.

    Returns:
        its row, and the key itself, which is not stored and cannot be shown again.

    Raises:
        ScreeningError: ``name_missing``.
    """
    name = " ".join(name.split())[:64]
    if not name:
        raise ScreeningError("name_missing", "Name the token after the program that will use it.", 400)
    key = ApiToken.new_key()
    return ApiToken.objects.create(user=user, name=name, digest=ApiToken.digest_of(key)), key


def revoke_token(*, user: User, token_id: int) -> bool:
    """Withdraw one of a user's keys; says whether there was such a key."""
    return bool(ApiToken.objects.filter(user=user, pk=token_id).delete()[0])


def token_used(token: ApiToken) -> None:
    """Note that a key was used, at most once a minute."""
    now = timezone.now()
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > 60:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
