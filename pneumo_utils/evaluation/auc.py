"""How well any score tells two classes apart: the area under the ROC curve, never surer of it than patients allow."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from pneumo_utils.evaluation import delong, intervals

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
    there = ~np.isnan(score)
    label, score, patient = np.asarray(label)[there], score[there], np.asarray(patient)[there]
    classes = np.unique(label)
    if len(classes) < 2:
        return _UNDEFINED
    if score.min() == score.max():
        return 0.5, *_UNDEFINED[1:]
    area, lower, upper = delong.clustered_interval(label, rankdata(score) / len(score), patient, level)
    pairs = min(len(np.unique(patient[label == one])) for one in classes)
    edge = intervals.clopper_pearson(1, pairs, level)[0]
    return area, *map(float, (np.minimum(lower, edge), np.maximum(upper, 1 - edge)))
