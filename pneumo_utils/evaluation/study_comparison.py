"""Two studies side by side: the networks that both have, on the test images that both judged."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pneumo_utils.evaluation import comparisons
from pneumo_utils.evaluation.weighted_metrics import MetricError

METRICS = ("auc_roc", "accuracy", "recall", "specificity")
_CASE = ["path", "patient", "label"]


def same_test_images(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether two studies test on the same files with the same labels.

    Args:
        first: contract `manifest`, rows of the test part alone.
        second: the same of the other study.
    """
    one, other = (rows[["path", "label", "sha256"]].sort_values("path", ignore_index=True) for rows in (first, second))
    return one.equals(other)


def paired(
    first: pd.DataFrame,
    second: pd.DataFrame,
    thresholds: tuple[Mapping[tuple[str, int], float], Mapping[tuple[str, int], float]],
    replicates: int,
    seed: int,
) -> pd.DataFrame:
    """First study less second, for every model that both have, on the same test images.

    Patients are those of the study that knows more of them, whichever comes first: to take the pictures of a child for
    those of several would be too sure.

    Args:
        first: contract `predictions`, rows of the test part and of one seed alone.
        second: the same of the other study.
        thresholds: of each study, its operating points by model and seed.
        replicates: bootstrap draws of patients.
        seed: of the draws.

    Returns:
        contract `comparisons`, with `model` in place of `first` and `second`; one family for Holm.

    Raises:
        MetricError: no model is common, or the images differ.
    """
    common = [model for model in first["model"].unique() if model in set(second["model"])]
    if not common:
        raise MetricError("studies must have a network in common, got none")
    found, patient = [], _patients(first, second)
    for model in common:
        of_both, limits = [], {}
        for name, rows, points in zip(("first", "second"), (first, second), thresholds, strict=True):
            own = rows[rows["model"] == model]
            limits[name] = points[model, int(own["seed"].iat[0])]
            own = own.assign(patient=own["path"].map(patient))
            of_both.append(own[[*_CASE, "probability"]].assign(model=name, seed=0, split="test"))
        pair = comparisons.table(pd.concat(of_both), limits, METRICS, replicates, seed)
        found.append(pair.drop(columns=["first", "second", "seed"]).assign(model=model))
    table = pd.concat(found, ignore_index=True)
    return table.assign(p_holm=comparisons.holm(table["p"].to_numpy()))


def _patients(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Patient of each path, by the study that knows more; one that is not known is called by the path."""
    cases = [rows.drop_duplicates("path") for rows in (first, second)]
    return max(cases, key=lambda rows: (rows["patient"] != rows["path"]).sum()).set_index("path")["patient"]
