"""What a network says of pictures: as they are, in several test views, or varied as in training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import expit

from pneumo_utils.evaluation.log_odds import logits
from pneumo_utils.imaging.augmentation import TEST_VIEWS, Augmentation, view
from pneumo_utils.networks import features, optimisation
from pneumo_utils.networks.backend import keras, tf
from pneumo_utils.records import progress

_AT_ONCE = 32  # pictures in one call of a finished network, however many it was trained on at once
PART = 512  # pictures after which answers may be kept: whole calls, so that parts change no bit
RowsOf = Callable[[np.ndarray], np.ndarray]  # rows -> what the network eats


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
    """As `predict_test_views`, of validation alone, each picture varied once: these do not saturate.

    Variations are those of training, at the size that the finished network sees, which need not be
    the size of training.

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
