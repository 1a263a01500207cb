"""Is one model better than another on the same images? Paired differences, with Holm's correction.

Each metric has the method that the literature uses for it, in the form that lets the images of a patient be alike:
DeLong's test for the AUC, McNemar's exact test for accuracy, sensitivity and specificity, and the bootstrap over
patients for all others. Few patients decide a difference of shares, and draws of them promise too much: of 4 that
differ, all one way, draws make p 0.03 and McNemar's test 0.125. So the interval of such a difference is made of the
intervals of both, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from pneumo_utils.evaluation import delong, intervals, proportions
from pneumo_utils.evaluation.intervals import Thresholds
from pneumo_utils.evaluation.metrics import FURTHER, HEADLINE, decide, format_interval, format_p
from pneumo_utils.evaluation.weighted_metrics import METRICS, MetricError
from pneumo_utils.records.vocabulary import TITLES

METHODS = ("DeLong over patients", "McNemar over patients", "patient bootstrap")
_JUDGED = {"accuracy": (0, 1), "recall": (1,), "specificity": (0,)}  # the classes in which each counts the right
_COLUMNS = ("split", "seed", "first", "second", "metric", "difference", "lower", "upper", "p", "p_holm", "method", "n")


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p values so that the chance of any false finding in the family stays below the level (Holm 1979).

    Args:
        p: float (k,) in [0, 1]; `nan`, where a test is undefined, counts as not tested.

    Returns:
        float (k,), in the order given: at least `p`, at most 1; `nan` where `p` is.

    Raises:
        MetricError: a value is out of [0, 1].
    """
    p = np.asarray(p, dtype=float)
    tested = np.flatnonzero(~np.isnan(p))
    if ((p[tested] < 0) | (p[tested] > 1)).any():
        raise MetricError(f"p must be in [0, 1], got {p[tested].min()} to {p[tested].max()}")
    rising = tested[np.argsort(p[tested], kind="stable")]
    adjusted = np.full(p.shape, np.nan)
    stepped = p[rising] * np.arange(len(rising), 0, -1)
    adjusted[rising] = np.minimum(np.maximum.accumulate(stepped), 1)
    return adjusted


def mcnemar(first_right: np.ndarray, second_right: np.ndarray, patient: np.ndarray) -> float:
    """Exact two-sided p that two models err equally often, over patients.

    A patient counts by how many images more one model is right on; each such number could as well have the other sign.
    With one image per patient that is McNemar's exact test (1947), with several a permutation test within them.

    Args:
        first_right: bool (n,), whether one model is right on each image.
        second_right: the same of the other model.
        patient: name of the patient of each image, (n,).

    Returns:
        p in (0, 1]; 1 where they are right on the same images.

    Raises:
        MetricError: the three are not alike.
    """
    first_right, second_right = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    if first_right.ndim != 1 or first_right.shape != second_right.shape or np.shape(patient) != first_right.shape:
        shapes = f"{first_right.shape}, {second_right.shape}, {np.shape(patient)}"
        raise MetricError(f"all must be 1-D and alike, got {shapes}")
    owner, more = np.unique(patient, return_inverse=True)[1], first_right.astype(int) - second_right.astype(int)
    sums = np.abs(np.rint(np.bincount(owner, more))).astype(int)
    chance = np.ones(1)  # of every sum of signed numbers, from the lowest on
    for one in sums[sums > 0]:
        either = np.zeros(2 * one + 1)
        either[[0, -1]] = 0.5
        chance = np.convolve(chance, either)
    as_far = np.abs(np.arange(len(chance)) - len(chance) // 2) >= abs(int(more.sum()))
    return float(min(1.0, chance[as_far].sum()))


def bootstrap_p(differences: np.ndarray) -> float:
    """Two-sided p of bootstrap differences: twice the smaller share on either side of 0.

    It inverts the percentile interval (Davison & Hinkley 1997, section 5.5); one is added to both counts, so p is
    never below 2 / (replicates + 1). Holm multiplies that by the size of the family: a large family needs many
    replicates.

    Args:
        differences: float (replicates,); `nan` as in `intervals.percentile`.

    Returns:
        p in (0, 1]; `nan` where more than 5% of the replicates are.
    """
    differences = np.asarray(differences, dtype=float)
    undefined = np.isnan(differences)
    if undefined.all() or undefined.mean() > intervals.UNDEFINED_SHARE:
        return float("nan")
    smaller = min((differences[~undefined] <= 0).sum(), (differences[~undefined] >= 0).sum())
    return float(min(2 * (smaller + 1) / (len(differences) - undefined.sum() + 1), 1))


def table(
    predictions: pd.DataFrame,
    threshold: Thresholds,
    metrics: Sequence[str] = METRICS,
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Every pair of models on each split and seed: first less second, metric by metric.

    The interval of `auc_roc` is DeLong's over patients; with few patients of one class it is a little too narrow (of 20
    well and 40 ill ones it held the truth in 90 of 100 simulated studies). Of all others it is the percentile interval,
    for shares of images at least as wide as `proportions.difference` of both. Models that never differ have none.
    A family for Holm is one split and seed: all its pairs times `metrics`. Intervals are not widened for the family.

    Args:
        predictions: contract `predictions`; within a split and seed all models on the same images.
        threshold: one for all, or one for each model or (model, seed).
        metrics: any of `weighted_metrics.METRICS`, chosen before looking.
        replicates: bootstrap draws, at least 1; the same for all models.
        seed: of the draws, at least 0.
        level: coverage in (0, 1).

    Returns:
        contract `comparisons`: a row per split, seed, pair and metric; `nan` where undefined; `n` counts images.

    Raises:
        MetricError: a metric is unknown, models differ in their images, or as `intervals.table`.
    """
    if unknown := sorted(set(metrics) - set(METRICS)):
        raise MetricError(f"metrics must be among {', '.join(METRICS)}, got {unknown}")
    families = [
        _family(part, threshold, metrics, replicates, seed, level).assign(split=split, seed=run)
        for (split, run), part in predictions.groupby(["split", "seed"], sort=False)
        if part["model"].nunique() > 1
    ]
    return pd.concat(families, ignore_index=True)[list(_COLUMNS)] if families else pd.DataFrame(columns=_COLUMNS)


@dataclass(frozen=True)
class _Judged:
    """One network on one split and seed."""

    cases: pd.DataFrame  # its rows of the contract `predictions`, by path
    values: dict[str, np.ndarray]  # of `intervals.replicate_metrics`
    patients: dict[str, int]  # of `intervals.patients_behind`
    right: np.ndarray  # bool (n,), whether each decision is


def _family(
    part: pd.DataFrame, threshold: Thresholds, metrics: Sequence[str], replicates: int, seed: int, level: float
) -> pd.DataFrame:
    """All pairs of one split and seed, without these two columns."""
    drawn = [metric for metric in metrics if metric != "auc_roc"]  # DeLong's needs no draws
    judged = {}
    for name, case in _align(part).items():
        limit = intervals.threshold_of(threshold, name, case["seed"].iat[0])
        values = intervals.replicate_metrics(case, limit, replicates, seed, drawn)
        right = (decide(case["probability"], limit) == case["label"]).to_numpy()
        judged[name] = _Judged(case, values, intervals.patients_behind(case, limit), right)
    rows = []
    for first, second in combinations(judged, 2):
        pair = judged[first], judged[second]
        for metric in metrics:
            cases = (one.cases for one in pair)
            row = _by_delong(*cases, level) if metric == "auc_roc" else _by_draws(*pair, metric, level)
            rows.append((first, second, metric, *row, len(pair[0].cases)))
    frame = pd.DataFrame(
        rows, columns=["first", "second", "metric", "difference", "lower", "upper", "p", "method", "n"]
    )
    return frame.assign(p_holm=holm(frame["p"]))


def _by_draws(first: _Judged, second: _Judged, metric: str, level: float) -> list:
    """Difference, bounds, p and method of any metric but the AUC."""
    gaps = first.values[metric] - second.values[metric]
    bounds = intervals.interval(gaps[0], gaps[1:], level)
    if metric in intervals.PROPORTIONS and not np.isnan(bounds[0]):
        lower, upper = _of_both_shares(first, second, metric, level)
        bounds = min(bounds[0], lower), max(bounds[1], upper)
    if metric not in _JUDGED:
        return [gaps[0], *bounds, bootstrap_p(gaps[1:]), METHODS[2]]
    asked = first.cases["label"].isin(_JUDGED[metric]).to_numpy()
    rights = (one.right[asked] for one in (first, second))
    p = mcnemar(*rights, first.cases["patient"].to_numpy()[asked]) if asked.any() else float("nan")
    return [gaps[0], *bounds, p, METHODS[1]]


def _of_both_shares(first: _Judged, second: _Judged, metric: str, level: float) -> tuple[float, float]:
    """Bounds of the difference of two shares, made of the interval of each."""
    drawn = np.array([one.values[metric][1:] for one in (first, second)])
    drawn = drawn[:, ~np.isnan(drawn).any(axis=0)]
    together = np.corrcoef(drawn)[0, 1] if np.ptp(drawn, axis=1).min() > 0 else 0.0
    ends = []
    for one in (first, second):
        share, *draws = one.values[metric]
        ends += [share, intervals.interval(share, np.array(draws), level, one.patients[metric])]
    return proportions.difference(*ends, together)


def against_reference(predictions: pd.DataFrame, reference: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """AUC of every model less that of a reference, by DeLong's test over patients; a family for Holm is one split.

    Args:
        predictions: contract `predictions`.
        reference: contract `reference_predictions`, one model; the same images in each split.
        level: coverage in (0, 1).

    Returns:
        contract `comparisons`, its `second` the reference.

    Raises:
        MetricError: the images differ.
    """
    rows = []
    for (split, seed, model), part in predictions.groupby(["split", "seed", "model"], sort=False):
        other = reference[reference["split"] == split]
        cases = list(_align(pd.concat([part, other])).values())
        rows.append((split, seed, model, other["model"].iat[0], "auc_roc", *_by_delong(*cases, level), len(part)))
    columns = [name for name in _COLUMNS if name != "p_holm"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(p_holm=frame.groupby("split")["p"].transform(holm))[list(_COLUMNS)]


def in_words(found: pd.DataFrame) -> list[str]:
    """Of every row the difference with its interval, and p after Holm's correction."""
    rows = found[["difference", "lower", "upper", "p_holm"]].to_numpy()
    return [f"{format_interval(*row[:3])}, {format_p(row[3])}" for row in rows]


def for_display(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the contract `comparisons`, of one split and seed, in words: a row per pair, a column per metric."""
    named = found.replace({"first": TITLES, "second": TITLES, "metric": HEADLINE | FURTHER})
    rows = named.assign(pair=named["first"] + " less " + named["second"], text=in_words(found))
    wide = rows.pivot(index="pair", columns="metric", values="text").rename_axis(columns=None)
    return wide.reindex(index=rows["pair"].unique(), columns=rows["metric"].unique())


def _by_delong(first: pd.DataFrame, second: pd.DataFrame, level: float) -> list:
    case = first["label"], first["probability"], second["probability"], first["patient"]
    gap, *bounds = delong.difference(*case, level)
    return [gap, *intervals.drop_zero_width(*bounds), delong.compare(*case)[1], METHODS[0]]


def _align(part: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The predictions of each model in the order of their paths, which must be the same, with the same truth."""
    cases = {model: case.sort_values("path", ignore_index=True) for model, case in part.groupby("model", sort=False)}
    names = list(cases)
    truth = cases[names[0]][["path", "patient", "label"]]
    if truth["path"].duplicated().any():
        raise MetricError(f"models must judge every image once, got {names[0]} with repeated paths")
    for name in names[1:]:
        if not truth.equals(cases[name][["path", "patient", "label"]]):
            raise MetricError(f"models must be judged on the same images and labels, got {names[0]} unlike {name}")
    return cases
