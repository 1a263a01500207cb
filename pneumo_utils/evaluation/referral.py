"""Leaving the least sure images to a human: how the error falls with the share that the model keeps.

Sureness is the distance of a probability from the operating point on the logit scale; images nearer than the *band*
are referred. Chow (1970), doi:10.1109/TIT.1970.1054406; El-Yaniv & Wiener (2010) for coverage against error.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pandas as pd

from pneumo_utils.evaluation.bootstrap_mean import format_rows
from pneumo_utils.evaluation.intervals import Thresholds, resample_patients, threshold_of
from pneumo_utils.evaluation.log_odds import logits
from pneumo_utils.evaluation.metrics import decide, format_rates
from pneumo_utils.evaluation.operating_points import require_validation
from pneumo_utils.evaluation.reliability import proportion_with_interval
from pneumo_utils.evaluation.weighted_metrics import MetricError, check_predictions
from pneumo_utils.records.vocabulary import IMAGE_MODELS

COVERAGES = tuple(step / 100 for step in range(100, 0, -1))
_KEYS = ["model", "seed", "split"]


def logit_distance(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Distance from the operating point in logits, float (n,), at least 0.

    Args:
        probability: (n,) in [0, 1], kept `log_odds.LOGIT_CLIP` from 0 and 1.
        threshold: in [0, 1], kept likewise.
    """
    return np.abs(logits(probability) - logits(threshold))


def curve(
    label: np.ndarray, probability: np.ndarray, threshold: float, coverages: Sequence[float] = COVERAGES
) -> pd.DataFrame:
    """What is wrong among the images that are kept, at each share that is kept.

    Args:
        label: int (n,).
        probability: float (n,) in [0, 1].
        threshold: the operating point, in [0, 1].
        coverages: shares wanted, each in (0, 1]; images as sure as the last one kept are kept too, so a share may come
            out higher, and one that comes out twice is given once.

    Returns:
        columns `band` (0: nobody is referred), `coverage`, `error`, `sensitivity`, `specificity`, `n` (images kept), of
        falling coverage; sensitivity or specificity `nan` where their class is referred altogether.

    Raises:
        MetricError: as `weighted_metrics.check_predictions`, or an argument out of range.
    """
    steps = _steps(label, probability, threshold)
    coverages = np.asarray(coverages, dtype=float)
    if not ((coverages > 0) & (coverages <= 1)).all():
        raise MetricError(f"coverages must be in (0, 1], got {coverages.tolist()}")
    enough = steps["coverage"].to_numpy() >= coverages[:, None] - 1e-12
    return steps.iloc[np.unique(enough.sum(axis=1) - 1)].reset_index(drop=True)


def choose_band(label: np.ndarray, probability: np.ndarray, threshold: float, target: float) -> float:
    """Return the narrowest band, in logits, outside which the error is at or below `target`.

    Args:
        label: int (n,), of validation.
        probability: float (n,) in [0, 1].
        threshold: the operating point, in [0, 1].
        target: error wanted among the images kept, in [0, 1].

    Returns:
        at least 0, midway between the sureness of two images; infinity where even the surest images are wrong too
        often, so that all must be referred.

    Raises:
        MetricError: as `weighted_metrics.check_predictions`, or an argument out of range.
    """
    if not 0 <= target <= 1:
        raise MetricError(f"target must be in [0, 1], got {target}")
    steps = _steps(label, probability, threshold)
    met = steps["band"][steps["error"] <= target]
    return float(met.iloc[0]) if len(met) else np.inf


def curves(predictions: pd.DataFrame, threshold: Thresholds, coverages: Sequence[float] = COVERAGES) -> pd.DataFrame:
    """`curve` of every model, seed and split.

    Args:
        predictions: contract `predictions`.
        threshold: one for all, or one for each model or (model, seed).
        coverages: shares wanted, each in (0, 1].

    Returns:
        contract `referral`.
    """
    found = []
    for key, part in predictions.groupby(_KEYS, sort=False):
        steps = curve(part["label"], part["probability"], threshold_of(threshold, *key[:2]), coverages)
        names = dict(zip(_KEYS, key, strict=True))
        found.append(steps.assign(**names)[[*names, *steps.columns]])
    return pd.concat(found, ignore_index=True)


def bands(validation: pd.DataFrame, threshold: Thresholds, target: float) -> dict[tuple[str, int], float]:
    """The band of each (model, seed), of `choose_band`, from rows of validation only.

    Raises:
        MetricError: a row of another split, or as `choose_band`.
    """
    require_validation(validation)
    return {
        key: choose_band(part["label"], part["probability"], threshold_of(threshold, *key), target)
        for key, part in validation.groupby(["model", "seed"], sort=False)
    }


def apply_bands(
    predictions: pd.DataFrame,
    threshold: Thresholds,
    band: Thresholds,
    replicates: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """What a band that was chosen beforehand does in every model, seed and split.

    Args:
        predictions: contract `predictions`, of any split.
        threshold: one for all, or one for each model or (model, seed).
        band: likewise, of `bands`.
        replicates: of the bootstrap over patients, for the interval of the error.
        seed: of the bootstrap.
        level: of the interval, in (0, 1).

    Returns:
        contract `referral_band`: `n` images are kept, a `coverage` of all; error and the rest `nan` where none is.
    """
    rows = []
    for (model, run, split), part in predictions.groupby(_KEYS, sort=False):
        label, probability = check_predictions(part["label"], part["probability"])
        point, width = threshold_of(threshold, model, run), threshold_of(band, model, run)
        kept = logit_distance(probability, point) >= width
        right, patient = decide(probability, point) == label, part["patient"].to_numpy()
        weights = resample_patients(patient, replicates, seed)
        shares = [
            proportion_with_interval(hit[of], patient[of], weights[:, of], level) if of.any() else (np.nan,) * 3
            for hit, of in ((~right, kept), (right, kept & (label == 1)), (right, kept & (label == 0)))
        ]
        rows.append((model, run, split, width, kept.mean(), *chain(*shares), int(kept.sum())))
    rates = [f"{name}{end}" for name in ("sensitivity", "specificity") for end in ("", "_lower", "_upper")]
    return pd.DataFrame(rows, columns=[*_KEYS, "band", "coverage", "error", "lower", "upper", *rates, "n"])


def _steps(label: np.ndarray, probability: np.ndarray, threshold: float) -> pd.DataFrame:
    """The columns of `curve`, for every band that makes a difference."""
    label, probability = check_predictions(label, probability)
    if not 0 <= threshold <= 1:
        raise MetricError(f"threshold must be in [0, 1], got {threshold}")
    right = decide(probability, threshold) == label
    levels, place = np.unique(logit_distance(probability, threshold), return_inverse=True)
    below = np.append(levels[0], levels[:-1])
    middle = below / 2 + levels / 2
    band = np.where(middle > below, middle, levels)
    band[0] = 0.0

    def kept(of: np.ndarray) -> np.ndarray:
        return np.cumsum(np.bincount(place[of], minlength=len(levels))[::-1])[::-1]

    n, sick, well = kept(label >= 0), kept(label == 1), kept(label == 0)
    found, spared = kept(right & (label == 1)), kept(right & (label == 0))
    shares = {"coverage": n / len(label), "error": (n - found - spared) / n}
    rates = {"sensitivity": found / np.where(sick, sick, np.nan), "specificity": spared / np.where(well, well, np.nan)}
    return pd.DataFrame({"band": band} | shares | rates | {"n": n})


def for_display(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the contract `referral_band`, of one split, in words: a row per network."""
    named = {"network": found["model"].map(IMAGE_MODELS), "band in logits": found["band"]}
    shown = named | {
        "share kept": found["coverage"],
        "wrong among them": format_rows(found.rename(columns={"error": "value"})),
        **{name: format_rates(found, name) for name in ("sensitivity", "specificity")},
        "n": found["n"],
    }
    return pd.DataFrame(shown).set_index("network")
