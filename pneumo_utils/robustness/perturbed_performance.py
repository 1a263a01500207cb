"""What harder pictures do to a network's answers: way by way, the worst, and two networks compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo_utils.evaluation import outcomes
from pneumo_utils.evaluation.auc import auc_change_with_interval, auc_with_interval
from pneumo_utils.evaluation.intervals import Thresholds, percentile, resample_patients, threshold_of
from pneumo_utils.evaluation.metrics import decide, format_interval, format_rates, rates
from pneumo_utils.evaluation.weighted_metrics import scores
from pneumo_utils.records.vocabulary import TITLES
from pneumo_utils.robustness import perturbations

_CASE = ["path", "patient", "label"]
_BY = ["model", "seed", "perturbation", "strength"]


def table(perturbed: pd.DataFrame, threshold: Thresholds) -> pd.DataFrame:
    """Contract `perturbed_performance`: what every network is worth on the cases shown in every way.

    Args:
        perturbed: contract `perturbed_predictions`.
        threshold: of each (model, seed), frozen on validation.
    """
    plain = perturbed[perturbed["perturbation"] == perturbations.PLAIN]
    as_it_is = {key: part.set_index("path")["probability"] for key, part in plain.groupby(_BY[:2], sort=False)}
    rows = [
        dict(zip(_BY, key, strict=True)) | _performance(part, as_it_is[key[:2]], threshold_of(threshold, *key[:2]))
        for key, part in perturbed.groupby(_BY, sort=False)
    ]
    return pd.DataFrame(rows).assign(flip_rate=_flip_rate(perturbed, threshold))


def _performance(part: pd.DataFrame, as_it_is: pd.Series, threshold: float) -> dict[str, float]:
    label, patient = part["label"].to_numpy(), part["patient"]
    auc = auc_with_interval(label, part["probability"], patient)
    change = auc_change_with_interval(label, part["probability"], as_it_is.loc[part["path"]], patient)
    areas = zip(("auc", "lower", "upper", "auc_change", "change_lower", "change_upper"), (*auc, *change), strict=True)
    return dict(areas) | rates(label, decide(part["probability"], threshold), patient) | {"n": len(part)}


def _flip_rate(perturbed: pd.DataFrame, threshold: Thresholds) -> np.ndarray:
    """Share of cases whose decision is another than for the picture as it is, one a row of `table`."""
    frame = outcomes.label(perturbed, threshold)
    plain = frame[frame["perturbation"] == perturbations.PLAIN].set_index(["model", "seed", "path"])["called"]
    before = plain.loc[list(zip(frame["model"], frame["seed"], frame["path"], strict=True))].to_numpy()
    return frame.assign(flip=before != frame["called"]).groupby(_BY, sort=False)["flip"].mean().to_numpy()


def lung_sparing(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of contract `perturbed_performance` of changes that hide no lung, without the picture as it is."""
    return found[~found["perturbation"].isin([perturbations.PLAIN, *perturbations.HIDING])]


def worst_case(found: pd.DataFrame) -> pd.DataFrame:
    """Of each network the row of contract `perturbed_performance` with the lowest AUC, of changes that hide no lung."""
    seeing = lung_sparing(found)
    return seeing.loc[seeing.groupby(["model", "seed"], sort=False)["auc"].idxmin()]


def worst_decisions(found: pd.DataFrame) -> pd.DataFrame:
    """Of each network the row in which sensitivity and specificity have the lowest mean; no lung is hidden."""
    seeing = lung_sparing(found)
    balanced = (seeing["sensitivity"] + seeing["specificity"]) / 2
    return seeing.loc[balanced.groupby([seeing["model"], seeing["seed"]], sort=False).idxmin()]


def worst_case_difference(
    first: pd.DataFrame, second: pd.DataFrame, replicates: int, seed: int, level: float = 0.95
) -> tuple[float, float, float]:
    """The lowest AUC of one network less that of another, hidden lungs left aside, with an interval over patients.

    Every draw of patients is the same for both networks and all ways, and has its own worst way. The lowest of many
    areas lies below the lowest true one, the more so the more ways are equally hard: the interval is the basic one
    (Davison & Hinkley 1997, section 5.2), which takes the bias of the draws off instead of adding it once more; what
    bias the gap itself has is against the network that is equally good in every way.

    Args:
        first: contract `perturbed_predictions` of one network.
        second: of the other, on the same cases shown in the same ways.
        replicates: draws of patients.
        seed: of the draws.
        level: coverage in (0, 1).

    Raises:
        ValueError: the cases or the ways differ.
    """
    lowest = [_lowest_auc(one, replicates, seed) for one in (first, second)]
    if not lowest[0][0].equals(lowest[1][0]):
        raise ValueError("first and second must be shown the same cases in the same ways, got others")
    gaps = lowest[0][1] - lowest[1][1]
    lower, upper = percentile(gaps[1:], level)
    return float(gaps[0]), float(2 * gaps[0] - upper), float(2 * gaps[0] - lower)


def _lowest_auc(perturbed: pd.DataFrame, replicates: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Cases and ways, and the lowest AUC over the ways: of all patients first, then of every draw."""
    seen = perturbed[~perturbed["perturbation"].isin(perturbations.HIDING)].sort_values(
        [*_BY[2:], "path"], ignore_index=True
    )
    areas = []
    for _, part in seen.groupby(_BY[2:], sort=False):
        drawn = resample_patients(part["patient"].to_numpy(), replicates, seed)
        weights = np.vstack([np.ones_like(drawn[:1]), drawn])
        areas.append(scores(part["label"], part["probability"], weights, 0.5, metrics=("auc_roc",))["auc_roc"])
    return seen[[*_CASE, *_BY[2:]]], np.min(areas, axis=0)


def for_display(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the contract `perturbed_performance` in words: way, strength, AUC with interval, and decisions."""
    ways = list(zip(found["perturbation"], found["strength"], strict=True))
    changes = _texts(found, "auc_change", "change_lower", "change_upper")
    return pd.DataFrame(
        {
            "network": [TITLES[model] for model in found["model"]],
            "way": [perturbations.name(*way) for way in ways],
            "AUC-ROC": _texts(found, "auc", "lower", "upper"),
            "AUC less that of the picture as it is": np.where(
                found["perturbation"] == perturbations.PLAIN, "", changes
            ),
            "sensitivity": format_rates(found, "sensitivity"),
            "specificity": format_rates(found, "specificity"),
            "decisions changed": found["flip_rate"],
        }
    ).set_index("network")


def _texts(found: pd.DataFrame, *columns: str) -> list[str]:
    return [format_interval(*row) for row in found[list(columns)].itertuples(index=False)]
