"""The mean of something measured in every picture, with an interval over patients."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import t

from pneumo_utils.evaluation import intervals, proportions
from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.records.vocabulary import MODELS

FEWEST = 6  # patients; the range of five values misses the true mean more often than an interval of 95% may
COLUMNS = ("measure", "value", "lower", "upper", "n")


def table(
    measured: pd.DataFrame,
    by: Sequence[str],
    measures: Sequence[str],
    replicates: int,
    seed: int,
    shares: Collection[str] = (),
) -> pd.DataFrame:
    """Mean of each of `measures` in each group.

    Args:
        measured: one row per picture, with the columns `by`, `measures` and `patient`; what is `nan` is left out.
        by: columns that name a group.
        measures: float columns.
        replicates: bootstrap draws of patients, at least 1; groups with the same patients share them.
        seed: of the draws, at least 0.
        shares: measures that only say yes or no.

    Returns:
        `by` and `COLUMNS`; `n` counts pictures; all but `n` empty where there is none, the bounds where they would have
        no width.
    """
    rows = []
    for key, part in measured.groupby(list(by), sort=False):
        for name in measures:
            there = part[part[name].notna()]
            summary = interval(there[name], there["patient"], replicates, seed, share=name in shares)
            rows.append((*key, name, *summary, len(there)))
    return pd.DataFrame(rows, columns=[*by, *COLUMNS])


def interval(
    values: np.ndarray, patient: np.ndarray, replicates: int, seed: int, *, share: bool = False
) -> tuple[float, float, float]:
    """Mean, lower and upper bound of `values`, float or bool (n,), one a picture of `patient`, (n,).

    Bootstrap over patients, its percentiles widened as Student's interval is for so many (Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789, "expanded percentiles"), and never surer than patients allow where they are a
    `share`; no interval of fewer than `FEWEST` patients, but of a share of 0 or 1.
    """
    values, patients = np.asarray(values, dtype=float), len(np.unique(patient))
    if not len(values):
        return (float("nan"),) * 3
    mean = float(values.mean())
    if share and mean in (0, 1):
        return mean, *proportions.clopper_pearson(mean, patients)
    counted = intervals.resample_patients(patient, replicates, seed)
    return mean, *of_draws(mean, counted @ values / counted.sum(axis=1), patients, share=share)


def of_draws(mean: float, draws: np.ndarray, patients: int, *, share: bool = False) -> tuple[float, float]:
    """The same bounds from bootstrap draws of the mean, float (replicates,), of so many patients."""
    if patients < FEWEST:
        return float("nan"), float("nan")
    level = 1 - 2 * ndtr(-np.sqrt(patients / (patients - 1)) * t.ppf(0.975, patients - 1))
    return intervals.interval(mean, draws, level, patients if share else 0)


def format_rows(found: pd.DataFrame) -> list[str]:
    """Every row's `value`, `lower` and `upper` as `metrics.format_interval` words them."""
    return [format_interval(*row) for row in found[["value", "lower", "upper"]].itertuples(index=False)]


def for_display(found: pd.DataFrame, by: str, measures: Mapping[str, str]) -> pd.DataFrame:
    """A long table in words: a row per network and `by`, in the order of appearance, a column per measure."""
    rows = found.assign(network=found["model"].map(MODELS), text=format_rows(found))
    return pivot_text(rows, ["network", by], "measure", measures)


def pivot_text(rows: pd.DataFrame, index: list[str], column: str, titles: Mapping[str, str]) -> pd.DataFrame:
    """The words `text` of `rows`: a row each of `index`, in the order of appearance, a column each of `titles`."""
    text = rows.pivot(index=index, columns=column, values="text").reindex(columns=list(titles))
    order = rows[index].drop_duplicates().itertuples(index=False, name=None)
    return text.loc[list(order)].rename(columns=titles).rename_axis(columns=None)
