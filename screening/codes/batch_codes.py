"""Catalogue of the codes of requests that batches, models, lists and quotas refuse."""

from __future__ import annotations

from http import HTTPStatus

from ml.errors import catalogue
from screening.codes.entries import RequestCode, request_code

NAME_MISSING = request_code(
    "name_missing",
    HTTPStatus.BAD_REQUEST,
    "Give the batch a name.",
    "a batch and a token need a name",
)
TOKEN_NAME_MISSING = NAME_MISSING.variant("Name the token after the program that will use it.")
NAME_TOO_LONG = request_code(
    "name_too_long",
    HTTPStatus.BAD_REQUEST,
    "A batch name has at most 120 characters.",
    "at most 120 characters",
)
MODEL_UNKNOWN = request_code(
    "model_unknown",
    HTTPStatus.BAD_REQUEST,
    "There is no model {name!r}; there are: {known}.",
    "the sentence lists the models that exist",
)
NO_MODEL = request_code(
    "no_model",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "No model is registered; run `python manage.py ensure_models` first.",
    "no model is registered on the server; its operator runs `python manage.py ensure_models`",
)
FILTER_UNKNOWN = request_code(
    "filter_unknown",
    HTTPStatus.BAD_REQUEST,
    "{name}={value!r} is unknown; choose one of: {choices}.",
    "the sentence lists the values that exist",
)
BATCH_EMPTY = request_code(
    "batch_empty",
    HTTPStatus.CONFLICT,
    "The batch holds no film yet; add films, then submit it.",
    "add files, then submit",
)
NOTHING_STORED = BATCH_EMPTY.variant("No film of this batch is stored, so there is nothing to run again.")
BATCH_SUBMITTED = request_code(
    "batch_submitted",
    HTTPStatus.CONFLICT,
    "The batch is submitted already; open a new one.",
    "accepts no more files; open a new batch",
)
BATCH_CANCELLED = request_code(
    "batch_cancelled",
    HTTPStatus.CONFLICT,
    "The batch was cancelled; open a new one.",
    "accepts no more files; open a new batch",
)
BATCH_FINISHED = request_code(
    "batch_finished",
    HTTPStatus.CONFLICT,
    "The batch has finished, so nothing is left to cancel; its results stay.",
    "the batch has finished, so nothing can be cancelled; its results stay",
)
BATCH_UNFINISHED = request_code(
    "batch_unfinished",
    HTTPStatus.CONFLICT,
    "The batch is not finished yet; run it again when it is.",
    "run it again when it has finished",
)
SAME_MODEL = request_code(
    "same_model",
    HTTPStatus.BAD_REQUEST,
    "The batch was screened by this very model; choose another.",
    "a re-run needs another model",
)
RERUN_EXISTS = request_code(
    "rerun_exists",
    HTTPStatus.CONFLICT,
    "It was run with this model already, as “{name}”.",
    "the batch was run with this model already",
)
QUOTA_FILES = request_code(
    "quota_files",
    HTTPStatus.FORBIDDEN,
    "You have sent {used:,} files of the {allowed:,} you may; ask for more.",
    "you have sent as many files as you may",
)
QUOTA_BYTES = request_code(
    "quota_bytes",
    HTTPStatus.FORBIDDEN,
    "The file does not fit: {left:,} of your {allowed:,} bytes are left.",
    "the file does not fit into your remaining quota",
)
QUOTA_OPEN_BATCHES = request_code(
    "quota_open_batches",
    HTTPStatus.FORBIDDEN,
    "You have {allowed} batches not submitted; submit or cancel one of them first.",
    "submit or cancel a batch first",
)

CODES = catalogue(globals(), RequestCode)
