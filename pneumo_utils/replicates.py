"""One network trained from one seed: the seeds of a study differ in nothing else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils import features, models, training
from pneumo_utils.augmentation import Augmentation
from pneumo_utils.backend import keras

# Trunk and views are those of the study, not of a replicate: seeds differ in what is trained, as they would from one
# file of ImageNet weights, and the trunk is run once for all of them.
_SHARED_SEED = 0


@dataclass(frozen=True)
class Recipe:
    """Everything that makes a network but the seed."""

    model: str  # cnn, vgg16 or resnet50
    weights: Path | None  # file it starts from; None: random weights
    dropout: float  # share of the head's inputs dropped in training
    phases: tuple[training.Phase, ...]
    batch_size: int  # pictures a gradient step
    patience: int  # epochs without a better validation loss before stopping
    views: int  # views of each training picture where activations are kept
    augmentation: Augmentation

    @property
    def start(self) -> str:
        """Where the network starts: `pretrained`, `scratch` (meant to) or `random` (for want of weights)."""
        if self.weights is not None:
            return "pretrained"
        return "scratch" if models.ANATOMY[self.model].frozen_to is None else "random"


@dataclass(frozen=True)
class Replicate:
    """A trained network and what is known of it."""

    network: keras.Model
    history: pd.DataFrame  # contract `history`
    predictions: pd.DataFrame  # contract `predictions`
    seconds: float  # of training and prediction


def train(recipe: Recipe, seed: int, images: np.ndarray, splits: pd.DataFrame, folder: Path) -> Replicate:
    """Build, train and judge one network.

    Args:
        recipe: what all seeds share.
        seed: at least 0: of the order and of dropout, and of the weights that start at random because they are meant
            to: the head, or the whole small CNN, whose augmentation follows it, too.
        images: uint8 (n, size, size), one a row of `splits`.
        splits: contract `splits`.
        folder: where activations are kept for the next seed or run; large, may be deleted.
    """
    began = time.monotonic()
    below = seed if recipe.start == "scratch" else _SHARED_SEED
    training.make_reproducible(below)
    network = models.build(recipe.model, images.shape[1], dropout=recipe.dropout, weights=recipe.weights, seed=seed)
    train_rows = np.flatnonzero(splits["split"] == "train")
    if recipe.start == "random":
        models.settle_normalisation(network, images[train_rows[:64]])
    training.make_reproducible(seed)
    pixels = features.Pixels(images, train_rows, recipe.augmentation, below)
    settings = training.Settings(recipe.batch_size, recipe.patience, recipe.views, seed)
    fed, part, history = training.train(network, pixels, splits, list(recipe.phases), settings, folder)
    predictions = training.predict(part, fed, splits, recipe.batch_size)
    names = {"model": recipe.model, "seed": seed}
    history, predictions = (frame.assign(**names).reset_index(drop=True) for frame in (history, predictions))
    return Replicate(network, history, predictions, time.monotonic() - began)
