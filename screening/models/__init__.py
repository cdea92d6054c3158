"""The tables. Only the modules listed in ``tests/test_architecture.py`` write to them."""

from screening.models.accounts import ApiToken, Quota
from screening.models.batches import Batch, ModelVersion
from screening.models.films import (
    AS_SENT,
    ORIGINAL,
    OWN_NAME,
    UNCERTAINTY,
    UPLOADED_PARTS,
    Film,
    FilmCount,
    PendingArchive,
    Prediction,
)
from screening.models.reviews import GoldCase, ReadingClaim, ReadingSkip, Review

__all__ = [
    "AS_SENT",
    "ORIGINAL",
    "OWN_NAME",
    "UNCERTAINTY",
    "UPLOADED_PARTS",
    "ApiToken",
    "Batch",
    "Film",
    "FilmCount",
    "GoldCase",
    "ModelVersion",
    "PendingArchive",
    "Prediction",
    "Quota",
    "ReadingClaim",
    "ReadingSkip",
    "Review",
]
