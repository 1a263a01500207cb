"""Floating-point operations of a network, counted from the shapes of its layers."""

from __future__ import annotations

import math

from pneumo_utils.networks.backend import keras, layers


def forward(network: keras.Model) -> int:
    """Operations of one picture forward: two a multiply-add of every convolution and dense layer, no other layer.

    Products with the zeros of a padded border count, as is usual.
    """
    return sum(_of(layer) for layer in network.layers if isinstance(layer, layers.Conv2D | layers.Dense))


def _of(layer: keras.Layer) -> int:
    places = math.prod(layer.output.shape[1:-1])  # 1 for a dense layer on a vector
    return 2 * places * math.prod(layer.kernel.shape)
