"""Queries for quotas and API tokens."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from screening.models import ApiToken, Quota


def quota_of(user_id: int) -> Quota:
    """Return a user's quota: what they have sent and may send."""
    return Quota.objects.filter(pk=user_id).first() or Quota(pk=user_id)


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """Return a user's API tokens."""
    return ApiToken.objects.filter(user=user)


def token_by_key(key: str) -> ApiToken | None:
    """Return the API token of a key, or ``None``; users who may no longer sign in have none."""
    token = ApiToken.objects.filter(digest=ApiToken.digest_of(key), user__is_active=True)
    return token.select_related("user").first()
