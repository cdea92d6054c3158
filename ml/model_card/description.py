"""Parts of the model card that describe the model: input, architecture, training, data and decision rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ml.statistics.ranges import Count, Range, Share


@dataclass(frozen=True)
class Preprocessing:
    """How a film becomes the input of the network.

    Attributes:
        version: of the decoding and the grey levels, see :mod:`ml.decoding.preprocess`.
        height: of the input, in pixels.
        width: of the input, in pixels.
        channels: of the input.
        resize: how the film is brought to that size, for people.
        scale: range of the input's values.
        kind: ``stretch`` or ``lungs``, see :class:`ml.decoding.preprocess.InputSpec`.
    """

    version: str
    height: Annotated[int, Range(1)]
    width: Annotated[int, Range(1)]
    channels: Annotated[int, Range(1)]
    resize: str
    scale: str
    kind: str | None = None


@dataclass(frozen=True)
class Network:
    """The architecture."""

    description: str
    parameters: Count


@dataclass(frozen=True, kw_only=True)
class TrainingLogEntry:
    """One line of a training's log: an epoch where the data are passed through, else a number of steps."""

    loss: float
    epoch: Count | None = None
    step: Count | None = None
    accuracy: Share | None = None
    val_loss: float | None = None
    val_accuracy: Share | None = None


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the network was trained. What a recipe does not have is ``None``.

    Attributes:
        protocol: how films were split: by ``patient``, or by file as the ``seed`` project did.
        seed: of the run that gave the weights; the first where several runs gave them.
        chosen_by: the rule that chose this run.
        batch: films in a batch.
        share: where the weights lie between the start of the training (0) and its end (1).
        history: the log.
    """

    protocol: str
    seed: Count
    epochs: Count | None = None
    best_epoch: Count | None = None
    chosen_by: str
    batch: Count
    steps_an_epoch: Count | None = None
    loss: str | None = None
    optimizer: str | None = None
    augmentation: str | None = None
    steps: Count | None = None
    rate: float | None = None
    decay: float | None = None
    mixup: float | None = None
    smoothing: Share | None = None
    head_penalty: float | None = None
    share: Share | None = None
    history: tuple[TrainingLogEntry, ...]


@dataclass(frozen=True)
class DataSource:
    """A data set the model was trained on, with its licence."""

    name: str
    use: str
    citation: str
    licence: str


@dataclass(frozen=True)
class PartCounts:
    """Films, COVID-19 films and patient groups of one part of the split."""

    films: Count
    positives: Count
    patients: Count


@dataclass(frozen=True)
class Data:
    """What the model was trained and tested on.

    Attributes:
        sources: the data sets.
        split: counts of ``train``, ``validation`` and ``test``.
    """

    sources: tuple[DataSource, ...]
    split: dict[str, PartCounts]


@dataclass(frozen=True)
class Calibration:
    """From the network's logit to the score: ``sigmoid(slope * logit + intercept)``."""

    slope: float
    intercept: float
    method: str


@dataclass(frozen=True)
class OperatingPoints:
    """Below ``low`` a film is negative, from ``high`` on positive, between the two uncertain."""

    low: Share
    high: Share
    chosen_on: str
