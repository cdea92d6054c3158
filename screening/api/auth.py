"""Authentication of programs by ``Authorization: Token xray_…``."""

from __future__ import annotations

from django.contrib.auth.models import User
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from screening.accounts import tokens
from screening.accounts.queries import token_by_key
from screening.codes.request_codes import TOKEN_INVALID
from screening.models import ApiToken

KEYWORD = "Token"


class ApiTokenAuthentication(BaseAuthentication):
    """A user's API token in the ``Authorization`` header."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """Return the token's user, or ``None`` where the request carries no token.

        Raises:
            AuthenticationFailed: when it carries one that is not valid.
        """
        words = get_authorization_header(request).split()
        if not words or words[0].lower() != KEYWORD.lower().encode():
            return None
        token = token_by_key(words[1].decode(errors="replace")) if len(words) == 2 else None
        if token is None:
            raise AuthenticationFailed(code=TOKEN_INVALID.code)
        tokens.record_token_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Return the ``WWW-Authenticate`` header of an answer 401."""
        return KEYWORD


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The token in the OpenAPI schema."""

    target_class = "screening.api.auth.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the description of the header for OpenAPI."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`{KEYWORD} xray_…`, made on the account page",
        }
