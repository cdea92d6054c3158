"""What can be wrong with a film, said once for programs (``code``) and once for people (``sentence``)."""

from __future__ import annotations


class FilmError(Exception):
    """A film that cannot be scored, for a reason that lies in its own bytes.

    Trying again would fail again: whoever catches it records the reason and goes on with the next film.

    Attributes:
        code: stable identifier for programs, ``snake_case``.
        sentence: one sentence for people that says what is wrong and, where it helps, what to do.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence


class NotScoredError(FilmError):
    """A film that can be decoded but is not what the model is for, so that a score would mean nothing."""


class BundleError(Exception):
    """A model bundle that is incomplete, damaged or made for another version of this code."""


class DataSetError(Exception):
    """A data set that is absent or not laid out the way its publisher lays it out."""
