"""How well any score tells two classes apart: the area under the ROC curve, never surer of it than patients allow."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from pneumo_utils.evaluation import delong, proportions
from pneumo_utils.evaluation.weighted_metrics import MetricError

_UNDEFINED = (float("nan"),) * 3


def auc_with_interval(
    label: np.ndarray, score: np.ndarray, patient: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """AUC of any score with an interval over patients: `delong.clustered_interval`, never surer than a perfect ranking.

    Pairs of an ill and a well patient in which nobody comes twice are independent and ranked rightly with a chance of
    AUC. So where all are, Clopper and Pearson's interval holds for as many pairs as the rarer class has patients. An
    interval from variances alone would have no width there, and too little just below, as one from draws would.

    Args:
        label: int (n,), 1 = pneumonia, or whatever is to be told apart.
        score: float (n,), any range; `nan` where missing, and left out.
        patient: name of the patient of each image, (n,).
        level: coverage in (0, 1).

    Returns:
        area, lower, upper; all `nan` where fewer than two classes have a score; 0.5 without an interval for a constant;
        the bounds `nan` where a class has fewer than two patients.

    Raises:
        MetricError: an argument is out of its range or shape.
    """
    score = np.asarray(score, dtype=float)
    label, patient, there = np.asarray(label), np.asarray(patient), ~np.isnan(score)
    if label.shape != score.shape or patient.shape != score.shape:
        raise MetricError(f"all must be 1-D and alike, got {label.shape}, {score.shape}, {patient.shape}")
    label, score, patient = label[there], score[there], patient[there]
    classes = np.unique(label)
    if len(classes) < 2:
        return _UNDEFINED
    if score.min() == score.max():
        return 0.5, *_UNDEFINED[1:]
    area, lower, upper = delong.clustered_interval(label, rankdata(score) / len(score), patient, level)
    pairs = min(len(np.unique(patient[label == one])) for one in classes)
    edge = proportions.clopper_pearson(1, pairs, level)[0]
    return area, *map(float, (np.minimum(lower, edge), np.maximum(upper, 1 - edge)))


def auc_change_with_interval(
    label: np.ndarray, first: np.ndarray, second: np.ndarray, patient: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """AUC of `first` less that of `second`, on the same images, with an interval made of the intervals of both.

    Near a perfect ranking DeLong's interval of a difference is too narrow: with 20 cases of each class it held the true
    change in 85 to 89 of 100 simulated studies (binormal, areas of 0.95 and more). This one moves each area within its
    own interval (`auc_with_interval`), as far as they do not move together (`proportions.difference`), and held it in
    99. It has no p: where two models are tested, `delong.difference` agrees with the test.

    Args:
        label: int (n,), 1 = pneumonia.
        first: probability of one model, float (n,) in [0, 1].
        second: of the other.
        patient: name of the patient of each image, (n,).
        level: coverage in (0, 1).

    Returns:
        change, lower, upper, in [-1, 1]; the bounds `nan` where the rankings are alike or an area has no variance
        and no interval.

    Raises:
        MetricError: an argument is out of its range or shape.
    """
    change, *bounds = delong.difference(label, first, second, patient, level)
    if bounds[0] == bounds[1] == change == 0:
        return 0.0, *_UNDEFINED[1:]
    (one, *own), (other, *theirs) = (auc_with_interval(label, score, patient, level) for score in (first, second))
    together = np.nan_to_num(delong.correlation(label, first, second, patient))
    ends = proportions.difference(one, own, other, theirs, together)
    return change, *(float(np.clip(end, -1, 1)) for end in ends)
