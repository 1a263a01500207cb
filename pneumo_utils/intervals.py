"""How far the numbers would move with other patients: percentile bootstrap over patients, not over images.

Several radiographs of one child are alike, so whole patients are drawn (cluster bootstrap; Davison & Hinkley 1997,
section 3.8). A draw is stored as how often each image counts, and `weighted` judges all draws at once.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pneumo_utils import delong, weighted
from pneumo_utils.weighted import MetricError

UNDEFINED_SHARE = 0.05  # more undefined replicates than this, and there is no interval
DELONG = "auc_roc_delong"  # the metric under which `table` gives DeLong's interval of the AUC
Thresholds = float | Mapping[str, float] | Mapping[tuple[str, int], float]


def multiplicities(patient: np.ndarray, replicates: int, seed: int) -> np.ndarray:
    """How often each image counts in each bootstrap draw of as many patients as there are, with replacement.

    The draw depends on the set of patients and on `seed` alone, not on the order of rows: models judged on the same
    patients meet the same draws, and their difference is paired.

    Args:
        patient: name of the patient of each image, (n,), in any order.
        replicates: number of draws, at least 1.
        seed: of the draws, at least 0.

    Returns:
        unsigned integer (replicates, n), of the smallest kind that holds the number of patients.

    Raises:
        MetricError: there is no image, a name is empty, or no replicate is asked for.
    """
    patient = np.asarray(patient)
    if patient.ndim != 1 or not len(patient) or pd.isna(patient).any():
        raise MetricError(f"patient must be 1-D, not empty, without gaps, got {patient.shape}")
    if replicates < 1:
        raise MetricError(f"replicates must be at least 1, got {replicates}")
    names, place = np.unique(patient.astype(str), return_inverse=True)
    generator = np.random.default_rng(seed)
    counts = np.empty((replicates, len(names)), dtype=np.min_scalar_type(len(names)))
    for row in counts:
        row[:] = np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))
    return counts[:, place]


def percentile(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap replicates (Efron & Tibshirani 1993, chapter 13).

    Replicates in which the metric is undefined (`nan`: a draw without one class, say) are left out. Where they are
    more than `UNDEFINED_SHARE` of all, leaving them out would flatter the interval, and there is none.

    Args:
        values: float (replicates,), at least one.
        level: coverage in (0, 1).

    Returns:
        lower, upper; `nan` where more than 5 % of the replicates are.

    Raises:
        MetricError: there is no replicate, or `level` is out of range.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not len(values):
        raise MetricError(f"values must be 1-D, not empty, got {values.shape}")
    if not 0 < level < 1:
        raise MetricError(f"level must be in (0, 1), got {level}")
    undefined = np.isnan(values)
    if undefined.mean() > UNDEFINED_SHARE:
        return float("nan"), float("nan")
    lower, upper = np.quantile(values[~undefined], [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


def threshold_of(threshold: Thresholds, model: str, seed: int) -> float:
    """The threshold of one network: `threshold` itself, or its entry for (model, seed), or else for the model.

    Raises:
        MetricError: the mapping knows neither.
    """
    if not isinstance(threshold, Mapping):
        return float(threshold)
    for key in ((model, seed), model):
        if key in threshold:
            return float(threshold[key])
    raise MetricError(f"threshold must name every model, got {sorted(map(str, threshold))} for {model!r}, seed {seed}")


def replicated(part: pd.DataFrame, threshold: float, replicates: int, seed: int) -> dict[str, np.ndarray]:
    """Every metric of one network on one split: the plain value first, then the bootstrap replicates.

    Args:
        part: rows of the contract `predictions`, one model, seed and split.
        threshold: called pneumonia at or above it.
        replicates: number of draws, at least 1.
        seed: of the draws, at least 0.

    Returns:
        float (1 + replicates,) for each of `weighted.METRICS`.

    Raises:
        MetricError: there is nothing to judge, or an argument is out of range.
    """
    case = part["label"], part["probability"]
    plain = weighted.scores(*case, np.ones((1, len(part))), threshold)  # apart: no draw may touch its last digit
    drawn = weighted.scores(*case, multiplicities(part["patient"], replicates, seed), threshold)
    return {metric: np.concatenate([plain[metric], drawn[metric]]) for metric in plain}


def table(
    predictions: pd.DataFrame, threshold: Thresholds, replicates: int = 2000, seed: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Judge every model, seed and split, each metric with its interval over patients.

    `auc_roc` has the bootstrap interval as all others; a row `auc_roc_delong` gives the same value with DeLong's,
    which takes images for independent. The interval says what other patients would change, not other training runs.

    Args:
        predictions: contract `predictions`, at least one row.
        threshold: one for all, or one for each model or (model, seed); frozen before the test part is read.
        replicates: bootstrap draws, at least 1; networks judged on the same patients share them.
        seed: of the draws, at least 0.
        level: coverage in (0, 1).

    Returns:
        contract `metrics`; `n` counts images; value or interval `nan` where undefined, see `weighted.scores`.

    Raises:
        MetricError: there is nothing to judge, a threshold is missing, or an argument is out of range.
    """
    if predictions.empty:
        raise MetricError("predictions must have at least one row, got 0")
    rows = []
    for (model, run, split), part in predictions.groupby(["model", "seed", "split"], sort=False):
        found = replicated(part, threshold_of(threshold, model, run), replicates, seed)
        judged = [(metric, all_[0], *percentile(all_[1:], level)) for metric, all_ in found.items()]
        judged.append((DELONG, *delong.interval(part["label"], part["probability"], level)))
        rows += [(model, run, split, *row, len(part)) for row in judged]
    return pd.DataFrame(rows, columns=["model", "seed", "split", "metric", "value", "lower", "upper", "n"])
