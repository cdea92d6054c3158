"""The errors to expect at a hospital not trained on come first wherever performance stands beside a result."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.presentation import expected_decisions
from dashboard.presentation.prevalence import operating_points_of
from ml.model_card.strict_json import to_json
from screening.model_versions import card_of
from screening.models import Film, ModelVersion
from tests.ml.model_card.decision_samples import EXPECTED, RANGE

ERRORS = (
    "Of films without COVID-19, 8 % are called positive (95 % interval 4–54 %); at the worst of these hospitals, "
    "16 % (NIH).",
    "Of films with COVID-19, 9 % are called negative (95 % interval 4.5–54.5 %); at the worst of these hospitals, "
    "22 % (Radiopaedia).",
    "57 % of films without COVID-19 and 57 % of films with COVID-19 are left uncertain.",
)
KNOWN = "1 % of films without COVID-19 are called positive, 7 % of films with COVID-19 negative."


@pytest.fixture
def measured(model_version: ModelVersion) -> ModelVersion:
    """The default model with measured decisions at hospitals left out."""
    card = {**model_version.card, "expected_decisions": to_json(EXPECTED), "feature_range": to_json(RANGE)}
    ModelVersion.objects.filter(pk=model_version.pk).update(card=card)
    return ModelVersion.objects.get(pk=model_version.pk)


@pytest.fixture
def without(model_version: ModelVersion) -> ModelVersion:
    """The default model with the card of an older bundle."""
    left_out = {"expected_decisions", "feature_range"}
    card = {name: value for name, value in model_version.card.items() if name not in left_out}
    ModelVersion.objects.filter(pk=model_version.pk).update(card=card)
    return ModelVersion.objects.get(pk=model_version.pk)


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    plain = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return " ".join(unescape(plain).replace("\u2060", "").split())


def addresses(film: Film) -> dict[str, str]:
    return {
        "film": reverse("film", args=[film.pk]),
        "model": reverse("model", args=[film.batch.model.name]),
        "film report": reverse("film-report", args=[film.pk]),
        "batch report": reverse("batch-report", args=[film.batch_id]),
    }


@pytest.mark.parametrize("page", ["film", "model", "film report", "batch report"])
def test_the_error_elsewhere_stands_before_the_inner_figure(
    page: str, as_owner: Client, measured: ModelVersion, film: Film
) -> None:
    text = text_of(as_owner.get(addresses(film)[page]))
    places = [text.index(words) for words in ("At hospitals not trained on", *ERRORS, KNOWN)]
    assert places == sorted(places)
    own = f"{measured.card['metrics']['values']['auroc']['value']:.2f}"
    assert text.index(ERRORS[0]) < text.index(f" {own} ")


@pytest.mark.parametrize("page", ["film", "model"])
def test_mean_and_worst_auroc_come_first(page: str, as_owner: Client, measured: ModelVersion, film: Film) -> None:
    text = text_of(as_owner.get(addresses(film)[page]))
    values = [row["values"]["auroc"]["value"] for row in measured.card["elsewhere"]]
    mean, worst = f"{sum(values) / len(values):.2f}", f"{min(values):.2f}"
    assert f"Mean of {len(values)} tests on hospitals left out of training {mean} AUROC" in text
    assert f"{worst} AUROC" in text
    assert text.index(f"{mean} AUROC") < text.index("New patients of the training hospitals")


def test_the_batch_says_in_one_sentence_what_to_expect(as_owner: Client, measured: ModelVersion, film: Film) -> None:
    text = text_of(as_owner.get(film.batch.get_absolute_url()))
    assert (
        "At hospitals not trained on, 8 % of films without COVID-19 are called positive, 9 % of films with COVID-19 "
        "negative, and 57 % stay uncertain."
    ) in text


@pytest.mark.parametrize(("decision", "times"), [("uncertain", 2), ("positive", 1)])
def test_an_uncertain_film_says_what_that_means(
    decision: str, times: int, as_owner: Client, measured: ModelVersion, film: Film
) -> None:
    Film.objects.filter(pk=film.pk).update(decision=decision, score=0.5)
    text = text_of(as_owner.get(addresses(film)["film"]))
    meaning = expected_decisions.uncertain_meaning(card_of(measured))
    assert meaning.startswith("Uncertain means that the model makes no decision")
    assert "more than 10 % of the films" in meaning
    assert text.count(meaning) == times


@pytest.mark.parametrize("page", ["film", "model", "batch report"])
def test_an_older_card_shows_the_worst_hospital_first(
    page: str, as_owner: Client, without: ModelVersion, film: Film
) -> None:
    text = text_of(as_owner.get(addresses(film)[page]))
    worst = min(without.card["elsewhere"], key=lambda row: row["values"]["auroc"]["value"])["name"]
    assert "Uncertain means" not in text
    assert text.index(worst) < text.lower().index("new patients of the training hospitals")


def test_predictive_values_are_those_of_hospitals_not_trained_on(
    as_owner: Client, measured: ModelVersion, film: Film
) -> None:
    points = operating_points_of(card_of(measured))
    assert points is not None
    assert (points.high.sensitivity, points.high.specificity) == (0.34, 1 - 0.08)
    assert (points.low.sensitivity, points.low.specificity) == (1 - 0.09, 0.35)
    text = text_of(as_owner.get(addresses(film)["film"]))
    assert "films of hospitals that the model was not trained on (mean)" in text


def test_predictive_values_of_an_older_card_are_those_of_its_test_films(
    as_owner: Client, without: ModelVersion, film: Film
) -> None:
    card = card_of(without)
    assert card is not None
    assert operating_points_of(card) == card.at_operating_points
    assert "on new patients of the training hospitals" in text_of(as_owner.get(addresses(film)["film"]))


def test_every_hospital_has_a_row(as_owner: Client, measured: ModelVersion) -> None:
    text = text_of(as_owner.get(reverse("model")))
    assert "Radiopaedia 5 2.5–52.5 55 27.5–77.5 22 11–61 56 28–78" in text
    assert "NIH 16 8–58 57 28.5–78.5 – –" in text
    assert text.index("NIH 16") < text.index("New patients of the training hospitals 1 ")
    assert "a single hospital can have a larger one" in text


def test_the_model_page_says_what_the_note_finds(as_owner: Client, measured: ModelVersion) -> None:
    text = text_of(as_owner.get(reverse("model")))
    assert "farther from the training films than all but 2 % of the validation films" in text
    assert "CT slices 416 0.99 90" in text
    assert "that carry the note, 74 % are uncertain, and 12 % of the decisions are wrong" in text


def test_the_note_is_shown_on_the_film(as_owner: Client, film: Film) -> None:
    Film.objects.filter(pk=film.pk).update(notes=["unlike_training"], flags=["note"])
    text = text_of(as_owner.get(addresses(film)["film"]))
    assert "Unlike the films this model was trained on." in text
    assert "A note on the film says that its score may not hold." in text
