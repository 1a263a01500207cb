"""Right and wrong decisions, and which cases to look at."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo_utils.evaluation.intervals import Thresholds, threshold_of
from pneumo_utils.evaluation.metrics import decide
from pneumo_utils.records.vocabulary import OUTCOMES


def label(predictions: pd.DataFrame, threshold: Thresholds) -> pd.DataFrame:
    """Add to rows of the contract `predictions` what was `called` (0 or 1), the `outcome`, and whether it was `right`.

    Args:
        predictions: contract `predictions`.
        threshold: one for all, or one for each model or (model, seed).

    Returns:
        `outcome` is a value of `OUTCOMES`, `right` a bool, `threshold` that from which pneumonia was called.
    """
    rows = zip(predictions["model"], predictions["seed"], strict=True)
    cuts = np.array([threshold_of(threshold, *row) for row in rows])
    called = decide(predictions["probability"], cuts)
    named = [OUTCOMES[pair] for pair in zip(predictions["label"], called, strict=True)]
    right = predictions["label"].to_numpy() == called
    return predictions.assign(called=called, outcome=named, right=right, threshold=cuts)


def of_model(labelled: pd.DataFrame, model: str, paths: pd.Series) -> pd.DataFrame:
    """The rows of one network, of a single seed, in the order of `paths`."""
    return labelled[labelled["model"] == model].set_index("path").loc[paths].reset_index()


def of_outcome(labelled: pd.DataFrame, outcome: str, count: int, seed: int) -> pd.DataFrame:
    """`count` cases of one outcome: the wrong ones surest first, the right ones at random, so that none is picked.

    Args:
        labelled: of `label`, one model.
        outcome: a value of `OUTCOMES`.
        count: rows wanted, as far as there are enough.
        seed: of the draw.
    """
    part = labelled[labelled["outcome"] == outcome]
    return part.sample(frac=1, random_state=seed).head(count) if part["right"].all() else wrong_cases(part, count)


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
    """What stands over a picture: outcome, probability of pneumonia and threshold, patient, and name of the file.

    A patient that is not known is called by the path of the picture.
    """
    rows = cases[["outcome", "probability", "threshold", "patient", "path"]].itertuples(index=False)
    return [
        f"{outcome}\n{_tell_apart(p, cut)}\n"
        f"{'patient not known' if patient == path else patient}\n{path.rpartition('/')[2]}"
        for outcome, p, cut, patient, path in rows
    ]


def _tell_apart(probability: float, threshold: float) -> str:
    """Both with as many digits as tell them apart, two at least."""
    digits = next((n for n in range(2, 6) if f"{probability:.{n}f}" != f"{threshold:.{n}f}"), 2)
    return f"p = {probability:.{digits}f}, called from {threshold:.{digits}f}"
