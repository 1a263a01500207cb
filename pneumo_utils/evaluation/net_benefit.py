"""Would acting on the predictions do more good than harm? Decision curves, with intervals over patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pneumo_utils.evaluation.clinical_utility import check_prevalence, corners, rates_with_draws
from pneumo_utils.evaluation.intervals import drop_zero_width, percentile, resample_patients
from pneumo_utils.evaluation.operating_points import require_both_classes
from pneumo_utils.evaluation.weighted_metrics import MetricError

RISKS = tuple(step / 100 for step in range(1, 81))  # threshold probabilities; above, one false alarm outweighs all


def net_benefit(
    label: np.ndarray, probability: np.ndarray, risks: Sequence[float], prevalence: float | None = None
) -> np.ndarray:
    """Net benefit of treating those at or above each threshold probability; treating none is worth 0.

    Vickers & Elkin (2006), doi:10.1177/0272989X06295361: true positives less false positives, weighted by the odds of
    the threshold probability, in units of true positives per patient. At another prevalence than the images' own, move
    the probabilities there first (`calibration.shift_prevalence`).

    Args:
        label: int (n,), both classes.
        probability: float (n,) in [0, 1]; all 1 to treat all.
        risks: threshold probabilities, each in (0, 1).
        prevalence: in (0, 1); None for that of `label`.

    Returns:
        float, one for each of `risks`.

    Raises:
        MetricError: as `operating_points.require_both_classes`, or an argument out of range.
    """
    label, probability = require_both_classes(label, probability)
    risks = np.asarray(risks, dtype=float)
    if risks.ndim != 1 or not ((risks > 0) & (risks < 1)).all():
        raise MetricError(f"risks must be a list in (0, 1), got {risks.tolist()}")
    prevalence = float(label.mean()) if prevalence is None else prevalence
    check_prevalence(prevalence)
    called = probability[:, None] >= risks
    return _weigh(called[label == 1].mean(axis=0), called[label == 0].mean(axis=0), risks, prevalence)


def _weigh(found: np.ndarray, alarmed: np.ndarray, risk: np.ndarray | float, prevalence: float) -> np.ndarray:
    """Shares of the ill who are found and of the well who are called ill, set off against each other."""
    return prevalence * found - (1 - prevalence) * alarmed * risk / (1 - risk)


def decision_curves(
    predictions: pd.DataFrame,
    prevalence: float | None = None,
    risks: Sequence[float] = RISKS,
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Net benefit of each model, of treating all and of treating none.

    Args:
        predictions: contract `predictions`, both classes in each group.
        prevalence: in (0, 1), held fixed in the intervals; None for each group's own.
        risks: threshold probabilities, each in (0, 1).
        replicates: of the bootstrap over patients.
        seed: of the bootstrap.
        level: of the intervals, in (0, 1).

    Returns:
        contract `decision_curve`; intervals for `strategy` `model` only, the others being exact.
    """
    curves = []
    for (model, run, split), part in predictions.groupby(["model", "seed", "split"], sort=False):
        label, probability = require_both_classes(part["label"], part["probability"])
        fixed = float(label.mean()) if prevalence is None else prevalence
        drawn = resample_patients(part["patient"], replicates, seed)
        bounds = [_bounds_of_benefit(*rates_with_draws(part, risk, drawn, level), risk, fixed, level) for risk in risks]
        everyone = net_benefit(label, np.ones(len(label)), risks, fixed)
        frame = pd.DataFrame({"model": model, "seed": run, "split": split, "prevalence": fixed, "threshold": risks})
        own = frame.assign(strategy="model", net_benefit=net_benefit(label, probability, risks, fixed))
        own[["lower", "upper"]] = bounds
        curves += [
            own,
            frame.assign(strategy="all", net_benefit=everyone),
            frame.assign(strategy="none", net_benefit=0.0),
        ]
    columns = ["model", "seed", "split", "prevalence", "strategy", "threshold", "net_benefit", "lower", "upper"]
    return pd.concat(curves, ignore_index=True)[columns]


def _bounds_of_benefit(ill: tuple, well: tuple, risk: float, prevalence: float, level: float) -> tuple[float, float]:
    """Percentiles of net benefit, widened as those of predictive values are."""
    ends = [float(_weigh(found, 1 - spared, risk, prevalence)) for found, spared in corners(ill, well, level)]
    lower, upper = percentile(_weigh(ill[3], 1 - well[3], risk, prevalence), level)
    return drop_zero_width(min([lower, *ends]), max([upper, *ends]))
