"""Catalogue of the codes of requests that are refused for who sends them, how, or the state of the server."""

from __future__ import annotations

from http import HTTPStatus

from ml.errors import catalogue
from screening.codes.entries import RequestCode, request_code

# Who asks, and for what.
NOT_AUTHENTICATED = request_code(
    "not_authenticated",
    HTTPStatus.UNAUTHORIZED,
    "Nobody is signed in, and the request carries no API token; make one on the account page.",
    "no API token, and nobody is signed in",
)
TOKEN_INVALID = request_code(
    "token_invalid",
    HTTPStatus.UNAUTHORIZED,
    "The API token is not valid; make a new one on the account page.",
    "unknown or revoked; create a new one",
)
PERMISSION_DENIED = request_code(
    "permission_denied",
    HTTPStatus.FORBIDDEN,
    "{why} Programs send an API token, not a session cookie.",
    "signed in by cookie without a CSRF token; programs use an API token",
)
NOT_FOUND = request_code(
    "not_found",
    HTTPStatus.NOT_FOUND,
    "There is no such {what}, or it is not yours to see.",
    "missing, or it belongs to another user; the answer is the same for both",
)
METHOD_NOT_ALLOWED = request_code(
    "method_not_allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "{why} The page /api/v1/ lists what each address takes.",
    "see `/api/v1/`",
)
NOT_ACCEPTABLE = request_code(
    "not_acceptable",
    HTTPStatus.NOT_ACCEPTABLE,
    "{why} Answers are JSON.",
    "answers are JSON",
)
UNSUPPORTED_MEDIA_TYPE = request_code(
    "unsupported_media_type",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "{why} Files go as multipart/form-data, the rest as a form or JSON.",
    "send files as `multipart/form-data`, everything else as a form or JSON",
)
PARSE_ERROR = request_code(
    "parse_error",
    HTTPStatus.BAD_REQUEST,
    "The body is not what its content type says ({why}); correct one of the two.",
    "the body does not match its content type",
)
INVALID = request_code(
    "invalid",
    HTTPStatus.BAD_REQUEST,
    "Some fields are not right.",
    "some fields are wrong; `fields` names them",
)
NOT_UNDERSTOOD = request_code(
    "not_understood",
    HTTPStatus.BAD_REQUEST,
    "The request was incomplete, or its form has more or larger fields than this server takes. Load the page again "
    "and send it once more.",
    "incomplete, not the form that the content type declares, or a form with more or larger fields than the server "
    "accepts",
)
FORM_NOT_UNDERSTOOD = NOT_UNDERSTOOD.variant(
    "The body is not the multipart form that its content type declares: {why}. Send the request once more."
)
HOST_UNKNOWN = request_code(
    "host_unknown",
    HTTPStatus.BAD_REQUEST,
    "This server does not answer to the name {name!r}. Whoever runs it adds the name, without a port, to "
    "DJANGO_ALLOWED_HOSTS and starts it again; a proxy in front of it must pass the Host header on as it came.",
    "the server does not accept the host name of the request; its operator sets `DJANGO_ALLOWED_HOSTS`",
)
CSRF_ORIGIN = request_code(
    "csrf_origin",
    HTTPStatus.FORBIDDEN,
    "The form was not taken: it was sent from {sender!r}, which is not this server's own address ({host}). Whoever "
    "runs it adds that origin to DJANGO_CSRF_TRUSTED_ORIGINS, or has the proxy pass the Host header on as it came.",
    "a form from a browser whose address differs from the one the server assumes; its operator sets "
    "`DJANGO_HTTPS=1` behind a TLS proxy, or `DJANGO_CSRF_TRUSTED_ORIGINS`",
)
PROXY_HIDES_HTTPS = CSRF_ORIGIN.variant(
    "The form was not taken: the page came over https, but this server was asked over http. Whoever runs it "
    "{remedy}, as it must be behind a proxy that ends TLS."
)
HTTPS_NEEDED = request_code(
    "https_needed",
    HTTPStatus.FORBIDDEN,
    "This server signs people in over https only (DJANGO_HTTPS=1), and this page came over http. Open its https "
    "address. Whoever runs it has the proxy send X-Forwarded-Proto: https.",
    "a form from a browser over http, where `DJANGO_HTTPS=1`",
)
CSRF_TOKEN = request_code(
    "csrf_token",
    HTTPStatus.FORBIDDEN,
    "This form has expired: you signed in or out since the page was loaded, or cookies are off. Load the page again, "
    "then send the form.",
    "a form from a browser that has expired; load the page again",
)
ERROR = request_code(
    "error",
    HTTPStatus.BAD_REQUEST,
    "{why}",
    "another error; the sentence says which",
)

# The server is not able to, now.
DATABASE_AWAY = request_code(
    "database_away",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The database does not answer; send the same request again soon.",
    "send the same request again, see `Retry-After`",
)
STORAGE_AWAY = request_code(
    "storage_away",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The storage of films does not answer at the moment; ask for the {what} again in a minute.",
    "the storage does not answer; send the same request again soon",
)
STORAGE_FAILED = request_code(
    "storage_failed",
    HTTPStatus.INSUFFICIENT_STORAGE,
    "The server could not store the file, its disk may be full; nothing was kept, send it again later.",
    "the server could not store the file; nothing was kept; send it again later",
)
SERVER_BUSY = request_code(
    "server_busy",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The server takes too many uploads at the moment; send the file again soon.",
    "too many uploads are running; send the file again soon",
)

# The body of a request.
TOO_MANY_FILES = request_code(
    "too_many_files",
    HTTPStatus.BAD_REQUEST,
    "One request carries at most {most:,} files, so nothing of this one was kept. Send the films as one ZIP, or a "
    "part at a time; where scripts run, the upload page sends each file by itself and has no such limit.",
    "more than 1,000 files in one request; none of them was kept",
)
BODY_TOO_LARGE = request_code(
    "body_too_large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "A request to this address carries at most {most:,} bytes.",
    "more bytes than this address accepts in one request (`MAX_REQUEST_BYTES` for files)",
)
BODY_BROKEN_OFF = request_code(
    "body_broken_off",
    HTTPStatus.REQUEST_TIMEOUT,
    "The upload stopped, or was too slow, before all of it had arrived; send it again.",
    "the upload stopped, or was slower than `MIN_BYTES_PER_SECOND`; send it again",
)
REQUEST_TOO_SLOW = request_code(
    "request_too_slow",
    HTTPStatus.REQUEST_TIMEOUT,
    "The request did not arrive in time; send it again.",
    "the header, or a small body, did not arrive within 15 seconds; send it again",
)
HEADER_TOO_LARGE = request_code(
    "header_too_large",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "The header of the request is too large; send fewer or shorter fields.",
    "send fewer or shorter header fields",
)
NO_FILE = request_code(
    "no_file",
    HTTPStatus.BAD_REQUEST,
    "Choose at least one file, then send it.",
    "the form had no file",
)
ONLY_HELPER_FILES = NO_FILE.variant(
    "Only helper files of an operating system or hidden files were sent ({skipped}); choose the films, then send "
    "them."
)
PATHS_UNEQUAL = request_code(
    "paths_unequal",
    HTTPStatus.BAD_REQUEST,
    "{files:,} files came with {paths:,} paths; send one path for each file in the same order, or none.",
    "send as many `path` fields as files, or none",
)
HASHES_INVALID = request_code(
    "hashes_invalid",
    HTTPStatus.BAD_REQUEST,
    'Send {{"sha256": [...]}}: a list of sha256 digests, each 64 hexadecimal digits in lower case.',
    'send `{"sha256": […]}`, each digest with 64 hexadecimal digits in lower case',
)
TOO_MANY_HASHES = request_code(
    "too_many_hashes",
    HTTPStatus.BAD_REQUEST,
    "{hashes:,} digests were sent; ask for at most {most:,} at a time.",
    "at most 1,000 digests per request",
)

CODES = catalogue(globals(), RequestCode)
