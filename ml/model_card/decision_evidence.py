"""Parts of the model card on decisions at hospitals not trained on, and on films unlike those of the training."""

from __future__ import annotations

from dataclasses import dataclass

from ml.model_card.evidence import AtOperatingPoints, Measure, SensitivitySpecificity
from ml.statistics.ranges import Count, Share


@dataclass(frozen=True)
class DecisionShares:
    """Shares of the three decisions among the films of one class.

    Attributes:
        films: how many there are.
        patients: groups of films of one patient.
        negative: share below the lower operating point.
        uncertain: share between the operating points.
        positive: share from the upper operating point on.
    """

    films: Count
    patients: Count
    negative: Measure
    uncertain: Measure
    positive: Measure


@dataclass(frozen=True, kw_only=True)
class HospitalDecisions:
    """Decisions on the films of one hospital or collection. A class without films there is ``None``.

    Attributes:
        name: of the hospital or collection.
        low: the lower operating point, chosen without these films.
        high: the upper operating point, chosen without these films.
        without_covid: decisions on films without COVID-19; the share of positive ones is wrong.
        with_covid: decisions on films with COVID-19; the share of negative ones is wrong.
    """

    name: str
    low: Share
    high: Share
    without_covid: DecisionShares | None = None
    with_covid: DecisionShares | None = None


@dataclass(frozen=True, kw_only=True)
class CalibrationCheck:
    """How well calibrated scores are. Hospitals not trained on and both classes have the same weight.

    Attributes:
        fitted_on: the films that slope and intercept were fitted on.
        measured_on: the films that the scores were compared on, which are others.
        brier: mean squared difference of score and label.
        ece: expected calibration error.
        slope: calibration slope; 1 where scores are neither too extreme nor too moderate.
    """

    fitted_on: str
    measured_on: str
    brier: Share
    ece: Share
    slope: float


@dataclass(frozen=True, kw_only=True)
class ExpectedDecisions:
    """Decisions to expect at a hospital that the model was not trained on.

    Attributes:
        stated_error: share of wrong decisions in each class, on average over hospitals, that the band was chosen for.
        method: how the band was chosen.
        without_covid: decisions on films without COVID-19, mean over the hospitals.
        with_covid: decisions on films with COVID-19, mean over the hospitals.
        hospitals: each hospital, by networks that were not trained on it and a band that was chosen without it.
        known: the shipped model on test patients of the hospitals it was trained on.
        calibration: scores calibrated on known patients and on hospitals left out, compared.
    """

    stated_error: Share
    method: str
    without_covid: DecisionShares
    with_covid: DecisionShares
    hospitals: tuple[HospitalDecisions, ...]
    known: HospitalDecisions | None = None
    calibration: tuple[CalibrationCheck, ...] = ()

    @property
    def mean(self) -> HospitalDecisions:
        """Return the mean over the hospitals, as a row of the tables beside them."""
        return HospitalDecisions(
            name="Mean of the hospitals",
            low=0,
            high=1,
            without_covid=self.without_covid,
            with_covid=self.with_covid,
        )

    @property
    def at_operating_points(self) -> AtOperatingPoints:
        """Return sensitivity and specificity at both operating points, mean over the hospitals."""
        without, with_covid = self.without_covid, self.with_covid
        return AtOperatingPoints(
            low=SensitivitySpecificity(1 - (with_covid.negative.value or 0.0), without.negative.value or 0.0),
            high=SensitivitySpecificity(with_covid.positive.value or 0.0, 1 - (without.positive.value or 0.0)),
        )


@dataclass(frozen=True)
class RangeResult:
    """What the distance to the training films tells about some films.

    Attributes:
        name: of the hospital, or of the kind of picture.
        films: how many there are.
        auroc: how well the distance separates them from patients of the hospitals trained on.
        noted: share that carries the note.
    """

    name: str
    films: Count
    auroc: Share
    noted: Measure


@dataclass(frozen=True)
class NoteDecisions:
    """Decisions on films of hospitals left out, either with the note or without it.

    Attributes:
        films: how many there are, counted once for each network.
        uncertain: share without a decision; ``None`` without films.
        wrong: share of wrong decisions among the decided films; ``None`` where none is decided.
    """

    films: Count
    uncertain: Share | None
    wrong: Share | None


@dataclass(frozen=True, kw_only=True)
class FeatureRangeEvidence:
    """The note on films unlike those of the training, tested on hospitals left out and on other pictures.

    Attributes:
        method: the distance and its reference films.
        noted_validation: share of the validation films that the threshold was chosen for.
        known: the shipped model on test patients of the hospitals it was trained on.
        hospitals: hospitals left out, by networks and reference films without them.
        with_note: decisions on the noted films of hospitals left out.
        without_note: decisions on the other films of hospitals left out.
        other: other pictures, by the shipped model.
    """

    method: str
    noted_validation: Share
    known: RangeResult
    hospitals: tuple[RangeResult, ...]
    with_note: NoteDecisions
    without_note: NoteDecisions
    other: tuple[RangeResult, ...] = ()
