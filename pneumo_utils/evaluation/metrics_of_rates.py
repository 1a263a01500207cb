"""Metrics that are made of sensitivity and specificity are no surer than both rates are.

Where nobody who is well is called ill, no draw of patients calls one so: draws take specificity for certain, and with
it F1 and the Matthews correlation. Of 58 ill and 31 well children, a sensitivity of 0.9 and a specificity of 0.97,
percentiles alone missed a lower truth in 7 of 100 samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

Bounds = tuple[float, float]


def widen(found: Mapping[str, Bounds], values: Mapping[str, float]) -> dict[str, Bounds]:
    """Bounds of all metrics, those that are made of two rates widened to what the bounds of both ask for.

    Balanced accuracy always; F1 and the Matthews correlation where a rate is 0 or 1, as draws show how unsure they are
    elsewhere. These two have no interval where they had none.

    Args:
        found: lower and upper bound by metric, `nan` where there is none.
        values: of the same metrics.
    """
    widened = dict(found)
    if not {"accuracy", "balanced_accuracy", "recall", "specificity"} <= set(found):
        return widened
    rates = values["recall"], values["specificity"]
    widened["balanced_accuracy"] = _union(np.fmin, np.fmax, "balanced_accuracy", found, values, _balanced_accuracy)
    if rates[0] == rates[1] or not {0, 1} & set(rates):
        return widened
    ill = (values["accuracy"] - rates[1]) / (rates[0] - rates[1])  # their share: accuracy is the mean of both rates
    for metric, made in (("f1", _f1), ("mcc", _mcc)):
        if metric in found:
            widened[metric] = _union(np.minimum, np.maximum, metric, found, values, partial(made, ill=ill))
    return widened


def _union(
    lower: Callable,
    upper: Callable,
    metric: str,
    found: Mapping,
    values: Mapping,
    made: Callable[[float, float], float],
) -> Bounds:
    """The bounds of a metric, as far apart at least as both rates may move it (MOVER, see `proportions.difference`)."""
    recall, specificity = values["recall"], values["specificity"]
    ends = []
    for side, sign in ((0, -1), (1, 1)):
        moved = made(found["recall"][side], specificity), made(recall, found["specificity"][side])
        ends.append(values[metric] + sign * np.hypot(*(np.array(moved) - made(recall, specificity))))
    return float(lower(found[metric][0], ends[0])), float(upper(found[metric][1], ends[1]))


def _balanced_accuracy(recall: float, specificity: float) -> float:
    return (recall + specificity) / 2


def _f1(recall: float, specificity: float, ill: float) -> float:
    return 2 * recall * ill / (_called(recall, specificity, ill) + ill)


def _mcc(recall: float, specificity: float, ill: float) -> float:
    called = _called(recall, specificity, ill)
    spread = called * (1 - called)
    if spread <= 0:  # as in `weighted_metrics`
        return 0.0
    return (recall + specificity - 1) * np.sqrt(ill * (1 - ill) / spread)


def _called(recall: float, specificity: float, ill: float) -> float:
    """Share that is called ill."""
    return recall * ill + (1 - specificity) * (1 - ill)
