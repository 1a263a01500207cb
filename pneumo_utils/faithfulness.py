"""Do the places that a heat map marks carry the answer? They are taken away, or given back, the brightest first.

Deletion and insertion after Petsiuk et al. 2018 (arXiv:1806.07421). What is taken away is not blackened, which no
radiograph shows, but blurred until no lesion is left. The answer is followed; a random order of equally coarse patches
is followed beside it, since any large change moves a network.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pandas as pd

from pneumo_utils import means

KINDS = ("deletion", "insertion")
_BLUR = 0.125  # standard deviation of what takes the place of a pixel, share of the side
_STEPS = 10


def shares(steps: int = _STEPS) -> np.ndarray:
    """Shares of the picture that have been taken away, or given back, from 0 to 1: float (steps + 1,)."""
    return np.linspace(0, 1, steps + 1)


def order(heat: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Place of every pixel in the order from bright to dark, int (h, w); equally bright ones in a random order."""
    ranked = np.lexsort((generator.random(heat.size), -heat.ravel()))
    place = np.empty(heat.size, dtype=int)
    place[ranked] = np.arange(heat.size)
    return place.reshape(heat.shape)


def changed(image: np.ndarray, place: np.ndarray, kind: str, steps: int = _STEPS) -> np.ndarray:
    """A picture step by step.

    Args:
        image: uint8 (h, w).
        place: of `order`.
        kind: `deletion` begins with the picture and ends with its blur, `insertion` the other way round.
        steps: at least 1.

    Returns:
        uint8 (steps + 1, h, w).
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    blurred = cv2.GaussianBlur(image, (0, 0), _BLUR * min(image.shape))
    begin, end = (image, blurred) if kind == "deletion" else (blurred, image)
    return np.stack([np.where(place < share * place.size, end, begin) for share in shares(steps)])


def curves(
    images: np.ndarray, maps: np.ndarray, kind: str, judge: Callable[[np.ndarray], np.ndarray], seed: int
) -> np.ndarray:
    """The answer at every step.

    Args:
        images: uint8 (n, side, side).
        maps: float (n, side, side).
        kind: of `KINDS`.
        judge: pictures, uint8 (m, side, side) -> probability of pneumonia, (m,).
        seed: of the order of equally bright places.

    Returns:
        float (n, steps + 1).
    """
    generator = np.random.default_rng(seed)
    steps = [changed(image, order(heat, generator), kind) for image, heat in zip(images, maps, strict=True)]
    return judge(np.concatenate(steps)).reshape(len(images), -1)


def followed(
    cases: pd.DataFrame,
    images: np.ndarray,
    maps: np.ndarray,
    noise: np.ndarray,
    judge: Callable[[np.ndarray], np.ndarray],
    seed: int,
) -> pd.DataFrame:
    """One row a picture, kind, order and share: the `probability` then.

    Args:
        cases: one row a picture, with its `model`, `seed`, `path` and `patient`.
        images: their pictures, uint8 (n, side, side).
        maps: of these pictures.
        noise: maps that know nothing, as coarse, of `localisation.random_maps`.
        judge: as in `curves`.
        seed: of the order of equally bright places.
    """
    parts = []
    for kind in KINDS:
        for name, ordering in (("map", maps), ("random", noise)):
            answers = curves(images, ordering, kind, judge, seed)
            rows = cases[["model", "seed", "path", "patient"]].loc[cases.index.repeat(answers.shape[1])]
            share = np.tile(shares(answers.shape[1] - 1), len(cases))
            parts.append(rows.assign(kind=kind, order=name, share=share, probability=answers.ravel()))
    return pd.concat(parts, ignore_index=True)


def mean_curves(found: pd.DataFrame) -> pd.DataFrame:
    """Contract `faithfulness_curves`: the mean over the pictures of `followed`."""
    by = ["model", "seed", "kind", "order", "share"]
    mean = found.groupby(by, sort=False)["probability"].agg(["mean", "size"]).reset_index()
    return mean.rename(columns={"mean": "probability", "size": "n"})


def table(found: pd.DataFrame, replicates: int, seed: int) -> pd.DataFrame:
    """Contract `faithfulness`: areas under the curves of `followed`, and their paired difference, map less random.

    Args:
        found: of `followed`, of any number of networks.
        replicates: bootstrap draws of patients.
        seed: of the draws.
    """
    by = ["model", "seed", "kind", "path", "patient"]
    area = found.groupby([*by, "order"], sort=False)["probability"].agg(lambda p: np.trapezoid(p, dx=1 / (len(p) - 1)))
    wide = area.unstack("order").reset_index()
    wide["difference"] = wide["map"] - wide["random"]
    return means.table(wide, ["model", "seed", "kind"], ["map", "random", "difference"], replicates, seed)


def said(found: pd.DataFrame) -> pd.DataFrame:
    """The contract `faithfulness` in words: a row a network and kind, a column a measure."""
    return means.wide(found, "kind", {name: name for name in ("map", "random", "difference")})
