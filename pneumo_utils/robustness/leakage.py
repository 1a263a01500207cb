"""Where 99% comes from, and what a series never seen takes away: one recipe under several ways of drawing parts."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.datasets import splits
from pneumo_utils.evaluation import operating_points
from pneumo_utils.evaluation.auc import auc_with_interval
from pneumo_utils.evaluation.metrics import decide, format_interval, format_rates, rates

PROTOCOLS = {
    "published": "test folder as given",
    "patients": "all pooled, drawn by patient",
    "pictures": "all pooled, drawn picture by picture",
}
POOLED = ("patients", "pictures")  # those that draw from all pictures
WITHOUT = "without "  # a protocol named so, and a numbering series that it leaves out


def draw_splits(
    manifest: pd.DataFrame, like: pd.DataFrame, seed: int, *, series: bool = True
) -> dict[str, pd.DataFrame]:
    """Contract `splits` of every protocol but the published one.

    Args:
        manifest: contract `manifest`.
        like: contract `splits` of the published one.
        seed: of the draw, at least 0.
        series: whether each numbering series is left out once, too.
    """
    drawn = {name: splits.repool(manifest, like, by_patient=name == "patients", seed=seed) for name in POOLED}
    left_out = splits.leave_series_out(manifest, like) if series else {}
    return drawn | {WITHOUT + name: parts for name, parts in left_out.items()}


def resplit_predictions(protocol: str, drawn: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Contract `resplit_predictions`: what one network said, and whether it was trained on the patient.

    Args:
        protocol: a key of `PROTOCOLS`, or of `draw_splits`.
        drawn: contract `splits`, as drawn by it.
        predictions: contract `predictions` of one network trained on it.

    Returns:
        where a series was left out, the test part is that series against the published test pictures of the other
        class.
    """
    if protocol.startswith(WITHOUT):
        moved = drawn[(drawn["split"] == "test") & (drawn["part"] != "test")]
        other = predictions["label"] != moved["label"].iloc[0]
        predictions = predictions[(predictions["split"] != "test") | other | predictions["path"].isin(moved["path"])]
    known = set(drawn.loc[drawn["split"] == "train", "patient"])
    return predictions.assign(protocol=protocol, known_patient=predictions["patient"].isin(known))


def table(resplit: pd.DataFrame, rule: str, target: float, margin: float = 0.5) -> pd.DataFrame:
    """Contract `leakage`: what the network is worth under each protocol, at the operating point of its own validation.

    Args:
        resplit: contract `resplit_predictions`.
        rule: of `operating_points.RULES`.
        target: of that rule.
        margin: of the rule `margin`.
    """
    rows = [_row(part, rule, target, margin) for _, part in resplit.groupby("protocol", sort=False)]
    found = pd.DataFrame(rows)
    found.insert(0, "protocol", resplit["protocol"].unique())
    return found


def _row(part: pd.DataFrame, rule: str, target: float, margin: float) -> dict[str, float]:
    validation, test = (part[part["split"] == split] for split in ("validation", "test"))
    cut = operating_points.choose(validation["label"], validation["probability"], rule, target, margin)
    label, called = test["label"].to_numpy(), decide(test["probability"], cut)
    auc, lower, upper = auc_with_interval(label, test["probability"], test["patient"])
    return {
        "auc": auc,
        "lower": lower,
        "upper": upper,
        "accuracy": float((called == label).mean()),
        **rates(label, called, test["patient"]),
        "n": len(test),
        "known_patient": int(test["known_patient"].sum()),
    }


def for_display(leakage: pd.DataFrame) -> pd.DataFrame:
    """The contract `leakage` in words."""
    auc = [format_interval(*values) for values in leakage[["auc", "lower", "upper"]].itertuples(index=False)]
    both = {rate: format_rates(leakage, rate) for rate in ("sensitivity", "specificity")}
    shown = leakage[["accuracy", "n", "known_patient"]].assign(**{"AUC-ROC": auc}, **both)
    shown = shown.rename(columns={"n": "test radiographs", "known_patient": "patient also in train"})
    shown = shown[["AUC-ROC", "accuracy", *both, "test radiographs", "patient also in train"]]
    return shown.set_axis(pd.Index(map(title, leakage["protocol"]), name="test part"))


def title(protocol: str) -> str:
    """A protocol in words."""
    return PROTOCOLS.get(protocol) or f"series {protocol.removeprefix(WITHOUT)}, never trained on"
