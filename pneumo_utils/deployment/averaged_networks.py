"""The networks of a bundle as one: what they say of a picture, averaged over its test views and over the networks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pneumo_utils.deployment.decision import CLIP
from pneumo_utils.deployment.engines import Engine, open_engine
from pneumo_utils.imaging.augmentation import TEST_VIEWS, test_view

BATCH = 32  # pictures judged at once


class AveragedNetworks:
    """Networks that judge together.

    Args:
        engines: one a network.
        test_views: views of a picture that are averaged, a key of `augmentation.TEST_VIEWS`.
        test_average: what of the views is averaged, `probability` or `logit`.
    """

    def __init__(self, engines: Sequence[Engine], test_views: int, test_average: str):
        self._engines, self._views, self._average = engines, TEST_VIEWS[test_views], test_average

    @classmethod
    def load(
        cls, files: Iterable[Path], engine: str, test_views: int, test_average: str, threads: int = 0
    ) -> AveragedNetworks:
        """Open the networks in `files` with `engine`; see `engines.open_engine`."""
        return cls([open_engine(file, engine, threads) for file in files], test_views, test_average)

    @property
    def image_size(self) -> int:
        """Side of the square that the first network is shown, pixels."""
        return self._engines[0].image_size

    def predict(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Judge pictures.

        Args:
            pictures: uint8 (n, stored size, stored size), n at least 1.

        Returns:
            probability of pneumonia, float (n,) in [0, 1], and the pooled features of all networks for the first test
            view, float (n, d).
        """
        parts = [self._judge(batch) for batch in _batches(pictures)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def features(self, pictures: np.ndarray) -> np.ndarray:
        """The features of `predict` alone, at the cost of one view a picture."""
        first = self._views[0]
        parts = [[_see(engine, batch, first)[1] for engine in self._engines] for batch in _batches(pictures)]
        return np.concatenate([np.concatenate(part, axis=1) for part in parts])

    def _judge(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found, features = [], []
        for engine in self._engines:
            views = [_see(engine, pictures, number) for number in self._views]
            found.append(_average([probability for probability, _ in views], self._average))
            features.append(views[0][1])
        return np.mean(found, axis=0), np.concatenate(features, axis=1)


def _see(engine: Engine, pictures: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    views = [test_view(one, number, engine.image_size) for one in pictures]
    return engine.predict(np.stack(views).astype(np.float32))


def _batches(pictures: np.ndarray) -> Iterator[np.ndarray]:
    return (pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH))


def _average(views: list[np.ndarray], of: str) -> np.ndarray:
    """Mean over views, of probabilities or of logits; as `networks.inference` does it."""
    views = [np.asarray(one, dtype=float) for one in views]
    if of == "probability":
        return np.mean(views, axis=0)
    kept = np.clip(views, CLIP, 1 - CLIP)
    return 1 / (1 + np.exp(-np.mean(np.log(kept / (1 - kept)), axis=0)))
