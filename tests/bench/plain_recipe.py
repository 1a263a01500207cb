"""Transfer learning as people do it with plain Keras, and the study's: the two sides of `bench_training`.

The plain side is the Keras guide "Transfer learning & fine-tuning": a backbone of `keras.applications` with its own
`preprocess_input`, average pooling, dropout and one sigmoid; `fit` runs the whole network over every picture in every
epoch, first with the backbone frozen, then with its last block free at a small learning rate; batch normalisation
stays in inference mode.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils import fitting, models, replicates
from pneumo_utils.backend import keras, layers

_BACKBONES = {
    "vgg16": (keras.applications.VGG16, keras.applications.vgg16.preprocess_input, "block5"),
    "resnet50": (keras.applications.ResNet50, keras.applications.resnet50.preprocess_input, "conv5"),
}


@dataclass(frozen=True)
class Outcome:
    """What one side took and found."""

    seconds: float  # wall clock, from pictures in memory to probabilities of validation and test
    measured: float  # of these, those that were not scaled
    label: np.ndarray  # int (n,), of the test pictures
    probability: np.ndarray  # float (n,)


def ours(recipe: replicates.Recipe, images: np.ndarray, splits: pd.DataFrame) -> Outcome:
    """The study's training, with an empty folder for activations."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        predictions = replicates.train(recipe, 0, images, splits, Path(folder)).predictions
        seconds = time.perf_counter() - began
    test = predictions[predictions["split"] == "test"]
    return Outcome(seconds, seconds, test["label"].to_numpy(), test["probability"].to_numpy())


def plain(recipe: replicates.Recipe, images: np.ndarray, splits: pd.DataFrame, most: dict[str, int]) -> Outcome:
    """Plain Keras; of each phase at most `most` epochs are run, and the time of the others is added.

    Building the network and loading the start weights is not timed, which is in favour of this side.
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
        added += _fit(network, recipe, phase, most[phase.name], given["train"], given["validation"])
    batch = {"batch_size": recipe.settings.batch_size, "verbose": 0}
    _, probability = (network.predict(given[name][0], **batch) for name in ("validation", "test"))
    seconds = time.perf_counter() - began
    return Outcome(seconds + added, seconds, label[rows["test"]], probability[:, 0].astype(float))


def _splits(splits: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    return [(name, splits["split"] == name) for name in ("train", "validation", "test")]


def _network(recipe: replicates.Recipe, images: np.ndarray, splits: pd.DataFrame) -> tuple[keras.Model, keras.Model]:
    """The plain network and its backbone, frozen, with the very weights that the study's network starts from."""
    size = images.shape[1]
    keras.utils.set_random_seed(0)
    study = models.build(recipe.model, size, dropout=recipe.dropout, weights=recipe.weights, seed=0)
    if recipe.start == "random":
        models.settle_normalisation(study, images[np.flatnonzero(splits["split"] == "train")[:64]].astype(np.float32))
    backbone = _BACKBONES[recipe.model][0](include_top=False, weights=None, input_shape=(size, size, 3))
    backbone.trainable = False
    pixels = keras.Input((size, size, 3))
    pooled = layers.GlobalAveragePooling2D()(backbone(pixels, training=False))
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
    phase: fitting.Phase,
    most: int,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
) -> float:
    """One phase; seconds that the epochs left out would have taken, each the median of those after the first."""
    run = min(phase.epochs, most)
    network.compile(keras.optimizers.Adam(phase.learning_rate), "binary_crossentropy", metrics=[keras.metrics.AUC()])
    best = keras.callbacks.EarlyStopping(patience=recipe.settings.patience, restore_best_weights=True)
    fitted = network.fit(
        *train,
        batch_size=recipe.settings.batch_size,
        epochs=run,
        validation_data=validation,
        class_weight=fitting.class_weights(train[1].astype(int)),
        callbacks=[fitting.Clock(), best],
        verbose=0,
    )
    return (phase.epochs - run) * float(np.median(fitted.history["seconds"][1:] or fitted.history["seconds"]))
