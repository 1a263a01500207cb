"""What the predictions would mean at the bedside: predictive values, and each etiology."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from pneumo_utils.evaluation.bootstrap_mean import format_rows
from pneumo_utils.evaluation.intervals import Thresholds, percentile, resample_patients, threshold_of
from pneumo_utils.evaluation.metrics import decide, format_interval
from pneumo_utils.evaluation.operating_points import require_both_classes
from pneumo_utils.evaluation.reliability import proportion_with_interval
from pneumo_utils.evaluation.weighted_metrics import MetricError, check_predictions
from pneumo_utils.records.vocabulary import ETIOLOGIES, IMAGE_MODELS


def predictive_values(
    sensitivity: np.ndarray, specificity: np.ndarray, prevalence: float
) -> tuple[np.ndarray, np.ndarray]:
    """PPV and NPV by Bayes' rule (Altman & Bland 1994, doi:10.1136/bmj.309.6947.102).

    Args:
        sensitivity: any shape, in [0, 1].
        specificity: the same shape, in [0, 1].
        prevalence: in (0, 1).

    Returns:
        PPV, NPV of that shape, in [0, 1]; `nan` where nobody is called, or nobody is spared.

    Raises:
        MetricError: an argument out of range.
    """
    check_prevalence(prevalence)
    sensitivity, specificity = np.asarray(sensitivity, dtype=float), np.asarray(specificity, dtype=float)
    for name, values in (("sensitivity", sensitivity), ("specificity", specificity)):
        if ((values < 0) | (values > 1)).any():
            raise MetricError(f"{name} must be in [0, 1], got {values.min()} to {values.max()}")
    ill, well = prevalence, 1 - prevalence
    return (
        _share(sensitivity * ill, (1 - specificity) * well),
        _share(specificity * well, (1 - sensitivity) * ill),
    )


def predictive_table(
    predictions: pd.DataFrame,
    threshold: Thresholds,
    prevalences: Sequence[float],
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """PPV and NPV of every model, seed and split at each prevalence, with intervals over patients.

    Where a class is judged with hardly an error, the bootstrap cannot say how sure that is, and the interval is widened
    to what the bounds of `reliability.proportion_with_interval` give.

    Args:
        predictions: contract `predictions`, both classes in each group.
        threshold: one for all, or one for each model or (model, seed).
        prevalences: each in (0, 1).
        replicates: of the bootstrap.
        seed: of the bootstrap.
        level: of the intervals, in (0, 1).

    Returns:
        contract `predictive_values`; no value where undefined.
    """
    rows = []
    for (model, run, split), part in predictions.groupby(["model", "seed", "split"], sort=False):
        weights = resample_patients(part["patient"], replicates, seed)
        ill, well = rates_with_draws(part, threshold_of(threshold, model, run), weights, level)
        for prevalence in prevalences:
            point = predictive_values(ill[0], well[0], prevalence)
            draws = predictive_values(ill[3], well[3], prevalence)
            widest = [predictive_values(*pair, prevalence) for pair in corners(ill, well, level)]
            for i, name in enumerate(("ppv", "npv")):
                lower, upper = percentile(draws[i], level)
                ends = [corner[i] for corner in widest]
                bounds = min([lower, *ends]), max([upper, *ends])
                rows.append((model, run, split, prevalence, name, float(point[i]), *bounds, len(part)))
    columns = ["model", "seed", "split", "prevalence", "metric", "value", "lower", "upper", "n"]
    return pd.DataFrame(rows, columns=columns)


def sensitivity_by_etiology(
    predictions: pd.DataFrame, threshold: Thresholds, replicates: int = 2000, seed: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Share of the pneumonias of each etiology that is found, by model, seed and split; `proportion_with_interval`.

    Args:
        predictions: contract `predictions`.
        threshold: one for all, or one for each model or (model, seed).
        replicates: of the bootstrap over patients.
        seed: of the bootstrap.
        level: of the intervals, in (0, 1).

    Returns:
        contract `etiology_sensitivity`, a row per etiology that has pneumonias; `n` images of so many `patients`.
    """
    rows = []
    for (model, run, split), part in predictions.groupby(["model", "seed", "split"], sort=False):
        label, probability = check_predictions(part["label"], part["probability"])
        called = decide(probability, threshold_of(threshold, model, run))
        weights, patient = resample_patients(part["patient"], replicates, seed), part["patient"].to_numpy()
        for etiology in ETIOLOGIES:
            here = (label == 1) & (part["etiology"] == etiology).to_numpy()
            if here.any():
                share = proportion_with_interval(called[here], patient[here], weights[:, here], level)
                rows.append((model, run, split, etiology, *share, int(here.sum()), len(set(patient[here]))))
    columns = ["model", "seed", "split", "etiology", "sensitivity", "lower", "upper", "n", "patients"]
    return pd.DataFrame(rows, columns=columns)


def check_prevalence(prevalence: float) -> None:
    """Raise a `MetricError` where it is none."""
    if not 0 < prevalence < 1:
        raise MetricError(f"prevalence must be in (0, 1), got {prevalence}")


def _share(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return part / np.where(part + rest > 0, part + rest, np.nan)


def rates_with_draws(
    part: pd.DataFrame, threshold: float, weights: np.ndarray, level: float
) -> tuple[tuple[float, float, float, np.ndarray], ...]:
    """Sensitivity, then specificity of one network on one split: value, lower, upper and replicates.

    Args:
        part: of the contract `predictions`, both classes.
        threshold: called pneumonia at or above it.
        weights: (replicates, n), of `intervals.resample_patients`.
        level: of the interval, in (0, 1).
    """
    label, probability = require_both_classes(part["label"], part["probability"])
    right, patient = decide(probability, threshold) == label, part["patient"].to_numpy()
    return tuple(
        (
            *proportion_with_interval(right[of], patient[of], weights[:, of], level),
            _weighted_mean(weights[:, of], right[of]),
        )
        for of in (label == 1, label == 0)
    )


def _weighted_mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean of `values` (n,) or (n, k) under each row of `weights` (r, n); `nan` where they are all 0."""
    mass = weights.sum(axis=1, dtype=float)
    return ((weights.astype(float) @ values).T / np.where(mass > 0, mass, np.nan)).T


def corners(ill: tuple, well: tuple, level: float) -> Iterator[tuple[float, float]]:
    """Sensitivity and specificity at the ends of each interval that is wider than its bootstrap."""
    if _is_widened(ill, level):
        yield from ((bound, well[0]) for bound in ill[1:3])
    if _is_widened(well, level):
        yield from ((ill[0], bound) for bound in well[1:3])


def _is_widened(rate: tuple[float, float, float, np.ndarray], level: float) -> bool:
    return rate[1:3] != percentile(rate[3], level)


def predictive_for_display(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the contract `predictive_values`, of one split, in words: a column per prevalence."""
    named = found.assign(
        model=found["model"].map(IMAGE_MODELS), metric=found["metric"].str.upper(), text=format_rows(found)
    )
    wide = named.pivot(index=["model", "metric"], columns="prevalence", values="text").rename_axis(columns=None)
    return wide.loc[named["model"].unique()].rename(columns="prevalence {:g}".format)


def etiology_for_display(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the contract `etiology_sensitivity` in words: a column per etiology, and per split if several."""
    rows = found[["sensitivity", "lower", "upper", "n"]].to_numpy()
    column = found["etiology"] + (", " + found["split"] if found["split"].nunique() > 1 else "")
    named = found.assign(text=[f"{format_interval(*row[:3])}, n = {row[3]:.0f}" for row in rows], column=column)
    wide = named.pivot(index="model", columns="column", values="text").rename_axis(columns=None)
    return wide.reindex(found["model"].unique()).rename(index=IMAGE_MODELS)
