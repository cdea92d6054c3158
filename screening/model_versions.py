"""Registered model versions: queries, and the registration of a bundle."""

from __future__ import annotations

import logging
from typing import Any, cast

from django.db import transaction
from django.db.models import QuerySet

from ml.model_card.card import CardError, ModelCard, card_to_json, parse_card
from screening.codes import batch_codes
from screening.errors import ScreeningError
from screening.models import ModelVersion

logger = logging.getLogger(__name__)


def default_model() -> ModelVersion | None:
    """Return the model version of new batches."""
    return ModelVersion.objects.filter(is_default=True).defer("card").first()


def model_versions() -> QuerySet[ModelVersion]:
    """Return every model version, the default one first."""
    return ModelVersion.objects.all()


def model_names() -> list[str]:
    """Return the names of the models that can screen a batch, the default one first."""
    return list(dict.fromkeys(ModelVersion.objects.values_list("name", flat=True)))


def model_by_name(name: str) -> ModelVersion:
    """Return the newest version of a model.

    Raises:
        ScreeningError: ``model_unknown``.
    """
    version = ModelVersion.objects.filter(name=name).defer("card").order_by("-is_default", "-created_at").first()
    if version is None:
        known = ", ".join(model_names()) or "none"
        raise ScreeningError(batch_codes.MODEL_UNKNOWN, name=name, known=known)
    return version


def card_of(version: ModelVersion) -> ModelCard | None:
    """Return a version's model card; ``None``, and a warning in the log, where it does not follow the schema.

    Cards are checked when they are registered; one that was stored by another release may have another schema.
    """
    known: dict[str, Any] = version.__dict__  # the card stays with the loaded row; to check it takes 5 ms
    if "_parsed_card" not in known:
        try:
            known["_parsed_card"] = parse_card(version.card, f"card of {version}")
        except CardError as error:
            logger.warning("The model page leaves out the card that cannot be read: %s", error)
            return None
    return cast("ModelCard", known["_parsed_card"])


def register_model(*, name: str, digest: str, card: ModelCard, default: bool) -> ModelVersion:
    """Register a model version, or update the card of a known version with the same weights.

    Args:
        name: the bundle's name.
        digest: sha256 of the weights.
        card: the model card.
        default: it becomes the model version of new batches.
    """
    with transaction.atomic():
        if default:
            ModelVersion.objects.filter(is_default=True).update(is_default=False)
        version, _ = ModelVersion.objects.update_or_create(
            name=name,
            digest=digest,
            defaults={"card": card_to_json(card), **({"is_default": True} if default else {})},
        )
    return version
