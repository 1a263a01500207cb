"""Does a heat map depend on what the network has learned? It must fall apart when that is destroyed (Adebayo 2018).

Adebayo et al. 2018, "Sanity checks for saliency maps" (arXiv:1810.03292): weights are shuffled from the answer
downwards, block by block, and a network learns labels that mean nothing (`networks.label_permutation`). A map that
stays what it was draws edges or the shape of a chest, whatever the network knows, and must not be shown as its reason.

How much is left is the squared rank correlation with the map before, whatever its sign; of a map that is dark now
nothing is. A network of shuffled weights may let every signal fade: that maps fall apart with everything shuffled says
little alone. So they must do so with the layer of the answer alone shuffled, too, where all activations are what they
were: a map that does not ask the answer stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import pandas as pd

from pneumo_utils.evaluation import bootstrap_mean, intervals
from pneumo_utils.explanation.stability import correlation
from pneumo_utils.records import progress
from pneumo_utils.records.vocabulary import MODELS

LIMIT = 0.5  # half of the order of the map before: less must be left
MIN_TRAINING_AUC = 0.9  # AUC on its own labels from which a network has learned them
WEIGHTS, LABELS = "weights", "labels"
Maps = Callable[[np.ndarray], np.ndarray]  # pictures, uint8 (n, side, side) -> maps, float (n, side, side)
_BY = ["model", "seed", "test", "stage"]


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

    Each array of weights keeps its values and loses their order; signals may fade on their way through. The network has
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


def weight_randomisation_test(
    network: Network, maps: Maps, cases: pd.DataFrame, images: np.ndarray, seed: int, shufflings: int
) -> pd.DataFrame:
    """How much of the maps is left as weights are shuffled.

    Args:
        network: that `maps` explains; changed in place, and given back as it was.
        maps: from pictures to maps by that very network.
        cases: one row per picture, with its `model`, `seed` and `patient`.
        images: uint8 (n, side, side).
        seed: of the shuffling.
        shufflings: at least 1; one network of shuffled weights may look at the same places by luck.

    Returns:
        one row per shuffling, stage, from the answer downwards, and picture.
    """
    before, found = maps(images), []
    for shuffle in progress.track(range(shufflings), f"shuffling the weights of {network.name}", shufflings):
        stages = cascade(network, (seed, shuffle))
        found += [compare_maps(cases, before, maps(images), WEIGHTS, stage, shuffle) for stage in stages]
    return pd.concat(found, ignore_index=True)


def compare_maps(
    cases: pd.DataFrame, before: np.ndarray, after: np.ndarray, test: str, stage: str, shuffle: int = 0
) -> pd.DataFrame:
    """One row per picture: what is `left` of its map, in [0, 1], and whether it is `dark` now.

    Both are `nan` where it was dark before: there was nothing to lose. Where it is dark now nothing is `left`.
    """
    lit = before.max(axis=(1, 2)) > 0
    dark = np.where(lit, after.max(axis=(1, 2)) == 0, np.nan)
    left = np.where(lit, correlation(before, after) ** 2, np.nan)  # 0 of a dark one
    rows = cases[["model", "seed", "patient"]].assign(test=test, stage=stage, shuffle=shuffle)
    return rows.assign(left=left, dark=dark)


def table(found: pd.DataFrame, replicates: int, seed: int) -> pd.DataFrame:
    """Contract `sanity`: means over shufflings and pictures of `weight_randomisation_test` and `compare_maps`.

    Args:
        found: of any number of networks and tests.
        replicates: bootstrap draws, of patients and of shufflings together.
        seed: of the draws.
    """
    rows = []
    for key, part in found.groupby(_BY, sort=False):
        turns = part["shuffle"].nunique()
        left, patient = part["left"].to_numpy().reshape(turns, -1), part["patient"].to_numpy()[: len(part) // turns]
        crossed = _crossed(left, patient, replicates, seed, alone=key[_BY.index("test")] == LABELS)
        summary = (*crossed, part["dark"].mean(), turns, (~np.isnan(left)).any(axis=0).sum())
        rows.append((*key, *summary))
    return pd.DataFrame(rows, columns=[*_BY, "value", "lower", "upper", "dark", "shuffles", "n"])


def _crossed(
    left: np.ndarray, patient: np.ndarray, replicates: int, seed: int, *, alone: bool
) -> tuple[float, float, float]:
    """Mean of (shufflings, n), `nan` left out, and its interval where both are drawn with replacement.

    Of permuted labels there is `alone` one other network, no sample of them: the interval is over patients.
    """
    there = ~np.isnan(left)
    if not there.any():
        return (float("nan"),) * 3
    counted, turns = intervals.resample_patients(patient, replicates, seed).astype(float), len(left)
    drawn = np.random.default_rng(seed).multinomial(turns, np.full(turns, 1 / turns), replicates).astype(float)
    sums, counts = (((drawn @ values) * counted).sum(axis=1) for values in (np.where(there, left, 0), there * 1.0))
    means_drawn = np.divide(sums, counts, out=np.full(replicates, np.nan), where=counts > 0)
    mean, fewest = float(left[there].mean()), len(np.unique(patient[there.any(axis=0)]))
    return mean, *bootstrap_mean.of_draws(mean, means_drawn, fewest if alone else min(fewest, turns))


def verdicts(sanity: pd.DataFrame) -> pd.DataFrame:
    """One row per network, seed and test of the contract `sanity`, with a `verdict`: its first stage or its last.

    A map passes if surely less than `LIMIT` of it is left both when the answer's layer is shuffled and when all is, or
    if nothing is left to draw. The row is that of which more may be left. Without an interval nothing is sure.
    """
    last = pd.concat([_less_sure(part) for _, part in sanity.groupby(_BY[:3], sort=False)])
    passes, fails = (last["upper"] < LIMIT) | (last["dark"] == 1), last["upper"] >= LIMIT
    return last.assign(verdict=np.select([passes, fails], ["pass", "FAIL"], "not tested"))


def _less_sure(stages: pd.DataFrame) -> pd.DataFrame:
    """Of the first and the last stage that of which more of the map may be left, one row."""
    ends = stages.iloc[[0, -1]]
    may_be = np.where(ends["dark"] == 1, 0, ends["upper"])
    return ends.iloc[[np.argsort(may_be, kind="stable")[-1]]]  # none is the most


def for_display(found: pd.DataFrame) -> pd.DataFrame:
    """`verdicts` in words."""
    shown = {
        "network": found["model"].map(MODELS),
        "shuffled": found["test"],
        "up to": found["stage"],
        "left of the map": bootstrap_mean.format_rows(found),
    }
    more = {"dark maps": found["dark"], "shufflings": found["shuffles"], "verdict": found["verdict"]}
    return pd.DataFrame(shown | more).reset_index(drop=True)
