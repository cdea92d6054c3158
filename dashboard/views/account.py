"""The user's account: password and API tokens."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import posted_text, user_of
from screening.accounts import tokens
from screening.accounts.queries import tokens_of


@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Show the account page."""
    return _page(request)


@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Create an API token and show it once; a redirect would have to store it."""
    token, key = tokens.create_token(user=user_of(request), name=posted_text(request, "name"))
    response = _page(request, new_token=token, new_key=key)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke an API token."""
    if tokens.revoke_token(user=user_of(request), token_id=pk):
        messages.success(request, "API token revoked. Programs that use it no longer have access.")
    return redirect("account")


@require_safe
def password_changed(request: HttpRequest) -> HttpResponse:
    """Confirm the new password on the account page."""
    messages.success(request, "Password changed.")
    return redirect("account")


def _page(request: HttpRequest, **extra: object) -> HttpResponse:
    context = {"tokens": tokens_of(user_of(request)), **extra}
    return render(request, "dashboard/account/account.html", context)
