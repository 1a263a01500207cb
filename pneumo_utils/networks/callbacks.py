"""What looks on while a network is trained, and what must be known of it for a training to go on after a kill."""

from __future__ import annotations

import time

import numpy as np

from pneumo_utils.networks.backend import keras
from pneumo_utils.networks.training_state import Snapshot, TrainingState
from pneumo_utils.records import progress


class OptimisationError(ValueError):
    """A training cannot go on."""


class Finite(keras.callbacks.Callback):
    """Ends a training whose loss is no number any more, before that is kept: nothing can be learned from it."""

    def on_epoch_end(self, epoch, logs=None):
        """Look at the losses."""
        for name in ("loss", "val_plain"):
            if not np.isfinite(logs[name]):
                told = "training" if name == "loss" else "validation"
                raise OptimisationError(
                    f"loss must be a number, got {logs[name]} in {told} of epoch {epoch + 1}: lower the learning rate"
                )


class CycleEnds(keras.callbacks.Callback):
    """Sums up the weights at the end of every cycle; `mean` is what is kept.

    Networks that one training visits, from one start, lie in one basin, where the mean of their weights does what the
    mean of their answers would, for the price of one (Izmailov et al. 2018, arXiv:1803.05407).

    Args:
        epochs: of one cycle.
        now: where its training is; holds the weights.
    """

    def __init__(self, epochs: int, now: Snapshot):
        super().__init__()
        self.epochs, self.ends = epochs, now.ends

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


class Averages(keras.callbacks.SwapEMAWeights):
    """Swaps the averaged weights in after every epoch, and knows that they are in where a training goes on.

    Args:
        now: where the training is.
    """

    def __init__(self, now: Snapshot):
        super().__init__(swap_on_epoch=True)
        self._ema_weights_in_model = now.epoch > 0


class Patience(keras.callbacks.EarlyStopping):
    """Stops when the validation loss of plain labels has not fallen for a while; goes on counting where it was.

    Args:
        epochs: without a better one.
        now: where the training is.
    """

    def __init__(self, epochs: int, now: Snapshot):
        super().__init__("val_plain", patience=epochs, mode="min", restore_best_weights=True)
        self.now = now

    def on_train_begin(self, logs=None):
        """Remember what was known."""
        super().on_train_begin(logs)
        if self.now.patience:
            self.wait, self.best, self.best_epoch = (self.now.patience[name] for name in ("wait", "best", "best_epoch"))
            self.best_weights = self.now.best

    def on_epoch_end(self, epoch, logs=None):
        """Count, and write down the count."""
        super().on_epoch_end(epoch, logs)
        self.now.patience = {"wait": self.wait, "best": float(self.best), "best_epoch": self.best_epoch}
        self.now.best, self.now.stopped = self.best_weights, bool(self.model.stop_training)


class Keeper(keras.callbacks.Callback):
    """Keeps the state of the training after every epoch; the last of its callbacks.

    Args:
        state: on disk.
        now: where the training is.
    """

    def __init__(self, state: TrainingState, now: Snapshot):
        super().__init__()
        self.state, self.now = state, now

    def on_epoch_end(self, epoch, logs=None):
        """Write down what the epoch left."""
        self.now.epoch = epoch + 1
        self.now.logs.append({name: float(value) for name, value in logs.items()})
        if self.state.kept:
            self.now.variables = [variable.numpy() for variable in self.model.variables]
            self.now.optimiser = [variable.numpy() for variable in self.model.optimizer.variables]
            self.state.save(self.now)


def restore(part: keras.Model, now: Snapshot) -> None:
    """Give a compiled network, and its optimiser, the values that were kept."""
    if not part.optimizer.built:
        part.optimizer.build(part.trainable_variables)
    for kept, variables in ((now.variables, part.variables), (now.optimiser, part.optimizer.variables)):
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
