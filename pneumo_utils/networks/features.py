"""What a network is fed: pictures, or activations of its frozen trunk that were computed once.

What lies below the first trained layer never changes, so running it forward in each epoch is work done again and
again. Activations are kept on disk by `activation_cache`: memory does not grow with the number of pictures, and what
was computed for one seed, or before an interruption, is not computed again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from pneumo_utils.imaging.augmentation import Augmentation, test_view, unaugmented, view
from pneumo_utils.networks import activation_cache, batchnorm_folding
from pneumo_utils.networks.backend import keras, layers, tf
from pneumo_utils.records import progress, waiting


class FeatureError(ValueError):
    """Activations cannot be computed."""


class Feed(Protocol):
    """Gives rows to a network. `positions` count the training pictures, `rows` all pictures of the study."""

    count: int  # all pictures
    train_rows: np.ndarray  # int (m,): rows of the training pictures

    def plain(self, rows: np.ndarray) -> np.ndarray:
        """The pictures in `rows` as they are, float32 (k, ...)."""

    def view(self, positions: np.ndarray, number: int | np.ndarray) -> np.ndarray:
        """View `number`, one for all or one each, of the training pictures at `positions`; 0 is the picture itself.

        Returns:
            float32 (k, ...).
        """

    def training(self, positions: np.ndarray, turn: int | np.ndarray) -> np.ndarray:
        """What is trained on when `positions` have their `turn` (from 0; one for all or one each), float32 (k, ...)."""


class Pixels:
    """Feeds pictures; every epoch sees a new variation of each training picture.

    Args:
        images: uint8 (n, stored size, stored size).
        train_rows: rows of the training pictures, int (m,).
        augmentation: how far a variation goes.
        seed: of the variations.
        size: side of what is fed, pixels; 0: as stored.
    """

    def __init__(
        self, images: np.ndarray, train_rows: np.ndarray, augmentation: Augmentation, seed: int, size: int = 0
    ):
        self.images, self.train_rows, self.augmentation = images, train_rows, augmentation
        self.seed, self.size, self.count = seed, size, len(images)

    def with_seed(self, seed: int, size: int = 0) -> Pixels:
        """The same pictures with other variations, and at another `size`; 0: at the same."""
        return Pixels(self.images, self.train_rows, self.augmentation, seed, size or self.size)

    def plain(self, rows: np.ndarray) -> np.ndarray:
        """See `Feed.plain`."""
        return np.stack([unaugmented(self.images[row], self.size) for row in rows]).astype(np.float32)

    def test_view(self, rows: np.ndarray, number: int) -> np.ndarray:
        """View `number` of the pictures in `rows`, of `augmentation.test_view`, float32 (k, size, size)."""
        return np.stack([test_view(self.images[row], number, self.size) for row in rows]).astype(np.float32)

    def view(self, positions: np.ndarray, number: int | np.ndarray) -> np.ndarray:
        """See `Feed.view`."""
        rows, given = self.train_rows[positions].tolist(), {"seed": self.seed, "size": self.size}
        numbers = np.broadcast_to(number, len(rows)).tolist()
        seen = [
            view(self.images[row], self.augmentation, row=row, number=n, **given)
            for row, n in zip(rows, numbers, strict=True)
        ]
        return np.stack(seen).astype(np.float32)

    def training(self, positions: np.ndarray, turn: int | np.ndarray) -> np.ndarray:
        """See `Feed.training`."""
        return self.view(positions, turn + 1)


class Activations:
    """Feeds activations kept on disk; the epochs take the views in turn.

    Args:
        kept: all rows on disk.
        every: int (n,), where in `kept` the row of each picture stands.
        varied: int (views - 1, m), the same of the further views of the training pictures.
        train_rows: rows of the training pictures, int (m,).
    """

    def __init__(self, kept: activation_cache.Rows, every: np.ndarray, varied: np.ndarray, train_rows: np.ndarray):
        self.kept, self.every, self.train_rows, self.count = kept, every, train_rows, len(every)
        self._views = np.vstack([every[train_rows], *varied])  # (views, m)

    def plain(self, rows: np.ndarray) -> np.ndarray:
        """See `Feed.plain`."""
        return self.kept[self.every[rows]]

    def view(self, positions: np.ndarray, number: int | np.ndarray) -> np.ndarray:
        """See `Feed.view`."""
        return self.kept[self._views[number, positions]]

    def training(self, positions: np.ndarray, turn: int | np.ndarray) -> np.ndarray:
        """See `Feed.training`: each batch mixes the views."""
        # a class that is drawn several times an epoch has every second turn, or third: it, too, sees all views alike
        numbers = (turn + turn // len(self._views) + positions) % len(self._views)
        return self.kept[self._views[numbers, positions]]


def run_trunk(trunk: keras.Model, feed: Feed, *, views: int, batch_size: int, folder: Path) -> Activations:
    """Run `trunk` once over every picture and over `views` - 1 variations of the training pictures.

    Args:
        trunk: what the feed gives -> activations.
        feed: pixels, or activations of a lower layer.
        views: views of each training picture, the plain one included, at least 1.
        batch_size: pictures a step.
        folder: where activations are kept, in a folder named for the trunk.

    Raises:
        FeatureError: an activation is not finite.
        activation_cache.DiskError: there is no room for them.
    """
    # of several seeds that are trained side by side one computes them
    with waiting.hold(folder / f"{trunk.name}.lock", f"trunk of {trunk.name}"):
        return _run_trunk(trunk, feed, views, batch_size, folder)


def _run_trunk(trunk: keras.Model, feed: Feed, views: int, batch_size: int, folder: Path) -> Activations:
    trunk, kept = open_cache(trunk, folder)
    count = feed.count + (views - 1) * len(feed.train_rows)
    kept.check_disk(count)
    forward, varied = compile_trunk(trunk), []
    with progress.stage("running the frozen trunk", count) as told:
        every = _compute(kept, forward, map(feed.plain, _batches(feed.count, batch_size)), batch_size, told)
        for number in range(1, views):
            rows = (feed.view(positions, number) for positions in _batches(len(feed.train_rows), batch_size))
            varied.append(_compute(kept, forward, rows, batch_size, told))
    kept.keep_only([*every, *(key for keys in varied for key in keys)])
    places = [kept.places(keys) for keys in varied]
    return Activations(kept.rows(), kept.places(every), np.array(places, dtype=int), feed.train_rows)


def open_cache(
    trunk: keras.Model, folder: Path, *, read_only: bool = False
) -> tuple[keras.Model, activation_cache.ActivationCache]:
    """`trunk` as it is run, its frozen normalisation folded, and what it left in `folder`.

    Args:
        trunk: as given to `run_trunk`.
        folder: as given to `run_trunk`.
        read_only: see `activation_cache.ActivationCache`.
    """
    trunk = batchnorm_folding.fold_batch_normalisation(trunk)
    return trunk, activation_cache.ActivationCache(
        folder / trunk.name, identity(trunk), trunk.output.shape[1:], read_only=read_only
    )


def compile_trunk(trunk: keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """`trunk` as one graph: a batch of what it eats -> activations, float32 whatever it computes in."""
    return tf.function(lambda rows: tf.cast(trunk(rows, training=False), tf.float32))


def _batches(count: int, batch_size: int) -> Iterator[np.ndarray]:
    for start in range(0, count, batch_size):
        yield np.arange(start, min(start + batch_size, count))


def identity(trunk: keras.Model) -> str:
    """Hash of layers, precision, input and weights: what else could change an activation is the machine."""
    parts = [layer for layer in trunk.layers if not isinstance(layer, layers.InputLayer)]  # its name is a mere counter
    layer_configs = [[type(part).__name__, part.get_config()] for part in parts]
    found = hashlib.sha256(json.dumps([trunk.input.shape, layer_configs], sort_keys=True, default=str).encode())
    for weight in trunk.weights:
        found.update(np.ascontiguousarray(weight.numpy()))
    return found.hexdigest()


def _compute(
    kept: activation_cache.ActivationCache, forward: Callable, batches: Iterator[np.ndarray], batch_size: int,
    told: progress.Stage,
) -> list[bytes]:  # fmt: skip
    """Compute the rows that are not kept yet; the keys of all."""
    keys, waiting = [], {}
    for batch in batches:
        for row in batch:
            keys.append(activation_cache.digest(row))
            if keys[-1] not in kept:
                waiting[keys[-1]] = row
            if len(waiting) == batch_size:
                waiting = _append(kept, forward, waiting, batch_size)
        told.advance(len(batch))
    if waiting:
        _append(kept, forward, waiting, batch_size)
    return keys


def _append(
    kept: activation_cache.ActivationCache, forward: Callable, waiting: dict[bytes, np.ndarray], batch_size: int
) -> dict:
    """Run one batch, filled up with zeros: one shape is one compiled graph, and the same bits after an interruption."""
    rows = np.stack(list(waiting.values()))
    filled = np.concatenate([rows, np.zeros((batch_size - len(rows), *rows.shape[1:]), rows.dtype)])
    values = forward(tf.constant(filled)).numpy()[: len(rows)]
    if not np.isfinite(values).all():
        raise FeatureError(f"activations must be finite, got {values[~np.isfinite(values)][0]}")
    kept.append(list(waiting), values)
    return {}
