"""What an operating point withstands: normals that look more like pneumonia than those of validation, and the reverse.

A shift moves every logit of a class by the same amount towards the other class. It is an assumption to compare
operating points by, not a forecast: no part of the training data shows what another hospital's pictures will do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from pneumo_utils.evaluation.intervals import drop_zero_width, percentile, resample_patients
from pneumo_utils.evaluation.log_odds import logits
from pneumo_utils.evaluation.metrics import decide, format_interval
from pneumo_utils.evaluation.operating_points import class_edges, require_both_classes
from pneumo_utils.records.vocabulary import TITLES

SHIFTS = (0.0, 1.0, 2.0)  # logits; e.g. from 0.27 to 0.5 and on to 0.73
_KEYS = ["model", "seed", "split"]


def rates_under_shift(label: np.ndarray, probability: np.ndarray, threshold: float, by: float) -> tuple[float, float]:
    """Return sensitivity of pneumonias that fell `by` logits, and specificity of normals that rose by as many.

    Args:
        label: int (n,), both classes.
        probability: float (n,) in [0, 1].
        threshold: the operating point, in [0, 1]; kept `log_odds.LOGIT_CLIP` from 0 and 1 where it moves.
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


def observed_shift(predictions: pd.DataFrame, target: float, replicates: int = 2000, seed: int = 0) -> pd.DataFrame:
    """How far, in logits, the edges of both classes have moved towards each other from validation to test.

    An edge is the score of one patient, and chance alone moves it far: hence the intervals, a bootstrap of both parts.

    Args:
        predictions: contract `predictions`, with both splits.
        target: of both rates, in (0, 1].
        replicates: draws of patients, at least 1.
        seed: of the draws, at least 0.

    Returns:
        a row per `model`, `seed` and `class` (`normals`, `pneumonias`): `moved`, `lower`, `upper`; negative where a
        class has moved away from the other.
    """
    rows = []
    for (model, run), part in predictions.groupby(["model", "seed"], sort=False):
        before, after = (  # drawn apart: from one seed, as many patients would be drawn alike
            _drawn_edges(part[part["split"] == split], target, replicates, seed + i)
            for i, split in enumerate(("validation", "test"))
        )
        for name, moved in zip(("normals", "pneumonias"), (after - before) * [[1], [-1]], strict=True):
            rows.append((model, run, name, moved[0], *drop_zero_width(*percentile(moved[1:]))))
    return pd.DataFrame(rows, columns=["model", "seed", "class", "moved", "lower", "upper"])


def _drawn_edges(part: pd.DataFrame, target: float, replicates: int, seed: int) -> np.ndarray:
    """`class_edges` in logits, float (2, 1 + replicates), as they are and under each draw of patients."""
    label, score = part["label"].to_numpy(), logits(part["probability"].to_numpy())
    counts = np.vstack([np.ones(len(part)), resample_patients(part["patient"].to_numpy(), replicates, seed)])
    edges = []
    for own, sign in ((label == 0, 1), (label == 1, -1)):
        order = np.argsort(sign * score[own])
        below = np.cumsum(counts[:, own][:, order], axis=1)
        with np.errstate(invalid="ignore"):  # a draw may hold none of a class
            reached = (below / below[:, -1:] < target).sum(axis=1)
        reached_score = score[own][order][np.minimum(reached, own.sum() - 1)]
        edges.append(np.where(below[:, -1] > 0, reached_score, np.nan))
    return np.array(edges)


def moves_for_display(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of `observed_shift`, of one seed, in words: a row per network."""
    told = [format_interval(*row) for row in found[["moved", "lower", "upper"]].to_numpy(float)]
    wide = found.assign(text=told).pivot(index="model", columns="class", values="text")
    named = wide.loc[found["model"].unique()].rename_axis(columns=None)
    return named.rename(index=TITLES, columns={"normals": "normals rose", "pneumonias": "pneumonias fell"})


def _by_network(predictions: pd.DataFrame, points: pd.DataFrame):
    for (model, seed, split), part in predictions.groupby(_KEYS, sort=False):
        own = points[(points["model"] == model) & (points["seed"] == seed)]
        for rule, threshold in zip(own["rule"], own["threshold"], strict=True):
            yield (model, seed, split), part, rule, threshold
