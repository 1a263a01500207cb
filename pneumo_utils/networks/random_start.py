"""A start from which a backbone of random weights can be trained in few steps: nothing has been learned for it before.

Keras' own random kernels leave VGG16 with answers that hardly differ between pictures, and ResNet50 with statistics of
batch normalisation that fit nothing. What is set here follows from a few training pictures, labels aside.
"""

from __future__ import annotations

import numpy as np

from pneumo_utils.networks import normalisation_statistics
from pneumo_utils.networks.backend import keras, layers

_MOMENTUM = 0.9  # of batch normalisation; Keras' 0.99 needs more steps than a small study has before statistics fit


def prepare(network: keras.Model, images: np.ndarray) -> None:
    """Set what random weights leave open.

    Args:
        network: of `models.build` without weights; changed in place.
        images: uint8 (n, size, size), training pictures.
    """
    _close_branches(network)
    norms = normalisation_statistics.normalisations(network)
    for norm in norms:
        norm.trainable = True
    # random weights come with statistics that fit nothing: kept, 50 layers of them drive activations out of range
    normalisation_statistics.settle(network, [images])
    for norm in norms:
        norm.momentum = _MOMENTUM
    _centre_kernels(network, images)


def _close_branches(network: keras.Model) -> None:
    """Let every residual block begin as its shortcut: the last scale of its branch is 0 (Goyal et al. 2017).

    arXiv:1706.02677, section 5.1. The 16 branches of ResNet50 open as they learn.
    """
    for norm in normalisation_statistics.normalisations(network):
        if norm.name.endswith("_3_bn"):
            norm.gamma.assign(np.zeros(norm.gamma.shape))


def _centre_kernels(network: keras.Model, images: np.ndarray) -> None:
    """Let what every kernel gives, before its ReLU, have mean 0 and standard deviation 1 (Salimans & Kingma 2016).

    arXiv:1602.07868, section 3. VGG16 has no batch normalisation: without this, 13 layers of ReLU keep what all
    pictures have in common, and little else. ResNet50's convolutions have no ReLU of their own.
    """
    shown = np.asarray(images, dtype=np.float32)
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D) and layer.activation is not keras.activations.linear:
            activation, layer.activation = layer.activation, keras.activations.linear
            given = layer(keras.Model(network.input, layer.input)(shown))
            given = keras.ops.convert_to_numpy(keras.ops.cast(given, "float32"))
            layer.activation = activation
            kernel, bias = layer.get_weights()
            spread = np.maximum(given.std(axis=(0, 1, 2)), 1e-6)
            layer.set_weights([kernel / spread, (bias - given.mean(axis=(0, 1, 2))) / spread])
