"""How much two heat maps agree: their rank correlation, of the same picture and, beside it, of two children."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pneumo_utils.evaluation import bootstrap_mean, intervals
from pneumo_utils.records.vocabulary import MODELS

SAME, OTHER = "same", "other"  # whose pictures are compared: the same, or those of two patients


def ranks(maps: np.ndarray) -> np.ndarray:
    """Ranks of the places of each map, centred, of length 1: float32 (n, h * w); 0 where all places are equal.

    The product of two of these is Spearman's rank correlation, equal places counted by their mean rank.
    """
    found = np.zeros((len(maps), maps[0].size), dtype=np.float32)
    for row, one in zip(found, maps, strict=True):  # one by one: all at once leave the cache, and take twice as long
        centred = rankdata(one) - (one.size + 1) / 2
        row[:] = centred / max(np.linalg.norm(centred), 1e-9)
    return found


def correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of maps, float (n, h, w) both: float (n,) in [-1, 1]; 0 where either is even."""
    return _correlate_ranks(ranks(first), ranks(second))


def _correlate_ranks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.clip(np.einsum("np,np->n", first, second), -1, 1).astype(float)  # float32 may end just beyond 1


def _of_strangers(
    first: np.ndarray, second: np.ndarray, apart: np.ndarray, patient: np.ndarray, replicates: int, seed: int
) -> tuple[float, float, float]:
    """Mean correlation over the pairs of pictures in `apart`, bool (n, n), with its interval over patients.

    All pairs, and pairs of drawn patients in each replicate (a U-statistic): to pair every picture with one other would
    count a pair twice where both are asked, and make the interval too narrow.
    """
    if not apart.any():
        return (float("nan"),) * 3
    apart = apart.astype(float)
    alike = np.clip(first @ second.T, -1, 1) * apart
    counted, value = (
        intervals.resample_patients(patient, replicates, seed).astype(float),
        float(alike.sum() / apart.sum()),
    )
    sums, pairs = (((counted @ every) * counted).sum(axis=1) for every in (alike, apart))
    drawn = np.divide(sums, pairs, out=np.full(replicates, np.nan), where=pairs > 0)
    return value, *bootstrap_mean.of_draws(value, drawn, len(np.unique(patient)))


def table(
    maps: Mapping[tuple[str, int], np.ndarray], patient: np.ndarray, label: np.ndarray, replicates: int, seed: int
) -> pd.DataFrame:
    """Contract `stability`: every pair of networks and seeds on the same picture, and on pictures of two patients.

    A network agrees with itself on the same picture; on two children it tells how much of its maps is a habit. These
    are of one class, as a picture and itself are: maps of ill and of normal children differ, and would hide it. A dark
    map has no places to compare, and is left out.

    Args:
        maps: by network and seed, float (n, h, w), all of the same pictures.
        patient: name of the patient of each picture, (n,).
        label: 1 = pneumonia, (n,).
        replicates: bootstrap draws of patients.
        seed: of the draws.
    """
    patient, label = np.asarray(patient), np.asarray(label)
    alike = (patient[:, None] != patient[None]) & (label[:, None] == label[None])
    ranked, rows = {key: ranks(every) for key, every in maps.items()}, []
    lit = {key: every.any(axis=1) for key, every in ranked.items()}
    for first, second in combinations_with_replacement(maps, 2):
        both, seen = (ranked[first], ranked[second]), lit[first] & lit[second]
        if first != second:
            own = _correlate_ranks(*(every[seen] for every in both))
            summary = bootstrap_mean.interval(own, patient[seen], replicates, seed) if seen.any() else (np.nan,) * 3
            rows.append((*first, *second, SAME, *summary, seen.sum()))
        apart = alike & lit[first][:, None] & lit[second][None]
        rows.append((*first, *second, OTHER, *_of_strangers(*both, apart, patient, replicates, seed), seen.sum()))
    columns = ["first", "first_seed", "second", "second_seed", "pictures", "value", "lower", "upper", "n"]
    return pd.DataFrame(rows, columns=columns)


def for_display(found: pd.DataFrame) -> pd.DataFrame:
    """The contract `stability` in words: a row per pair, the same picture beside two patients'."""
    rows = found.assign(text=bootstrap_mean.format_rows(found))
    for side in ("first", "second"):
        rows[side] = rows[side].map(MODELS) + ", seed " + rows[f"{side}_seed"].astype(str)
    titles = {SAME: "same radiograph", OTHER: "two patients' of one class"}
    return bootstrap_mean.pivot_text(rows, ["first", "second"], "pictures", titles)
