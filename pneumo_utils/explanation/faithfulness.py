"""Do the places that a heat map marks carry the answer? They are taken away, or given back, the brightest first.

Deletion and insertion after Petsiuk et al. 2018 (arXiv:1806.07421). What is taken away is not blackened or blurred: a
chest without lungs is no radiograph, and a blurred one looks ill. So does the mean of many children, as chests do not
lie alike: every network called it pneumonia. In its place comes a healthy child of the training part, at the exposure
of the picture. Two orders that know nothing of the picture are followed beside the map's, since any large change
moves a network: the map of another child, which has as many seams, and from the middle of the picture outwards, where
the lungs are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from pneumo_utils.evaluation import bootstrap_mean
from pneumo_utils.records import progress

KINDS = ("deletion", "insertion")
ORDERS = {"map": "by its map", "other": "by another child's map", "gaussian": "from the middle"}  # of the places
_RIVALS = {
    "map against another's": "by another child's map",
    "map against the middle": "from the middle outwards",
}
_SAID = {"sooner": "Sooner than", "later": "**Later** than", "no clear difference": "Not clearly sooner or later than"}
_VERDICTS = {"map against another's": "difference", "map against the middle": "over_gaussian"}  # and their measure
_DIFFERENCES = {"difference": "other", "over_gaussian": "gaussian"}  # the map's area less that of another order
_STEPS = 10
_BY = ["model", "seed", "kind"]
Predict = Callable[[np.ndarray], np.ndarray]  # pictures, uint8 (m, side, side) -> probability of pneumonia, (m,)


def healthy_fill(images: np.ndarray, like: np.ndarray, seed: int) -> np.ndarray:
    """A healthy child for each of some pictures, at its brightness and contrast.

    Args:
        images: uint8 (m, side, side), normal radiographs of the training part.
        like: uint8 (n, side, side).
        seed: of the draw; no child is drawn twice where there are enough.

    Returns:
        uint8 (n, side, side).
    """
    generator = np.random.default_rng(seed)
    drawn = images[np.sort(generator.choice(len(images), len(like), replace=len(images) < len(like)))].astype(float)
    own, wanted = (
        [of(some, axis=(1, 2), keepdims=True, dtype=float) for of in (np.mean, np.std)] for some in (drawn, like)
    )
    shape = (drawn - own[0]) / np.maximum(own[1], 1e-9)
    return np.clip(np.rint(shape * wanted[1] + wanted[0]), 0, 255).astype(np.uint8)


def of_another(maps: np.ndarray, patient: np.ndarray) -> np.ndarray:
    """For every picture the map of the next picture of another patient, or a dark one where all are of one.

    Args:
        maps: float (n, h, w).
        patient: name of the patient of each picture, (n,).
    """
    patient, places = np.asarray(patient), np.arange(len(maps))
    found = np.zeros_like(maps)
    for place in places:
        others = np.roll(places, -place - 1)
        others = others[patient[others] != patient[place]]
        if len(others):
            found[place] = maps[others[0]]
    return found


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
    threshold: float,
) -> pd.DataFrame:
    """One row per picture, kind, order and share: the `probability` then.

    Only pictures that are called pneumonia, and whose fill is not, can be asked; the others are left out.

    Args:
        cases: one row per picture, with its `model`, `seed`, `path` and `patient`.
        images: uint8 (n, side, side).
        fills: of `healthy_fill`.
        orders: float (n, side, side) by name of `ORDERS`.
        predict: gives the answer.
        seed: of the order of equally bright places.
        threshold: at or above it a probability is called pneumonia.

    Returns:
        no rows where no picture can be asked.
    """
    asked = (predict(fills) < threshold) & (predict(images) >= threshold) if len(cases) else np.zeros(0, dtype=bool)
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
    titles = ORDERS | {"difference": "map less another's", "over_gaussian": "map less middle"}
    verdicts = {title: _verdict(found[found["measure"] == name]) for title, name in _VERDICTS.items()}
    count = found[found["measure"] == "map"]["n"].to_numpy()
    return bootstrap_mean.for_display(found, "kind", titles).assign(**verdicts, radiographs=count)


def deletion_beside_another(found: pd.DataFrame) -> tuple[str, pd.Series] | None:
    """Whether deletion changes the answer `sooner` or `later` than in the order of another child's map, or neither.

    Args:
        found: contract `faithfulness`, of one network.

    Returns:
        what it says, and the row of the difference; none where no picture could be asked.
    """
    gap = found[(found["kind"] == "deletion") & (found["measure"] == "difference")]
    return (str(_verdict(gap)[0]), gap.iloc[0]) if len(gap) else None


def ends_in_words(lines: pd.DataFrame, titles: Mapping[str, str], checked: int) -> list[str]:
    """Of every network from what probability to what deletion led, and how many radiographs were used.

    Args:
        lines: contract `faithfulness_curves`.
        titles: how each model is called.
        checked: radiographs with pneumonia that were followed.
    """
    own = lines[(lines["kind"] == "deletion") & (lines["order"] == "map")]
    told = []
    for model, part in own.groupby("model", sort=False):
        first, last = (part.loc[of(part["share"]), "probability"] for of in (pd.Series.idxmin, pd.Series.idxmax))
        told.append(f"{titles[model]}: from {first:.2f} to {last:.2f}, {part['n'].iloc[0]} of {checked} radiographs.")
    return told


def sentences(displayed: pd.DataFrame) -> list[str]:
    """For which networks the answer changes sooner in the order of the map than in others, later, or not clearly so.

    What is not told apart is not called alike: where few radiographs could be asked, there is no interval at all.

    Args:
        displayed: of `for_display`, indexed by network and kind.
    """
    told = []
    for title, rival in _RIVALS.items() if len(displayed) else ():
        for verdict, rows in displayed.groupby(title, sort=False):
            kinds = rows.index.to_frame()["kind"].groupby(level="network", sort=False).agg(" and ".join)
            whose = ", ".join(f"{network} ({which})" for network, which in kinds.items())
            told.append(f"{_SAID[verdict]} {rival}: {whose}.")
    return told


def _verdict(gap: pd.DataFrame) -> np.ndarray:
    """Whether the map finds what carries the answer sooner than its rival."""
    good = np.where(gap["kind"] == "deletion", -1, 1)
    lower, upper = (np.sort(gap[["lower", "upper"]].to_numpy() * good[:, None], axis=1)[:, at] for at in (0, 1))
    return np.select([lower > 0, upper < 0], ["sooner", "later"], "no clear difference")
