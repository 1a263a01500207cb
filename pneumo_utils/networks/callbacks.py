"""What looks on while a network is trained: the weights at the end of every cycle, and how long an epoch took."""

from __future__ import annotations

import time

import numpy as np

from pneumo_utils.networks.backend import keras
from pneumo_utils.records import progress


class CycleEnds(keras.callbacks.Callback):
    """Sums up the weights at the end of every cycle; `mean` is what is kept.

    Networks that one training visits, from one start, lie in one basin, where the mean of their weights does what the
    mean of their answers would, for the price of one (Izmailov et al. 2018, arXiv:1803.05407).

    Args:
        epochs: of one cycle.
    """

    def __init__(self, epochs: int):
        super().__init__()
        self.epochs, self.ends = epochs, []

    def on_epoch_end(self, epoch, logs=None):
        """Keep the weights where a cycle ends."""
        if (epoch + 1) % self.epochs == 0:
            self.ends.append(self.model.get_weights())

    def mean(self) -> list[np.ndarray]:
        """Of the weights at the ends of cycles so far."""
        return [np.mean(same, axis=0) for same in zip(*self.ends, strict=True)]


class Clock(keras.callbacks.Callback):
    """Adds `seconds` to the history of every epoch, validation included."""

    def on_epoch_begin(self, epoch, logs=None):
        """Look at the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Look again."""
        logs["seconds"] = time.perf_counter() - self.started


class Teller(keras.callbacks.Callback):
    """Tells how every epoch went.

    Args:
        told: whom.
        epochs: at most.
    """

    def __init__(self, told: progress.Stage, epochs: int):
        super().__init__()
        self.told, self.epochs = told, epochs

    def on_epoch_end(self, epoch, logs=None):
        """Tell it."""
        self.told.note(f"epoch {epoch + 1} of {self.epochs} done, loss {logs['loss']:.3f}")
