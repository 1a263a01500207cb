"""DeLong's variance of the area under the ROC curve, its interval, and the paired test of two models.

`covariance` and `interval` take images for independent, as DeLong's theory does. Where a patient has several images,
they are too narrow in principle: the bootstrap over patients (`intervals`) is the one to quote, and these are there to
compare with the literature. The others let the images of a patient be alike (Obuchowski 1997, doi:10.2307/2533958).

DeLong, DeLong & Clarke-Pearson 1988 (doi:10.2307/2531595), computed from midranks in O(n log n) as in Sun & Xu 2014
(doi:10.1109/LSP.2014.2337313). Agrees with `var`, `cov`, `ci.auc` and `roc.test` of R's pROC.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from pneumo_utils.evaluation.weighted_metrics import MetricError, check_predictions


def covariance(label: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Areas of several models on the same images, and the covariance of these areas.

    Args:
        label: int (n,), 1 = pneumonia; images are treated as independent.
        probabilities: float (models, n) in [0, 1].

    Returns:
        areas, float (models,), `nan` where a class is absent; covariance, float (models, models), `nan` where a class
        has fewer than two images.

    Raises:
        MetricError: as `weighted_metrics.check_predictions`, for any model.
    """
    if np.ndim(probabilities) != 2 or not len(probabilities):
        raise MetricError(f"probabilities must be (at least 1, n), got {np.shape(probabilities)}")
    rows = [check_predictions(label, row)[1] for row in np.asarray(probabilities, dtype=float)]
    sick = np.asarray(label) == 1
    models, ill, well = len(rows), int(sick.sum()), int((~sick).sum())
    if not ill or not well:
        return np.full(models, np.nan), np.full((models, models), np.nan)
    placed = [_placements(row, sick) for row in rows]
    of_ill, of_well = (np.stack(part) for part in zip(*placed, strict=True))
    areas = of_ill.mean(axis=1)
    if min(ill, well) < 2:
        return areas, np.full((models, models), np.nan)
    return areas, np.atleast_2d(np.cov(of_ill)) / ill + np.atleast_2d(np.cov(of_well)) / well


def _placements(probability: np.ndarray, sick: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the well below each ill image, and of the ill above each well image; a tie counts half."""
    among_all = rankdata(probability)
    below = among_all[sick] - rankdata(probability[sick])
    above = sick.sum() - (among_all[~sick] - rankdata(probability[~sick]))
    return below / (~sick).sum(), above / sick.sum()


def interval(label: np.ndarray, probability: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Area of one model with its normal interval, cut to [0, 1] as pROC does.

    A perfect ranking has variance 0, and with it an interval without width that says nothing.

    Args:
        label: int (n,), 1 = pneumonia; images are treated as independent.
        probability: float (n,) in [0, 1].
        level: coverage in (0, 1).

    Returns:
        area, lower, upper; `nan` where undefined, see `covariance`.

    Raises:
        MetricError: an argument is out of its range or shape.
    """
    areas, matrix = covariance(label, np.asarray(probability)[None])
    half = _normal_quantile(level) * np.sqrt(matrix[0, 0])
    return float(areas[0]), *(float(np.clip(areas[0] + side * half, 0, 1)) for side in (-1, 1))


def clustered_interval(
    label: np.ndarray, probability: np.ndarray, patient: np.ndarray, level: float = 0.95
) -> tuple[float, float, float]:
    """Area of one model with a normal interval, cut to [0, 1], that lets the images of a patient be alike.

    DeLong's placements are summed within patients first (Obuchowski 1997); with one image per patient it is `interval`.
    As there, a perfect ranking has an interval without width.

    Args:
        label: int (n,), 1 = pneumonia; a patient may have images of both kinds.
        probability: float (n,) in [0, 1].
        patient: name of the patient of each image, (n,).
        level: coverage in (0, 1).

    Returns:
        area, lower, upper; `nan` where a class is absent, the bounds also where it has fewer than two patients.

    Raises:
        MetricError: an argument is out of its range or shape.
    """
    label, probability = check_predictions(label, probability)
    if np.shape(patient) != label.shape:
        raise MetricError(f"patient must be as long as label, got {np.shape(patient)}, {label.shape}")
    sick, quantile = label == 1, _normal_quantile(level)
    if sick.all() or not sick.any():
        return (float("nan"),) * 3
    placed = _placements(probability, sick)
    area = float(placed[0].mean())
    half = quantile * np.sqrt(_clustered_variance(area, placed, sick, np.unique(patient, return_inverse=True)[1]))
    return area, *(float(np.clip(area + side * half, 0, 1)) for side in (-1, 1))


def _clustered_variance(
    area: float, placed: tuple[np.ndarray, np.ndarray], sick: np.ndarray, owner: np.ndarray
) -> float:
    """Variance of the area from placements of the ill and the well, and the number of each image's patient."""
    sums, patients = [], owner.max() + 1
    for placements, rows in zip(placed, (sick, ~sick), strict=True):
        having = len(np.unique(owner[rows]))
        if having < 2:
            return float("nan")
        sums.append(np.bincount(owner[rows], placements - area, patients) / rows.sum())
        sums.append(having / (having - 1))
    ill, of_ill, well, of_well = sums
    both = 2 * patients / (patients - 1) * ill @ well  # of patients with images of both kinds
    return max(0.0, float(of_ill * ill @ ill + of_well * well @ well + both))


def difference(
    label: np.ndarray, first: np.ndarray, second: np.ndarray, patient: np.ndarray | None = None, level: float = 0.95
) -> tuple[float, float, float]:
    """Area of `first` less area of `second`, on the same images, with its normal interval cut to [-1, 1].

    Arguments, `nan` and errors as in `compare`; `level` as in `interval`.
    """
    gap, spread = _gap(label, first, second, patient)
    half = _normal_quantile(level) * spread
    return gap, *(float(np.clip(gap + side * half, -1, 1)) for side in (-1, 1))


def compare(
    label: np.ndarray, first: np.ndarray, second: np.ndarray, patient: np.ndarray | None = None
) -> tuple[float, float]:
    """Paired two-sided test that two models, judged on the same images, have the same area.

    Args:
        label: int (n,), 1 = pneumonia.
        first: probability of one model, float (n,) in [0, 1].
        second: of the other.
        patient: name of the patient of each image, (n,); None: images are independent, as for R's `roc.test`.

    Returns:
        z, positive where `first` has the larger area, and p; 0 and 1 where the models rank alike, and `nan` where
        undefined: a class has fewer than two patients, or the areas differ but have no variance.

    Raises:
        MetricError: an argument is out of its range or shape.
    """
    gap, spread = _gap(label, first, second, patient)
    if spread == 0:
        return (0.0, 1.0) if gap == 0 else (float("nan"), float("nan"))
    z = gap / spread
    return z, float(2 * ndtr(-abs(z)))


def correlation(label: np.ndarray, first: np.ndarray, second: np.ndarray, patient: np.ndarray | None = None) -> float:
    """How far the areas of two models, judged on the same images, move together when patients change.

    Arguments and errors as in `compare`.

    Returns:
        in [-1, 1]; `nan` where an area is undefined or has no variance.
    """
    _, of_gap, *of_each = _variances(label, first, second, patient)
    both = float(np.sqrt(np.prod(of_each)))
    return float(np.clip((sum(of_each) - of_gap) / (2 * both), -1, 1)) if both > 0 else float("nan")


def _gap(label: np.ndarray, first: np.ndarray, second: np.ndarray, patient: np.ndarray | None) -> tuple[float, float]:
    """Difference of the areas and its standard error; rounding left over from equal rankings is taken for 0."""
    gap, squared, *alone = _variances(label, first, second, patient)
    if squared <= 1e-14 * sum(alone):
        squared = 0.0
    return (0.0 if abs(gap) < 1e-12 else gap), float(np.sqrt(squared))


def _variances(
    label: np.ndarray, first: np.ndarray, second: np.ndarray, patient: np.ndarray | None
) -> tuple[float, float, float, float]:
    """Difference of the areas, its variance and that of either area; `nan` where one is undefined."""
    if np.shape(first) != np.shape(second):
        raise MetricError(f"first and second must be alike, got {np.shape(first)}, {np.shape(second)}")
    label, first = check_predictions(label, first)
    both, sick = (first, check_predictions(label, second)[1]), label == 1
    if sick.all() or not sick.any():
        return (float("nan"),) * 4
    owner = np.arange(len(sick)) if patient is None else np.unique(patient, return_inverse=True)[1]
    if owner.shape != sick.shape:
        raise MetricError(f"patient must be as long as label, got {owner.shape}, {sick.shape}")
    placed = [_placements(one, sick) for one in both]
    areas = [float(of_ill.mean()) for of_ill, _ in placed]
    gap = areas[0] - areas[1]
    differences = tuple(one - other for one, other in zip(*placed, strict=True))
    parts = zip((gap, *areas), (differences, *placed), strict=True)
    return gap, *(_clustered_variance(area, one, sick, owner) for area, one in parts)


def _normal_quantile(level: float) -> float:
    if not 0 < level < 1:
        raise MetricError(f"level must be in (0, 1), got {level}")
    return float(ndtri((1 + level) / 2))
