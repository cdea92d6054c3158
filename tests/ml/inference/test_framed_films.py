"""The shipped gate on films and screens drawn around phantoms: a framing keeps a film, an interface does not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from ml.decoding.preprocess import Grey
from ml.errors import Reason
from ml.inference.bundle import find_bundle
from ml.inference.classifier import Classifier, FilmResult
from ml.phantom.film import PhantomSpec, chest
from ml.training.gate.drawings import BODY_PARTS, DOCUMENTS
from ml.training.gate.framings import FRAMINGS, apply_framings
from ml.training.gate.interfaces import INTERFACES

COUNT = 12


@cache
def screener() -> Classifier:
    return Classifier(find_bundle("screener"))


@cache
def phantom(seed: int) -> Grey:
    return chest(PhantomSpec(height=448, width=416, seed=9_000 + seed)).astype(np.uint8)


def refused(pictures: list[Grey]) -> int:
    return sum(isinstance(result, Reason) for result in screener().classify(pictures))


@pytest.mark.parametrize("name", FRAMINGS)
def test_films_in_every_framing_are_scored(name: str) -> None:
    rng = np.random.default_rng(len(name))
    assert refused([apply_framings(phantom(seed), (name,), rng) for seed in range(COUNT)]) <= 1


def test_films_as_they_are_get_no_note() -> None:
    results = screener().classify([phantom(seed) for seed in range(COUNT)])
    assert [result.notes for result in results if isinstance(result, FilmResult)] == [()] * COUNT


@pytest.mark.parametrize("name", [*DOCUMENTS, *BODY_PARTS])
def test_documents_and_other_body_parts_are_refused(name: str) -> None:
    rng = np.random.default_rng(len(name))
    assert refused([(DOCUMENTS | BODY_PARTS)[name](rng) for _ in range(COUNT)]) >= COUNT - 1


@pytest.mark.parametrize("name", INTERFACES)
def test_films_in_an_interface_are_refused_mostly_as_screenshots(name: str) -> None:
    rng = np.random.default_rng(len(name))
    results = screener().classify([INTERFACES[name]([phantom(seed)], rng) for seed in range(COUNT)])
    codes = [result.code for result in results if isinstance(result, Reason)]
    assert len(codes) >= COUNT - 3
    assert codes.count("screenshot") >= len(codes) / 2
