"""How far a row of numbers lies from those of a training set: Mahalanobis distance in principal components.

The variance of the components that are left out is spread evenly over them, so that what lies outside the space of the
training set counts as well (Tipping & Bishop 1999, doi:10.1111/1467-9868.00196; for networks' features Lee et al. 2018,
arXiv 1807.03888, and Wang et al. 2022, arXiv 2203.10807). Variances are shrunk (Ledoit & Wolf 2004,
doi:10.1016/S0047-259X(03)00096-4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_COMPONENTS = 96
_ROWS_A_COMPONENT = 3  # at least, so that the variance of the last one is more than chance


@dataclass(frozen=True)
class PrincipalDistance:
    """A training set's mean, principal directions and variances; `project` and `measure` compare rows with them."""

    mean: np.ndarray  # float32 (d,)
    directions: np.ndarray  # float16 (d, k), orthonormal
    deviation: np.ndarray  # float32 (k,), standard deviation along each direction
    rest: float  # standard deviation along every other direction

    @classmethod
    def fit(cls, rows: np.ndarray) -> PrincipalDistance:
        """Learn from a training set.

        Args:
            rows: float (n, d), n at least 2.
        """
        from sklearn.covariance import ledoit_wolf_shrinkage

        n, d = rows.shape
        mean = rows.mean(axis=0, dtype=np.float64)
        centred = np.asarray(rows - mean, np.float32)
        shrinkage = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
        _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
        variance = np.square(lengths.astype(float)) / n
        k = max(1, min(_COMPONENTS, n // _ROWS_A_COMPONENT, len(variance) - 1, d - 1))
        common = variance.sum() / d
        shrunk = (1 - shrinkage) * variance[:k] + shrinkage * common
        rest = (1 - shrinkage) * variance[k:].sum() / max(d - k, 1) + shrinkage * common
        least = 1e-6 * max(variance[0], 1e-12)  # features that never vary
        return cls(
            mean.astype(np.float32),
            axes[:k].T.astype(np.float16),
            np.sqrt(np.maximum(shrunk, least)).astype(np.float32),
            float(np.float32(np.sqrt(max(rest, least)))),
        )

    def project(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, d) along each direction in standard deviations, and last the length of the rest: (n, k + 1)."""
        centred = np.asarray(rows, np.float32) - self.mean
        along = centred @ self.directions.astype(np.float32)
        outside = np.maximum(np.square(centred).sum(axis=-1) - np.square(along).sum(axis=-1), 0)
        free = max(len(self.mean) - len(self.deviation), 1)
        return np.column_stack([along / self.deviation, np.sqrt(outside / free) / self.rest])

    def measure(self, rows: np.ndarray) -> np.ndarray:
        """Distance of rows (n, d) a dimension, float (n,); 1 or less is usual."""
        found = np.square(self.project(rows).astype(float))
        free = len(self.mean) - len(self.deviation)
        return np.sqrt((found[:, :-1].sum(axis=1) + free * found[:, -1]) / len(self.mean))

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """All that is known, each under a name that starts with `prefix`."""
        known = {"mean": self.mean, "directions": self.directions, "deviation": self.deviation}
        return {f"{prefix}.{name}": array for name, array in known.items()} | {f"{prefix}.rest": np.float32(self.rest)}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray], prefix: str) -> PrincipalDistance:
        """The other way round."""
        mean, directions, deviation = (arrays[f"{prefix}.{name}"] for name in ("mean", "directions", "deviation"))
        return cls(mean, directions, deviation, float(arrays[f"{prefix}.rest"]))
