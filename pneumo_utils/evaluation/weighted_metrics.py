"""Every metric for a whole matrix of weights at once: the arithmetic under bootstrap intervals.

All metrics are functions of the weight of ill and of well images at each distinct probability. The images are sorted
once, the weights of ties are added up, and cumulative sums from the highest probability down give the rest, so that
ties are exact and integer weights equal repeated rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pneumo_utils.evaluation.log_odds import LOGIT_CLIP

METRICS = (
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "auc_roc",
    "average_precision",
    "balanced_accuracy",
    "mcc",
    "brier",
    "log_loss",
    "ece",
    "calibration_slope",
    "calibration_intercept",
)
DECISIONS = ("accuracy", "precision", "recall", "specificity", "f1", "balanced_accuracy", "mcc")
LOG_CLIP = float(np.finfo(float).eps)  # log loss: p in [2.2e-16, 1 - 2.2e-16], as scikit-learn does
_CELLS = 2**18  # numbers in a chunk of replicates: 2 MiB an array, which stays in the cache
_NEWTON_STEPS = 100
_LONGEST_STEP = 4.0  # of a coefficient: farther off, probabilities are flat and Newton's method would not return
_TOLERANCE = 1e-12  # of the mean score, at which a Newton fit counts as solved


class MetricError(ValueError):
    """Labels, probabilities, weights or thresholds cannot be judged."""


def check_predictions(label: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels, int (n,) of 0 and 1, and probabilities, float (n,) in [0, 1], as arrays.

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
    return label.astype(int), probability


def scores(
    label: np.ndarray,
    probability: np.ndarray,
    weights: np.ndarray,
    threshold: float,
    bins: int = 10,
    metrics: Sequence[str] = METRICS,
) -> dict[str, np.ndarray]:
    """Every metric, or those of `metrics`, under every row of weights.

    Precision, recall, specificity and F1 are `nan` where nobody stands below the fraction; everything that needs both
    classes is `nan` where the weights leave one. The Matthews correlation of a constant decision is 0, its limit
    (Chicco & Jurman 2020, doi:10.1186/s12864-019-6413-7). No warning is raised.

    - `ece`: mean absolute gap between observed and predicted risk in `bins` bins of equal mass. An image, or a tie of
      images, on the border of two bins is shared between them in proportion, so that no order of ties matters.
    - `calibration_slope`: of a logistic regression of the label on logit p; `nan` where the classes do not overlap.
    - `calibration_intercept`: calibration in the large, of a logistic regression with logit p as offset
      (Cox 1958, doi:10.1093/biomet/45.3-4.562; Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7).

    Args:
        label: int (n,), 1 = pneumonia.
        probability: float (n,) in [0, 1]; clipped by `LOG_CLIP` for the log loss, by `LOGIT_CLIP` for the logit.
        weights: int or float (replicates, n), finite, at least 0; all 1 for the plain metrics.
        threshold: called pneumonia at or above it.
        bins: of the calibration error, at least 1.
        metrics: any of `METRICS`; much less work where all are among `DECISIONS`.

    Returns:
        float (replicates,) for each of `metrics`.

    Raises:
        MetricError: an argument is out of its range or shape.
    """
    label, probability = check_predictions(label, probability)
    weights = _check_weights(weights, len(label), threshold, bins)
    order = np.argsort(-probability, kind="stable")
    starts = np.flatnonzero(np.diff(probability[order], prepend=np.inf))
    step, judge = max(1, _CELLS // len(label)), _decisions if set(metrics) <= set(DECISIONS) else _all
    chunks = []
    for begin in range(0, len(weights), step):
        ill, well = _masses(label[order], weights[begin : begin + step], order, starts)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # undefined: nan, as documented
            chunks.append(judge(probability[order][starts], ill, well, threshold, bins))
    return {metric: np.concatenate([chunk[metric] for chunk in chunks]) for metric in metrics}


def _check_weights(weights: np.ndarray, images: int, threshold: float, bins: int) -> np.ndarray:
    if np.isnan(threshold) or bins < 1:
        raise MetricError(f"threshold must be a number and bins at least 1, got {threshold}, {bins}")
    weights = np.asarray(weights)
    if weights.ndim != 2 or weights.shape[1] != images or not len(weights):
        raise MetricError(f"weights must be (at least 1, {images}), got {weights.shape}")
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        raise MetricError(f"weights must be finite and at least 0, got {weights.min()} to {weights.max()}")
    return weights


def _masses(
    label: np.ndarray, weights: np.ndarray, order: np.ndarray, starts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the ill and of the well at each of g distinct probabilities, highest first: float (g, replicates)."""
    sorted_weights = np.ascontiguousarray(weights.T, dtype=float)[order]
    ill = sorted_weights * label[:, None]
    well = sorted_weights - ill
    if len(starts) == len(order):
        return ill, well
    return np.add.reduceat(ill, starts, axis=0), np.add.reduceat(well, starts, axis=0)


def _all(p: np.ndarray, ill: np.ndarray, well: np.ndarray, threshold: float, bins: int) -> dict[str, np.ndarray]:
    """All metrics; `p` is (g,), falling, `ill` and `well` are (g, replicates)."""
    found = _decisions(p, ill, well, threshold, bins)
    above_ill = np.cumsum(ill, axis=0)
    above = above_ill + np.cumsum(well, axis=0)
    sick, total = above_ill[-1], above[-1]
    found["auc_roc"] = (well * (above_ill - ill / 2)).sum(axis=0) / (sick * (total - sick))
    shares = np.divide(above_ill, above, out=np.zeros_like(above), where=above > 0)
    found["average_precision"] = (ill * shares).sum(axis=0) / sick
    found["brier"] = ((1 - p) ** 2 @ ill + p**2 @ well) / total
    clipped = np.clip(p, LOG_CLIP, 1 - LOG_CLIP)
    found["log_loss"] = -(np.log(clipped) @ ill + np.log(1 - clipped) @ well) / total
    found["ece"] = _calibration_error(above, above_ill - np.cumsum(p[:, None] * (ill + well), axis=0), bins)
    clipped = np.clip(p, LOGIT_CLIP, 1 - LOGIT_CLIP)
    logit = np.log(clipped) - np.log1p(-clipped)
    found["calibration_slope"] = _slope(logit, ill, well)
    found["calibration_intercept"] = _intercept(logit, ill, well)
    return found


def _decisions(p: np.ndarray, ill: np.ndarray, well: np.ndarray, threshold: float, _: int) -> dict[str, np.ndarray]:
    """`DECISIONS`; arguments as of `_all`."""
    sick, healthy, called = ill.sum(axis=0), well.sum(axis=0), p >= threshold
    hits, alarms = ill[called].sum(axis=0), well[called].sum(axis=0)
    recall, specificity = hits / sick, (healthy - alarms) / healthy
    named, unnamed = hits + alarms, (sick - hits) + (healthy - alarms)
    correlation = (recall + specificity - 1) * np.sqrt(sick * healthy / (named * unnamed))
    both = (sick > 0) & (healthy > 0)
    return {
        "accuracy": (hits + healthy - alarms) / (sick + healthy),
        "precision": hits / named,
        "recall": recall,
        "specificity": specificity,
        "f1": 2 * hits / (hits + alarms + sick),
        "balanced_accuracy": (recall + specificity) / 2,
        "mcc": np.where(both & (named * unnamed == 0), 0.0, correlation),
    }


def _calibration_error(above: np.ndarray, surplus: np.ndarray, bins: int) -> np.ndarray:
    """Equal-mass calibration error from cumulative weight and cumulative (label - p), both (g, replicates)."""
    total, columns = above[-1], np.arange(above.shape[1])
    error, before = np.zeros_like(total), np.zeros_like(total)
    for border in range(1, bins + 1):
        mass = total * (border / bins)
        row = (above < mass).sum(axis=0)
        low = np.where(row > 0, above[row - 1, columns], 0.0)
        start = np.where(row > 0, surplus[row - 1, columns], 0.0)
        share = (mass - low) / (above[row, columns] - low)
        here = start + share * (surplus[row, columns] - start)
        error += np.abs(here - before)
        before = here
    return error / total


def _intercept(logit: np.ndarray, ill: np.ndarray, well: np.ndarray) -> np.ndarray:
    both = (ill.sum(axis=0) > 0) & (well.sum(axis=0) > 0)
    return _fill_defined(both, lambda: _newton(np.ones((1, len(logit))), logit, ill[:, both], well[:, both])[0])


def _slope(logit: np.ndarray, ill: np.ndarray, well: np.ndarray) -> np.ndarray:
    """Without overlap of the classes the likelihood has no maximum (Albert & Anderson 1984)."""
    most_ill, least_ill = _ends(logit, ill > 0)
    most_well, least_well = _ends(logit, well > 0)
    overlap = (most_ill > least_well) & (most_well > least_ill)
    centred = logit - logit.mean()
    spread = max(centred.std(), np.finfo(float).tiny)
    design = np.stack([np.ones_like(logit), centred / spread])
    return _fill_defined(
        overlap, lambda: _newton(design, np.zeros_like(logit), ill[:, overlap], well[:, overlap])[1] / spread
    )


def _ends(falling: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Highest and lowest value of `falling` (g,) in each column of `there`, bool (g, r); `nan` where there is none."""
    first, last = there.argmax(axis=0), len(falling) - 1 - there[::-1].argmax(axis=0)
    some = there.any(axis=0)
    return np.where(some, falling[first], np.nan), np.where(some, falling[last], np.nan)


def _fill_defined(defined: np.ndarray, fit) -> np.ndarray:
    values = np.full(len(defined), np.nan)
    if defined.any():
        values[defined] = fit()
    return values


def _newton(design: np.ndarray, offset: np.ndarray, ill: np.ndarray, well: np.ndarray) -> np.ndarray:
    """Logistic regressions side by side: coefficients, float (k, r), of `design` (k, g), k = 1 or 2.

    Newton's method on the mean score, from the solution of all replicates put together; a step that does not bring
    the score nearer to 0 is halved. `nan` where unsolved.
    """
    weight = ill + well
    weight /= weight.sum(axis=0)
    target = design @ (ill / (ill + well).sum(axis=0))
    products = (design[:, None] * design[None]).reshape(-1, len(offset))
    solution, step = np.zeros_like(target), np.zeros_like(target)
    if target.shape[1] > 1:
        solution += np.nan_to_num(_newton(design, offset, ill.sum(axis=1)[:, None], well.sum(axis=1)[:, None]))
    size, best = np.ones(target.shape[1]), np.full(target.shape[1], np.inf)
    for _ in range(_NEWTON_STEPS):
        trial = solution + size * step
        predicted = np.exp(-offset[:, None] - design.T @ trial)
        predicted = np.divide(1, np.add(predicted, 1, out=predicted), out=predicted)  # in place: half the time
        mass = weight * predicted
        score = target - design @ mass
        distance = np.abs(score).max(axis=0)
        nearer = distance < best
        solution, best = np.where(nearer, trial, solution), np.where(nearer, distance, best)
        if (best < _TOLERANCE).all():
            break
        newton = _solve(products @ (mass * (1 - predicted)), score)
        newton *= np.minimum(1, _LONGEST_STEP / np.abs(newton).max(axis=0))
        step = np.where(nearer, newton, step)
        size = np.where(nearer, 1.0, size / 2)
    return np.where(best < _TOLERANCE, solution, np.nan)


def _solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """x of `matrix` x = `right` in each column: `matrix` (k * k, r), symmetric, `right` (k, r), k = 1 or 2."""
    if len(right) == 1:
        return right / matrix
    a, b, _, d = matrix
    return np.stack([d * right[0] - b * right[1], a * right[1] - b * right[0]]) / (a * d - b * b)
