"""What a caller did that cannot be done, with a stable code for programs and a sentence for people."""

from __future__ import annotations

from collections.abc import Iterable


class ScreeningError(Exception):
    """A request the domain refuses.

    Attributes:
        code: stable identifier, ``snake_case``.
        sentence: what is wrong and what to do.
        status: the HTTP status that fits.
    """

    def __init__(self, code: str, sentence: str, status: int = 409) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.status = status


class NotFoundError(ScreeningError):
    """Missing, or somebody else's: the two look the same."""

    def __init__(self, what: str) -> None:
        super().__init__("not_found", f"There is no such {what}, or it is not yours to see.", 404)


def unknown_choice(name: str, value: str, choices: Iterable[str]) -> ScreeningError:
    """What to say of a filter or an order that there is not."""
    return ScreeningError("filter_unknown", f"{name}={value!r} is unknown; choose one of: {', '.join(choices)}.", 400)
