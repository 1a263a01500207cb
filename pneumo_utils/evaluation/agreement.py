"""Whether the networks agree: how many of them call a radiograph pneumonia, and what a vote would be worth."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.evaluation import outcomes
from pneumo_utils.evaluation.intervals import Thresholds
from pneumo_utils.evaluation.weighted_metrics import MetricError

_CASE = ["path", "patient", "label", "etiology", "split", "seed"]


def count_votes(predictions: pd.DataFrame, threshold: Thresholds) -> pd.DataFrame:
    """Count, for every radiograph, the networks that call it pneumonia at their own operating points.

    Args:
        predictions: contract `predictions`; within a seed all models judged the same radiographs.
        threshold: one for all, or one for each model or (model, seed).

    Returns:
        one row per radiograph and seed: `path`, `patient`, `label`, `etiology`, `split`, `seed`, `votes`, `networks`.

    Raises:
        MetricError: a model lacks a radiograph, or a threshold.
    """
    called = outcomes.label(predictions, threshold)
    counted = called.groupby(_CASE, sort=False)["called"].agg(votes="sum", networks="size").reset_index()
    models = predictions["model"].nunique()
    if (counted["networks"] != models).any():
        lacking = counted["path"][counted["networks"] != models].iloc[0]
        raise MetricError(f"predictions must hold every radiograph once a model and seed, got {lacking} otherwise")
    return counted


def decide_by_votes(counted: pd.DataFrame) -> pd.DataFrame:
    """What each size of vote decides: one network is enough, two are needed, and so on to all of them.

    Args:
        counted: of `count_votes`.

    Returns:
        contract `predictions`, with `2 of 3` and the like for a model and 1 or 0 for a probability, which every
        measure of decisions takes at a threshold of 0.5.
    """
    networks = counted["networks"].iloc[0]
    called = [
        counted.assign(model=f"{needed} of {networks}", probability=(counted["votes"] >= needed).astype(float))
        for needed in range(1, networks + 1)
    ]
    return pd.concat(called, ignore_index=True).drop(columns=["votes", "networks"])
