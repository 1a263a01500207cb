"""Does 0.8 mean 80 in 100? Observed shares and reliability curves, with intervals over patients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pneumo_utils.evaluation.intervals import interval, resample_patients
from pneumo_utils.evaluation.weighted_metrics import MetricError, check_predictions


def proportion_with_interval(
    hit: np.ndarray, patient: np.ndarray, weights: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """A share with its interval over patients, see `intervals.interval`.

    Args:
        hit: bool or int (n,).
        patient: (n,).
        weights: (replicates, n), of `intervals.resample_patients`, the columns of these cases.
        level: in (0, 1).

    Returns:
        share, lower, upper, in [0, 1]; `nan` for no case, no interval where `intervals.percentile` has none.
    """
    hit = np.asarray(hit, dtype=float)
    if not len(hit):
        return np.nan, np.nan, np.nan
    mass, share = weights.sum(axis=1, dtype=float), float(hit.mean())
    drawn = (weights @ hit) / np.where(mass > 0, mass, np.nan)
    return share, *interval(share, drawn, level, len(set(patient)))


def curve(
    label: np.ndarray,
    probability: np.ndarray,
    patient: np.ndarray,
    bins: int = 10,
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Predicted against observed risk in bins of equal mass; equal probabilities share a bin.

    Args:
        label: int (n,).
        probability: float (n,) in [0, 1].
        patient: (n,), whom the bootstrap draws; the borders of the bins stay.
        bins: wanted, at least 1; fewer come out where many probabilities are equal.
        replicates: of the bootstrap.
        seed: of the bootstrap.
        level: of the interval, in (0, 1).

    Returns:
        columns `bin` (from 1), `mean_probability`, `observed`, `lower`, `upper`, `n`; of rising probability.

    Raises:
        MetricError: as `weighted_metrics.check_predictions`, or `bins` below 1.
    """
    label, probability = check_predictions(label, probability)
    if bins < 1:
        raise MetricError(f"bins must be at least 1, got {bins}")
    weights, patient = resample_patients(patient, replicates, seed), np.asarray(patient)
    place = _bins(probability, bins)
    rows = []
    for number in range(1, place.max() + 1):
        here = place == number
        share = proportion_with_interval(label[here], patient[here], weights[:, here], level)
        rows.append((number, probability[here].mean(), *share, int(here.sum())))
    return pd.DataFrame(rows, columns=["bin", "mean_probability", "observed", "lower", "upper", "n"])


def table(
    predictions: Mapping[str, pd.DataFrame], bins: int = 10, replicates: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Reliability of every method, model, seed and split.

    Args:
        predictions: method (`none` for as predicted, or a key of `calibration.METHODS`) -> contract `predictions`.
        bins: wanted in each curve.
        replicates: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        contract `reliability`.
    """
    curves = []
    for method, frame in predictions.items():
        for (model, run, split), part in frame.groupby(["model", "seed", "split"], sort=False):
            values = (part[name].to_numpy() for name in ("label", "probability", "patient"))
            steps = curve(*values, bins=bins, replicates=replicates, seed=seed)
            names = {"model": model, "seed": run, "split": split, "method": method}
            curves.append(steps.assign(**names)[[*names, *steps.columns]])
    return pd.concat(curves, ignore_index=True)


def _bins(probability: np.ndarray, bins: int) -> np.ndarray:
    """Number of the bin, from 1, of each case: by the rank of its tie's middle."""
    _, place, ties = np.unique(probability, return_inverse=True, return_counts=True)
    middle = (np.cumsum(ties) - ties / 2) / len(probability)
    wanted = np.minimum((middle * bins).astype(int), bins - 1)[place]
    return np.unique(wanted, return_inverse=True)[1] + 1
