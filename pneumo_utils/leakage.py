"""Where 99 % comes from: one recipe under three ways of drawing the test part."""

from __future__ import annotations

import pandas as pd

from pneumo_utils import audit, thresholds
from pneumo_utils.metrics import decide, stated

PROTOCOLS = {
    "published": "test folder as published",
    "patients": "all pooled, drawn by patient",
    "pictures": "all pooled, drawn picture by picture",
}


def row(protocol: str, splits: pd.DataFrame, predictions: pd.DataFrame, rule: str, target: float) -> pd.DataFrame:
    """One row of the contract `leakage`.

    Args:
        protocol: a key of `PROTOCOLS`.
        splits: contract `splits`, as drawn by it.
        predictions: contract `predictions` of one network trained on it.
        rule: of `thresholds.RULES`, by which its operating point is chosen on its own validation part.
        target: of that rule.
    """
    validation, test = (predictions[predictions["split"] == split] for split in ("validation", "test"))
    cut = thresholds.choose(validation["label"], validation["probability"], rule, target)
    label, called = test["label"].to_numpy(), decide(test["probability"], cut)
    auc, lower, upper = audit.separation(label, test["probability"], test["patient"])
    known = set(splits.loc[splits["split"] == "train", "patient"])
    found = {
        "protocol": protocol,
        "auc": auc,
        "lower": lower,
        "upper": upper,
        "accuracy": float((called == label).mean()),
        "sensitivity": float(called[label == 1].mean()),
        "specificity": float(1 - called[label == 0].mean()),
        "n": len(test),
        "known_patient": int(test["patient"].isin(known).sum()),
    }
    return pd.DataFrame([found])


def said(leakage: pd.DataFrame) -> pd.DataFrame:
    """The contract `leakage` in words."""
    auc = [stated(*values) for values in leakage[["auc", "lower", "upper"]].itertuples(index=False)]
    shown = leakage[["accuracy", "sensitivity", "specificity", "n", "known_patient"]]
    shown = shown.rename(columns={"n": "test images", "known_patient": "patient also in train"})
    shown.insert(0, "AUC-ROC", auc)
    return shown.set_axis(leakage["protocol"].map(PROTOCOLS).rename("test part"))
