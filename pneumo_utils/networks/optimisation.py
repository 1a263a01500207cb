"""One phase of training: batches, loss, optimiser, and the epoch whose weights are kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pneumo_utils.networks import features
from pneumo_utils.networks.backend import keras, tf

_WARM_UP = 0.1  # share of the steps of an end-to-end phase in which the learning rate rises
_READERS = min(os.cpu_count() or 1, 8)  # threads that vary and stack pictures while the last batch is learned from
END_TO_END = ("progressive", "end_to_end")  # phases that learn from the pixels
_AT_ONCE = 8  # steps of the head that are taken in one go: each is shorter than the call that starts it


@dataclass(frozen=True)
class Phase:
    """How one phase is trained."""

    name: str  # head or top, on the frozen trunk; progressive or end_to_end, on pixels
    epochs: int  # at most
    learning_rate: float  # Adam's; end to end the highest of AdamW, after warm-up and before a cosine
    size: int = 0  # side of the pictures in the phase `small`, pixels


@dataclass(frozen=True)
class Settings:
    """What all phases and seeds share."""

    batch_size: int  # pictures a step
    patience: int  # epochs without a better validation loss before stopping, where weights are not averaged
    cached_views: int = 1  # views of each training picture where activations are kept
    frozen_blocks: int = 0  # lowest blocks that stay as they are end to end
    weight_decay: float = 0.0  # of AdamW, end to end
    label_smoothing: float = 0.0  # end to end: labels are pulled so far towards 0.5
    ema_momentum: float = 0.0  # end to end: decay a step of the average of weights, which is kept at the end
    test_views: int = 1  # views of a picture whose probabilities are averaged


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
    """Batches of rows and labels, made one at a time and a little ahead of the step that learns from them.

    Args:
        rows: gives the rows at int positions (k,) in an epoch from 0, float32 (k, ...).
        label: int (m,), one a position.
        batch_size: pictures a batch.
        seed: of a new order every epoch; None: as they come.
        readers: threads that make batches; one is enough where rows are only looked up.
    """

    def __init__(
        self,
        rows: Callable[[np.ndarray, int], np.ndarray],
        label: np.ndarray,
        batch_size: int,
        seed: int | None,
        readers: int = 1,
    ):
        super().__init__(workers=readers, max_queue_size=4)
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


class Clock(keras.callbacks.Callback):
    """Adds `seconds` to the history of every epoch, validation included."""

    def on_epoch_begin(self, epoch, logs=None):
        """Look at the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Look again."""
        logs["seconds"] = time.perf_counter() - self.started


def fit(
    part: keras.Model,
    feed: features.Feed,
    splits: pd.DataFrame,
    phase: Phase,
    settings: Settings,
    seed: int,
    to_beat: float = float("inf"),
) -> pd.DataFrame:
    """Train `part` in one phase, and keep the weights with the lowest validation loss, or their average at the end.

    Where weights are averaged, the average after the last epoch stays: it is what the falling learning rate leads to.
    To pick an epoch by its loss would be to pick the one that happens to be calibrated on pictures as they are, which
    smoothed labels, class weights and strong variations all displace, while the ranking still improves.

    Args:
        part: what `feed` gives -> probability; only its trainable layers change.
        feed: pixels or activations, one row a picture of `splits`.
        splits: contract `splits`.
        phase: what is trained and for how long.
        settings: batch size, patience and the like.
        seed: of the order.
        to_beat: validation loss of the phases before; if it is not undercut, the weights stay as they were.

    Returns:
        columns of the contract `history` but `model` and `seed`; `kept` marks the epoch whose weights stayed, if any.
        Validation losses are those of plain labels, so that phases compare.
    """
    label, validation = splits["label"].to_numpy(), np.flatnonzero(splits["split"] == "validation")
    train_label, before = label[feed.train_rows], part.get_weights()
    size, readers = settings.batch_size, 1 if phase.name == "head" else _READERS
    batches = Batches(feed.training, train_label, size, seed, readers)
    validation_batches = Batches(lambda at, _: feed.plain(validation[at]), label[validation], size, None, readers)
    _compile(part, phase, settings, len(batches))
    fitted = part.fit(
        batches, validation_data=validation_batches, epochs=phase.epochs, class_weight=class_weights(train_label),
        callbacks=_callbacks(phase, settings), verbose=0,
    )  # fmt: skip
    history = _history(fitted, phase)
    chosen = history.index[-1] if _averages(phase, settings) else history["val_loss"].idxmin()
    better = history["val_loss"][chosen] < to_beat
    if not better:
        part.set_weights(before)
    return history.assign(kept=better & (history.index == chosen))


def _history(fitted: keras.callbacks.History, phase: Phase) -> pd.DataFrame:
    found = pd.DataFrame(fitted.history).drop(columns="val_loss").rename(columns={"val_plain": "val_loss"})
    history = found[["loss", "auc", "val_loss", "val_auc", "seconds"]]
    history.insert(0, "phase", phase.name)
    history.insert(1, "epoch", np.arange(1, len(history) + 1))
    return history


def _averages(phase: Phase, settings: Settings) -> bool:
    return phase.name in END_TO_END and settings.ema_momentum > 0


def _compile(part: keras.Model, phase: Phase, settings: Settings, steps: int) -> None:
    end_to_end = phase.name in END_TO_END
    optimiser = adamw(phase, settings, steps) if end_to_end else keras.optimizers.Adam(phase.learning_rate)
    loss = keras.losses.BinaryCrossentropy(label_smoothing=settings.label_smoothing if end_to_end else 0.0)
    metrics = [keras.metrics.AUC(name="auc"), keras.metrics.BinaryCrossentropy(name="plain")]
    alone = tf.distribute.get_strategy().num_replicas_in_sync == 1  # a loop of steps cannot be shared out to devices
    part.compile(
        optimiser, loss, metrics=metrics, steps_per_execution=_AT_ONCE if phase.name == "head" and alone else 1
    )


def adamw(phase: Phase, settings: Settings, steps: int) -> keras.optimizers.Optimizer:
    """AdamW with warm-up and cosine (Loshchilov & Hutter 2017, 2019); neither biases nor normalisation decay.

    Args:
        phase: its epochs and highest learning rate.
        settings: weight decay and averaging.
        steps: gradient steps an epoch.
    """
    rising = max(1, round(_WARM_UP * steps * phase.epochs))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps * phase.epochs - rising), warmup_target=phase.learning_rate, warmup_steps=rising
    )
    averaged = {"use_ema": True, "ema_momentum": settings.ema_momentum} if settings.ema_momentum else {}
    optimiser = keras.optimizers.AdamW(rate, weight_decay=settings.weight_decay, **averaged)
    optimiser.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimiser


def _callbacks(phase: Phase, settings: Settings) -> list[keras.callbacks.Callback]:
    if _averages(phase, settings):
        return [keras.callbacks.SwapEMAWeights(swap_on_epoch=True), Clock()]
    stop = keras.callbacks.EarlyStopping("val_plain", patience=settings.patience, mode="min", restore_best_weights=True)
    return [Clock(), stop]
