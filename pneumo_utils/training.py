"""Training in two phases: the head on a frozen trunk, then the top block; a small CNN is trained as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils import features, models
from pneumo_utils.backend import keras, tf


@dataclass(frozen=True)
class Phase:
    """How one phase is trained."""

    name: str  # head, top or whole
    epochs: int  # at most
    learning_rate: float  # Adam


@dataclass(frozen=True)
class Settings:
    """What all phases share."""

    batch_size: int  # pictures a step
    patience: int  # epochs without a better validation loss before stopping
    views: int  # views of each training picture where activations are kept
    seed: int


def make_reproducible(seed: int) -> None:
    """Seed Python, numpy and TensorFlow, and have TensorFlow compute the same bits every time."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def device() -> str:
    """What TensorFlow computes on, in words."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return ", ".join(gpu.get("device_name", "GPU") for gpu in gpus) or "CPU"


def class_weights(label: np.ndarray) -> dict[int, float]:
    """Weights that give both classes the same say: n / (2 * n of the class).

    Raises:
        ValueError: a class is absent.
    """
    counts = np.bincount(np.asarray(label), minlength=2)
    if counts.min() == 0:
        raise ValueError(f"label must hold both classes, got {counts[0]} normal and {counts[1]} pneumonia")
    return {k: float(counts.sum() / (2 * count)) for k, count in enumerate(counts)}


class Batches(keras.utils.PyDataset):
    """Batches of rows and labels, taken from disk one at a time.

    Args:
        rows: gives the rows at int positions (k,) in an epoch from 0, float32 (k, ...).
        label: int (m,), one a position.
        batch_size: pictures a batch.
        seed: of a new order every epoch; None: as they come.
    """

    def __init__(
        self, rows: Callable[[np.ndarray, int], np.ndarray], label: np.ndarray, batch_size: int, seed: int | None
    ):
        super().__init__()
        self.rows, self.label, self.batch_size, self.seed = rows, label, batch_size, seed
        self.epoch, self.order = 0, np.arange(len(label))
        self._shuffle()

    def _shuffle(self) -> None:
        if self.seed is not None:
            self.order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.label))

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self.label) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows, float32 (k, ...), and labels, float32 (k, 1)."""
        positions = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        return self.rows(positions, self.epoch), self.label[positions, None].astype(np.float32)

    def on_epoch_end(self) -> None:
        """Shuffle anew."""
        self.epoch += 1
        self._shuffle()


class _Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs["seconds"] = time.perf_counter() - self.started


def fit(
    part: keras.Model,
    feed: features.Feed,
    splits: pd.DataFrame,
    phase: Phase,
    settings: Settings,
    to_beat: float = float("inf"),
) -> pd.DataFrame:
    """Train `part` in one phase, stop early, and keep the weights with the lowest validation loss.

    Args:
        part: what `feed` gives -> probability; only its trainable layers change.
        feed: pixels or activations, one row a picture of `splits`.
        splits: contract `splits`.
        phase: what is trained and for how long.
        settings: batch size, patience, seed.
        to_beat: validation loss of the phase before; if no epoch is below it, the weights stay as they were.

    Returns:
        columns of the contract `history` but `model` and `seed`; `kept` marks the epoch whose weights stayed, if any.
    """
    label = splits["label"].to_numpy()
    validation = np.flatnonzero(splits["split"] == "validation")
    train_label = label[feed.train_rows]
    held_out = Batches(lambda at, _: feed.plain(validation[at]), label[validation], settings.batch_size, None)
    before = part.get_weights()
    part.compile(
        keras.optimizers.Adam(phase.learning_rate), "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")]
    )
    fitted = part.fit(
        Batches(feed.training, train_label, settings.batch_size, settings.seed),
        validation_data=held_out,
        epochs=phase.epochs,
        class_weight=class_weights(train_label),
        callbacks=[_Clock(), keras.callbacks.EarlyStopping(patience=settings.patience, restore_best_weights=True)],
        verbose=0,
    )
    history = pd.DataFrame(fitted.history)[["loss", "auc", "val_loss", "val_auc", "seconds"]]
    history.insert(0, "phase", phase.name)
    history.insert(1, "epoch", np.arange(1, len(history) + 1))
    better = history["val_loss"].min() < to_beat
    if not better:
        part.set_weights(before)
    return history.assign(kept=better & (history.index == history["val_loss"].idxmin()))


def train(
    network: keras.Model,
    pixels: features.Pixels,
    splits: pd.DataFrame,
    phases: list[Phase],
    settings: Settings,
    folder: Path,
) -> tuple[features.Feed, keras.Model, pd.DataFrame]:
    """Train `network` phase by phase.

    Args:
        network: of `models.build`; trained in place.
        pixels: the pictures.
        splits: contract `splits`, one row a picture.
        phases: `whole` (from the pixels), or `head` and perhaps `top` (from the frozen trunk's activations).
        settings: what all phases share.
        folder: where activations are kept for the next seed or run; large, may be deleted.

    Returns:
        the feed and the part of the network that eats it (for `predict`), and the history of all phases.
    """
    frozen_to = models.ANATOMY[network.name].frozen_to
    models.train_only_above(network, frozen_to)
    if frozen_to is None:
        return pixels, network, pd.concat([fit(network, pixels, splits, phase, settings) for phase in phases])
    run = {"views": settings.views, "batch_size": settings.batch_size, "folder": folder}
    feed = features.run(models.between(network, None, frozen_to), pixels, **run)
    top = models.between(network, frozen_to, "probability")
    rows = []
    for phase in phases:
        if phase.name == "head":  # the top block stays frozen, too: run it once, train on what it gives
            pooled = features.run(models.between(network, frozen_to, "pooled"), feed, **run)
            rows.append(fit(models.between(network, "pooled", "probability"), pooled, splits, phase, settings))
        else:
            to_beat = min((row["val_loss"].min() for row in rows), default=float("inf"))
            rows.append(fit(top, feed, splits, phase, settings, to_beat))
    return feed, top, pd.concat(rows)


def predict(part: keras.Model, feed: features.Feed, splits: pd.DataFrame, batch_size: int) -> pd.DataFrame:
    """Probability of pneumonia for the pictures of validation and test.

    Returns:
        columns of the contract `predictions` but `model` and `seed`.
    """
    held_out = splits[splits["split"] != "train"]
    rows = np.flatnonzero(splits["split"] != "train")
    steps = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    probability = np.concatenate([part(feed.plain(step), training=False).numpy()[:, 0] for step in steps])
    return held_out.drop(columns="part").assign(probability=probability.astype(float))
