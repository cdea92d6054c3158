"""The parts of a split: exact sizes, nothing shared, the same again for the same seed."""

from collections import Counter
from pathlib import Path

import pytest

from ml.data.datasets import FilmRecord
from ml.data.splits import Split, seed_selection, seed_split
from tests.ml.helpers import record

COVID_SOURCE = "covid-chestxray-dataset"


def films_of(finding: str, films_a_patient: list[int]) -> list[FilmRecord]:
    source = COVID_SOURCE if finding == "covid" else "chest_xray"
    return [
        record(Path(f"/{finding}/{patient}-{film}.png"), source, finding, patient=str(patient), view="PA")
        for patient, films in enumerate(films_a_patient)
        for film in range(films)
    ]


# 212 films of 112 patients with COVID-19, 220 of 190 without.
FILMS = films_of("covid", [1, 2, 3, 1, 5, 1, 1] * 15 + [1] * 7) + films_of("normal", [1] * 160 + [2] * 30)
GROUPS = [film.patient_key for film in FILMS]
GROUP_OF = dict(zip(FILMS, GROUPS, strict=True))


def parts(split: Split) -> list[list[FilmRecord]]:
    return [split.train, split.validation, split.test, split.unused]


def sides_of_groups(split: Split) -> dict[str, set[int]]:
    sides: dict[str, set[int]] = {}
    for side, part in enumerate(parts(split)[:3]):
        for film in part:
            sides.setdefault(GROUP_OF[film], set()).add(side)
    return sides


@pytest.mark.parametrize("protocol", ["patient", "seed"])
@pytest.mark.parametrize("seed", range(3))
def test_counts_are_exact(protocol: str, seed: int) -> None:
    split = seed_split(FILMS, GROUPS, protocol, seed)
    sizes = [Counter(film.finding for film in part) for part in (split.train, split.validation, split.test)]
    assert sizes == [Counter(covid=size, normal=size) for size in (115, 29, 36)]


@pytest.mark.parametrize("protocol", ["patient", "seed"])
def test_every_film_is_in_one_part(protocol: str) -> None:
    split = seed_split(FILMS, GROUPS, protocol)
    together = [film for part in parts(split) for film in part]
    assert len(together) == len(set(together)) == len(FILMS)
    assert set(together) == set(FILMS)


@pytest.mark.parametrize("seed", range(5))
def test_patient_protocol_keeps_groups_whole(seed: int) -> None:
    assert all(len(sides) == 1 for sides in sides_of_groups(seed_split(FILMS, GROUPS, "patient", seed)).values())


def test_seed_protocol_tears_groups_apart() -> None:
    """The mistake of the original, kept to be measured."""
    assert any(len(sides) > 1 for sides in sides_of_groups(seed_split(FILMS, GROUPS, "seed")).values())


@pytest.mark.parametrize("protocol", ["patient", "seed"])
def test_the_seed_alone_decides(protocol: str) -> None:
    assert seed_split(FILMS, GROUPS, protocol, 4) == seed_split(FILMS, GROUPS, protocol, 4)
    assert seed_split(FILMS, GROUPS, protocol, 4).test != seed_split(FILMS, GROUPS, protocol, 5).test


def test_a_group_too_large_for_the_test_part_goes_elsewhere() -> None:
    films = films_of("covid", [37] + [1] * 180) + films_of("normal", [1] * 180)
    for seed in range(5):
        split = seed_split(films, [film.patient_key for film in films], "patient", seed)
        assert len(split.test) == 72
        assert not any(film.finding == "covid" and film.patient == "0" for film in split.test + split.validation)


def test_too_few_films_are_refused() -> None:
    films = films_of("covid", [1] * 180) + films_of("normal", [1] * 179)
    with pytest.raises(ValueError, match="1 of 115 films are missing"):
        seed_split(films, [film.patient_key for film in films], "patient")


def test_an_unknown_protocol_is_named() -> None:
    with pytest.raises(ValueError, match=r"'random'.*seed or patient"):
        seed_split(FILMS, GROUPS, "random")


def test_groups_must_match_the_films() -> None:
    with pytest.raises(ValueError, match="zip"):
        seed_split(FILMS, GROUPS[:-1], "patient")


def test_selection_takes_adults_in_pa_view_and_healthy_children() -> None:
    wanted = [
        record(Path("/a.png"), COVID_SOURCE, "covid", view="PA"),
        record(Path("/b.png"), "chest_xray", "normal"),
    ]
    others = [
        record(Path("/c.png"), COVID_SOURCE, "covid", view="AP Supine"),
        record(Path("/d.png"), COVID_SOURCE, "normal", view="PA"),
        record(Path("/e.png"), "chest_xray", "pneumonia"),
        record(Path("/f.png"), "covid-cxnet", "covid", view="PA"),
        record(Path("/g.png"), "nih-chestxray14", "normal", view="PA"),
    ]
    assert seed_selection([*others, *wanted]) == wanted
