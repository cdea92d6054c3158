"""The signed-in user of a request, and the role that a page requires. The middleware has checked the login."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest

from screening.accounts.access import is_reviewer
from screening.errors import NotFoundError


def user_of(request: HttpRequest) -> User:
    """Return the signed-in user.

    Raises:
        NotFoundError: nobody is signed in; cannot happen behind the login middleware.
    """
    user = request.user
    if not isinstance(user, User):
        raise NotFoundError("page")
    return user


def posted_text(request: HttpRequest, name: str) -> str:
    """Return the text of a form field without NUL characters, which PostgreSQL cannot store."""
    return request.POST.get(name, "").replace("\x00", "")


def require_reviewer(request: HttpRequest) -> User:
    """Return the signed-in user, who is staff or a member of the group of reviewers.

    Raises:
        NotFoundError: the user is no reviewer; the answer does not reveal that the page exists.
    """
    user = user_of(request)
    if not is_reviewer(user):
        raise NotFoundError("page")
    return user


def require_staff(request: HttpRequest) -> User:
    """Return the signed-in user, who is staff.

    Raises:
        NotFoundError: the user is not staff; the answer does not reveal that the page exists.
    """
    user = user_of(request)
    if not user.is_staff:
        raise NotFoundError("page")
    return user
