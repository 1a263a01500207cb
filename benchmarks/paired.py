"""Is ours as good as plain? One row, from what both sides say of the same test images."""

from __future__ import annotations

import rows
from plain_recipe import Outcome

from pneumo_utils.evaluation import delong

MARGIN = 0.005  # of AUC
LEVEL = f"95% interval of ours - plain above -{MARGIN}, or with 0 inside"


def auc_row(name: str, ours: Outcome, plain: Outcome, said: str) -> rows.Row:
    """AUC of both sides; `ratio` is their difference."""
    gap, lower, upper = delong.difference(ours.label, ours.probability, plain.probability)
    areas = [delong.interval(side.label, side.probability)[0] for side in (ours, plain)]
    seen = f"ours - plain {gap:+.3f}, 95% interval {lower:+.3f} to {upper:+.3f} (DeLong, paired)"
    detail = f"{seen}; {said}; the column ratio is the difference"
    return rows.Row(f"AUC of {name}", *areas, "AUC", gap, LEVEL, level(lower, upper), detail)


def level(lower: float, upper: float) -> bool:
    """Whether ours is as good as plain: surely no more than `MARGIN` worse, or not told apart."""
    return lower > -MARGIN or lower <= 0 <= upper


def counts(sample: tuple) -> str:
    """How many images of which size a sample of `pictures.Source` has, in words."""
    found = sample[1]["split"].value_counts()
    shown = " + ".join(f"{found[name]} {name}" for name in ("train", "validation", "test"))
    return f"{shown} images of {sample[0].shape[1]} px"
