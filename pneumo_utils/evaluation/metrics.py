"""What the predictions are worth: probabilities and labels in, numbers out. No pixels, no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from pneumo_utils.evaluation import proportions
from pneumo_utils.evaluation.weighted_metrics import MetricError

HEADLINE = {"accuracy": "Accuracy", "precision": "Precision", "recall": "Recall", "f1": "F1", "auc_roc": "AUC-ROC"}
FURTHER = {
    "specificity": "Specificity",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "Matthews correlation",
    "average_precision": "Average precision",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "ece": "Calibration error",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept",
}


def rates(label: np.ndarray, called: np.ndarray, patient: np.ndarray) -> dict[str, float]:
    """Sensitivity and specificity with their 95% intervals, which let the images of a patient be alike.

    Args:
        label: int (n,), 1 = pneumonia.
        called: int (n,), 1 = called pneumonia.
        patient: name of the patient of each image, (n,).

    Returns:
        `sensitivity`, `sensitivity_lower`, `sensitivity_upper`, and the same of specificity; `nan` where nobody is ill,
        or well.
    """
    label, hit, patient = np.asarray(label), np.asarray(label) == np.asarray(called), np.asarray(patient)
    found = {}
    for name, of in (("sensitivity", label == 1), ("specificity", label == 0)):
        found[name] = float(hit[of].mean()) if of.any() else float("nan")
        found[f"{name}_lower"], found[f"{name}_upper"] = proportions.clustered_interval(hit[of], patient[of])
    return found


def format_rates(found: pd.DataFrame | pd.Series, rate: str) -> list[str] | str:
    """What `rates` calls so, with its interval, as text: of every row of a table, or of one."""
    values = found[[rate, f"{rate}_lower", f"{rate}_upper"]].to_numpy(float)
    return format_interval(*values) if values.ndim == 1 else [format_interval(*row) for row in values]


def decide(probability: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """1 (pneumonia) where `probability`, in [0, 1], is at or above `threshold` (one, or one each), else 0."""
    return (np.asarray(probability) >= threshold).astype(int)


def with_intervals(metrics: pd.DataFrame, split: str, named: dict[str, str] = HEADLINE) -> pd.DataFrame:
    """Metrics of one split as text, `0.967 (0.951-0.981)` with an en dash: a row per model, columns named for readers.

    Args:
        metrics: contract `seed_spread`, or contract `metrics` with one seed a model.
        split: `validation` or `test`.
        named: metrics to show and how readers call them.

    Raises:
        MetricError: a model has several seeds in `metrics`.
    """
    part = metrics.rename(columns={"mean": "value"})
    return _pivot(part, split, named, lambda row: format_interval(row.value, row.lower, row.upper))


def with_spread(seed_spread: pd.DataFrame, split: str, named: dict[str, str] = HEADLINE) -> pd.DataFrame:
    """Spread over seeds as text, `0.967 ± 0.004 (0.962-0.971)`: mean, standard deviation, lowest and highest.

    Args:
        seed_spread: contract `seed_spread`.
        split: `validation` or `test`.
        named: metrics to show and how readers call them.

    Returns:
        a row per model: `Seeds`, their number, and a column per metric; `one seed` where there is no spread.
    """
    shown = _pivot(seed_spread, split, named, _spread)
    seeds = seed_spread[seed_spread["split"] == split].groupby("model")["seeds"].first()
    shown.insert(0, "Seeds", seeds.reindex(shown.index))
    return shown


def _pivot(table: pd.DataFrame, split: str, named: dict[str, str], text: Callable[[Any], str]) -> pd.DataFrame:
    """`text` of every row of one split: a row per model, a column per metric."""
    part = table[(table["split"] == split) & table["metric"].isin(named)]
    twice = part["model"][part.duplicated(["model", "metric"])].unique()
    if len(twice):
        raise MetricError(f"metrics must have one row per model and metric, got several seeds of {', '.join(twice)}")
    pivot = part.assign(text=[text(row) for row in part.itertuples()]).pivot_table(
        index="model", columns="metric", values="text", aggfunc="first", sort=False
    )
    return pivot.reindex(columns=list(named)).rename(columns=named)


def format_interval(value: float, lower: float, upper: float) -> str:
    """A value with its interval as text, `0.931 (0.912-0.948)`; `no interval` or `not defined` where there is none."""
    if pd.isna(value):
        return "not defined"
    interval = "no interval" if pd.isna(lower) else _range(lower, upper)
    return f"{value:.3f} ({interval})".replace("-0.000", "0.000").replace("-", "\N{MINUS SIGN}")


def format_p(p: float) -> str:
    """A p value as text: `p = 0.031`, `p < 0.001`, or `p not defined`."""
    if pd.isna(p):
        return "p not defined"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _spread(row: Any) -> str:
    if row.seeds == 1:
        return "one seed"
    if pd.isna(row.mean):
        return "not defined"
    text = f"{row.mean:.3f} \N{PLUS-MINUS SIGN} {row.sd:.3f} ({_range(row.lowest, row.highest)})"
    return text.replace("-0.000", "0.000").replace("-", "\N{MINUS SIGN}")


def _range(lower: float, upper: float) -> str:
    between = " to " if lower < 0 else "\N{EN DASH}"  # two minus signs and a dash cannot be read
    return f"{lower:.3f}{between}{upper:.3f}"


def confusion(label: np.ndarray, called: np.ndarray) -> np.ndarray:
    """Counts, int (2, 2): rows the truth (normal, pneumonia), columns what was called."""
    return sk.confusion_matrix(label, called, labels=[0, 1])
