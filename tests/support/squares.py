"""Pictures that a small CNN learns in a second."""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = 36  # not a multiple of 8: the small CNN's grid is 4 x 4, each cell 9 pixels
N = 40


def dark_pictures() -> np.ndarray:
    """Dark noise, uint8 (N, SIZE, SIZE); half of the pictures have a bright square in the upper left quarter."""
    pictures = np.random.default_rng(0).integers(0, 60, (N, SIZE, SIZE)).astype(np.uint8)
    pictures[::2, 4:14, 4:14] += 120
    return pictures


def train(pictures: np.ndarray, epochs: int) -> Any:
    """A small CNN that has learned which of `dark_pictures`, or of pictures like them, have the square."""
    from pneumo_utils.networks import models, training

    training.make_reproducible(0)
    network = models.build("cnn", SIZE, dropout=0.0, weights=None)
    network.compile("adam", "binary_crossentropy")
    network.optimizer.learning_rate = 3e-3
    label = 1.0 - np.arange(N)[:, None] % 2
    network.fit(pictures.astype(np.float32), label, batch_size=8, epochs=epochs, verbose=0)
    return network
