"""Statistics of batch normalisation, set from pictures where training left none that fit the weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pneumo_utils.networks.backend import keras, layers

_LEFT = 1e-3  # share of the start that moving statistics may still hold


def normalisations(network: keras.Model) -> list[keras.Layer]:
    """The layers of batch normalisation, from the input on."""
    return [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]


def are_young(network: keras.Model, steps: int) -> bool:
    """Whether statistics that are trained still hold more than `_LEFT` of what they started from, after `steps`."""
    trained = [norm for norm in normalisations(network) if norm.trainable]
    return any(norm.momentum**steps > _LEFT for norm in trained)


def settle(network: keras.Model, batches: Iterable[np.ndarray]) -> None:
    """Set the statistics of what is trainable to their plain mean over `batches`, in one pass.

    Args:
        network: changed in place.
        batches: of what it takes; each counts by its pictures.
    """
    norms, seen = [norm for norm in normalisations(network) if norm.trainable], 0
    momenta = [norm.momentum for norm in norms]
    for batch in batches if norms else ():
        for norm in norms:
            norm.momentum = seen / (seen + len(batch))
        seen += len(batch)
        network(np.asarray(batch, dtype=np.float32), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
