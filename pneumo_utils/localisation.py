"""Does a heat map point at the lesion? Asked where the truth is known, and of maps that know nothing, too."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import pandas as pd

from pneumo_utils import means
from pneumo_utils.names import MODELS

MEASURES = {
    "pointing": "brightest place inside the lesion",  # pointing game, Zhang et al. 2018, doi:10.1007/s11263-017-1059-x
    "energy": "share of the map inside the lesion",  # Wang et al. 2020, doi:10.1109/CVPRW50498.2020.00020
    "iou": "overlap with the lesion at the best cut",
}
CHANCE = {"gaussian": "Centred Gaussian", "random": "Random maps"}
_WIDTH = 0.25  # standard deviation of the Gaussian, share of the side
_CUTS = np.linspace(0.05, 0.95, 19)  # of a map, at which its overlap is tried


def pointing(maps: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Whether the brightest place lies in the region; of several equally bright ones, their share that does.

    Args:
        maps: float (n, h, w), at least 0.
        regions: bool (n, h, w).

    Returns:
        float (n,) in [0, 1]; 0 for a map that is dark everywhere.
    """
    brightest = (maps == maps.max(axis=(1, 2), keepdims=True)) & (maps > 0)
    return (brightest & regions).sum(axis=(1, 2)) / np.maximum(brightest.sum(axis=(1, 2)), 1)


def energy(maps: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Share of each map's sum that lies in the region: float (n,) in [0, 1]; `nan` for a map that is all dark."""
    whole = maps.sum(axis=(1, 2), dtype=float)
    inside = np.where(regions, maps, 0).sum(axis=(1, 2), dtype=float)
    return np.divide(inside, whole, out=np.full(len(maps), np.nan), where=whole > 0)


def iou(maps: np.ndarray, regions: np.ndarray, cut: float) -> np.ndarray:
    """Intersection over union of the region and of where the map is at least `cut`, in (0, 1]: float (n,) in [0, 1]."""
    lit = maps >= cut
    union = (lit | regions).sum(axis=(1, 2))
    return (lit & regions).sum(axis=(1, 2)) / np.maximum(union, 1)


def best_cut(maps: np.ndarray, regions: np.ndarray) -> float:
    """The cut whose mean `iou` is highest; to be looked for on other pictures than those it is used on."""
    return float(max(_CUTS, key=lambda cut: iou(maps, regions, cut).mean()))


def gaussian(side: int) -> np.ndarray:
    """What knows only that lungs use to be in the middle: float32 (side, side), 1 at the centre."""
    across = np.exp(-(((np.arange(side) + 0.5) / side - 0.5) ** 2) / (2 * _WIDTH**2))
    return np.outer(across, across).astype(np.float32) / np.float32(across.max() ** 2)


def random_maps(count: int, grid: tuple[int, int], side: int, seed: int) -> np.ndarray:
    """Noise as smooth as a heat map: even on `grid`, enlarged alike; float32 (count, side, side), each up to 1."""
    noise = np.random.default_rng(seed).random((count, *grid), dtype=np.float32)
    fine = np.stack([cv2.resize(one, (side, side), interpolation=cv2.INTER_LINEAR) for one in noise])
    return fine / fine.max(axis=(1, 2), keepdims=True)


def chance(count: int, grid: tuple[int, int], side: int, seed: int) -> dict[str, np.ndarray]:
    """Maps that know nothing of the picture, by a key of `CHANCE`, float32 (count, side, side) each."""
    return {
        "gaussian": np.broadcast_to(gaussian(side), (count, side, side)),
        "random": random_maps(count, grid, side, seed),
    }


def judged(maps: np.ndarray, lesions: np.ndarray, cut: float) -> dict[str, np.ndarray]:
    """All of `MEASURES` of maps of pictures that have a lesion, float (n,) each; a dark map finds nothing."""
    found = pointing(maps, lesions), np.nan_to_num(energy(maps, lesions)), iou(maps, lesions, cut)
    return dict(zip(MEASURES, found, strict=True))


def table(
    cases: pd.DataFrame, maps: Mapping[tuple[str, str], np.ndarray], lesions: np.ndarray, replicates: int, seed: int
) -> pd.DataFrame:
    """Contract `localisation`, over the test radiographs that have a lesion.

    Args:
        cases: one row a picture, with its `split` and `patient`.
        maps: by network, or key of `CHANCE`, and method; float (n, h, w).
        lesions: bool (n, h, w), as drawn.
        replicates: bootstrap draws of patients.
        seed: of the draws.

    Returns:
        the best cut of every kind of map is that of validation; no rows where there is no lesion in either.
    """
    ill = lesions.any(axis=(1, 2))
    validation, test = (ill & (cases["split"] == split).to_numpy() for split in ("validation", "test"))
    if not (validation.any() and test.any()):
        return pd.DataFrame(columns=["model", "method", *means.COLUMNS])
    rows = []
    for (model, method), every in maps.items():
        cut = best_cut(every[validation], lesions[validation])
        found = judged(every[test], lesions[test], cut)
        rows.append(
            pd.DataFrame(found | {"model": model, "method": method, "patient": cases["patient"][test].to_numpy()})
        )
    return means.table(pd.concat(rows), ["model", "method"], list(MEASURES), replicates, seed)


def named(found: pd.DataFrame) -> pd.DataFrame:
    """The contract `localisation` with a column `kind`: network and method, or what knows nothing, in words."""
    pairs = zip(found["model"], found["method"], strict=True)
    return found.assign(kind=[CHANCE.get(model) or f"{MODELS[model]}, {method}" for model, method in pairs])


def beyond_gaussian(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the contract `localisation` whose interval lies above that of the Gaussian, whose `rival` is added."""
    gaussian = found[found["model"] == "gaussian"].set_index("measure")
    rival, limit = (found["measure"].map(gaussian[name]) for name in ("value", "upper"))
    return found.assign(rival=rival)[found["lower"] > limit]
