"""Finding films by what somebody types: by beginnings only, which indexes know, however many films there are."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Upper

from screening.models import OWN_NAME, Film

HEX = re.compile(r"[0-9a-f]{6,64}")
HOW = (
    "The beginning of a file's name (without folders, or with the last of them: ward/film) or of a sha256 "
    "(six digits or more). The films of a batch are found through the list of batches."
)


def films_like(films: QuerySet[Film], words: str) -> QuerySet[Film]:
    """The films whose file or digest begins like this.

    Args:
        films: of which.
        words: what was typed; see ``HOW``. Upper and lower case are one.
    """
    words = words.strip().strip("/")
    if not words:
        return films
    wanted = named_like(words)
    if HEX.fullmatch(words.lower()):
        # As a range, which the index knows in every collation.
        wanted |= Q(sha256__gte=words.lower().ljust(64, "0"), sha256__lte=words.lower().ljust(64, "f"))
    return films.alias(own_name=OWN_NAME).filter(wanted)


def named_like(words: str) -> Q:
    """Films, with ``own_name`` = ``OWN_NAME``, whose file begins like this, with or without the folders it lay in."""
    folder, _, own = words.rpartition("/")
    begins = Q(own_name__startswith=Upper(Value(own)))
    return begins & Q(original_name__icontains=words) if folder else begins
