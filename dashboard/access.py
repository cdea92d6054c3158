"""Who asks. The middleware lets nobody in without a login; these narrow the type, and ask for more."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest

from screening.accounts.access import is_reviewer
from screening.errors import NotFoundError


def user_of(request: HttpRequest) -> User:
    """The user who is signed in.

    Raises:
        NotFoundError: nobody is; unreachable behind the login middleware.
    """
    user = request.user
    if not isinstance(user, User):
        raise NotFoundError("page")
    return user


def text_of(request: HttpRequest, name: str) -> str:
    """What was typed into a field; without NUL, which PostgreSQL cannot keep."""
    return request.POST.get(name, "").replace("\x00", "")


def reviewer_of(request: HttpRequest) -> User:
    """The reviewer who is signed in: staff, or a member of the group of that name.

    Raises:
        NotFoundError: for everybody else, who need not know what is here.
    """
    user = user_of(request)
    if not is_reviewer(user):
        raise NotFoundError("page")
    return user


def staff_of(request: HttpRequest) -> User:
    """The member of the staff who is signed in.

    Raises:
        NotFoundError: for everybody else, who need not know what is here.
    """
    user = user_of(request)
    if not user.is_staff:
        raise NotFoundError("page")
    return user
