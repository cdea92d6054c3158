"""The tables. Only ``screening.services`` writes them; see there for the moves between states."""

from screening.models.accounts import ApiToken, Quota
from screening.models.batches import Batch, ModelVersion
from screening.models.films import AS_SENT, KEPT, ORIGINAL, OWN_NAME, UNCERTAINTY, FilmCount, Prediction, XRay
from screening.models.reviews import GoldCase, ReadingClaim, ReadingSkip, Review

__all__ = [
    "AS_SENT",
    "KEPT",
    "ORIGINAL",
    "OWN_NAME",
    "UNCERTAINTY",
    "ApiToken",
    "Batch",
    "FilmCount",
    "GoldCase",
    "ModelVersion",
    "Prediction",
    "Quota",
    "ReadingClaim",
    "ReadingSkip",
    "Review",
    "XRay",
]
