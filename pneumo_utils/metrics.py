"""What the predictions are worth: probabilities and labels in, numbers out. No pixels, no TensorFlow."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from pneumo_utils import weighted
from pneumo_utils.weighted import MetricError

__all__ = ["HEADLINE", "MetricError", "confusion", "decide", "headline", "with_intervals"]

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


def decide(probability: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """1 (pneumonia) where `probability`, in [0, 1], is at or above `threshold` (one, or one each), else 0."""
    return (np.asarray(probability) >= threshold).astype(int)


def headline(label: np.ndarray, probability: np.ndarray, threshold: float) -> dict[str, float]:
    """Accuracy, precision, recall (sensitivity), F1 and area under the ROC curve.

    Args:
        label: int (n,), 1 = pneumonia.
        probability: float (n,) in [0, 1].
        threshold: operating point in (0, 1).

    Returns:
        keys of `HEADLINE`; `nan` where undefined (a class is absent, or nothing was called pneumonia).

    Raises:
        MetricError: nothing to judge, lengths differ, or a value out of range.
    """
    found = weighted.scores(label, probability, np.ones((1, np.size(label))), threshold)
    return {metric: float(found[metric][0]) for metric in HEADLINE}


def with_intervals(metrics: pd.DataFrame, split: str, named: dict[str, str] = HEADLINE) -> pd.DataFrame:
    """Metrics of one split as text, `0.967 (0.951-0.981)` with an en dash: a row a model, columns named for readers.

    Args:
        metrics: contract `metrics`, one seed.
        split: `validation` or `test`.
        named: metrics to show and how readers call them.
    """
    part = metrics[(metrics["split"] == split) & metrics["metric"].isin(named)]
    text = [_text(row.value, row.lower, row.upper) for row in part.itertuples()]
    pivot = part.assign(text=text).pivot_table(
        index="model", columns="metric", values="text", aggfunc="first", sort=False
    )
    return pivot.reindex(columns=list(named)).rename(columns=named)


def _text(value: float, lower: float, upper: float) -> str:
    if pd.isna(value):
        return "not defined"
    between = " to " if lower < 0 else "\N{EN DASH}"  # two minus signs and a dash cannot be read
    interval = "no interval" if pd.isna(lower) else f"{lower:.3f}{between}{upper:.3f}"
    return f"{value:.3f} ({interval})".replace("-", "\N{MINUS SIGN}")


def confusion(label: np.ndarray, called: np.ndarray) -> np.ndarray:
    """Counts, int (2, 2): rows the truth (normal, pneumonia), columns what was called."""
    return sk.confusion_matrix(label, called, labels=[0, 1])
