"""What an operating point withstands: normals that look more like pneumonia than those of validation, and the reverse.

A shift moves every logit of a class by the same amount towards the other class. It is an assumption to compare
operating points by, not a forecast: no part of the training data shows what another hospital's pictures will do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from pneumo_utils.evaluation.metrics import decide
from pneumo_utils.evaluation.operating_points import class_edges, logits, require_both_classes

SHIFTS = (0.0, 1.0, 2.0)  # logits; e.g. from 0.27 to 0.5 and on to 0.73
_KEYS = ["model", "seed", "split"]


def rates_under_shift(label: np.ndarray, probability: np.ndarray, threshold: float, by: float) -> tuple[float, float]:
    """Return sensitivity of pneumonias that fell `by` logits, and specificity of normals that rose by as many.

    Args:
        label: int (n,), both classes.
        probability: float (n,) in [0, 1].
        threshold: the operating point, in [0, 1]; kept `weighted_metrics.LOGIT_CLIP` from 0 and 1 where it moves.
        by: logits, at 0 nothing moves.

    Raises:
        MetricError: as `operating_points.require_both_classes`.
    """
    label, probability = require_both_classes(label, probability)
    risen, fallen = (expit(logits(threshold) + step) if by else threshold for step in (by, -by))  # of the threshold
    found, called = decide(probability[label == 1], risen), decide(probability[label == 0], fallen)
    return float(found.mean()), float(1 - called.mean())


def tolerance(label: np.ndarray, probability: np.ndarray, threshold: float, target: float) -> tuple[float, float]:
    """Return how far normals may rise before specificity, and pneumonias fall before sensitivity, is below `target`.

    Args:
        label: int (n,), both classes.
        probability: float (n,) in [0, 1].
        threshold: the operating point, in [0, 1].
        target: in (0, 1].

    Returns:
        logits, of the normals and of the pneumonias; negative where the target is missed by as much already. Of the
        widest `tolerance` at one threshold for both, see rule `margin` of `operating_points.choose`.

    Raises:
        MetricError: as `operating_points.class_edges`.
    """
    low, high = logits(np.array(class_edges(label, probability, target)))
    point = logits(threshold)
    return float(point - low), float(high - point)


def shifted_rates(predictions: pd.DataFrame, points: pd.DataFrame, shifts: Sequence[float] = SHIFTS) -> pd.DataFrame:
    """`rates_under_shift` of every operating point at every shift.

    Args:
        predictions: contract `predictions`, both classes in each group.
        points: contract `operating_points`, with rows for each of its models and seeds.
        shifts: logits.

    Returns:
        contract `shifted_rates`.
    """
    rows = [
        (*key, rule, by, *rates_under_shift(part["label"], part["probability"], threshold, by), len(part))
        for key, part, rule, threshold in _by_network(predictions, points)
        for by in shifts
    ]
    return pd.DataFrame(rows, columns=[*_KEYS, "rule", "shift", "sensitivity", "specificity", "n"])


def tolerances(predictions: pd.DataFrame, points: pd.DataFrame, target: float) -> pd.DataFrame:
    """`tolerance` of every operating point; arguments as `shifted_rates`, with the target of both rates, in (0, 1].

    Returns:
        contract `shift_tolerance`; validation less test is how far the class has moved.
    """
    rows = [
        (*key, rule, target, *tolerance(part["label"], part["probability"], threshold, target), len(part))
        for key, part, rule, threshold in _by_network(predictions, points)
    ]
    return pd.DataFrame(rows, columns=[*_KEYS, "rule", "target", "normals", "pneumonias", "n"])


def observed_shift(found: pd.DataFrame) -> pd.DataFrame:
    """How far, in logits, the edges of both classes have moved towards each other from validation to test.

    Args:
        found: contract `shift_tolerance`, with both splits.

    Returns:
        index `model`, `seed`; columns `normals`, `pneumonias`; negative where a class has moved away from the other.
    """
    tolerance_of = found.groupby(["split", "model", "seed"], sort=False)[["normals", "pneumonias"]].first()
    return tolerance_of.loc["validation"] - tolerance_of.loc["test"]


def _by_network(predictions: pd.DataFrame, points: pd.DataFrame):
    for (model, seed, split), part in predictions.groupby(_KEYS, sort=False):
        own = points[(points["model"] == model) & (points["seed"] == seed)]
        for rule, threshold in zip(own["rule"], own["threshold"], strict=True):
            yield (model, seed, split), part, rule, threshold
