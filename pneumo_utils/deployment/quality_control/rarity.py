"""How rare a value is among those of pictures held out, also beyond the largest of them, and which limit to set.

The largest tenth of the values, or the largest ten where these are more but no more than half, are taken to fall
exponentially (peaks over threshold: Pickands 1975, doi:10.1214/aos/1176343003, with shape 0), so that values of several
checks can be compared and few pictures do.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np

_SHARE, _COUNT, _MOST = 0.1, 10, 0.5  # of the values in the tail: share of all, at least so many, at most this share


@dataclass(frozen=True)
class Rarity:
    """The upper tail of a value among pictures held out."""

    start: float  # where it begins
    excess: float  # mean by which values in the tail exceed its start
    share: float  # of all values that lie in it

    @classmethod
    def fit(cls, values: np.ndarray) -> Rarity:
        """Learn the tail of float (n,), n at least 2."""
        share = min(max(_SHARE, _COUNT / len(values)), _MOST)
        start = float(np.quantile(values, 1 - share))
        beyond = values[values > start] - start
        return cls(start, max(float(beyond.mean()) if len(beyond) else 0.0, 1e-6 * max(1.0, abs(start))), share)

    def rate(self, value: np.ndarray | float) -> np.ndarray:
        """Minus the natural logarithm of the share of pictures that exceed a value; before the tail a line, too."""
        return (np.asarray(value) - self.start) / self.excess - math.log(self.share)

    def value(self, rarity: float) -> float:
        """The value that is so rare."""
        return self.start + self.excess * (rarity + math.log(self.share))

    def row(self) -> tuple[float, float, float]:
        """Start, excess and share."""
        return astuple(self)


def choose_limit(rare: np.ndarray, share: float) -> float:
    """The limit beyond which a new picture lies with about a given chance, if it is like those held out.

    The chance is at most that where values are independent and were rated without them (split conformal). A tail that
    was fitted to the same values, or several of one patient, make it approximate.

    With k the whole part of (m + 1) * share it is the kth largest of the m values, which a new one exceeds with chance
    k / (m + 1). Where k is 0, it lies beyond the largest by as much as an exponential tail of rate 1 needs.

    Args:
        rare: float (m,), of `Rarity.rate`; infinite where a picture is refused in any case.
        share: in (0, 1).
    """
    m = len(rare)
    k = math.floor((m + 1) * share + 1e-9)
    finite = np.sort(rare[np.isfinite(rare)])
    spent = m - len(finite)  # what is refused in any case
    if k > spent:
        return float(finite[-(k - spent)])
    return float(finite[-1]) + max(0.0, math.log(1 / ((m + 1) * share)))
