"""The three networks. They eat raw grey pixels (0-255): what a backbone wants done to them is part of the network.

Networks are functional and flat (the backbone's layers are the network's own), so that they can be cut at any
layer, saved, reloaded and explained. Every network ends `... -> pooled -> dropout -> logit -> probability`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo_utils.networks.backend import keras, layers

# Mean of ImageNet's blue, green and red, as `keras.applications` subtracts it ("caffe" mode) for both backbones.
# A grey picture is the same in every channel, so the swap of red and blue changes nothing.
_CHANNEL_MEANS = (103.939, 116.779, 123.68)
_CNN_FILTERS = (16, 32, 64, 128, 256)  # of the small CNN, block by block


@dataclass(frozen=True)
class CutPoints:
    """Where a network is cut: everything up to `frozen_to` stays as it is in the phases head and top."""

    frozen_to: str | None  # last layer of the frozen trunk; None: the whole network is trained
    blocks: tuple[str, ...] = ()  # last layer of each of the lowest blocks, which may stay as they are end to end


CUT_POINTS = {
    "cnn": CutPoints(None),
    # block 5, or stage 5, is fine-tuned
    "vgg16": CutPoints("block4_pool", ("block1_pool", "block2_pool", "block3_pool", "block4_pool")),
    "resnet50": CutPoints(
        "conv4_block6_out", ("pool1_pool", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out")
    ),
}


class ModelError(ValueError):
    """A network cannot be built or cut as asked."""


def build(
    model: str, image_size: int, *, dropout: float, weights: Path | None, seed: int = 0, precision: str = "float32"
) -> keras.Model:
    """Build a network that maps pixels to the probability of pneumonia.

    Args:
        model: a key of `CUT_POINTS`.
        image_size: side of the picture, pixels, at least 32.
        dropout: share of the pooled features dropped in training, in [0, 1).
        weights: `.h5` file of the backbone without its classifier; None: random weights.
        seed: of the head and its dropout; random weights below it follow the global seed.
        precision: `float32`, or `bfloat16` for what lies below the head; weights and the answer are float32.

    Returns:
        float or uint8 (n, image_size, image_size) in 0-255 -> float32 (n, 1) in [0, 1].

    Raises:
        ModelError: unknown model, or weights that do not fit it.
    """
    if model not in CUT_POINTS:
        raise ModelError(f"model must be one of {', '.join(CUT_POINTS)}, got {model!r}")
    pixels = keras.Input((image_size, image_size), name="pixels")
    with _computing_in(precision):
        grey = layers.Reshape((image_size, image_size, 1), name="grey")(pixels)
        features = _small_cnn(grey) if model == "cnn" else _backbone(model, grey, weights)
    pooled = layers.GlobalAveragePooling2D(name="pooled")(features)
    kept = layers.Dropout(dropout, seed=seed, name="dropout")(pooled)
    logit = layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed), name="logit")(kept)
    return keras.Model(pixels, layers.Activation("sigmoid", name="probability")(logit), name=model)


@contextmanager
def _computing_in(precision: str) -> Iterator[None]:
    """Layers made inside compute in `precision`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _small_cnn(grey: keras.KerasTensor) -> keras.KerasTensor:
    """Five blocks; the upper three convolve twice, where pictures are small and it costs little."""
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scaled")(grey)
    for block, filters in enumerate(_CNN_FILTERS, start=1):
        for turn in (1, 2) if block > 2 else (1,):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"block{block}_conv{turn}")(x)
            x = layers.BatchNormalization(name=f"block{block}_norm{turn}", momentum=0.9)(x)
            x = layers.ReLU(name=f"block{block}_relu{turn}")(x)
        if block < len(_CNN_FILTERS):
            x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return x


def _backbone(model: str, grey: keras.KerasTensor, weights: Path | None) -> keras.KerasTensor:
    channels = layers.Concatenate(name="channels")([grey, grey, grey])
    scaled = layers.Rescaling(1.0, offset=[-mean for mean in _CHANNEL_MEANS], name="scaled")(channels)
    network = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}[model]
    backbone = network(include_top=False, weights=None, input_tensor=scaled)
    if weights is not None:
        _copy_weights(network, weights, backbone)
    return backbone.output


def _copy_weights(network, weights: Path, backbone: keras.Model) -> None:
    """Copy by layer name from a plain backbone, since the weights file knows nothing of the layers put before it."""
    plain = network(include_top=False, weights=None)
    try:
        plain.load_weights(weights)
    except (ValueError, OSError) as error:
        raise ModelError(f"weights of {backbone.name} must fit it, got {weights.name}: {error}") from error
    for layer in plain.layers:
        if layer.weights:
            backbone.get_layer(layer.name).set_weights(layer.get_weights())


def between(network: keras.Model, lower: str | None, upper: str) -> keras.Model:
    """The part of `network` that maps the output of layer `lower` (None: the pixels) to the output of `upper`.

    The part shares its layers with `network`: training one trains the other.

    Raises:
        ModelError: there is no such layer, or something reaches `upper` without passing `lower`.
    """
    for layer in (lower, upper):
        if layer is not None and layer not in {part.name for part in network.layers}:
            raise ModelError(f"layer must be one of {network.name}'s, got {layer!r}")
    start = network.input if lower is None else network.get_layer(lower).output
    try:
        return keras.Model(start, network.get_layer(upper).output, name=f"{network.name}-{upper}")
    except ValueError as error:
        raise ModelError(f"layer {upper!r} must be reached through {lower!r} alone, got another way") from error


def uncompiled(network: keras.Model) -> keras.Model:
    """The same layers without loss and optimiser, which are the study's own: Keras alone could not load them again."""
    return keras.Model(network.input, network.output, name=network.name)


def copied(network: keras.Model, *, image_size: int | None = None, dtype: str | None = None) -> keras.Model:
    """A copy of `network` with the same weights, in variables of its own, for pictures or numbers of another size.

    Every layer between the pixels and global pooling works at any size, so the weights of one fit the other. The copy
    is not compiled: Keras would make loss and optimiser anew from their names, and does not know the study's own.

    Args:
        network: of `build`, compiled or not.
        image_size: side of the pictures that the copy is shown, pixels; None: as `network`.
        dtype: in which its layers compute; None: as `network`.
    """
    size = image_size or network.input.shape[1]

    def changed(layer: keras.Layer) -> keras.Layer:
        other = {"target_shape": (size, size, 1)} if layer.name == "grey" else {}
        return type(layer).from_config(layer.get_config() | other | ({"dtype": dtype} if dtype else {}))

    pixels = keras.Input((size, size), name="pixels")
    copy = keras.models.clone_model(uncompiled(network), input_tensors=pixels, clone_function=changed)
    copy.set_weights(network.get_weights())
    return copy


def lowest_blocks(network: keras.Model, count: int) -> str | None:
    """Last layer of the lowest `count` blocks; None for 0, and for a network that has no blocks to leave alone."""
    blocks = CUT_POINTS[network.name].blocks[:count]
    return blocks[-1] if blocks else None


def train_only_above(network: keras.Model, layer: str | None, *, normalisation: bool = True) -> None:
    """Freeze everything up to `layer` (None: nothing).

    Args:
        network: of `build`; changed in place.
        layer: last frozen one.
        normalisation: whether batch normalisation above it is trained. Not on activations of a frozen trunk: the
            stored statistics belong to weights that were trained with them, and small batches of another kind of
            picture would spoil them (Keras guide "Transfer learning & fine-tuning").
    """
    below = layer is not None
    for part in network.layers:
        part.trainable = not below and (normalisation or not isinstance(part, layers.BatchNormalization))
        if part.name == layer:
            below = False


def last_spatial_layer(network: keras.Model) -> str:
    """Name of the layer Grad-CAM looks at: the last one with height and width, pooling layers left aside."""
    layer = network.get_layer("pooled")
    while isinstance(layer, layers.GlobalAveragePooling2D | layers.MaxPooling2D):
        layer = layer.input._keras_history.operation
    return layer.name


def count_parameters(network: keras.Model) -> dict[str, int]:
    """How many parameters the parts of a network have: frozen trunk, fine-tuned block (or whole), head."""
    names = [layer.name for layer in network.layers]
    frozen_to = CUT_POINTS[network.name].frozen_to
    border = names.index(frozen_to) + 1 if frozen_to else 0
    pooled = names.index("pooled")
    parts = {"frozen trunk": network.layers[:border], "trained": network.layers[border:pooled]}
    parts["head"] = network.layers[pooled:]
    return {part: sum(layer.count_params() for layer in held) for part, held in parts.items()}


def count_trained_parameters(network: keras.Model) -> int:
    """How many parameters the last phase could change."""
    return int(sum(np.prod(weight.shape) for weight in network.trainable_weights))


def load(path: Path) -> keras.Model:
    """Reload a network that was saved to `path`."""
    return keras.models.load_model(path, compile=False)
