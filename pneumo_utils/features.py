"""What a network is fed: pictures, or activations of its frozen trunk that were computed once.

What lies below the first trained layer never changes, so running it forward in each epoch is work done again and
again. Activations are kept as float16 and mapped from disk: memory does not grow with the number of pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from pneumo_utils.atomic import whole
from pneumo_utils.augmentation import Augmentation, view
from pneumo_utils.backend import keras, tf

_LARGEST = float(np.finfo(np.float16).max)


class FeatureError(ValueError):
    """Activations cannot be computed or kept."""


class Feed(Protocol):
    """Gives rows to a network. `positions` count the training pictures, `rows` all pictures of the study."""

    count: int  # all pictures
    train_rows: np.ndarray  # int (m,): rows of the training pictures

    def plain(self, rows: np.ndarray) -> np.ndarray:
        """The pictures in `rows` as they are, float32 (k, ...)."""

    def view(self, positions: np.ndarray, number: int) -> np.ndarray:
        """View `number` of the training pictures at `positions`, float32 (k, ...); 0 is the picture itself."""

    def training(self, positions: np.ndarray, epoch: int) -> np.ndarray:
        """What is trained on in `epoch` (from 0), float32 (k, ...)."""


class Pixels:
    """Feeds pictures; every epoch sees a new variation of each training picture.

    Args:
        images: uint8 (n, size, size).
        train_rows: rows of the training pictures, int (m,).
        augmentation: how far a variation goes.
        seed: of the variations.
    """

    def __init__(self, images: np.ndarray, train_rows: np.ndarray, augmentation: Augmentation, seed: int):
        self.images, self.train_rows, self.augmentation, self.seed = images, train_rows, augmentation, seed
        self.count = len(images)

    def plain(self, rows: np.ndarray) -> np.ndarray:
        """See `Feed.plain`."""
        return self.images[rows].astype(np.float32)

    def view(self, positions: np.ndarray, number: int) -> np.ndarray:
        """See `Feed.view`."""
        rows = self.train_rows[positions]
        seen = [view(self.images[row], self.augmentation, seed=self.seed, row=int(row), number=number) for row in rows]
        return np.stack(seen).astype(np.float32)

    def training(self, positions: np.ndarray, epoch: int) -> np.ndarray:
        """See `Feed.training`."""
        return self.view(positions, epoch + 1)


class Activations:
    """Feeds activations kept on disk; the epochs take the views in turn.

    Args:
        every: float16 (n, ...), of every picture as it is.
        varied: one float16 (m, ...) a further view of the training pictures.
        train_rows: rows of the training pictures, int (m,).
    """

    def __init__(self, every: np.ndarray, varied: list[np.ndarray], train_rows: np.ndarray):
        self.every, self.varied, self.train_rows = every, varied, train_rows
        self.count = len(every)

    def plain(self, rows: np.ndarray) -> np.ndarray:
        """See `Feed.plain`."""
        return self.every[rows].astype(np.float32)

    def view(self, positions: np.ndarray, number: int) -> np.ndarray:
        """See `Feed.view`."""
        if number == 0:
            return self.plain(self.train_rows[positions])
        return self.varied[number - 1][positions].astype(np.float32)

    def training(self, positions: np.ndarray, epoch: int) -> np.ndarray:
        """See `Feed.training`: each batch mixes the views."""
        numbers = (epoch + positions) % (1 + len(self.varied))
        chosen = [self.view(np.array([p]), n)[0] for p, n in zip(positions, numbers, strict=True)]
        return np.stack(chosen)


def run(trunk: keras.Model, feed: Feed, *, views: int, batch_size: int, folder: Path) -> Activations:
    """Run `trunk` once over every picture and over `views` - 1 variations of the training pictures.

    Args:
        trunk: what the feed gives -> activations.
        feed: pixels, or activations of a lower layer.
        views: views of each training picture, the plain one included, at least 1.
        batch_size: pictures a step.
        folder: where the activations are kept, one `.npy` file a view, named for the trunk.

    Raises:
        FeatureError: an activation does not fit float16.
    """
    every = _kept(trunk, map(feed.plain, _batches(feed.count, batch_size)), feed.count, folder / f"{trunk.name}-0.npy")
    varied = []
    for number in range(1, views):
        rows = (feed.view(positions, number) for positions in _batches(len(feed.train_rows), batch_size))
        varied.append(_kept(trunk, rows, len(feed.train_rows), folder / f"{trunk.name}-{number}.npy"))
    return Activations(every, varied, feed.train_rows)


def _batches(count: int, batch_size: int) -> Iterator[np.ndarray]:
    for start in range(0, count, batch_size):
        yield np.arange(start, min(start + batch_size, count))


def _kept(trunk: keras.Model, batches: Iterator[np.ndarray], count: int, path: Path) -> np.ndarray:
    forward = tf.function(lambda rows: trunk(rows, training=False), reduce_retracing=True)
    with whole(path) as part:
        kept = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=(count, *trunk.output.shape[1:]))
        row = 0
        for batch in batches:
            values = forward(tf.constant(batch)).numpy()
            if not np.abs(values).max() <= _LARGEST:
                raise FeatureError(f"activations must be within +-{_LARGEST:.0f}, got {np.abs(values).max()}")
            kept[row : row + len(values)] = values
            row += len(values)
        kept.flush()
    return np.load(path, mmap_mode="r")
