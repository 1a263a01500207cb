"""Transfer learning as people do it with plain Keras, and the study's: the sides of `bench_training` and `bench_whole`.

The plain side is the Keras guide "Transfer learning & fine-tuning": a backbone of `keras.applications` with its own
`preprocess_input`, average pooling, dropout and one sigmoid; `fit` runs the whole network over every picture in every
epoch, first with the backbone frozen, then with its last block free at a small learning rate; batch normalisation
stays in inference mode. End to end, the pictures are varied by Keras' own layers inside the network.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import batches, callbacks, models, optimisation, pretrained_weights, random_start, replicates
from pneumo_utils.networks.backend import keras, layers

_BACKBONES = {
    "vgg16": (keras.applications.VGG16, keras.applications.vgg16.preprocess_input, "block5"),
    "resnet50": (keras.applications.ResNet50, keras.applications.resnet50.preprocess_input, "conv5"),
}


@dataclass(frozen=True)
class Outcome:
    """What one side took and found."""

    seconds: float  # wall clock, from pictures in memory to probabilities of validation and test; or of an epoch
    measured: float  # of these, those that were not scaled
    label: np.ndarray  # int (n,), of the test pictures
    probability: np.ndarray  # float (n,)


def start_of(model: str, given: str) -> Path | None:
    """The weights that both sides start from; random ones where `given` has none for `model`, and the row says so."""
    try:
        return pretrained_weights.resolve(model, given)
    except pretrained_weights.WeightsError:
        return None


def ours(recipe: replicates.Recipe, images: np.ndarray, splits: pd.DataFrame) -> Outcome:
    """The study's training, with an empty folder for activations."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        predictions = replicates.train(recipe, 0, images, splits, Path(folder)).predictions
        seconds = time.perf_counter() - began
    test = predictions[predictions["split"] == "test"]
    return Outcome(seconds, seconds, test["label"].to_numpy(), test["probability"].to_numpy())


def our_epoch(recipe: replicates.Recipe, images: np.ndarray, splits: pd.DataFrame) -> Outcome:
    """The study's training end to end; seconds are those of the median epoch after the first, validation included."""
    with tempfile.TemporaryDirectory() as folder:
        made = replicates.train(recipe, 0, images, splits, Path(folder))
    test = made.predictions[made.predictions["split"] == "test"]
    taken = made.history["seconds"]
    return Outcome(float(taken[1:].median()), taken.sum(), test["label"].to_numpy(), test["probability"].to_numpy())


def plain_epoch(recipe: replicates.Recipe, images: np.ndarray, splits: pd.DataFrame) -> Outcome:
    """The same with plain Keras in float32, varied in the network by layers as strong as `recipe.augmentation`."""
    network, backbone = _network(recipe, images, splits, _varying(recipe.augmentation))
    backbone.trainable = True
    label, rows = splits["label"].to_numpy(), {name: np.flatnonzero(part) for name, part in _splits(splits)}
    pixels = np.repeat(images[..., None], 3, axis=-1).astype(np.float32)
    given = {name: (pixels[at], label[at].astype(np.float32)) for name, at in rows.items()}
    (phase,) = recipe.phases
    taken = _fit(network, recipe, phase, phase.epochs, given["train"], given["validation"])
    probability = network.predict(given["test"][0], batch_size=recipe.settings.batch_size, verbose=0)[:, 0]
    return Outcome(float(np.median(taken[1:])), sum(taken), label[rows["test"]], probability.astype(float))


def _varying(how: Augmentation) -> list[keras.Layer]:
    """Keras' layers for what `how` asks; of a crop's area and stretch the mean reach, and no JPEG layer is known."""
    closest, moved = how.crop_area_min**0.5, (1 - how.crop_area_min**0.5) / 2
    return [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(how.rotation / 360, fill_mode="nearest"),
        layers.RandomZoom((closest - 1, 0.0), (closest - 1, 0.0), fill_mode="nearest"),
        layers.RandomTranslation(moved, moved, fill_mode="nearest"),
        layers.RandomContrast(how.contrast),
        layers.RandomBrightness(how.brightness),
        layers.RandomGaussianBlur(1.0, 5, (0.01, how.blur)),
    ]


def plain(recipe: replicates.Recipe, images: np.ndarray, splits: pd.DataFrame, most: dict[str, int]) -> Outcome:
    """Plain Keras; of each phase at most `most` epochs are run, and the time of the others is added.

    Each of the added takes the median of those after the first. Building the network and loading the start weights is
    not timed, which is in favour of this side.
    """
    network, backbone = _network(recipe, images, splits)
    _, preprocess, top = _BACKBONES[recipe.model]
    label, rows = splits["label"].to_numpy(), {name: np.flatnonzero(part) for name, part in _splits(splits)}
    began = time.perf_counter()
    pixels = preprocess(np.repeat(images[..., None], 3, axis=-1).astype(np.float32))
    given = {name: (pixels[at], label[at].astype(np.float32)) for name, at in rows.items()}
    added = 0.0
    for phase in recipe.phases:
        if phase.name == "top":
            _free(backbone, top)
        taken = _fit(network, recipe, phase, most[phase.name], given["train"], given["validation"])
        added += (phase.epochs - len(taken)) * float(np.median(taken[1:] or taken))
    batch = {"batch_size": recipe.settings.batch_size, "verbose": 0}
    _, probability = (network.predict(given[name][0], **batch) for name in ("validation", "test"))
    seconds = time.perf_counter() - began
    return Outcome(seconds + added, seconds, label[rows["test"]], probability[:, 0].astype(float))


def _splits(splits: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    return [(name, splits["split"] == name) for name in ("train", "validation", "test")]


def _network(
    recipe: replicates.Recipe, images: np.ndarray, splits: pd.DataFrame, varying: Sequence[keras.Layer] = ()
) -> tuple[keras.Model, keras.Model]:
    """The plain network and its backbone, frozen, with the very weights that the study's network starts from.

    With layers that vary, it eats raw pixels; without, what the backbone's `preprocess_input` made of them.
    """
    size = images.shape[1]
    keras.utils.set_random_seed(0)
    study = models.build(recipe.model, size, dropout=recipe.dropout, weights=recipe.weights, seed=0)
    if recipe.start == "random":
        random_start.prepare(study, images[np.flatnonzero(splits["split"] == "train")[:64]].astype(np.float32))
    backbone = _BACKBONES[recipe.model][0](include_top=False, weights=None, input_shape=(size, size, 3))
    backbone.trainable = False
    pixels = eaten = keras.Input((size, size, 3))
    for layer in varying:
        eaten = layer(eaten)
    if varying:
        eaten = _BACKBONES[recipe.model][1](eaten)
    pooled = layers.GlobalAveragePooling2D()(backbone(eaten, training=False))
    probability = layers.Dense(1, activation="sigmoid")(layers.Dropout(recipe.dropout)(pooled))
    network = keras.Model(pixels, probability)
    for layer in backbone.layers:
        if layer.weights:
            layer.set_weights(study.get_layer(layer.name).get_weights())
    network.layers[-1].set_weights(study.get_layer("logit").get_weights())
    return network, backbone


def _free(backbone: keras.Model, top: str) -> None:
    """Free the last block; its batch normalisation stays in inference mode, since the backbone is called so."""
    for layer in backbone.layers:
        layer.trainable = layer.name.startswith(top) and not isinstance(layer, layers.BatchNormalization)


def _fit(
    network: keras.Model,
    recipe: replicates.Recipe,
    phase: optimisation.Phase,
    most: int,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
) -> list[float]:
    """One phase of at most `most` epochs; the seconds of each, validation included."""
    steps = -(-len(train[0]) // recipe.settings.batch_size)
    whole = phase.name in optimisation.END_TO_END  # there, the schedule is part of the recipe: neither side's own
    optimiser = (
        optimisation.adamw(phase, recipe.settings, steps) if whole else keras.optimizers.Adam(phase.learning_rate)
    )
    network.compile(optimiser, "binary_crossentropy", metrics=[keras.metrics.AUC()])
    best = keras.callbacks.EarlyStopping(patience=recipe.settings.patience, restore_best_weights=True)
    fitted = network.fit(
        *train,
        batch_size=recipe.settings.batch_size,
        epochs=min(phase.epochs, most),
        validation_data=validation,
        class_weight=batches.class_weights(train[1].astype(int)),
        callbacks=[callbacks.Clock(), best],
        verbose=0,
    )
    return fitted.history["seconds"]
