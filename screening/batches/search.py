"""Search of films by the beginning of a name or digest: indexes serve it, however many films there are."""

from __future__ import annotations

import re

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Upper

from screening.models import OWN_NAME, Film

HEX = re.compile(r"[0-9a-f]{6,64}")
SEARCH_HELP = (
    "The beginning of a file's name (without folders, or with the last of them: ward/film) or of a sha256 "
    "(six digits or more). The films of a batch are found through the list of batches."
)


def search_films(films: QuerySet[Film], words: str) -> QuerySet[Film]:
    """Return the films whose file name or digest begins with the given text.

    Args:
        films: the films to search.
        words: the text, see ``SEARCH_HELP``; upper and lower case are the same.
    """
    words = words.strip().strip("/")
    if not words:
        return films
    wanted = name_matches(words)
    if HEX.fullmatch(words.lower()):
        # A range, because an index serves it in every collation.
        wanted |= Q(sha256__gte=words.lower().ljust(64, "0"), sha256__lte=words.lower().ljust(64, "f"))
    return films.alias(own_name=OWN_NAME).filter(wanted)


def name_matches(words: str) -> Q:
    """Return the condition for films whose file name begins like this; needs an alias ``own_name`` = ``OWN_NAME``.

    Args:
        words: the beginning of a name, with or without its folders.
    """
    folder, _, own = words.rpartition("/")
    begins = Q(own_name__startswith=Upper(Value(own)))
    return begins & Q(original_name__icontains=words) if folder else begins
