"""Reads of users' quotas and tokens."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from screening.models import ApiToken, Quota


def quota_of(user_id: int) -> Quota:
    """What a user has sent and may send."""
    return Quota.objects.filter(pk=user_id).first() or Quota(pk=user_id)


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """A user's API tokens."""
    return ApiToken.objects.filter(user=user)


def token_by_key(key: str) -> ApiToken | None:
    """The token a key belongs to, of a user who may still sign in."""
    token = ApiToken.objects.filter(digest=ApiToken.digest_of(key), user__is_active=True)
    return token.select_related("user").first()
