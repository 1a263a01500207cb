"""Does a heat map depend on what the network has learned? It must fall apart when that is destroyed (Adebayo 2018).

Adebayo et al. 2018, "Sanity checks for saliency maps" (arXiv:1810.03292): weights are shuffled from the answer
downwards, block by block, and another network is trained on shuffled labels. A map that stays what it was draws edges
or the shape of a chest, whatever the network knows, and must not be shown as its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import pandas as pd

from pneumo_utils import means
from pneumo_utils.names import MODELS
from pneumo_utils.stability import correlation

LIMIT = 0.5  # rank correlation with the trained network's map, below which little of it is left
WEIGHTS, LABELS = "weights", "labels"
TESTS = (WEIGHTS, LABELS)
SHUFFLES = 5  # one network of shuffled weights may look at the same places by luck, five will not
Maps = Callable[[np.ndarray], np.ndarray]  # pictures, uint8 (n, side, side) -> maps, float (n, side, side)


class Network(Protocol):
    """As much of a Keras network as is needed here."""

    name: str
    layers: list

    def get_weights(self) -> list[np.ndarray]:
        """All weights."""

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Put them in place."""


def blocks(network: Network) -> dict[str, list]:
    """Layers that have weights, in blocks by the first part of their names, from the answer downwards."""
    found: dict[str, list] = {}
    for layer in reversed(network.layers):
        if layer.get_weights():
            found.setdefault(layer.name.partition("_")[0], []).append(layer)
    return found


def cascade(network: Network, seed: int | tuple[int, ...]) -> Iterator[str]:
    """Shuffle the weights of one block after another, from the answer downwards; its name, once that is done.

    Each array of weights keeps its values and loses their order, so that activations keep their scale. The network has
    its own weights again when all is done, or when the caller stops asking.

    Args:
        network: changed in place.
        seed: of the shuffling.
    """
    generator, before = np.random.default_rng(seed), network.get_weights()
    try:
        for name, layers in blocks(network).items():
            for layer in layers:
                arrays = layer.get_weights()
                layer.set_weights([generator.permutation(one.ravel()).reshape(one.shape) for one in arrays])
            yield name
    finally:
        network.set_weights(before)


def weights_test(network: Network, maps: Maps, cases: pd.DataFrame, images: np.ndarray, seed: int) -> pd.DataFrame:
    """How much of the maps is left as weights are shuffled, on average over `SHUFFLES` ways to do so.

    Args:
        network: that `maps` explains; changed in place, and given back as it was.
        maps: from pictures to maps by that very network.
        cases: one row a picture, with its `model`, `seed`, `path` and `patient`.
        images: uint8 (n, side, side).
        seed: of the shuffling.

    Returns:
        one row a picture and stage, from the answer downwards.
    """
    before, found = maps(images), []
    for shuffle in range(SHUFFLES):
        found += [compared(cases, before, maps(images), WEIGHTS, stage) for stage in cascade(network, (seed, shuffle))]
    every = pd.concat(found).astype({"dark": float})
    by = ["model", "seed", "path", "patient", "test", "stage"]
    return every.groupby(by, sort=False)[["correlation", "dark"]].mean().reset_index()


def compared(cases: pd.DataFrame, before: np.ndarray, after: np.ndarray, test: str, stage: str) -> pd.DataFrame:
    """One row a picture: the rank `correlation` of its two maps, and whether nothing was left to draw (`dark`)."""
    rows = cases[["model", "seed", "path", "patient"]].assign(test=test, stage=stage)
    return rows.assign(correlation=correlation(before, after), dark=after.max(axis=(1, 2)) == 0)


def table(found: pd.DataFrame, replicates: int, seed: int) -> pd.DataFrame:
    """Contract `sanity`: means over the pictures of `weights_test` and `compared`; whether the stage `passes`.

    Args:
        found: of any number of networks and tests.
        replicates: bootstrap draws of patients.
        seed: of the draws.
    """
    by = ["model", "seed", "test", "stage"]
    means_of = means.table(found, by, ["correlation", "dark"], replicates, seed)
    told, dark = (means_of[means_of["measure"] == name].reset_index(drop=True) for name in ("correlation", "dark"))
    return told.drop(columns="measure").assign(dark=dark["value"])


def verdicts(sanity: pd.DataFrame) -> pd.DataFrame:
    """One row a network, seed and test of the contract `sanity`: its last stage, and whether it `passes`.

    It passes if what is left of the map, when all is destroyed, surely correlates by less than `LIMIT` with what was.
    """
    last = sanity.groupby(["model", "seed", "test"], sort=False).tail(1)
    bounds = last[["lower", "upper"]].fillna({"lower": last["value"], "upper": last["value"]})
    return last.assign(passes=(bounds["lower"] > -LIMIT) & (bounds["upper"] < LIMIT))


def said(found: pd.DataFrame) -> pd.DataFrame:
    """`verdicts` in words."""
    return pd.DataFrame(
        {
            "network": found["model"].map(MODELS),
            "shuffled": found["test"],
            "rank correlation": means.worded(found),
            "dark maps": found["dark"],
            "verdict": found["passes"].map({True: "pass", False: "FAIL"}),
        }
    ).reset_index(drop=True)
