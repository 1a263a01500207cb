"""Statistics of batch normalisation, set from pictures where training left none that fit the weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pneumo_utils.networks.backend import keras, layers


def normalisations(network: keras.Model) -> list[keras.Layer]:
    """The layers of batch normalisation, from the input on."""
    return [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]


def settle(network: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Set the statistics of what is trainable to their plain mean over `batches`, in one pass.

    Args:
        network: changed in place.
        batches: of what it takes, of one size each.
    """
    norms = [norm for norm in normalisations(network) if norm.trainable]
    momenta = [norm.momentum for norm in norms]
    for number, batch in enumerate(batches if norms else ()):
        for norm in norms:
            norm.momentum = number / (number + 1)
        network(np.asarray(batch, dtype=np.float32), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
