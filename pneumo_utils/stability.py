"""How much two heat maps of the same picture agree: their rank correlation, picture by picture."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pneumo_utils import means
from pneumo_utils.names import MODELS


def ranks(maps: np.ndarray) -> np.ndarray:
    """Ranks of the places of each map, centred, of length 1: float32 (n, h * w); 0 where all places are equal.

    The product of two of these is Spearman's rank correlation, equal places counted by their mean rank.
    """
    centred = rankdata(maps.reshape(len(maps), -1), axis=1) - (maps[0].size + 1) / 2
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return (centred / np.where(length > 0, length, 1)).astype(np.float32)


def correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of maps, float (n, h, w) both: float (n,) in [-1, 1]; 0 where either is even."""
    return _alike(ranks(first), ranks(second))


def _alike(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.clip(np.einsum("np,np->n", first, second), -1, 1).astype(float)  # float32 may end just beyond 1


def table(maps: Mapping[tuple[str, int], np.ndarray], patient: np.ndarray, replicates: int, seed: int) -> pd.DataFrame:
    """Contract `stability`: every pair of networks and seeds.

    Args:
        maps: by network and seed, float (n, h, w), all of the same pictures.
        patient: name of the patient of each picture, (n,).
        replicates: bootstrap draws of patients.
        seed: of the draws.
    """
    ranked = {key: ranks(every) for key, every in maps.items()}
    rows = []
    for first, second in combinations(maps, 2):
        alike = _alike(ranked[first], ranked[second])
        rows.append((*first, *second, *means.interval(alike, patient, replicates, seed), len(alike)))
    columns = ["first", "first_seed", "second", "second_seed", "value", "lower", "upper", "n"]
    return pd.DataFrame(rows, columns=columns)


def said(found: pd.DataFrame) -> pd.DataFrame:
    """The contract `stability` in words."""
    shown = {
        side: found[side].map(MODELS) + ", seed " + found[f"{side}_seed"].astype(str) for side in ("first", "second")
    }
    return pd.DataFrame(shown | {"rank correlation": means.worded(found), "radiographs": found["n"]})
