"""Training phase by phase: the head on a frozen trunk, then the top block, or the whole network end to end."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pandas as pd

from pneumo_utils.networks import features, models, optimisation
from pneumo_utils.networks.backend import keras, tf
from pneumo_utils.networks.training_state import Snapshot, TrainingState


def make_reproducible(seed: int) -> None:
    """Seed Python, numpy and TensorFlow, and have TensorFlow compute the same bits every time."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def devices(batch_size: int, kind: str = "GPU") -> tf.distribute.Strategy:
    """The local devices of a kind, each with an equal share of every batch; one or none: TensorFlow's default.

    Args:
        batch_size: pictures a step; as many devices are taken as divide it.
        kind: of device, as TensorFlow names it.
    """
    found = [device.name for device in tf.config.list_logical_devices(kind)]
    found = found[: max((n for n in range(1, len(found) + 1) if batch_size % n == 0), default=0)]
    return _mirrored(tuple(found)) if len(found) > 1 else tf.distribute.get_strategy()


@cache
def _mirrored(names: tuple[str, ...]) -> tf.distribute.Strategy:
    """Made once a process: a second one would number its exchanges from the start, and TensorFlow mixes up the two."""
    return tf.distribute.MirroredStrategy(names)


def device() -> str:
    """What TensorFlow computes on, in words."""
    gpus = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    return ", ".join(gpu.get("device_name", "GPU") for gpu in gpus) or "CPU"


def threads() -> int:
    """Processor threads that one operation of TensorFlow may take: another number adds up in another order."""
    told = tf.config.threading.get_intra_op_parallelism_threads() or int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0)
    return told or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def train(
    network: keras.Model, pixels: features.Pixels, splits: pd.DataFrame, phases: list[optimisation.Phase],
    settings: optimisation.Settings, seed: int, folder: Path, state: TrainingState | None = None,
) -> tuple[features.Feed, keras.Model, pd.DataFrame]:  # fmt: skip
    """Train `network` phase by phase.

    Args:
        network: of `models.build`; trained in place.
        pixels: the pictures; their variations are those whose activations are kept.
        splits: contract `splits`, one row per picture.
        phases: `head` and `top` learn from activations of the frozen trunk, `progressive` and `end_to_end` from pixels.
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
        drawn = seed + (number << 32)  # no phase sees the variations of another: seeds are below 2 ** 31
        if phase.name in optimisation.END_TO_END:
            models.train_only_above(network, models.lowest_blocks(network, settings.frozen_blocks))
            feed, part = pixels.with_seed(drawn), network
        else:
            models.train_only_above(network, "pooled" if phase.name == "head" else frozen_to, normalisation=False)
        fed, fitted = _fed_in(phase, network, frozen_to, feed, part, pixels.with_seed(drawn, phase.size), run)
        lowest = float("inf") if phase.name == "progressive" else lowest  # smaller pictures are another task
        learn = partial(optimisation.fit, fitted, fed, splits, phase, settings, seed, lowest, state=state)
        rows.append(_learn_or_recall(number, was, rows, network, learn))
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
        return smaller, models.copied(network, image_size=phase.size)
    return feed, part


def _learn_or_recall(
    number: int, was: Snapshot, rows: list[pd.DataFrame], network: keras.Model, learn: Callable[..., pd.DataFrame]
) -> pd.DataFrame:
    """History of a phase: of one that was over before a kill, or of what is learned now."""
    if number < was.phase:
        return pd.DataFrame(was.finished[number])
    now = was if number == was.phase else Snapshot(number)
    now.finished = [frame.to_dict("records") for frame in rows]
    # phases before moved it on, and where a copy learns, at another size, nothing else that is kept holds it
    state = network.get_layer("dropout").variables
    for variable, value in zip(state, now.dropout, strict=False):  # none is kept yet where a phase begins
        variable.assign(value)
    now.dropout = [variable.numpy() for variable in state]
    return learn(now=now)


def _above_trunk(
    network: keras.Model, frozen_to: str, pixels: features.Pixels, run: dict
) -> tuple[features.Feed, keras.Model]:
    """What the frozen trunk of `network` gives, run once, and what is left to train on it."""
    models.train_only_above(network, frozen_to, normalisation=False)
    feed = features.run_trunk(models.between(network, None, frozen_to), pixels, **run)
    return feed, models.between(network, frozen_to, "probability")
