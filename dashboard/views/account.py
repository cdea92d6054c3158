"""The user's own account: password and the keys of programs."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import text_of, user_of
from screening.accounts import tokens
from screening.accounts.queries import tokens_of


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """The account page."""
    return _page(request)


@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Make a key and show it, this once: a redirect would have to keep it somewhere."""
    token, key = tokens.create_token(user=user_of(request), name=text_of(request, "name"))
    response = _page(request, new_token=token, new_key=key)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw a key."""
    if tokens.revoke_token(user=user_of(request), token_id=pk):
        messages.success(request, "The key is revoked; programs that use it are locked out from now on.")
    return redirect("account")


@require_safe
def password_changed(request: HttpRequest) -> HttpResponse:
    """Back to the account page, with a word that it worked."""
    messages.success(request, "Your password is changed.")
    return redirect("account")


def _page(request: HttpRequest, **extra: object) -> HttpResponse:
    context = {"tokens": tokens_of(user_of(request)), **extra}
    return render(request, "dashboard/account/account.html", context)
