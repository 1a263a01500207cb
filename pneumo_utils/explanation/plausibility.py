"""Does a heat map lie where disease can be? How much of it falls on the lungs and on the border, by outcome."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pneumo_utils.evaluation import bootstrap_mean, outcomes
from pneumo_utils.explanation.localisation import energy, gaussian
from pneumo_utils.imaging import lung_fields
from pneumo_utils.records.vocabulary import OUTCOMES

MEASURES = {
    "lungs": "on the lungs",
    "lungs_gain": "more than their area",  # less the share of the picture that they cover
    "lungs_over_gaussian": "more than a Gaussian in the middle",  # which knows no picture
    "border": "on the border",
    "border_gain": "more than its area",
}
ALL = "all"  # every outcome together
_BORDER = 0.1  # its width, share of the side


def lung_masks(images: np.ndarray) -> np.ndarray:
    """Lung fields of pictures, uint8 (n, side, side), as `lung_fields` finds them: bool (n, side, side)."""
    return np.stack([lung_fields.visible_lung(image) for image in images])


def borders(masks: np.ndarray) -> np.ndarray:
    """A band along every side, a tenth of the side wide, as far as no lung lies there: bool (n, side, side)."""
    side = masks.shape[1]
    wide, band = round(_BORDER * side), np.ones((side, side), dtype=bool)
    band[wide : side - wide, wide : side - wide] = False
    return band & ~masks


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
        dark maps have no share of anything and are left out, like pictures in which no lung is found: `n` counts the
        others.
    """
    order, rows = {outcome: place for place, outcome in enumerate(OUTCOMES.values())}, []
    regions = {"lungs": masks, "border": borders(masks)}
    centred = np.broadcast_to(gaussian(masks.shape[1]), masks.shape)
    for model, every in maps.items():
        shares = {
            name: np.where(masks.any(axis=(1, 2)), energy(every, where), np.nan) for name, where in regions.items()
        }
        gains = {f"{name}_gain": shares[name] - where.mean(axis=(1, 2)) for name, where in regions.items()}
        gains["lungs_over_gaussian"] = shares["lungs"] - energy(centred, masks)
        own = outcomes.of_model(labelled, model, paths).assign(**shares, **gains)
        rows += [own.assign(outcome=ALL), own.sort_values("outcome", key=lambda names: names.map(order))]
    return bootstrap_mean.table(pd.concat(rows), ["model", "seed", "outcome"], list(MEASURES), replicates, seed)


def for_display(found: pd.DataFrame) -> pd.DataFrame:
    """`plausibility` in words: a row per network and outcome, the number of pictures, and a column per measure."""
    count = found[found["measure"] == "lungs"]["n"].to_numpy()
    shown = bootstrap_mean.for_display(found, "outcome", MEASURES)
    shown.insert(shown.columns.get_loc(MEASURES["lungs"]), "n", count)  # before what may be cut off at the right
    return shown
