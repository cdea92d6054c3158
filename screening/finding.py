"""Finding films by what somebody types: by beginnings only, which indexes know, however many films there are."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Upper

from screening.models import OWN_NAME, Batch, XRay

HEX = re.compile(r"[0-9a-f]{6,64}")
BATCHES_LOOKED_AT = 200  # the newest of that name or sender
HOW = (
    "The beginning of a file's name (without folders, or with: ward/film), of a batch's name or of a sha256 "
    "(six digits or more), or a sender's whole name."
)


def films_like(films: QuerySet[XRay], words: str) -> QuerySet[XRay]:
    """The films whose file, batch or digest begins like this, or that were sent by the user of this name.

    Args:
        films: of which.
        words: what was typed; see ``HOW``. Upper and lower case are one.
    """
    words = " ".join(words.split()).strip("/")
    if not words:
        return films
    named = named_like(words)
    batches = Batch.objects.filter(Q(name__istartswith=words) | Q(owner__username__iexact=words))
    ids = list(batches.order_by("-created_at").values_list("pk", flat=True)[:BATCHES_LOOKED_AT])
    wanted = named | Q(batch__in=ids) if ids else named
    if HEX.fullmatch(words.lower()):
        # As a range, which the index knows in every collation.
        wanted |= Q(sha256__gte=words.lower().ljust(64, "0"), sha256__lte=words.lower().ljust(64, "f"))
    return films.alias(own_name=OWN_NAME).filter(wanted)


def named_like(words: str) -> Q:
    """Films, with ``own_name`` = ``OWN_NAME``, whose file begins like this, with or without the folders it lay in."""
    folder, _, own = words.rpartition("/")
    begins = Q(own_name__startswith=Upper(Value(own)))
    return begins & Q(original_name__icontains=words) if folder else begins
