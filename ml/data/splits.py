"""Seeded splits of the educational project's films: by file, as the project did, or by patient."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ml.data.datasets import COVID, NORMAL, FilmRecord

FILMS_A_CLASS = 180
TEST_FILMS_A_CLASS = 36
VALIDATION_SHARE = 0.2  # of the training films, by patient; used to choose epoch and operating points


@dataclass(frozen=True)
class Split:
    """Three disjoint parts of a selection of films, and the films of the selection that are in none."""

    train: list[FilmRecord]
    validation: list[FilmRecord]
    test: list[FilmRecord]
    unused: list[FilmRecord]


def seed_selection(films: Sequence[FilmRecord]) -> list[FilmRecord]:
    """Return the films the educational project drew from: COVID-19 in PA view, and healthy children."""
    covid = [f for f in films if f.source == "covid-chestxray-dataset" and f.label and f.view == "PA"]
    normal = [f for f in films if f.source == "chest_xray" and f.finding == NORMAL]
    return covid + normal


def seed_split(films: Sequence[FilmRecord], groups: Sequence[str], protocol: str, seed: int = 0) -> Split:
    """Draw 180 films a class and split them into 144 to train (a fifth of them to validate) and 36 to test.

    Args:
        films: from :func:`seed_selection`.
        groups: for each film the group that must stay together, see
            :func:`ml.data.duplicates.patient_groups`.
        protocol: ``patient`` keeps groups together; ``seed`` draws files at random, as the original did.
        seed: of the draw.

    Raises:
        ValueError: for another protocol, or where a class has too few films.
    """
    if protocol not in {"seed", "patient"}:
        raise ValueError(f"protocol {protocol!r}: choose seed or patient")
    parts = Split([], [], [], [])
    for finding in (COVID, NORMAL):
        units: dict[str, list[FilmRecord]] = defaultdict(list)
        for index, (film, group) in enumerate(zip(films, groups, strict=True)):
            if film.finding == finding:
                units[group if protocol == "patient" else f"file {index}"].append(film)
        _part(list(units.values()), parts, random.Random(f"{seed} {finding}"))
    return parts


def _part(units: list[list[FilmRecord]], parts: Split, rng: random.Random) -> None:
    rng.shuffle(units)
    train_films = FILMS_A_CLASS - TEST_FILMS_A_CLASS
    validation_films = round(train_films * VALIDATION_SHARE)
    rest = _fill(units, TEST_FILMS_A_CLASS, parts.test)
    rest = _fill(rest, validation_films, parts.validation)
    rest = _fill(rest, train_films - validation_films, parts.train)
    parts.unused.extend(film for unit in rest for film in unit)


def _fill(units: list[list[FilmRecord]], films: int, part: list[FilmRecord]) -> list[list[FilmRecord]]:
    """Take whole units, in order, until exactly ``films`` films are in ``part``; return the other units.

    A unit that is larger than the rest of the part is skipped; patients with one film fill the last places.
    """
    rest: list[list[FilmRecord]] = []
    room = films
    for unit in units:
        if len(unit) <= room:
            part.extend(unit)
            room -= len(unit)
        else:
            rest.append(unit)
    if room:
        raise ValueError(f"{room} of {films} films are missing: the data set is incomplete")
    return rest
