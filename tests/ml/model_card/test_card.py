"""The model card is read strictly: an error names the field, and a round trip changes nothing."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml.inference.bundle import MODELS, bundle_names
from ml.inference.gate import CLASSES as KINDS
from ml.inference.gate import MIRRORED
from ml.model_card.card import CARD, CardError, card_to_json, card_to_text, parse_card, read_card
from ml.model_card.strict_json import to_json
from tests.ml.model_card.decision_samples import EXPECTED, RANGE

FieldPath = tuple[str | int, ...]

# Fields and keys that a card may lack. All others are required.
OPTIONAL = {
    *(
        "schema_version",
        "ethics",
        "calibration",
        "metrics",
        "elsewhere",
        "seeds",
        "against_seed_cnn",
        "at_operating_points",
    ),
    *("prevalence", "subgroups", "shortcuts", "gate", "parity"),
    *("preprocessing.kind", "seeds.mean", "seeds.folds"),
    *(f"training.{name}" for name in ("epochs", "best_epoch", "steps_an_epoch", "loss", "optimizer", "augmentation")),
    *(f"training.{name}" for name in ("steps", "rate", "decay", "mixup", "smoothing", "head_penalty", "share")),
    *(f"training.history[0].{name}" for name in ("epoch", "step", "accuracy", "val_loss", "val_accuracy")),
    *(f"{row}.calibration_{name}" for row in ("metrics", "elsewhere[0]") for name in ("slope", "intercept")),
    *(f"seeds.runs[0].{name}" for name in ("accuracy", "precision", "recall", "specificity", "f1", "validation")),
    "gate.out_of_fold.mirrored.false_alarms",
    *("expected_decisions", "expected_decisions.known", "expected_decisions.calibration"),
    *("feature_range", "feature_range.other"),
    *("gate.accept_from", "gate.left_out", "gate.lungs"),
    *("gate.left_out[0].refused.n", "gate.left_out[0].refused.method"),
    *(f"gate.out_of_fold.{kind}.unsure" for kind in (*KINDS, MIRRORED)),
}
CLASSES = [
    f"expected_decisions.{place}{label}_covid"
    for place in ("", "hospitals[0].", "known.")
    for label in ("without", "with")
]
OPTIONAL |= {place for place in CLASSES if place.count(".") > 1}
OPTIONAL |= {f"{place}.{name}.method" for place in CLASSES for name in ("negative", "uncertain", "positive")}
OPTIONAL |= {f"feature_range.{row}.noted.method" for row in ("known", "hospitals[0]", "other[0]")}
MAPS = {"data.split", "software", "checksums", "gate.out_of_fold", "seeds.mean"}  # their keys are free


def stored(name: str) -> Any:
    return json.loads((MODELS / name / CARD).read_text())


def shortened(value: Any) -> Any:
    """The same card with one item of each list, and both numbers of each point."""
    if isinstance(value, list):
        return value if value and not isinstance(value[0], dict | list | str) else [shortened(v) for v in value[:1]]
    return {key: shortened(item) for key, item in value.items()} if isinstance(value, dict) else value


DECISIONS = {"expected_decisions": to_json(EXPECTED), "feature_range": to_json(RANGE)}
SHORT = {
    "screener": shortened({**stored("screener"), **DECISIONS}),
    "seed-cnn": shortened(stored("seed-cnn")),
}


def paths(value: Any, above: FieldPath = ()) -> Iterator[FieldPath]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*above, key)
        yield from paths(item, (*above, key))


def written(path: FieldPath) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def at(value: Any, path: FieldPath) -> Any:
    for part in path:
        value = value[part]
    return value


def changed(name: str, path: FieldPath, new: Any) -> Any:
    card = copy.deepcopy(SHORT[name])
    at(card, path[:-1])[path[-1]] = new
    return card


# Every field of the first card, and those that only the second one has.
SCREENER = list(paths(SHORT["screener"]))
OTHERS = [path for path in paths(SHORT["seed-cnn"]) if path not in SCREENER]
EVERYWHERE = [
    pytest.param(name, path, id=f"{name}-{written(path)}")
    for name, places in (("screener", SCREENER), ("seed-cnn", OTHERS))
    for path in places
]
KEYS = [case for case in EVERYWHERE if isinstance(case.values[1][-1], str)]  # type: ignore[index]


@pytest.mark.parametrize("name", bundle_names())
def test_a_round_trip_gives_the_same_json(name: str) -> None:
    assert card_to_json(parse_card(stored(name))) == stored(name)


@pytest.mark.parametrize("name", bundle_names())
def test_what_is_written_is_read_again(name: str, tmp_path: Path) -> None:
    card = read_card(MODELS / name / CARD)
    (tmp_path / CARD).write_text(card_to_text(card), encoding="utf-8")
    assert read_card(tmp_path / CARD) == card


def test_decisions_are_read_as_they_were_written() -> None:
    card = parse_card({**stored("screener"), **DECISIONS})
    assert (card.expected_decisions, card.feature_range) == (EXPECTED, RANGE)


def test_a_card_without_decisions_has_none() -> None:
    card = parse_card(stored("seed-cnn"))
    assert (card.expected_decisions, card.feature_range) == (None, None)


def test_lists_of_numbers_are_written_on_one_line() -> None:
    card = read_card(MODELS / "seed-cnn" / CARD)
    assert card.metrics is not None
    first, second = card.metrics.roc[:2]
    assert f"[ {first[0]}, {first[1]} ]" in card_to_text(card)
    assert first != second


@pytest.mark.parametrize(("name", "path"), EVERYWHERE)
def test_a_value_of_another_type_is_named(name: str, path: FieldPath) -> None:
    wrong = 7 if isinstance(at(SHORT[name], path), str) else "x"
    with pytest.raises(CardError) as caught:
        parse_card(changed(name, path, wrong))
    message = str(caught.value)
    assert message.startswith(f"card.json: {written(path)}: expected ")
    assert message.endswith(f", got {json.dumps(wrong)}")


@pytest.mark.parametrize(("name", "path"), KEYS)
def test_a_missing_field_is_named(name: str, path: FieldPath) -> None:
    card = copy.deepcopy(SHORT[name])
    del at(card, path[:-1])[path[-1]]
    place = written(path)
    free = written(path[:-1]) in MAPS
    if place in OPTIONAL or (free and place != "checksums.model.onnx"):
        parse_card(card)
    else:
        with pytest.raises(CardError) as caught:
            parse_card(card)
        assert str(caught.value) == f"card.json: {place}: missing"


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("threshold", 1.5, "a number between 0 and 1"),
        ("threshold", -0.1, "a number between 0 and 1"),
        ("threshold", math.nan, "a number between 0 and 1"),
        ("operating_points.low", 2, "a number between 0 and 1"),
        ("preprocessing.height", 0, "a whole number of at least 1"),
        ("preprocessing.channels", 1.5, "a whole number of at least 1"),
        ("network.parameters", -1, "a whole number of at least 0"),
        ("network.parameters", True, "a whole number of at least 0"),
        ("training.seed", -1, "a whole number of at least 0"),
        ("training.history[0].loss", math.inf, "a number"),
        ("data.split.test.films", -3, "a whole number of at least 0"),
        ("calibration.slope", math.nan, "a number"),
        ("elsewhere[0].values.auroc.value", "x", "a number between 0 and 1"),
        ("elsewhere[0].values.auroc.value", 1.01, "a number between 0 and 1"),
        ("metrics.values.brier.high", -0.01, "a number between 0 and 1"),
        ("metrics.confusion.false_negative", -1, "a whole number of at least 0"),
        ("metrics.roc[0][1]", 1.2, "a number between 0 and 1"),
        ("metrics.roc[0]", [0.1], "a list of 2"),
        ("metrics.calibration[0].observed", 7, "a number between 0 and 1"),
        ("against_seed_cnn[0].p", 3, "a number between 0 and 1"),
        ("subgroups[0].positives", -2, "a whole number of at least 0"),
        ("shortcuts.map_in_lungs", 49.38, "a number between 0 and 1"),
        ("gate.out_of_fold.frontal.refused", 97, "a number between 0 and 1"),
        ("expected_decisions.stated_error", 10, "a number between 0 and 1"),
        ("expected_decisions.with_covid.negative.high", 1.5, "a number between 0 and 1"),
        ("feature_range.known.noted.value", -0.1, "a number between 0 and 1"),
        ("seeds.runs[0].auroc", 98.4, "a number between 0 and 1"),
    ],
)
def test_a_number_out_of_range_is_named(place: str, value: Any, expected: str) -> None:
    path = next(path for path in paths(SHORT["screener"]) if written(path) == place)
    with pytest.raises(CardError) as caught:
        parse_card(changed("screener", path, value))
    assert str(caught.value) == f"card.json: {place}: expected {expected}, got {json.dumps(value)}"


@pytest.mark.parametrize("place", ["", "metrics.", "metrics.values.", "gate.", "data.sources[0]."])
def test_an_unknown_field_is_named(place: str) -> None:
    path = next(((*path, "auc") for path in paths(SHORT["screener"]) if f"{written(path)}." == place), ("auc",))
    with pytest.raises(CardError) as caught:
        parse_card(changed("screener", path, 1))
    assert str(caught.value) == f"card.json: {place}auc: unknown field"


@pytest.mark.parametrize("version", [0, 2, "1", True, None])
def test_another_schema_version_is_refused_before_its_fields_are_read(version: object) -> None:
    with pytest.raises(CardError, match=r"^card\.json: schema_version: expected 1, the version .* got "):
        parse_card({"schema_version": version, "new": "field"})


def test_a_card_without_a_version_has_the_first() -> None:
    card = {key: value for key, value in stored("screener").items() if key != "schema_version"}
    without = parse_card(card)
    named = parse_card({"schema_version": 1, **card})
    assert (without.schema_version, named.schema_version) == (None, 1)
    assert card_to_json(named) == {"schema_version": 1, **card_to_json(without)}


def test_operating_points_in_the_wrong_order_are_refused() -> None:
    card = changed("screener", ("operating_points", "low"), 0.9)
    with pytest.raises(CardError, match=r"^card\.json: operating_points: expected low to be at most high"):
        parse_card(card)


@pytest.mark.parametrize("value", [None, [], "card", 1])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(CardError, match=r"^card\.json: expected an object, got "):
        parse_card(value)


@pytest.mark.parametrize("text", [None, "", "{"])
def test_a_file_that_is_missing_or_no_json_is_refused(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / CARD).write_text(text)
    with pytest.raises(CardError, match=r"^card\.json: "):
        read_card(tmp_path / CARD)


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(CardError, match=r"…$") as caught:
        parse_card(changed("screener", ("name",), ["long"] * 100))
    assert len(str(caught.value)) < 120
