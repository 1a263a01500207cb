"""How far the numbers would move with other patients: percentile bootstrap over patients, not over images.

Several radiographs of one child are alike, so whole patients are drawn (cluster bootstrap; Davison & Hinkley 1997,
section 3.8). A draw is stored as how often each image counts, and `weighted_metrics` judges all draws at once.

No interval claims certainty. A bootstrap only knows the patients it has: where none was judged wrongly, all draws are
equal, and promise that nobody ever will be. So no share and no AUC is surer than a perfect one of as many patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pneumo_utils.evaluation import delong, metrics_of_rates, proportions, weighted_metrics
from pneumo_utils.evaluation.weighted_metrics import MetricError

UNDEFINED_SHARE = 0.05  # more undefined replicates than this, and there is no interval
DELONG = "auc_roc_delong"  # the metric under which `table` gives DeLong's interval of the AUC
PROPORTIONS = ("accuracy", "precision", "recall", "specificity")  # metrics that count the right among some images
_NO_WIDTH = 1e-9  # an interval narrower than this is rounding: its replicates are all the same
Thresholds = float | Mapping[str, float] | Mapping[tuple[str, int], float]


@dataclass(frozen=True)
class BootstrapMetrics:
    """Every metric of one network on one split, plain and under each draw of patients."""

    model: str
    seed: int  # of the training
    split: str
    cases: pd.DataFrame  # its rows of the contract `predictions`
    values: dict[str, np.ndarray]  # of `replicate_metrics`
    patients: dict[str, int]  # how many stand behind each of `PROPORTIONS` and the AUC; see `patients_behind`


def resample_patients(patient: np.ndarray, replicates: int, seed: int) -> np.ndarray:
    """How often each image counts in each bootstrap draw of as many patients as there are, with replacement.

    The draw depends on the set of patients and on `seed` alone, not on the order of rows: models judged on the same
    patients meet the same draws, and their difference is paired.

    Args:
        patient: name of the patient of each image, (n,), in any order.
        replicates, seed: number of draws, at least 1, and their seed, at least 0.

    Returns:
        unsigned integer (replicates, n), of the smallest kind that holds the number of patients.

    Raises:
        MetricError: there is no image, a name is empty, or no replicate is asked for.
    """
    patient = np.asarray(patient)
    if patient.ndim != 1 or not len(patient) or pd.isna(patient).any() or (patient == "").any():
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

    Undefined replicates (`nan`: a draw without one class, say) are left out; where they are more than `UNDEFINED_SHARE`
    of all, that would flatter the interval, and there is none.

    Args:
        values: float (replicates,), at least one.
        level: coverage in (0, 1).

    Returns:
        lower, upper; `nan` where more than 5% of the replicates are.

    Raises:
        MetricError: there is no replicate, or `level` is out of range.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or not len(values):
        raise MetricError(f"values must be 1-D, not empty, got {values.shape}")
    _check_level(level)
    undefined = np.isnan(values)
    if undefined.mean() > UNDEFINED_SHARE:
        return float("nan"), float("nan")
    lower, upper = np.quantile(values[~undefined], [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


def interval(
    value: float, replicates: np.ndarray, level: float = 0.95, patients: int = 0, area: bool = False
) -> tuple[float, float]:
    """Percentile interval of a metric, never surer than patients allow.

    A share of 0 or 1 has the interval of `proportions.clopper_pearson`, any other that of `proportions.widen`.

    Args:
        value: of the metric.
        replicates: float (replicates,), at least one; `nan` as in `percentile`.
        level: coverage in (0, 1).
        patients: behind the denominator, if the metric is a share; 0 if it is none.
        area: whether it is an AUC, a share of pairs.

    Returns:
        lower, upper; `nan` where `percentile` has none, or one without width; raises as `percentile`.
    """
    _check_level(level)
    if patients and value in (0, 1):
        return proportions.clopper_pearson(value, patients, level)
    lower, upper = percentile(replicates, level)
    if not patients:
        return drop_zero_width(lower, upper)
    return drop_zero_width(*proportions.widen((lower, upper), value, None if area else replicates, patients, level))


def threshold_of(threshold: Thresholds, model: str, seed: int) -> float:
    """`threshold`, or its entry for (model, seed), or else for the model; `MetricError` where it knows neither."""
    if not isinstance(threshold, Mapping):
        return float(threshold)
    if (own := threshold.get((model, seed), threshold.get(model))) is not None:
        return float(own)
    raise MetricError(f"threshold must name every model, got {sorted(map(str, threshold))} for {model!r}, seed {seed}")


def replicate_metrics(
    part: pd.DataFrame, threshold: float, replicates: int, seed: int, metrics: Sequence[str] = weighted_metrics.METRICS
) -> dict[str, np.ndarray]:
    """Metrics of one network on one split: the plain value first, then the bootstrap replicates.

    Replicates of the calibration error (`ece`) are shifted so that their median is the plain value: a draw repeats
    patients, which adds gaps of its own. The plain value errs upwards, too, the more so the fewer images a bin has.

    Args:
        part: rows of the contract `predictions`, one model, seed and split.
        threshold: called pneumonia at or above it.
        replicates, seed: number of draws, at least 1, and their seed, at least 0.
        metrics: any of `weighted_metrics.METRICS`; much less work where all are among `weighted_metrics.DECISIONS`.

    Returns:
        float (1 + replicates,) for each of `metrics`.

    Raises:
        MetricError: as `weighted_metrics.scores`.
    """
    case = part["label"], part["probability"]
    drawn = resample_patients(part["patient"], replicates, seed)
    one = np.ones((1, len(part)))  # the plain value is computed apart: no draw may touch its last digit
    plain, drawn = (weighted_metrics.scores(*case, weights, threshold, metrics=metrics) for weights in (one, drawn))
    if "ece" in plain:
        drawn["ece"] = np.clip(drawn["ece"] - np.median(drawn["ece"]) + plain["ece"], 0, 1)
    return {metric: np.concatenate([plain[metric], drawn[metric]]) for metric in plain}


def bootstrap(
    predictions: pd.DataFrame,
    threshold: Thresholds,
    replicates: int = 2000,
    seed: int = 0,
    metrics: Sequence[str] = weighted_metrics.METRICS,
) -> list[BootstrapMetrics]:
    """Judge every model, seed and split, plain and under each draw; `table` and `seed_spread.table` are made from this.

    Args:
        predictions: contract `predictions`, at least one row.
        threshold: one for all, or one for each model or (model, seed); frozen before the test part is read.
        replicates, seed, metrics: as of `replicate_metrics`; networks judged on the same patients share the draws.

    Returns:
        one for each model, seed and split, in order of appearance.

    Raises:
        MetricError: there is nothing to judge, a threshold is missing, or an argument is out of range.
    """
    if predictions.empty:
        raise MetricError("predictions must have at least one row, got 0")
    found = []
    for (model, run, split), part in predictions.groupby(["model", "seed", "split"], sort=False):
        limit = threshold_of(threshold, model, run)
        values = replicate_metrics(part, limit, replicates, seed, metrics)
        found.append(BootstrapMetrics(model, run, split, part, values, patients_behind(part, limit)))
    return found


def table(drawn: Iterable[BootstrapMetrics], level: float = 0.95) -> pd.DataFrame:
    """Every metric of every model, seed and split with its interval over patients.

    A row `auc_roc_delong` has DeLong's interval of the AUC, which takes images for independent. Intervals say what
    other patients would change, not other training runs, and are never surer than patients allow (see `interval`).

    Args:
        drawn: of `bootstrap`.
        level: coverage in (0, 1).

    Returns:
        contract `metrics`; `n` counts images; value or interval `nan` where undefined, see `weighted_metrics.scores`.

    Raises:
        MetricError: `level` is out of range.
    """
    rows = [(one.model, one.seed, one.split, *row, len(one.cases)) for one in drawn for row in _metric_rows(one, level)]
    return pd.DataFrame(rows, columns=["model", "seed", "split", "metric", "value", "lower", "upper", "n"])


def _metric_rows(one: BootstrapMetrics, level: float) -> list[tuple[str, float, float, float]]:
    """Metric, value, lower and upper of each metric, and of DeLong's interval."""
    found = of_metrics(one.values, one.patients, level)
    rows = [(metric, one.values[metric][0], *bounds) for metric, bounds in found.items()]
    area, *bounds = delong.interval(one.cases["label"], one.cases["probability"], level)
    return [*rows, (DELONG, area, *drop_zero_width(*bounds))]


def of_metrics(
    values: Mapping[str, np.ndarray], patients: Mapping[str, int], level: float = 0.95
) -> dict[str, tuple[float, float]]:
    """`interval` of every metric; what is made of two rates is no surer than both (`metrics_of_rates.widen`).

    Args:
        values: of `replicate_metrics`, or means of several.
        patients: of `patients_behind`.
        level: coverage in (0, 1).
    """
    found = {
        metric: interval(drawn[0], drawn[1:], level, patients.get(metric, 0), metric == "auc_roc")
        for metric, drawn in values.items()
    }
    return metrics_of_rates.widen(found, {metric: drawn[0] for metric, drawn in values.items()})


def patients_behind(part: pd.DataFrame, threshold: float) -> dict[str, int]:
    """Patients behind each of `PROPORTIONS`; of the AUC those of the rarer class (`auc.auc_with_interval`).

    Of answers that are all alike it is 0.5 whoever the patients are: none stand behind it.
    """
    everyone, ill = np.ones(len(part), dtype=bool), part["label"] == 1
    denominators = (everyone, part["probability"] >= threshold, ill, ~ill)
    counted = {name: part["patient"][of].nunique() for name, of in zip(PROPORTIONS, denominators, strict=True)}
    separates = part["probability"].nunique() > 1
    return counted | {"auc_roc": min(counted["recall"], counted["specificity"]) if separates else 0}


def drop_zero_width(lower: float, upper: float) -> tuple[float, float]:
    """`lower` and `upper`, or `nan` twice where they are one point: no interval claims certainty."""
    return (lower, upper) if upper - lower > _NO_WIDTH * max(1, abs(upper)) else (float("nan"), float("nan"))


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise MetricError(f"level must be in (0, 1), got {level}")
