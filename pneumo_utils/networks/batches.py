"""Batches of rows and labels, in a new order every epoch; both classes weighed alike or drawn equally often."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from pneumo_utils.networks.backend import keras, tf
from pneumo_utils.records import progress

_AHEAD = 4  # batches under way while one is learned from


def class_weights(label: np.ndarray) -> dict[int, float]:
    """Weights that give both classes the same say: n / (2 * n of the class).

    Raises:
        ValueError: a class is absent.
    """
    counts = _count_classes(label)
    return {k: float(counts.sum() / (2 * count)) for k, count in enumerate(counts)}


def _count_classes(label: np.ndarray) -> np.ndarray:
    """How many are normal and how many are not, int (2,); refused where one is absent."""
    counts = np.bincount(np.asarray(label), minlength=2)
    if counts.min() == 0:
        raise ValueError(f"label must hold both classes, got {counts[0]} normal and {counts[1]} pneumonia")
    return counts


def balanced_order(label: np.ndarray, epoch: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """As many positions as there are labels, half of each class, in random order, and the turn of each.

    Args:
        label: int (m,), both classes.
        epoch: from 0.
        generator: of the draw.

    Returns:
        int (m,) positions, none of a class a second time before all others of it; and int (m,) turns, which no position
        has twice, in this epoch or another.

    Raises:
        ValueError: a class is absent.
    """
    _count_classes(label)
    members = [np.flatnonzero(label == one) for one in (0, 1)]
    wanted = [len(label) // 2, len(label) - len(label) // 2]
    rounds = [-(-count // len(own)) for own, count in zip(members, wanted, strict=True)]
    order, turns = [], []
    for own, count, times in zip(members, wanted, rounds, strict=True):
        order.append(np.concatenate([generator.permutation(own) for _ in range(times)])[:count])
        turns.append(epoch * times + np.repeat(np.arange(times), len(own))[:count])
    mixed = generator.permutation(len(label))
    return np.concatenate(order)[mixed], np.concatenate(turns)[mixed]


class Batches(keras.utils.PyDataset):
    """Batches of rows and labels, made a little ahead of the step that learns from them.

    The threads are its own: those of Keras (`workers`) sleep for a tenth of a second at the end of every epoch and
    every validation, which is most of the time of an epoch on few pictures.

    Args:
        rows: gives the rows at int positions (k,) in their turns from 0, one for all or one each, float32 (k, ...).
        label: int (m,), one a position.
        batch_size: pictures a batch.
        seed: of a new order every epoch; None: as they come.
        readers: threads that make batches; one is enough where rows are only looked up.
        balanced: whether both classes are drawn equally often; an epoch has as many pictures as before, those of the
            rarer class several times, each time in another turn.
        told: is told of every batch that is taken.
    """

    def __init__(
        self,
        rows: Callable[[np.ndarray, np.ndarray], np.ndarray],
        label: np.ndarray,
        batch_size: int,
        seed: int | None,
        readers: int = 1,
        *,
        balanced: bool = False,
        told: progress.Stage | None = None,
    ):
        super().__init__(workers=1)
        self.rows, self.label, self.batch_size, self.seed, self.balanced = rows, label, batch_size, seed, balanced
        self.epoch, self._pool = 0, ThreadPoolExecutor(readers)
        self._under_way: dict[int, Future] = {}
        self._told = told
        self._devices = tf.distribute.get_strategy().num_replicas_in_sync
        self._shuffle()

    def _shuffle(self) -> None:
        count = len(self.label)
        self.order, self.turns = np.arange(count), np.full(count, self.epoch)
        if self.seed is not None:
            generator = np.random.default_rng((self.seed, self.epoch))
            if self.balanced:
                self.order, self.turns = balanced_order(self.label, self.epoch, generator)
            else:
                self.order = generator.permutation(count)
            # a device without a picture has statistics of batch normalisation that are no numbers
            whole = -(-count // self._devices) * self._devices
            self.order, self.turns = np.resize(self.order, whole), np.resize(self.turns, whole)

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self.label) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows, float32 (k, ...), and labels, float32 (k, 1)."""
        for ahead in range(number, min(number + _AHEAD + 1, len(self))):
            if ahead not in self._under_way:
                self._under_way[ahead] = self._pool.submit(self._make, ahead)
        if self._told is not None:
            self._told.advance()
        return self._under_way.pop(number).result()

    def _make(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        now = slice(number * self.batch_size, (number + 1) * self.batch_size)
        positions = self.order[now]
        return self.rows(positions, self.turns[now]), self.label[positions, None].astype(np.float32)

    def on_epoch_end(self) -> None:
        """Shuffle anew."""
        self.go_on(self.epoch + 1)

    def go_on(self, epoch: int) -> None:
        """Be where `epoch`, from 0, begins."""
        self._under_way.clear()
        self.epoch = epoch
        self._shuffle()
