"""Does a heat map lie where disease can be? How much of it falls on the lungs and on the rim, by outcome."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pneumo_utils import lungs, means, outcomes
from pneumo_utils.localisation import energy
from pneumo_utils.names import OUTCOMES

MEASURES = {
    "lungs": "on the lungs",
    "lungs_area": "on the lungs if even",  # their share of the picture
    "border": "on the rim",
    "border_area": "on the rim if even",
}
ALL = "all"  # every outcome together
_RIM = 0.1  # width of the rim, share of the side


def lung_masks(images: np.ndarray) -> np.ndarray:
    """Lung fields as `lungs` finds them, grown a little to the benefit of the map: bool (n, side, side)."""
    return np.stack([lungs.mask(image) for image in images])


def rim(side: int) -> np.ndarray:
    """The outer tenth on every side, where no lung is asked for: bool (side, side)."""
    wide, found = round(_RIM * side), np.ones((side, side), dtype=bool)
    found[wide : side - wide, wide : side - wide] = False
    return found


def table(
    labelled: pd.DataFrame,
    paths: pd.Series,
    maps: Mapping[str, np.ndarray],
    masks: np.ndarray,
    replicates: int,
    seed: int,
) -> pd.DataFrame:
    """Contract `plausibility`.

    Args:
        labelled: of `outcomes.label`, one seed of each network.
        paths: of the pictures, in the order of maps and masks.
        maps: by network, float (n, side, side).
        masks: of `lung_masks`.
        replicates: bootstrap draws of patients.
        seed: of the draws.

    Returns:
        dark maps have no share of anything and are left out: `n` counts the others.
    """
    edge = np.broadcast_to(rim(masks.shape[1]), masks.shape)
    areas = {"lungs_area": masks.mean(axis=(1, 2)), "border_area": edge.mean(axis=(1, 2))}
    order, rows = {outcome: place for place, outcome in enumerate(OUTCOMES.values())}, []
    for model, every in maps.items():
        on = {"lungs": energy(every, masks), "border": energy(every, edge)}
        own = outcomes.of_model(labelled, model, paths).assign(**on, **areas)
        rows += [own.assign(outcome=ALL), own.sort_values("outcome", key=lambda names: names.map(order))]
    return means.table(pd.concat(rows), ["model", "seed", "outcome"], list(MEASURES), replicates, seed)


def said(found: pd.DataFrame) -> pd.DataFrame:
    """The contract `plausibility` in words: a row a network and outcome, a column a measure."""
    return means.wide(found, "outcome", MEASURES)
