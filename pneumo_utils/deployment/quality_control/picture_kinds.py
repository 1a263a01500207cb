"""What a picture is: an upright chest radiograph, an inverted, turned, cut or small one, or something else.

Small networks learn it from the study's own radiographs, which they are shown as they are and changed (self-supervision
for finding outliers: Hendrycks et al. 2019, arXiv 1906.12340), and from drawn pictures (`odd_pictures`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from pneumo_utils.deployment.quality_control import changed_radiographs, odd_pictures, picture_statistics
from pneumo_utils.deployment.quality_control.picture_statistics import SIDE
from pneumo_utils.deployment.quality_control.principal_distance import PrincipalDistance

UPRIGHT, INVERTED, LEFT, DOWN, RIGHT, CUT, SMALL, OTHER = range(8)
ADVICE = {  # what a kind looks like, and what to do
    INVERTED: "greys look inverted: bone must be white, so turn the greys round",
    LEFT: "looks turned by 90 degrees to the left: turn it to the right, head up",
    DOWN: "looks upside down: turn it by 180 degrees, or mirror it, so that the head is up",
    RIGHT: "looks turned by 90 degrees to the right: turn it to the left, head up",
    CUT: "looks cut off: both whole lungs must be in the picture",
    SMALL: "the chest fills only a part of the picture: cut it to the chest",
    OTHER: "does not look like a frontal chest radiograph: give one",
}
_PICTURES = 600  # of the training set, at most: more of them make no better lesson
_HIDDEN, _NETWORKS, _EPOCHS = 64, 3, 25


@dataclass(frozen=True)
class KindClassifier:
    """Networks of one hidden layer on principal components of a description, averaged."""

    space: PrincipalDistance  # of all kinds together
    layers: tuple[np.ndarray, ...]  # float32: (networks, in, hidden), its bias, (networks, hidden, kinds), its bias

    @classmethod
    def fit(cls, train: np.ndarray, seed: int) -> KindClassifier:
        """Learn from radiographs.

        Args:
            train: uint8 (n, SIDE, SIDE), n at least 2.
            seed: of what is drawn and of the first weights, at least 0.
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        kinds, pictures = zip(*_lesson(train, np.random.default_rng([seed, 1])), strict=True)
        rows = np.stack([picture_statistics.describe(picture) for picture in pictures])
        space = PrincipalDistance.fit(rows)
        found, layers = _clip(space.project(rows)), []
        for number in range(_NETWORKS):
            network = MLPClassifier((_HIDDEN,), alpha=1e-2, max_iter=_EPOCHS, random_state=seed + number)
            # on one core the products are small enough to be faster, and the same to the bit on any machine like it
            with warnings.catch_warnings(), threadpool_limits(1):
                warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is chosen
                network.fit(found, np.array(kinds))
            (into, out), (one, two) = network.coefs_, network.intercepts_
            layers.append([part.astype(np.float32) for part in (into, one[None], out, two[None])])
        return cls(space, tuple(np.stack(part) for part in zip(*layers, strict=True)))

    def log_probabilities(self, descriptions: np.ndarray) -> np.ndarray:
        """Logarithm of each kind's probability, float (n, kinds), for descriptions (n, d)."""
        into, one, out, two = self.layers
        hidden = np.maximum(_clip(self.space.project(descriptions)) @ into + one, 0)
        scores = (hidden @ out + two).astype(float)
        scores -= np.logaddexp.reduce(scores, axis=-1, keepdims=True)
        mean = scores.mean(axis=0)
        return mean - np.logaddexp.reduce(mean, axis=-1, keepdims=True)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that is known, each under a name of its own."""
        return self.space.arrays("kinds") | {f"kinds.layer{n}": layer for n, layer in enumerate(self.layers)}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> KindClassifier:
        """The other way round."""
        return cls(PrincipalDistance.of(arrays, "kinds"), tuple(arrays[f"kinds.layer{n}"] for n in range(4)))


def doubt(log_probabilities: np.ndarray) -> np.ndarray:
    """Log odds that a picture is not upright, float (n,), of logarithms of probabilities (n, kinds)."""
    rest = np.delete(log_probabilities, UPRIGHT, axis=-1)
    return np.logaddexp.reduce(rest, axis=-1) - log_probabilities[:, UPRIGHT]


def _lesson(train: np.ndarray, generator: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """Kinds and pictures, uint8 (SIDE, SIDE), each kind about as often as the others."""
    chosen = train[generator.permutation(len(train))[:_PICTURES]]
    drawn = list(odd_pictures.KINDS)
    for picture in chosen:
        yield UPRIGHT, picture
        for kind in (UPRIGHT,) * 4 + (INVERTED, LEFT, DOWN, RIGHT) * 2:
            varied = changed_radiographs.vary_mildly(picture, generator)
            if kind == INVERTED:
                varied = changed_radiographs.turn(255 - varied, generator.choice([0, 0, 0, 1, 2, 3]))
            elif kind != UPRIGHT:
                varied = changed_radiographs.turn(varied, kind - LEFT + 1)
            yield kind, varied
        for _ in range(5):
            yield CUT, changed_radiographs.vary_mildly(changed_radiographs.cut_off(picture, generator), generator)
        for _ in range(2):
            yield OTHER, odd_pictures.draw(str(generator.choice(drawn)), int(generator.integers(2**31)), SIDE)
        yield OTHER, changed_radiographs.shuffle(picture, generator)
        yield SMALL, changed_radiographs.surround(changed_radiographs.vary_mildly(picture, generator), generator)


def _clip(projected: np.ndarray) -> np.ndarray:
    """Strange pictures lie hundreds of standard deviations away, where a network knows nothing."""
    return np.clip(projected, -8, 8)
