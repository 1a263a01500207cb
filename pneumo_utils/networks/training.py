"""Training phase by phase: the head on a frozen trunk, then the top block, or the whole network end to end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from pneumo_utils.evaluation.operating_points import logits
from pneumo_utils.imaging.augmentation import TEST_VIEWS, Augmentation, view
from pneumo_utils.networks import features, models, optimisation
from pneumo_utils.networks.backend import keras, tf
from pneumo_utils.networks.training_state import Snapshot, TrainingState
from pneumo_utils.records import progress

_AT_ONCE = 32  # pictures in one call of a finished network, however many it was trained on at once
PART = 512  # pictures after which answers may be kept: whole calls, so that parts change no bit
RowsOf = Callable[[np.ndarray], np.ndarray]  # rows -> what the network eats


def make_reproducible(seed: int) -> None:
    """Seed Python, numpy and TensorFlow, and have TensorFlow compute the same bits every time."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def devices(kind: str = "GPU") -> tf.distribute.Strategy:
    """All local devices of a kind, each with its share of every batch; one or none: TensorFlow's default."""
    found = [device.name for device in tf.config.list_logical_devices(kind)]
    return tf.distribute.MirroredStrategy(found) if len(found) > 1 else tf.distribute.get_strategy()


def device() -> str:
    """What TensorFlow computes on, in words."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return ", ".join(gpu.get("device_name", "GPU") for gpu in gpus) or "CPU"


def train(
    network: keras.Model,
    pixels: features.Pixels,
    splits: pd.DataFrame,
    phases: list[optimisation.Phase],
    settings: optimisation.Settings,
    seed: int,
    folder: Path,
    state: TrainingState | None = None,
) -> tuple[features.Feed, keras.Model, pd.DataFrame]:
    """Train `network` phase by phase.

    Args:
        network: of `models.build`; trained in place.
        pixels: the pictures; their variations are those whose activations are kept.
        splits: contract `splits`, one row a picture.
        phases: `head` and `top` learn from the frozen trunk's activations, `progressive` and `end_to_end` from the
            pixels. What comes after `progressive` is not measured against it: smaller pictures are another task.
        settings: what all phases share.
        seed: of the order, and of the variations end to end.
        folder: where activations are kept for the next seed or run; large, may be deleted.
        state: where the training goes on after it was killed.

    Returns:
        the feed and the part of the network that eats it (for `predict`), and the history of all phases.
    """
    feed, part, rows, lowest = pixels, network, [], float("inf")
    run = {"views": settings.cached_views, "batch_size": settings.batch_size, "folder": folder}
    frozen_to = models.CUT_POINTS[network.name].frozen_to
    if any(phase.name not in optimisation.END_TO_END for phase in phases):
        feed, part = _above_trunk(network, frozen_to, pixels, run)
    was = (state and state.load()) or Snapshot(0)
    for number, phase in enumerate(phases):
        if phase.name in optimisation.END_TO_END:
            models.train_only_above(network, models.lowest_blocks(network, settings.frozen_blocks))
            feed, part = pixels.with_seed(seed), network
        fed, fitted = _fed_in(phase, network, frozen_to, feed, part, pixels.with_seed(seed, phase.size), run)
        lowest = float("inf") if phase.name == "progressive" else lowest
        learn = partial(optimisation.fit, fitted, fed, splits, phase, settings, seed, lowest, state=state)
        rows.append(_learn_or_recall(number, was, rows, learn))
        if phase.name == "progressive":
            network.set_weights(fitted.get_weights())
        else:
            lowest = min([lowest, *rows[-1].loc[rows[-1]["kept"], "val_loss"]])
    return feed, part, pd.concat(rows)


def _fed_in(
    phase: optimisation.Phase, network: keras.Model, frozen_to: str | None, feed: features.Feed, part: keras.Model,
    smaller: features.Pixels, run: dict,
) -> tuple[features.Feed, keras.Model]:  # fmt: skip
    """What is fed in a phase, and what learns from it."""
    if phase.name == "head":  # the top block stays frozen, too: run it once, train on what it gives
        fed = features.run_trunk(models.between(network, frozen_to, "pooled"), feed, **run)
        return fed, models.between(network, "pooled", "probability")
    if phase.name == "progressive":
        return smaller, models.at_size(network, phase.size)
    return feed, part


def _learn_or_recall(
    number: int, was: Snapshot, rows: list[pd.DataFrame], learn: Callable[..., pd.DataFrame]
) -> pd.DataFrame:
    """History of a phase: of one that was over before a kill, or of what is learned now."""
    if number < was.phase:
        return pd.DataFrame(was.finished[number])
    now = was if number == was.phase else Snapshot(number)
    now.finished = [frame.to_dict("records") for frame in rows]
    return learn(now=now)


def _above_trunk(
    network: keras.Model, frozen_to: str, pixels: features.Pixels, run: dict
) -> tuple[features.Feed, keras.Model]:
    """What the frozen trunk of `network` gives, run once, and what is left to train on it."""
    models.train_only_above(network, frozen_to, normalisation=False)
    feed = features.run_trunk(models.between(network, None, frozen_to), pixels, **run)
    return feed, models.between(network, frozen_to, "probability")


def predict(part: keras.Model, feed: features.Feed, splits: pd.DataFrame) -> pd.DataFrame:
    """Probability of pneumonia for the pictures of validation and test, each as it is.

    Returns:
        columns of the contract `predictions` but `model` and `seed`.
    """

    def answer(rows: np.ndarray) -> np.ndarray:
        with progress.stage(f"judging {len(rows):,} pictures", len(rows)) as told:
            return _predict_rows(_as_graph(part), feed.plain, rows, told)

    return _predict_held_out(splits, answer)


def predict_test_views(
    network: keras.Model, images: np.ndarray, splits: pd.DataFrame, settings: optimisation.Settings
) -> pd.DataFrame:
    """As `predict`, but by the whole network from pixels, at the size it sees, and averaged over test views.

    Args:
        network: the whole one.
        images: uint8 (n, stored size, stored size), one a row of `splits`.
        splits: contract `splits`.
        settings: test views and what of them is averaged.
    """
    return _predict_held_out(splits, lambda rows: predict_images(network, images, settings, rows))


def predict_varied(
    network: keras.Model,
    images: np.ndarray,
    splits: pd.DataFrame,
    settings: optimisation.Settings,
    augmentation: Augmentation,
    seed: int,
) -> pd.DataFrame:
    """As `predict_test_views`, of validation alone, each picture varied once as in training: these do not saturate.

    Args:
        network, images, splits, settings: as of `predict_test_views`.
        augmentation: how far a variation goes.
        seed: of the variations.
    """
    given = {"seed": seed, "number": 1, "size": network.input.shape[1]}

    def answer(rows: np.ndarray) -> np.ndarray:
        varied = np.stack([view(images[row], augmentation, row=int(row), **given) for row in rows])
        return predict_images(network, varied, settings)

    return _predict_held_out(splits, answer, ("validation",))


def predict_images(
    network: keras.Model,
    images: np.ndarray,
    settings: optimisation.Settings,
    rows: np.ndarray | None = None,
    keep: Callable[[np.ndarray], None] | None = None,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Probability of pneumonia for pictures, averaged over their test views.

    Args:
        network: the whole one; it is shown pictures of the size it sees.
        images: uint8 (n, stored size, stored size).
        settings: test views and what of them is averaged: probabilities, or logits, of which the
            probability is then taken.
        rows: of the pictures that are asked about, int (k,); None: all.
        keep: is given all answers so far, every `PART` of them.
        known: answers that were kept of the first pictures, a whole number of parts.

    Returns:
        float (k,) in [0, 1].
    """
    rows = np.arange(len(images)) if rows is None else rows
    pixels = features.Pixels(images, rows[:0], Augmentation(), 0, network.input.shape[1])
    views, judge = TEST_VIEWS[settings.test_views], _as_graph(network)
    found = np.zeros(0) if known is None else known
    with progress.stage(f"judging {len(rows):,} pictures", len(views) * len(rows)) as told:
        told.advance(len(views) * len(found))
        while len(found) < len(rows):
            part = rows[len(found) : len(found) + PART]
            every = [_predict_rows(judge, lambda at, n=n: pixels.test_view(at, n), part, told) for n in views]
            found = np.concatenate([found, _average(every, settings.test_average)])
            if keep is not None:
                keep(found)
    return found


def _average(every: list[np.ndarray], of: str) -> np.ndarray:
    """Mean over views, of probabilities or of logits."""
    return expit(np.mean([logits(answers) for answers in every], axis=0)) if of == "logit" else np.mean(every, axis=0)


def _predict_held_out(
    splits: pd.DataFrame, answer: Callable[[np.ndarray], np.ndarray], of: tuple[str, ...] = ("validation", "test")
) -> pd.DataFrame:
    """Rows of the splits named by `of` with what `answer` gives for their places in `splits`."""
    rows = np.flatnonzero(splits["split"].isin(of))
    return splits.iloc[rows].drop(columns="part").assign(probability=answer(rows))


def _as_graph(part: keras.Model) -> Callable[[np.ndarray], tf.Tensor]:
    """`part` for batches of any length, as one graph, which is faster than layer by layer."""
    eaten = tf.TensorSpec([None, *part.input.shape[1:]], tf.float32)
    return tf.function(lambda rows: part(rows, training=False), input_signature=[eaten])


def _predict_rows(
    judge: Callable[[np.ndarray], tf.Tensor], rows_of: RowsOf, rows: np.ndarray, told: progress.Stage
) -> np.ndarray:
    found = []
    for start in range(0, len(rows), _AT_ONCE):
        step = rows[start : start + _AT_ONCE]
        found.append(judge(rows_of(step)).numpy()[:, 0])
        told.advance(len(step))
    return np.concatenate(found).astype(float)
