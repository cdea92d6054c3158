"""Training of the upper part: balanced draws over cached views, mixup, label smoothing, averaged weights.

Training starts from a head fitted to ImageNet's features (Kumar et al., "Fine-Tuning can Distort Pretrained
Features", ICLR 2022). The weights that ship lie between this start and the mean of the trainings with several seeds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ml.arrays import Float32Array, Float64Array
from ml.training.screener.feature_cache import Cache
from ml.training.screener.feature_range import pooled_features
from ml.training.screener.films import Films, Mask, cell_weights
from ml.training.screener.merging import estimate_statistics, interpolate
from ml.training.screener.network import HEAD, log_features, trained_part

CHECKPOINT_STEPS = 100
AVERAGE_EVERY = 5  # steps, over the second half of training


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters. They were chosen by leaving sources out, see docs/screener-trials.md.

    Attributes:
        steps: of ``batch`` drawn views each.
        batch: views a step.
        rate: learning rate at the start; it falls to zero along a cosine.
        decay: weight decay (AdamW).
        mixup: parameter of the Beta distribution (Zhang et al., ICLR 2018).
        smoothing: labels become smoothing / 2 and 1 - smoothing / 2.
        head_penalty: inverse L2 penalty of the head that training starts from, and of the final head.
        share: where the final weights lie between the start (0) and the mean of the trainings (1).
    """

    steps: int = 300
    batch: int = 32
    rate: float = 1e-3
    decay: float = 1e-2
    mixup: float = 0.3
    smoothing: float = 0.05
    head_penalty: float = 1e-3
    share: float = 0.75


def train_seeds(
    films: Films, cache: Cache, among: Mask, folder: Path, seeds: Sequence[int], recipe: Recipe | None = None
) -> tuple[keras.Model, dict[int, keras.Model]]:
    """Train with several seeds, and merge the weights.

    Args:
        films: every film.
        cache: their features, see :func:`ml.training.screener.feature_cache.fill_cache`.
        among: the films to train on, [N].
        folder: the trainings lie beside it, in folders with the seed after its name.
        seeds: one training each.
        recipe: the hyperparameters.

    Returns:
        the network of all seeds, and of each seed alone the network that it would have given. The head is fitted
        again to the features of the merged weights (Kirichenko et al., "Last Layer Re-Training", ICLR 2023).
    """
    recipe = recipe or Recipe()
    trained = {seed: train(films, cache, among, _of_seed(folder, seed), seed, recipe) for seed in seeds}
    start = start_network(films, cache, among, recipe)
    merged = interpolate(start, list(trained.values()), recipe.share)
    alone = {seed: interpolate(start, [network], recipe.share) for seed, network in trained.items()}
    weights = cell_weights(films, among)
    for network in (merged, *alone.values()):
        estimate_statistics(network, cache, weights)
        served = pooled_features(network, cache.views[0]).astype(np.float32)
        network.get_layer(HEAD).set_weights(fit_head([served], films, weights, recipe.head_penalty))
    return merged, alone


def _of_seed(folder: Path, seed: int) -> Path:
    return folder.with_name(f"{folder.name}-{seed}")


def start_network(films: Films, cache: Cache, among: Mask, recipe: Recipe) -> keras.Model:
    """Return ImageNet's network with a head fitted to the films in ``among``; training starts from it."""
    network = trained_part()
    weights = cell_weights(films, among)
    network.get_layer(HEAD).set_weights(fit_head(cache.pooled, films, weights, recipe.head_penalty))
    return network


def train(
    films: Films, cache: Cache, among: Mask, folder: Path, seed: int = 0, recipe: Recipe | None = None
) -> keras.Model:
    """Train on some of the films, continue an interrupted training, or load a finished one.

    Args:
        films: every film.
        cache: their features, see :func:`ml.training.screener.feature_cache.fill_cache`.
        among: the films to train on, [N].
        folder: where checkpoints, ``history.json`` and the finished ``trained.keras`` go.
        seed: of the draws, the mixing and the dropout.
        recipe: the hyperparameters.

    Returns:
        :func:`ml.training.screener.network.trained_part` with averaged weights.
    """
    recipe = recipe or Recipe()
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / "trained.keras").exists():
        return keras.models.load_model(folder / "trained.keras", compile=False)
    run = _Run(films, cache, among, folder, seed, recipe)
    run.resume()
    run.finish()
    return run.network


def fit_head(
    views: Sequence[Float32Array], films: Films, weights: Float64Array, penalty: float
) -> list[Float32Array]:
    """Fit a logistic regression on the logarithms of a network's features.

    Args:
        views: pooled features of one or more views of the films, [N, 1280] each.
        films: their labels.
        weights: of each film, [N]; those of weight 0 are not used.
        penalty: inverse L2 penalty on standardised features.

    Returns:
        the head's weights [1280, 1] and bias [1].
    """
    part = weights > 0
    features = np.concatenate([log_features(pooled[part]) for pooled in views])
    scaler = StandardScaler().fit(features)
    shares = np.tile(weights[part], len(views)) * part.sum() / weights.sum()
    model = LogisticRegression(C=penalty, max_iter=200)
    model.fit(scaler.transform(features), np.tile(films.labels[part], len(views)), sample_weight=shares)
    slope = model.coef_[0] / scaler.scale_
    bias = model.intercept_ - slope @ scaler.mean_
    return [slope[:, None].astype(np.float32), bias.astype(np.float32)]


class _Run:
    """One training. What a step draws and mixes depends on the seed and the step only; dropout does not resume."""

    def __init__(self, films: Films, cache: Cache, among: Mask, folder: Path, seed: int, recipe: Recipe) -> None:
        keras.utils.set_random_seed(seed)
        self.network = start_network(films, cache, among, recipe)
        self.views, self.folder, self.seed, self.recipe = cache.views, folder, seed, recipe
        weights = cell_weights(films, among)
        self.candidates = np.nonzero(weights)[0]
        self.shares = weights[self.candidates] / weights[self.candidates].sum()
        self.labels = films.labels
        rate = keras.optimizers.schedules.CosineDecay(recipe.rate, recipe.steps)
        self.optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.decay, clipnorm=1.0)
        self.variables = self.network.trainable_variables
        self.optimizer.build(self.variables)
        self.average = [np.zeros(tuple(variable.shape)) for variable in self.variables]
        self.averaged, self.step, self.history = 0, 0, list[dict[str, float]]()
        self.update = tf.function(self._update)

    def resume(self) -> None:
        """Load the last checkpoint, if there is one."""
        path = self.folder / "checkpoint.npz"
        if not path.exists():
            return
        with np.load(path) as saved:
            for name, variables in (("weight", self.network.variables), ("slot", self.optimizer.variables)):
                for index, variable in enumerate(variables):
                    variable.assign(saved[f"{name}{index}"])
            self.average = [saved[f"average{index}"] for index in range(len(self.average))]
            self.step, self.averaged = int(saved["step"]), int(saved["averaged"])
        self.history = json.loads((self.folder / "history.json").read_text())["history"]

    def finish(self) -> None:
        """Run the remaining steps, then assign the averaged weights and save the network."""
        started, first, losses = time.monotonic(), self.step, list[float]()
        while self.step < self.recipe.steps:
            losses.append(float(self.update(*self._batch(self.step))))
            self.step += 1
            if self.step > self.recipe.steps // 2 and self.step % AVERAGE_EVERY == 0:
                self._add_to_average()
            if self.step % CHECKPOINT_STEPS == 0 or self.step == self.recipe.steps:
                seconds = (time.monotonic() - started) / (self.step - first) * (self.recipe.steps - self.step)
                self._checkpoint(float(np.mean(losses)), seconds)
                losses.clear()
        for variable, mean in zip(self.variables, self.average, strict=True):
            variable.assign(mean.astype(np.float32))
        self.network.save(self.folder / "trained.keras")
        (self.folder / "checkpoint.npz").unlink()

    def _update(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = self.network(features, training=True)[:, 0]
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits))
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.variables), self.variables, strict=True))
        return loss

    def _batch(self, step: int) -> tuple[tf.Tensor, tf.Tensor]:
        rng, size = np.random.default_rng([self.seed, step]), self.recipe.batch
        drawn = rng.choice(self.candidates, size, p=self.shares)
        which = rng.integers(0, len(self.views), size)
        features = np.stack([self.views[v][i] for v, i in zip(which, drawn, strict=True)]).astype(np.float32)
        smooth = self.recipe.smoothing
        labels = self.labels[drawn] * (1 - smooth) + smooth / 2
        share = rng.beta(self.recipe.mixup, self.recipe.mixup, size).astype(np.float32)
        share, partner = np.maximum(share, 1 - share), rng.permutation(size)
        wide = share[:, None, None, None]
        features = features * wide + features[partner] * (1 - wide)
        labels = labels * share + labels[partner] * (1 - share)
        return tf.constant(features), tf.constant(labels, tf.float32)

    def _add_to_average(self) -> None:
        self.averaged += 1
        for mean, variable in zip(self.average, self.variables, strict=True):
            mean += (variable.numpy() - mean) / self.averaged

    def _checkpoint(self, loss: float, seconds_left: float) -> None:
        self.history.append({"step": self.step, "loss": round(loss, 5)})
        state: dict[str, Any] = {"step": self.step, "averaged": self.averaged}
        for name, values in (
            ("weight", self.network.variables),
            ("slot", self.optimizer.variables),
            ("average", self.average),
        ):
            state |= {f"{name}{index}": np.asarray(value) for index, value in enumerate(values)}
        unfinished = self.folder / "unfinished.npz"
        np.savez(unfinished, **state)
        log = {"seed": self.seed, "recipe": asdict(self.recipe), "history": self.history}
        (self.folder / "history.json").write_text(json.dumps(log, indent=1))
        unfinished.rename(self.folder / "checkpoint.npz")
        print(
            f"{self.folder.name}: step {self.step} of {self.recipe.steps}, loss {loss:.4f}, "
            f"about {seconds_left / 60:.1f} min left",
            flush=True,
        )
