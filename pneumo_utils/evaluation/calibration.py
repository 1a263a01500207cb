"""Making 0.8 mean 80 in 100: calibrators, fitted on validation and then frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from pneumo_utils.evaluation.log_odds import LOGIT_CLIP, logits
from pneumo_utils.evaluation.operating_points import require_both_classes, require_validation
from pneumo_utils.evaluation.weighted_metrics import MetricError

TEMPERATURES = (0.05, 20.0)  # a likelihood without a maximum (classes apart, or the wrong way round) stops here


class Calibrator(Protocol):
    """A rising map of probabilities, fitted once and then frozen."""

    @classmethod
    def fit(cls, label: np.ndarray, probability: np.ndarray) -> Self:
        """Fit on validation: labels int (n,) of both classes, probabilities (n,) in [0, 1]."""

    def apply(self, probability: np.ndarray) -> np.ndarray:
        """Map probabilities (n,) in [0, 1] to calibrated ones."""


@dataclass(frozen=True)
class Temperature:
    """p -> sigmoid(logit(p) / temperature); Guo et al. (2017), "On Calibration of Modern Neural Networks", eq. 9.

    Probabilities are first kept `LOGIT_CLIP` from 0 and 1; between, their order stays, and so does the AUC.
    """

    temperature: float  # > 1: the network was too sure; < 1: not sure enough

    @classmethod
    def fit(cls, label: np.ndarray, probability: np.ndarray) -> Self:
        """Return the maximum of the likelihood, found as the root of its slope.

        Args:
            label: int (n,), both classes.
            probability: float (n,) in [0, 1].

        Raises:
            MetricError: as `operating_points.require_both_classes`.
        """
        label, probability = require_both_classes(label, probability)
        sureness = logits(probability)

        def slope(inverse: float) -> float:  # of the mean negative log likelihood, which is convex in 1 / temperature
            return float(np.mean((expit(inverse * sureness) - label) * sureness))

        hottest, coldest = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
        if slope(hottest) >= 0:
            return cls(TEMPERATURES[1])
        if slope(coldest) <= 0:
            return cls(TEMPERATURES[0])
        return cls(1 / brentq(slope, hottest, coldest, xtol=1e-14, rtol=1e-14))

    def apply(self, probability: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float (n,) in [0, 1], for (n,) in [0, 1]."""
        return expit(logits(_in_range(probability)) / self.temperature)


@dataclass(frozen=True)
class Platt:
    """p -> sigmoid(slope * logit(p) + intercept); Platt (1999), "Probabilistic outputs for support vector machines".

    The intercept undoes what weighing both classes alike in training does to every probability; no temperature can.
    Certain answers are kept `LOGIT_CLIP` from 0 and 1.
    """

    slope: float  # at least 0, so that the order stays; 0 where it would fall: then everybody gets the prevalence
    intercept: float

    @classmethod
    def fit(cls, label: np.ndarray, probability: np.ndarray) -> Self:
        """Return the maximum of the likelihood of Platt's targets; same arguments and errors as `Temperature.fit`."""
        label, probability = require_both_classes(label, probability)
        ill = int(label.sum())
        well = len(label) - ill
        target = np.where(label == 1, (ill + 1) / (ill + 2), 1 / (well + 2))  # finite even where classes are apart
        if logits(probability).min() == logits(probability).max():  # no slope can be told
            return cls(0.0, float(logit(target.mean())))
        # each case stands twice: as ill, weighed by its target, and as well, weighed by the rest
        twice = np.tile(logits(probability)[:, None], (2, 1))
        line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
        line.fit(twice, np.repeat([1, 0], len(target)), np.concatenate([target, 1 - target]))
        slope = float(line.coef_.item())
        return cls(slope, float(line.intercept_.item())) if slope > 0 else cls(0.0, float(logit(target.mean())))

    def apply(self, probability: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float (n,) in [LOGIT_CLIP, 1 - LOGIT_CLIP], for (n,) in [0, 1]."""
        return _clip(expit(self.slope * logits(_in_range(probability)) + self.intercept))


@dataclass(frozen=True)
class Isotonic:
    """The best rising map, linear between its knots; Zadrozny & Elkan (2002), doi:10.1145/775047.775151.

    It may make ties, so AUC can change a little. Outside the scores of validation it is flat. What it calls certain
    from a few cases is kept `LOGIT_CLIP` from 0 and 1, so that every later logarithm is finite.
    """

    scores: tuple[float, ...]
    values: tuple[float, ...]

    @classmethod
    def fit(cls, label: np.ndarray, probability: np.ndarray) -> Self:
        """Return the least-squares rising fit; same arguments and errors as `Temperature.fit`."""
        label, probability = require_both_classes(label, probability)
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probability, label)
        return cls(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))

    def apply(self, probability: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities, float (n,) in [LOGIT_CLIP, 1 - LOGIT_CLIP], for (n,) in [0, 1]."""
        return _clip(np.interp(_in_range(probability), self.scores, self.values))


METHODS: Mapping[str, type[Calibrator]] = {"temperature": Temperature, "platt": Platt, "isotonic": Isotonic}


def fit(validation: pd.DataFrame, method: str) -> dict[tuple[str, int], Calibrator]:
    """Fit one calibrator for each (model, seed).

    Args:
        validation: contract `predictions`, rows of validation only.
        method: a key of `METHODS`.

    Raises:
        MetricError: a row of another split, an unknown method, or as `Temperature.fit`.
    """
    require_validation(validation)
    if method not in METHODS:
        raise MetricError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    groups = validation.groupby(["model", "seed"], sort=False)
    return {key: METHODS[method].fit(part["label"].to_numpy(), part["probability"].to_numpy()) for key, part in groups}


def apply(predictions: pd.DataFrame, calibrators: Mapping[tuple[str, int], Calibrator]) -> pd.DataFrame:
    """Return contract `predictions` with calibrated probabilities, rows and order kept.

    Raises:
        MetricError: a (model, seed) has no calibrator.
    """
    calibrated = predictions["probability"].to_numpy(dtype=float, copy=True)
    for key, rows in predictions.groupby(["model", "seed"], sort=False).indices.items():
        if key not in calibrators:
            raise MetricError(f"calibrators must name every model and seed, got {sorted(calibrators)} for {key}")
        calibrated[rows] = calibrators[key].apply(calibrated[rows])
    return predictions.assign(probability=calibrated)


def shift_prevalence(probability: np.ndarray, own: float, wanted: float) -> np.ndarray:
    """Move calibrated probabilities from one prevalence to another, the images of each class staying alike.

    Saerens et al. (2002), doi:10.1162/089976602753284446, eq. 2.4: the odds are multiplied by the ratio of the odds.

    Args:
        probability: float (n,) in [0, 1].
        own: prevalence where the probabilities are calibrated, in (0, 1).
        wanted: prevalence where they shall be, in (0, 1).

    Raises:
        MetricError: an argument out of range.
    """
    for name, value in (("own", own), ("wanted", wanted)):
        if not 0 < value < 1:
            raise MetricError(f"{name} must be in (0, 1), got {value}")
    return expit(logits(_in_range(probability)) + logit(wanted) - logit(own))


def _in_range(probability: np.ndarray) -> np.ndarray:
    probability = np.asarray(probability, dtype=float)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise MetricError(f"probability must be in [0, 1], got {probability.min()} to {probability.max()}")
    return probability


def _clip(probability: np.ndarray) -> np.ndarray:
    return np.clip(probability, LOGIT_CLIP, 1 - LOGIT_CLIP)
