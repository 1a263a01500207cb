"""One network trained from one seed: the seeds of a study differ in nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import features, inference, models, optimisation, random_start, training
from pneumo_utils.networks.backend import keras
from pneumo_utils.networks.training_state import TrainingState

# Trunk and views are those of the study, not of a replicate: seeds differ in what is trained, as they would from one
# file of ImageNet weights, and the trunk is run once for all of them.
_SHARED_SEED = 0


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a network but the seed."""

    model: str  # cnn, vgg16 or resnet50
    weights: Path | None  # file it starts from; None: random weights
    image_size: int  # side of the square that the network is trained on, pixels
    dropout: float  # share of the head's inputs dropped in training
    phases: tuple[optimisation.Phase, ...]
    settings: optimisation.Settings
    augmentation: Augmentation
    precision: str = "float32"  # that it is trained in, float32 or bfloat16, see `precision.choose`
    end_to_end_learning_rate: float = 1e-3  # where no phase is end to end: of a network that learns permuted labels

    @property
    def start(self) -> str:
        """Where the network starts: `pretrained`, `scratch` (meant to) or `random` (for want of weights)."""
        if self.weights is not None:
            return "pretrained"
        return "scratch" if models.CUT_POINTS[self.model].frozen_to is None else "random"


@dataclass(frozen=True)
class Replicate:
    """A trained network and what is known of it."""

    network: keras.Model  # computes in float32, whatever it was trained in
    history: pd.DataFrame  # contract `history`
    predictions: pd.DataFrame  # contract `predictions`
    seconds: float  # of training and prediction


def train(
    recipe: Recipe,
    seed: int,
    images: np.ndarray,
    splits: pd.DataFrame,
    folder: Path,
    state: TrainingState | None = None,
) -> Replicate:
    """Build and train one network, and predict.

    Args:
        recipe: what all seeds share.
        seed: at least 0: of the order and of dropout, and of the weights that start at random because they are meant
            to: the head, or the whole small CNN; augmentation follows it wherever pixels are trained on.
        images: uint8 (n, stored size, stored size), one a row of `splits`.
        splits: contract `splits`.
        folder: where activations are kept for the next seed or run; large, may be deleted.
        state: where the training goes on after it was killed; None: nowhere.
    """
    began = time.monotonic() - (state.seconds if state else 0)  # what killed runs have done counts, too
    with training.devices(recipe.settings.batch_size).scope():
        network, *tables = _train(recipe, seed, images, splits, folder, state)
    names = {"model": recipe.model, "seed": seed}
    history, predictions = (frame.assign(**names).reset_index(drop=True) for frame in tables)
    return Replicate(network, history, predictions, time.monotonic() - began)


def _train(
    recipe: Recipe, seed: int, images: np.ndarray, splits: pd.DataFrame, folder: Path, state: TrainingState | None
) -> tuple[keras.Model, pd.DataFrame, pd.DataFrame]:
    below = seed if recipe.start == "scratch" else _SHARED_SEED
    training.make_reproducible(below)
    made = {"dropout": recipe.dropout, "weights": recipe.weights, "precision": recipe.precision}
    network = models.build(recipe.model, recipe.image_size, seed=seed, **made)
    train_rows = np.flatnonzero(splits["split"] == "train")
    pixels = features.Pixels(images, train_rows, recipe.augmentation, below, recipe.image_size)
    if recipe.start == "random":
        shown = np.random.default_rng(_SHARED_SEED).permutation(train_rows)[:64]  # rows come class by class
        random_start.prepare(network, pixels.plain(shown))
    training.make_reproducible(seed)
    # random blocks that stay as they are would have learned nothing
    settings = replace(recipe.settings, frozen_blocks=0) if recipe.start == "random" else recipe.settings
    fed, part, history = training.train(network, pixels, splits, list(recipe.phases), settings, seed, folder, state)
    size = settings.test_image_size or recipe.image_size
    as_trained = size == recipe.image_size and recipe.precision == "float32"
    if as_trained and settings.test_views == 1:  # activations may be at hand
        return network, history, inference.predict(part, fed, splits)
    # Training is fast in bfloat16 and unharmed. Answers would be off by up to 0.02, from one machine or engine to
    # another, and processors without it would take many times as long.
    finished = network if as_trained else models.copied(network, image_size=size, dtype="float32")
    return finished, history, inference.predict_test_views(finished, images, splits, settings)
