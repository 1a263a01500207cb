"""Does a heat map point at the lesion? Asked where the truth is known, and of maps that know nothing, too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pneumo_utils.evaluation import bootstrap_mean
from pneumo_utils.explanation import heat_maps
from pneumo_utils.records.vocabulary import MODELS

MEASURES = {
    # pointing game, Zhang et al. 2018, doi:10.1007/s11263-017-1059-x, without their tolerance of 15 pixels
    "pointing": "brightest place inside the lesion",
    "energy": "share of the map inside the lesion",  # Wang et al. 2020, doi:10.1109/CVPRW50498.2020.00020
    "iou": "overlap with the lesion at the best cut",
}
BASELINES = {  # maps that know nothing of the picture, or only where lungs are
    "gaussian": "Centred Gaussian",
    "lesions": "Mean lesion of validation",
    "lungs": "Lungs, evenly",
}
COMPARED_BASELINES = ("gaussian", "lesions")  # with which every map is compared
RANDOM, ALONE = "random", "none"  # method of noise on a network's grid; of a map that is no network's
ITSELF = "nothing"  # what a plain value is compared with
Key = tuple[str, str]  # network or key of BASELINES, and method
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
    total = maps.sum(axis=(1, 2), dtype=float)
    inside = np.where(regions, maps, 0).sum(axis=(1, 2), dtype=float)
    return np.divide(inside, total, out=np.full(len(maps), np.nan), where=total > 0)


def iou(maps: np.ndarray, regions: np.ndarray, cut: float) -> np.ndarray:
    """Intersection over union of the region and of where the map is at least `cut`, in (0, 1]: float (n,) in [0, 1]."""
    lit = maps >= cut
    union = (lit | regions).sum(axis=(1, 2))
    return (lit & regions).sum(axis=(1, 2)) / np.maximum(union, 1)


def best_cut(maps: np.ndarray, regions: np.ndarray) -> float:
    """The cut whose mean `iou` is highest; to be looked for on other pictures than those it is used on."""
    return float(max(_CUTS, key=lambda cut: iou(maps, regions, cut).mean()))


def gaussian(side: int) -> np.ndarray:
    """What knows only where the middle of the picture is: float32 (side, side), 1 at the centre."""
    across = np.exp(-(((np.arange(side) + 0.5) / side - 0.5) ** 2) / (2 * _WIDTH**2))
    return np.outer(across, across).astype(np.float32) / np.float32(across.max() ** 2)


def random_maps(
    count: int, grid: tuple[int, int], side: int, seed: int, places: heat_maps.Places | None = None
) -> np.ndarray:
    """Noise on `grid`, enlarged as a network's maps are; float32 (count, side, side), each up to 1.

    It is independent from place to place, and so rougher than a heat map.

    Args:
        count: maps.
        grid: height and width of the network's maps.
        side: of the pictures, pixels.
        seed: of the noise.
        places: where the middle of the grid's cells lies in the picture; None: evenly spread.
    """
    noise = np.random.default_rng(seed).random((count, *grid), dtype=np.float32)
    return heat_maps.enlarge(noise, side, places)


def baseline_maps(split: pd.Series, lesions: np.ndarray, lungs: np.ndarray) -> dict[Key, np.ndarray]:
    """Maps by the keys of `BASELINES`, float (n, side, side) each.

    Args:
        split: of every picture.
        lesions: bool (n, side, side); the mean is that of validation.
        lungs: bool (n, side, side), of every picture.
    """
    mean = lesions[(split == "validation").to_numpy()].mean(axis=0)
    everywhere = {"gaussian": gaussian(lesions.shape[1]), "lesions": mean / max(mean.max(), 1e-9)}
    same = {(name, ALONE): np.broadcast_to(one, lesions.shape) for name, one in everywhere.items()}
    return same | {("lungs", ALONE): lungs.astype(np.float32)}


def score_maps(maps: np.ndarray, lesions: np.ndarray, cut: float) -> pd.DataFrame:
    """All of `MEASURES` of maps of pictures that have a lesion, one row per picture; a dark map finds nothing."""
    found = pointing(maps, lesions), np.nan_to_num(energy(maps, lesions)), iou(maps, lesions, cut)
    return pd.DataFrame(dict(zip(MEASURES, found, strict=True)))


def table(
    cases: pd.DataFrame, maps: Mapping[Key, np.ndarray], lesions: np.ndarray, replicates: int, seed: int
) -> pd.DataFrame:
    """Contract `localisation`, over the test radiographs that have a lesion.

    Args:
        cases: one row per picture, with its `split` and `patient`.
        maps: those of the networks, and those of `baseline_maps`; float (n, h, w).
        lesions: bool (n, h, w), as drawn.
        replicates: bootstrap draws of patients.
        seed: of the draws.

    Returns:
        every kind of map by itself, and those of the networks less each of `COMPARED_BASELINES` on the same pictures;
        the best cut of each is that of validation; no rows where there is no lesion in either.
    """
    ill = lesions.any(axis=(1, 2))
    validation, test = (ill & (cases["split"] == split).to_numpy() for split in ("validation", "test"))
    by = ["model", "method", "against"]
    if not (validation.any() and test.any()):
        return pd.DataFrame(columns=[*by, *bootstrap_mean.COLUMNS])
    cuts = {key: best_cut(every[validation], lesions[validation]) for key, every in maps.items()}
    found = {key: score_maps(every[test], lesions[test], cuts[key]) for key, every in maps.items()}
    named = {"patient": cases["patient"][test].to_numpy()}
    plain, less = [], []
    for (model, method), own in found.items():
        plain.append(own.assign(model=model, method=method, against=ITSELF, **named))
        for rival in COMPARED_BASELINES if model in MODELS and method != RANDOM else ():
            gap = own - found[rival, ALONE]
            less.append(gap.assign(model=model, method=method, against=rival, **named))
    how = {"by": by, "measures": list(MEASURES), "replicates": replicates, "seed": seed}
    tables = [bootstrap_mean.table(pd.concat(plain), shares=("pointing",), **how)]
    return pd.concat([*tables, *([bootstrap_mean.table(pd.concat(less), **how)] if less else [])], ignore_index=True)


def with_titles(found: pd.DataFrame) -> pd.DataFrame:
    """The contract `localisation` with a column `kind`: network and method, or what knows nothing, in words."""
    pairs = zip(found["model"], found["method"], strict=True)
    return found.assign(kind=[BASELINES.get(model) or f"{MODELS[model]}, {method}" for model, method in pairs])


def for_display(found: pd.DataFrame) -> pd.DataFrame:
    """Differences of the contract `localisation` in words, with what they say: better, worse, or not told apart."""
    rows = with_titles(found[found["against"] != ITSELF])
    better, worse = rows["lower"] > 0, rows["upper"] < 0
    word = np.select([better, worse], ["better", "worse"], "no clear difference")
    rows["text"] = [f"{text}, {one}" for text, one in zip(bootstrap_mean.format_rows(rows), word, strict=True)]
    rows["against"] = rows["against"].map(BASELINES)
    return bootstrap_mean.pivot_text(rows, ["kind", "against"], "measure", MEASURES).rename_axis(
        index=["map", "against"]
    )
