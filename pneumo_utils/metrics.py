"""What the predictions are worth: probabilities and labels in, numbers out. No pixels, no TensorFlow."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning

HEADLINE = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "auc_roc": "AUC-ROC",
}


class MetricError(ValueError):
    """Labels or probabilities cannot be judged."""


def decide(probability: np.ndarray, threshold: float) -> np.ndarray:
    """1 (pneumonia) where `probability`, in [0, 1], is at or above `threshold`, else 0."""
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
    label, probability = np.asarray(label), np.asarray(probability, dtype=float)
    if label.ndim != 1 or label.shape != probability.shape or not len(label):
        raise MetricError(
            f"label and probability must be alike, 1-D, not empty, got {label.shape}, {probability.shape}"
        )
    if not np.isin(label, (0, 1)).all():
        raise MetricError(f"label must be 0 or 1, got {np.unique(label).tolist()}")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise MetricError(f"probability must be in [0, 1], got {probability.min()} to {probability.max()}")
    called = decide(probability, threshold)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # a single class: nan, as documented
        area = sk.roc_auc_score(label, probability) if len(np.unique(label)) == 2 else float("nan")
        return {
            "accuracy": sk.accuracy_score(label, called),
            "precision": sk.precision_score(label, called, zero_division=np.nan),
            "recall": sk.recall_score(label, called, zero_division=np.nan),
            "f1": sk.f1_score(label, called, zero_division=np.nan),
            "auc_roc": float(area),
        }


def table(predictions: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Judge every model, seed and split of the contract `predictions`; returns the contract `metrics`."""
    rows = []
    for (model, seed, split), part in predictions.groupby(["model", "seed", "split"], sort=False):
        for metric, value in headline(part["label"], part["probability"], threshold).items():
            rows.append((model, seed, split, metric, value, np.nan, np.nan, len(part)))
    return pd.DataFrame(rows, columns=["model", "seed", "split", "metric", "value", "lower", "upper", "n"])


def wide(metrics: pd.DataFrame, split: str) -> pd.DataFrame:
    """The headline metrics of one split: a row a model, columns named for readers."""
    part = metrics[metrics["split"] == split]
    pivot = part.pivot_table(index="model", columns="metric", values="value", sort=False, dropna=False)
    return pivot.reindex(columns=list(HEADLINE)).rename(columns=HEADLINE)


def confusion(label: np.ndarray, called: np.ndarray) -> np.ndarray:
    """Counts, int (2, 2): rows the truth (normal, pneumonia), columns what was called."""
    return sk.confusion_matrix(label, called, labels=[0, 1])
