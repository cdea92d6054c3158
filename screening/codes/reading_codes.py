"""Catalogue of the codes of requests that the reading room, the reviews and the gold cases refuse."""

from __future__ import annotations

from http import HTTPStatus

from ml.errors import catalogue
from screening.codes.entries import RequestCode, request_code

VERDICT_UNKNOWN = request_code(
    "verdict_unknown",
    HTTPStatus.BAD_REQUEST,
    "Choose what to say: {choices}.",
    "reading room: no such verdict",
)
VERDICT_HIDDEN = VERDICT_UNKNOWN.variant("What the model said is hidden: say what you see in the film.")
TRUTH_UNKNOWN = request_code(
    "truth_unknown",
    HTTPStatus.BAD_REQUEST,
    "The truth of a gold case is positive or negative.",
    "gold cases: positive or negative",
)
NOTE_TOO_LONG = request_code(
    "note_too_long",
    HTTPStatus.BAD_REQUEST,
    "A note has at most {most} characters.",
    "reading room: at most 2,000 characters; 400 for the note of a gold case",
)
GOLD_NOTE_TOO_LONG = NOTE_TOO_LONG.variant("The note of a gold case has at most {most} characters.")
NOT_FLAGGED = request_code(
    "not_flagged",
    HTTPStatus.CONFLICT,
    "This film is not flagged; there is nothing to review.",
    "reading room: the film needs no review",
)
NOT_SCREENED = request_code(
    "not_screened",
    HTTPStatus.CONFLICT,
    "{film} has no result; only a screened film can be a gold case.",
    "gold cases: only a screened film can be one",
)
GOLD_ALREADY = request_code(
    "gold_already",
    HTTPStatus.CONFLICT,
    "{film} is a gold case already.",
    "gold cases: it is one already",
)
CLAIM_LOST = request_code(
    "claim_lost",
    HTTPStatus.CONFLICT,
    "You do not hold this film, or no longer; take the next one.",
    "reading room: another reader has the film now",
)
CLAIM_LOST_WITH_NOTE = CLAIM_LOST.variant(
    "You do not hold this film, or no longer; take the next one. Your note was: “{note}”"
)
NOTHING_TO_UNDO = request_code(
    "nothing_to_undo",
    HTTPStatus.CONFLICT,
    "You gave no verdict in the last {minutes} minutes.",
    "reading room: no verdict in the last ten minutes",
)

CODES = catalogue(globals(), RequestCode)
