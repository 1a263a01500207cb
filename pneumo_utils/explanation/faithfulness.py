"""Do the places that a heat map marks carry the answer? They are taken away, or given back, the brightest first.

Deletion and insertion after Petsiuk et al. 2018 (arXiv:1806.07421). What is taken away is not blackened or blurred: a
chest without lungs is no radiograph, and a blurred one looks ill. In its place comes the average healthy child of the
training part, at the exposure of the picture. Two orders that know nothing are followed beside the map's, since any
large change moves a network: equally coarse patches at random, and from the middle of the picture outwards, where the
lungs are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from pneumo_utils.evaluation import bootstrap_mean
from pneumo_utils.records import progress

KINDS = ("deletion", "insertion")
ORDERS = {"map": "by its map", "random": "at random", "gaussian": "from the middle"}  # of the places
_RIVALS = {"map against random": "at random", "map against the middle": "from the middle outwards"}
_SAID = {"sooner": "Sooner than", "later": "**Later** than", "no clear difference": "About as soon as"}
_VERDICTS = {"map against random": "difference", "map against the middle": "over_gaussian"}  # and their measure
_DIFFERENCES = {"difference": "random", "over_gaussian": "gaussian"}  # the map's area less that of another order
_STEPS = 10
_BY = ["model", "seed", "kind"]
Predict = Callable[[np.ndarray], np.ndarray]  # pictures, uint8 (m, side, side) -> probability of pneumonia, (m,)


def healthy_fill(images: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The mean of healthy children, at the brightness and contrast of each of some pictures.

    Args:
        images: uint8 (m, side, side), normal radiographs of the training part.
        like: uint8 (n, side, side).

    Returns:
        uint8 (n, side, side).
    """
    mean = images.mean(axis=0, dtype=float)
    shape = (mean - mean.mean()) / max(mean.std(), 1e-9)
    centre, spread = (of(like, axis=(1, 2), keepdims=True, dtype=float) for of in (np.mean, np.std))
    return np.clip(np.rint(shape * spread + centre), 0, 255).astype(np.uint8)


def shares(steps: int = _STEPS) -> np.ndarray:
    """Shares of the picture that have been taken away, or given back, from 0 to 1: float (steps + 1,)."""
    return np.linspace(0, 1, steps + 1)


def order(heat: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Place of every pixel in the order from bright to dark, int (h, w); equally bright ones in a random order."""
    ranked = np.lexsort((generator.random(heat.size), -heat.ravel()))
    place = np.empty(heat.size, dtype=int)
    place[ranked] = np.arange(heat.size)
    return place.reshape(heat.shape)


def mask_stepwise(image: np.ndarray, fill: np.ndarray, place: np.ndarray, kind: str, steps: int = _STEPS) -> np.ndarray:
    """A picture step by step.

    Args:
        image: uint8 (h, w).
        fill: uint8 (h, w), what takes its place.
        place: of `order`.
        kind: `deletion` begins with the picture and ends with the fill, `insertion` the other way round.
        steps: at least 1.

    Returns:
        uint8 (steps + 1, h, w).

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    begin, end = (image, fill) if kind == "deletion" else (fill, image)
    return np.stack([np.where(place < share * place.size, end, begin) for share in shares(steps)])


def curves(
    images: np.ndarray, fills: np.ndarray, maps: np.ndarray, kind: str, predict: Predict, seed: int
) -> np.ndarray:
    """The answer at every step.

    Args:
        images: uint8 (n, side, side).
        fills: uint8 (n, side, side).
        maps: float (n, side, side).
        kind: of `KINDS`.
        predict: gives the answer.
        seed: of the order of equally bright places.

    Returns:
        float (n, steps + 1).
    """
    generator = np.random.default_rng(seed)
    steps = [
        mask_stepwise(*pair, order(heat, generator), kind) for *pair, heat in zip(images, fills, maps, strict=True)
    ]
    return predict(np.concatenate(steps)).reshape(len(images), -1)


def trace_answers(
    cases: pd.DataFrame,
    images: np.ndarray,
    fills: np.ndarray,
    orders: dict[str, np.ndarray],
    predict: Predict,
    seed: int,
) -> pd.DataFrame:
    """One row per picture, kind, order and share: the `probability` then.

    Only pictures whose answer falls when all of them is taken away can be asked; the others are left out.

    Args:
        cases: one row per picture, with its `model`, `seed`, `path` and `patient`.
        images: uint8 (n, side, side).
        fills: of `healthy_fill`.
        orders: float (n, side, side) by name of `ORDERS`.
        predict: gives the answer.
        seed: of the order of equally bright places.

    Returns:
        no rows where no picture can be asked.
    """
    asked = predict(fills) < predict(images) if len(cases) else np.zeros(0, dtype=bool)
    columns, parts = ["model", "seed", "path", "patient"], []
    own = cases[columns][asked]
    turns = [(kind, name) for kind in KINDS if asked.any() for name in orders]
    for kind, name in progress.track(turns, "hiding places by the heat maps", len(turns)):
        every = orders[name]
        answers = curves(images[asked], fills[asked], every[asked], kind, predict, seed)
        rows = own.loc[own.index.repeat(answers.shape[1])]
        share = np.tile(shares(answers.shape[1] - 1), len(own))
        parts.append(rows.assign(kind=kind, order=name, share=share, probability=answers.ravel()))
    if not parts:
        return own.assign(kind="", order="", share=0.0, probability=0.0)  # no rows, of the same kinds
    return pd.concat(parts, ignore_index=True)


def mean_curves(found: pd.DataFrame) -> pd.DataFrame:
    """Contract `faithfulness_curves`: the mean over the pictures of `trace_answers`."""
    mean = found.groupby([*_BY, "order", "share"], sort=False)["probability"].agg(["mean", "size"]).reset_index()
    return mean.rename(columns={"mean": "probability", "size": "n"})


def table(found: pd.DataFrame, replicates: int, seed: int) -> pd.DataFrame:
    """Contract `faithfulness`: areas under the curves of `trace_answers`, and their paired differences from the map's.

    Args:
        found: of `trace_answers`, of any number of networks.
        replicates: bootstrap draws of patients.
        seed: of the draws.
    """
    if found.empty:
        return pd.DataFrame(columns=[*_BY, *bootstrap_mean.COLUMNS])
    by = [*_BY, "path", "patient"]
    area = found.groupby([*by, "order"], sort=False)["probability"].agg(lambda p: np.trapezoid(p, dx=1 / (len(p) - 1)))
    wide = area.unstack("order").reset_index()
    for name, rival in _DIFFERENCES.items():
        wide[name] = wide["map"] - wide[rival]
    return bootstrap_mean.table(wide, _BY, [*ORDERS, *_DIFFERENCES], replicates, seed)


def for_display(found: pd.DataFrame) -> pd.DataFrame:
    """The contract `faithfulness` in words: a row per network and kind, a column per measure, and what it says."""
    if found.empty:
        return pd.DataFrame(columns=list(_VERDICTS))
    titles = ORDERS | {"difference": "map less random", "over_gaussian": "map less middle"}
    verdicts = {title: _verdict(found[found["measure"] == name]) for title, name in _VERDICTS.items()}
    count = found[found["measure"] == "map"]["n"].to_numpy()
    return bootstrap_mean.for_display(found, "kind", titles).assign(**verdicts, radiographs=count)


def sentences(displayed: pd.DataFrame) -> list[str]:
    """For which networks the answer changes sooner in the order of the map than in others, and for which it does not.

    Args:
        displayed: of `for_display`, indexed by network and kind.
    """
    told = []
    for title, rival in _RIVALS.items() if len(displayed) else ():
        for verdict, rows in displayed.groupby(title, sort=False):
            whose = ", ".join(f"{network} ({kind})" for network, kind in rows.index)
            told.append(f"{_SAID[verdict]} {rival}: {whose}.")
    return told


def _verdict(gap: pd.DataFrame) -> np.ndarray:
    """Whether the map finds what carries the answer sooner than its rival."""
    good = np.where(gap["kind"] == "deletion", -1, 1)
    lower, upper = (np.sort(gap[["lower", "upper"]].to_numpy() * good[:, None], axis=1)[:, at] for at in (0, 1))
    return np.select([lower > 0, upper < 0], ["sooner", "later"], "no clear difference")
