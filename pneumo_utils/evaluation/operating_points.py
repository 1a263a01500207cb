"""Operating points, chosen on validation by a rule that is written down and frozen before the test part is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from pneumo_utils.evaluation.log_odds import logits
from pneumo_utils.evaluation.weighted_metrics import MetricError, check_predictions

RULES = {
    "sensitivity": "highest specificity with sensitivity at or above the target",
    "youden": "highest sensitivity + specificity - 1",
    "half": "0.5, whatever the data",
    "specificity": "highest sensitivity with specificity at or above the target",
    "margin": "inside the gap, in logits, between the thresholds where either class would miss the target",
    "varied": "as sensitivity, on validation pictures varied as in training, at the size of testing",
}
REPORTED = ("sensitivity", "margin", "youden", "half", "varied")
_NEEDS_TARGET = ("sensitivity", "specificity", "margin", "varied")


def require_both_classes(label: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, int (n,), and probabilities, float (n,) in [0, 1], of normals and pneumonias.

    Raises:
        MetricError: as `weighted_metrics.check_predictions`, or a single class.
    """
    label, probability = check_predictions(label, probability)
    if label.min() == label.max():
        raise MetricError(f"label must hold both classes, 0 and 1, got {label[0]} alone ({len(label)} rows)")
    return label, probability


def require_validation(predictions: pd.DataFrame) -> None:
    """Refuse contract `predictions` with a row of another split, so that no test case has a say in a choice or a fit.

    Raises:
        MetricError: there is such a row, or none at all.
    """
    splits = sorted(set(predictions["split"]))
    if splits != ["validation"]:
        raise MetricError(f"split must be validation in every row, got {splits}")


def class_edges(label: np.ndarray, probability: np.ndarray, target: float) -> tuple[float, float]:
    """The two scores between which a threshold serves both classes.

    Args:
        label: int (n,), both classes.
        probability: float (n,) in [0, 1].
        target: share of each class to be called rightly, in (0, 1].

    Returns:
        the score above which a threshold must stand for specificity to reach `target`, and the one at or below which
        it must stand for sensitivity to; both are scores of cases. The first is below the second where the classes
        are apart, and not where no threshold gives both.

    Raises:
        MetricError: as `require_both_classes`, or the target is out of range.
    """
    _check_share("target", target, closed=True)
    label, probability = require_both_classes(label, probability)
    well, sick = np.sort(probability[label == 0]), np.sort(-probability[label == 1])
    low, high = (scores[(np.arange(1, len(scores) + 1) / len(scores) < target).sum()] for scores in (well, sick))
    return float(low), float(-high)


def sweep(label: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Sensitivity and specificity at every threshold that makes a difference.

    A threshold lies midway between neighbouring scores, with 0 and 1 as the outer neighbours, so that no case stands
    on it and the last digit of a score never decides (unless no number fits between the two).

    Args:
        label: int (n,), both classes.
        probability: float (n,) in [0, 1].

    Returns:
        columns `threshold`, rising from the one that calls all to the one that calls none (left out where a score is
        1), `sensitivity`, `specificity`, and `below` and `above`: every threshold above the one and up to the other
        decides alike; all in [0, 1].

    Raises:
        MetricError: as `require_both_classes`.
    """
    label, probability = require_both_classes(label, probability)
    scores, place = np.unique(probability, return_inverse=True)
    below, above = np.append(0.0, scores), np.append(scores, 1.0)
    middle = below / 2 + above / 2
    threshold = np.where(middle > below, middle, above)
    sick, well = (np.append(0, np.cumsum(np.bincount(place[label == k], minlength=len(scores)))) for k in (1, 0))
    shares = {"sensitivity": (sick[-1] - sick) / sick[-1], "specificity": well / well[-1]}
    frame = pd.DataFrame({"threshold": threshold, **shares, "below": below, "above": above})
    return frame if scores[-1] < 1 else frame[:-1]


def choose(
    label: np.ndarray, probability: np.ndarray, rule: str = "sensitivity", target: float = 0.95, margin: float = 0.5
) -> float:
    """Return the operating point that `rule` picks; a probability at or above it is called pneumonia.

    Among equals the lowest threshold wins, which misses fewer pneumonias; under `specificity` the highest. Where all
    probabilities are alike, it calls all, or none under `specificity`; see `constant_answers`.

    Where validation is solved, the lowest among equals stands right above the highest normal: specificity falls as
    soon as the normals of another hospital score higher. `margin` stands inside the gap between the `class_edges`.
    Normals that rise by less than `margin` of the gap, in logits, still have specificity `target`, and pneumonias that
    fall by less than the rest of it still have sensitivity `target`. At 0.5, the middle, it withstands the largest
    shift of unknown direction, as the widest margin does between two classes (Boser et al. 1992,
    doi:10.1145/130385.130401); the cases beyond `target` have no say, be they ever so odd. Stretched or moved logits
    change no decision, so it needs no calibration. Where no threshold serves both classes there is no gap, and `margin`
    is `sensitivity`: it never accepts a lower sensitivity on validation than asked for.

    Args:
        label: int (n,), both classes, of validation.
        probability: float (n,) in [0, 1].
        rule: a key of `RULES`; `youden` after Youden (1950), Cancer 3:32-35; `varied` is `sensitivity`, and it is up to
            the caller to give what was said of varied pictures.
        target: in (0, 1], of the rules `sensitivity`, `varied` and `specificity`, and of both classes under `margin`.
        margin: in (0, 1), of the rule `margin`: share of the gap that is left to the normals.

    Returns:
        in [0, 1], see `sweep`; under `margin` a case may stand on it.

    Raises:
        MetricError: as `require_both_classes`; an unknown rule; a target or margin out of range, or out of reach.
    """
    _check_rule(rule, target, margin)
    label, probability = require_both_classes(label, probability)
    if rule == "half":
        return 0.5
    if rule == "margin":
        low, high = class_edges(label, probability, target)
        if low < high:
            return _between(low, high, margin)
        rule = "sensitivity"
    rule = "sensitivity" if rule == "varied" else rule
    points = sweep(label, probability)
    return _youden(points, label) if rule == "youden" else _at_target(points, rule, target)


def table(
    validation: pd.DataFrame,
    target: float = 0.95,
    rules: Sequence[str] = REPORTED,
    margin: float = 0.5,
    varied: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Choose the operating points of every model and seed.

    Args:
        validation: contract `predictions`, rows of validation only.
        target: in (0, 1], of the rules `sensitivity`, `specificity`, `margin` and `varied`.
        rules: keys of `RULES`.
        margin: in (0, 1), of the rule `margin`.
        varied: contract `varied_predictions`, of the rule `varied`; a model that is not in it sees no pictures, and
            its point is that of `sensitivity`. None: of no model.

    Returns:
        contract `operating_points`: sensitivity and specificity are those on validation as it is.

    Raises:
        MetricError: a row of another split, or as `choose`, naming model and seed.
    """
    require_validation(validation)
    seen_varied = {} if varied is None else dict(list(varied.groupby(["model", "seed"])))
    rows = []
    for (model, seed), part in validation.groupby(["model", "seed"], sort=False):
        for rule in rules:
            chosen_on = seen_varied.get((model, seed), part) if rule == "varied" else part
            try:
                require_validation(chosen_on)
                rows.append((model, seed, rule, *_row(part, chosen_on, rule, target, margin)))
            except MetricError as error:
                raise MetricError(f"{error} (threshold of {model}, seed {seed})") from error
    columns = ["model", "seed", "rule", "target", "threshold", "sensitivity", "specificity", "n"]
    return pd.DataFrame(rows, columns=columns)


def constant_answers(predictions: pd.DataFrame) -> dict[tuple[str, int], float]:
    """Networks that say the same of every radiograph of a split: they separate nothing; no threshold means anything.

    Args:
        predictions: contract of that name.

    Returns:
        the probability they give, by model and seed.
    """
    ranges = predictions.groupby(["model", "seed", "split"], sort=False)["probability"].agg(["min", "max", "size"])
    flat = ranges[(ranges["min"] == ranges["max"]) & (ranges["size"] > 1)].reset_index()
    return dict(zip(zip(flat["model"], flat["seed"], strict=True), flat["min"], strict=True))


def of_rule(thresholds: pd.DataFrame, rule: str) -> dict[tuple[str, int], float]:
    """The operating point of each (model, seed) in the contract `operating_points` under one rule.

    Raises:
        MetricError: no row has this rule.
    """
    part = thresholds[thresholds["rule"] == rule]
    if part.empty:
        raise MetricError(f"rule must be one of {sorted(set(thresholds['rule']))}, got {rule!r}")
    return dict(zip(zip(part["model"], part["seed"], strict=True), part["threshold"], strict=True))


def _check_rule(rule: str, target: float, margin: float) -> None:
    if rule not in RULES:
        raise MetricError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
    _check_share("target", target, closed=True)
    _check_share("margin", margin, closed=False)


def _check_share(name: str, value: float, closed: bool) -> None:
    if not (0 < value < 1 or (closed and value == 1)):
        raise MetricError(f"{name} must be in (0, 1{']' if closed else ')'}, got {value}")


def _row(
    part: pd.DataFrame, chosen_on: pd.DataFrame, rule: str, target: float, margin: float
) -> tuple[float, float, float, float, int]:
    threshold = choose(chosen_on["label"].to_numpy(), chosen_on["probability"].to_numpy(), rule, target, margin)
    label, called = part["label"].to_numpy(), part["probability"].to_numpy() >= threshold
    aim = target if rule in _NEEDS_TARGET else np.nan
    return aim, threshold, called[label == 1].mean(), 1 - called[label == 0].mean(), len(part)


def _youden(points: pd.DataFrame, label: np.ndarray) -> float:
    sick, well = label.sum(), (1 - label).sum()
    found, spared = np.rint(points["sensitivity"] * sick), np.rint(points["specificity"] * well)
    return float(points["threshold"][(found * well + spared * sick).idxmax()])  # whole numbers: equals are equal


def _between(low: float, high: float, margin: float) -> float:
    point = float(expit((1 - margin) * logits(low) + margin * logits(high)))
    return point if low < point <= high else high  # nearer together than the digits of a logit tell


def _at_target(points: pd.DataFrame, rule: str, target: float) -> float:
    met = points[points[rule] >= target]
    if met.empty:
        raise MetricError(f"target must be within reach, got {rule} {points[rule].max():.3f} at best for {target}")
    other = "specificity" if rule == "sensitivity" else "sensitivity"
    best = met["threshold"][met[other] == met[other].max()]
    return float(best.min() if rule == "sensitivity" else best.max())
