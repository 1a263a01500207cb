"""Intervals of a share that hold for few cases and for shares of 0 and 1, and where several cases are of one source."""

from __future__ import annotations

import numpy as np
from scipy.stats import beta, t


def clopper_pearson(share: float, size: float, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Clopper & Pearson 1934, doi:10.1093/biomet/26.4.404), as scipy's `binomtest` has it.

    Args:
        share: in [0, 1].
        size: independent cases behind it, above 0; no whole number where it is an effective one.
        level: coverage in (0, 1).

    Returns:
        lower, upper, in [0, 1].
    """
    tail, count = (1 - level) / 2, share * size
    lower = beta.ppf(tail, count, size - count + 1) if share > 0 else 0.0
    upper = beta.ppf(1 - tail, count + 1, size - count) if share < 1 else 1.0
    return float(lower), float(upper)


def clustered_interval(hits: np.ndarray, source: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Interval of the share of `hits` where cases of one source are alike: `clopper_pearson` of an effective size.

    The size is that of independent cases of which the share would vary as much (Korn & Graubard 1998, Survey
    Methodology 24, 193-201); with one case per source it is their number. Of a share of 0 or 1 nothing is seen to vary,
    and the size is that of the sources.

    Args:
        hits: bool (n,).
        source: name of the source of each case, (n,).
        level: coverage in (0, 1).

    Returns:
        lower, upper, in [0, 1]; `nan` where there is no case, or where all are of one source and it is neither 0 nor 1.
    """
    n, hits = len(hits), np.asarray(hits, dtype=float)
    if not n:
        return float("nan"), float("nan")
    owner = np.unique(source, return_inverse=True)[1]
    share, sources = hits.mean(), int(owner.max()) + 1
    if share in (0, 1):
        return clopper_pearson(share, sources, level)
    if sources == 1:
        return float("nan"), float("nan")
    varied = np.square(np.bincount(owner, hits - share)).sum() * sources / (sources - 1)
    alone = n * share * (1 - share) * n / (n - 1)  # what it would be with one case per source
    few = t.ppf((1 + level) / 2, n - 1) / t.ppf((1 + level) / 2, sources - 1)
    return clopper_pearson(share, n * min(1.0, few**2 * alone / varied) if varied else n, level)
