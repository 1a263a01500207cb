"""One phase of training: loss, optimiser, and the epoch whose weights are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pneumo_utils.networks import features, normalisation_statistics
from pneumo_utils.networks.backend import keras, tf
from pneumo_utils.networks.batches import Batches, class_weights
from pneumo_utils.networks.callbacks import Averages, Clock, CycleEnds, Finite, Keeper, Patience, Teller, restore
from pneumo_utils.networks.fused_adamw import FusedAdamW
from pneumo_utils.networks.training_state import Snapshot, TrainingState
from pneumo_utils.records import progress
from pneumo_utils.records.vocabulary import PHASES

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
    size: int = 0  # side of the pictures in the phase `progressive`, pixels
    cycles: int = 1  # end to end: times that the learning rate rises and falls; weights are averaged over their ends


@dataclass(frozen=True)
class Settings:
    """What all phases and seeds share."""

    batch_size: int  # pictures a step
    patience: int  # epochs without a better validation loss before stopping, where weights are not averaged
    cached_views: int = 1  # views of each training picture where activations are kept
    frozen_blocks: int = 0  # lowest blocks that stay as they are end to end
    weight_decay: float = 0.0  # of AdamW, end to end
    label_smoothing: float = 0.0  # end to end: labels are pulled so far towards 0.5
    class_balance: str = "weights"  # weights of the loss, or sampling: both classes are drawn equally often
    logit_penalty: float = 0.0  # weight of half the mean square of the logits (spectral decoupling)
    ema_momentum: float = 0.0  # end to end: decay a step of the average of weights, which is kept at the end
    test_views: int = 1  # views of a picture whose answers are averaged, a key of `augmentation.TEST_VIEWS`
    test_average: str = "probability"  # what of them is averaged: probability or logit
    test_image_size: int = 0  # side of the pictures that the finished network sees, pixels; 0: as in training


class PenalisedCrossentropy(keras.losses.Loss):
    """Cross-entropy of smoothed labels, and half the mean square of the logits times a weight.

    Spectral decoupling (Pezeshki et al. 2021, arXiv:2011.09468; on pathology Pohjonen et al. 2022,
    doi:10.1016/j.isci.2022.103767): a network that need not be ever surer leaves room for the weaker features.

    Args:
        label_smoothing: labels are pulled so far towards 0.5.
        penalty: weight of the logits.
    """

    def __init__(self, label_smoothing: float, penalty: float):
        super().__init__(name="penalised_crossentropy")
        self.label_smoothing, self.penalty = label_smoothing, penalty

    def call(self, y_true, y_pred):
        """One loss a picture."""
        likely = keras.ops.clip(y_pred, 1e-7, 1 - 1e-7)
        logit = keras.ops.log(likely) - keras.ops.log1p(-likely)
        plain = keras.losses.binary_crossentropy(y_true, y_pred, label_smoothing=self.label_smoothing)
        return plain + self.penalty / 2 * keras.ops.mean(keras.ops.square(logit), axis=-1)


class Restarts(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule that begins anew every `steps` gradient steps.

    Args:
        cycle: the learning rate of one cycle.
        steps: its length.
    """

    def __init__(self, cycle: keras.optimizers.schedules.LearningRateSchedule, steps: int):
        self.cycle, self.steps = cycle, steps

    def __call__(self, step):
        """Learning rate at `step`."""
        return self.cycle(step % self.steps)

    def get_config(self):
        """What it was made of."""
        return {"cycle": self.cycle, "steps": self.steps}


def fit(
    part: keras.Model,
    feed: features.Feed,
    splits: pd.DataFrame,
    phase: Phase,
    settings: Settings,
    seed: int,
    to_beat: float = float("inf"),
    now: Snapshot | None = None,
    state: TrainingState | None = None,
) -> pd.DataFrame:
    """Train `part` in one phase, and keep the weights with the lowest validation loss, or their average at the end.

    Where weights are averaged, the average after the last epoch stays: it is what the falling learning rate leads to.
    To pick an epoch by its loss would be to pick the one that happens to be calibrated on pictures as they are, which
    smoothed labels, class weights and strong variations all displace, while the ranking still improves.

    Args:
        part: what `feed` gives -> probability; only its trainable layers change.
        feed: pixels or activations, one row per picture of `splits`.
        splits: contract `splits`.
        phase: what is trained and for how long.
        settings: batch size, patience and the like.
        seed: of the order.
        to_beat: validation loss of the phases before; if it is not undercut, the weights stay as they were, unless
            they are averaged.
        now: where the phase is, if it goes on.
        state: where that is kept.

    Returns:
        columns of the contract `history` but `model` and `seed`; `kept` marks the epoch whose weights stayed, if any.
        Validation losses are those of plain labels, so that phases compare; the last epoch's are those of the averaged
        weights as they stay. A loss that is no number raises `callbacks.OptimisationError`.
    """
    now, before = now or Snapshot(0), part.get_weights()
    if now.epoch:
        before = now.before
    elif np.isfinite(to_beat):
        now.before = before
    history = _learn(part, feed, splits, phase, settings, seed, now, state or TrainingState())
    chosen = history.index[-1] if (averaged := _averages(phase, settings)) else history["val_loss"].idxmin()
    better = averaged or history["val_loss"][chosen] < to_beat
    if not better and before:
        part.set_weights(before)
    return history.assign(kept=better & (history.index == chosen))


def _learn(
    part: keras.Model, feed: features.Feed, splits: pd.DataFrame, phase: Phase, settings: Settings, seed: int,
    now: Snapshot, state: TrainingState,
) -> pd.DataFrame:  # fmt: skip
    """The epochs of `fit` that are left, and the mean of the weights where cycles end."""
    steps = -(-len(feed.train_rows) // settings.batch_size)
    _compile(part, phase, settings, steps)
    ends = CycleEnds(phase.epochs // phase.cycles, now)
    if now.epoch:
        restore(part, now)
    with progress.stage(f"seed {seed}, {PHASES[phase.name]}", phase.epochs * steps) as told:
        batches, validation = _batches(feed, splits, phase, settings, seed, told)
        batches.go_on(now.epoch)
        told.skip(now.epoch * steps)
        looking_on = [Finite(), *_callbacks(phase, settings, now), *([ends] if phase.cycles > 1 else [])]
        if now.epoch < phase.epochs and not now.stopped:
            part.fit(
                batches, validation_data=validation, initial_epoch=now.epoch, epochs=phase.epochs, verbose=0,
                shuffle=False,  # `Batches` does, from seed and epoch; Keras would from a state that nobody can keep
                class_weight=None if batches.balanced else class_weights(batches.label),
                callbacks=[*looking_on, Teller(told, phase.epochs), Keeper(state, now)],
            )  # fmt: skip
        elif now.best:
            part.set_weights(now.best)
    history = _history(now.logs, phase)
    if phase.cycles > 1:
        part.set_weights(ends.mean())
    young = _averages(phase, settings) and normalisation_statistics.are_young(part, len(history) * steps)
    if phase.cycles > 1 or young:
        batches.go_on(len(history))  # Keras has drawn one epoch more, unless the training went on after its last
        _settle(part, batches, validation, history)
    return history


def _batches(
    feed: features.Feed, splits: pd.DataFrame, phase: Phase, settings: Settings, seed: int, told: progress.Stage
) -> tuple[Batches, Batches]:
    """What is learned from, and what it is validated on."""
    label, held_out = splits["label"].to_numpy(), np.flatnonzero(splits["split"] == "validation")
    size, readers = settings.batch_size, 1 if phase.name == "head" else _READERS
    balanced = settings.class_balance == "sampling"
    learned = Batches(feed.training, label[feed.train_rows], size, seed, readers, balanced=balanced, told=told)
    return learned, Batches(lambda at, _: feed.plain(held_out[at]), label[held_out], size, None, readers)


def _settle(part: keras.Model, learned: Batches, validation: Batches, history: pd.DataFrame) -> None:
    """Give averaged weights the statistics of normalisation that fit them, and the last row of `history` their worth.

    The mean of statistics is not those of the mean (Izmailov et al. 2018, arXiv:1803.05407, section 3.2), and after few
    steps they are those that every training starts from.
    """
    normalisation_statistics.settle(part, (learned[number][0] for number in range(len(learned))))
    found = part.evaluate(validation, verbose=0, return_dict=True)
    history.loc[history.index[-1], ["val_loss", "val_auc"]] = found["plain"], found["auc"]


def _history(logs: list[dict], phase: Phase) -> pd.DataFrame:
    plain = {"plain": "plain_loss", "val_plain": "val_loss"}
    found = pd.DataFrame(logs).drop(columns="val_loss").rename(columns=plain)
    found[["auc", "val_auc"]] = found[["auc", "val_auc"]].clip(upper=1.0)  # Keras sums up in float32
    history = found[["loss", "plain_loss", "auc", "val_loss", "val_auc", "seconds"]]
    history.insert(0, "phase", phase.name)
    history.insert(1, "epoch", np.arange(1, len(history) + 1))
    return history


def _averages(phase: Phase, settings: Settings) -> bool:
    return phase.name in END_TO_END and (settings.ema_momentum > 0 or phase.cycles > 1)


def _compile(part: keras.Model, phase: Phase, settings: Settings, steps: int) -> None:
    end_to_end = phase.name in END_TO_END
    optimiser = adamw(phase, settings, steps) if end_to_end else keras.optimizers.Adam(phase.learning_rate)
    smoothing = settings.label_smoothing if end_to_end else 0.0
    loss = keras.losses.BinaryCrossentropy(label_smoothing=smoothing)
    if settings.logit_penalty:
        loss = PenalisedCrossentropy(smoothing, settings.logit_penalty)
    metrics = [keras.metrics.AUC(name="auc"), keras.metrics.BinaryCrossentropy(name="plain")]
    alone = tf.distribute.get_strategy().num_replicas_in_sync == 1  # a loop of steps cannot be shared out to devices
    part.compile(
        optimiser, loss, metrics=metrics, steps_per_execution=_AT_ONCE if phase.name == "head" and alone else 1
    )
    if alone:  # variables that a step makes itself have TensorFlow trace it twice, which takes seconds a network
        optimiser.build(part.trainable_variables)
        answer = np.full((1, 1), 0.5, dtype=np.float32)
        part.compute_metrics(None, answer, answer)  # forgotten as an epoch begins


def adamw(phase: Phase, settings: Settings, steps: int) -> keras.optimizers.Optimizer:
    """AdamW with warm-up and cosine (Loshchilov & Hutter 2017, 2019); neither biases nor normalisation decay.

    Args:
        phase: its epochs and highest learning rate.
        settings: weight decay and averaging.
        steps: gradient steps an epoch.
    """
    length = steps * phase.epochs // phase.cycles
    rising = max(1, round(_WARM_UP * length))
    rate = phase.learning_rate  # a single step begins where a warm-up would: it must not be at a rate of 0
    if length > 1:
        cosine = {"warmup_target": phase.learning_rate, "warmup_steps": rising}
        rate = keras.optimizers.schedules.CosineDecay(0.0, max(1, length - rising), **cosine)
        rate = Restarts(rate, length) if phase.cycles > 1 else rate
    averaged = {"use_ema": True, "ema_momentum": settings.ema_momentum} if settings.ema_momentum else {}
    optimiser = FusedAdamW(rate, weight_decay=settings.weight_decay, **averaged)
    optimiser.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimiser


def _callbacks(phase: Phase, settings: Settings, now: Snapshot) -> list[keras.callbacks.Callback]:
    if _averages(phase, settings):
        return [*([Averages(now)] if settings.ema_momentum else []), Clock()]
    return [Clock(), Patience(settings.patience, now)]
