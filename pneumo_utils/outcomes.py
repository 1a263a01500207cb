"""Right and wrong decisions, and which cases to look at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo_utils.intervals import Thresholds, threshold_of
from pneumo_utils.metrics import decide

OUTCOMES = {
    (1, 1): "true positive",
    (0, 0): "true negative",
    (1, 0): "false negative",  # a pneumonia that was missed
    (0, 1): "false positive",
}


def label(predictions: pd.DataFrame, threshold: Thresholds) -> pd.DataFrame:
    """Add to rows of the contract `predictions` what was `called` (0 or 1), the `outcome` and whether it was `right`.

    Args:
        predictions: contract `predictions`.
        threshold: one for all, or one for each model or (model, seed).

    Returns:
        `outcome` is a value of `OUTCOMES`, `right` a bool.
    """
    rows = zip(predictions["model"], predictions["seed"], strict=True)
    called = decide(predictions["probability"], np.array([threshold_of(threshold, *row) for row in rows]))
    named = [OUTCOMES[pair] for pair in zip(predictions["label"], called, strict=True)]
    return predictions.assign(called=called, outcome=named, right=predictions["label"].to_numpy() == called)


def right_cases(labelled: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """`count` right decisions drawn at random, so that none is picked for its looks; pneumonia first.

    Args:
        labelled: of `label`, one model.
        count: rows wanted; half of them pneumonia as far as there are enough.
        seed: of the draw.
    """
    right = labelled[labelled["right"]].sample(frac=1, random_state=seed)
    sick = right[right["label"] == 1].head(max(count - count // 2, count - int((right["label"] == 0).sum())))
    return pd.concat([sick, right[right["label"] == 0].head(count - len(sick))])


def worst_of_each_kind(labelled: pd.DataFrame, count: int) -> pd.DataFrame:
    """The `count` surest false negatives of each model, then as many false positives, surest first."""
    kinds = ("false negative", "false positive")
    parts = [part[part["outcome"] == kind] for _, part in labelled.groupby("model", sort=False) for kind in kinds]
    return pd.concat([wrong_cases(part, count) for part in parts])


def wrong_cases(labelled: pd.DataFrame, count: int) -> pd.DataFrame:
    """The `count` wrong decisions the network was surest of, surest first."""
    wrong = labelled[~labelled["right"]]
    sureness = np.abs(wrong["probability"] - wrong["label"])
    return wrong.loc[sureness.sort_values(ascending=False, kind="stable").index].head(count)


def captions(cases: pd.DataFrame) -> list[str]:
    """What stands over a picture: outcome and probability of pneumonia, patient, and name of the file."""
    rows = zip(cases["outcome"], cases["probability"], cases["patient"], cases["path"], strict=True)
    return [f"{outcome}, p = {p:.2f}\n{patient}\n{path.rpartition('/')[2]}" for outcome, p, patient, path in rows]
