"""What hidden lungs still tell: their outline, which stays to be seen where they are covered with one grey.

A network that tells the classes apart with the lungs hidden need not read letters or borders. The lung finder misses
lung that disease has whitened, lungs lie higher or lower as a child breathes, and both show in the outline. So what a
network makes of hidden lungs has to be compared with what the outline alone is worth (Rong et al. 2022,
arXiv:2202.00449, on what a mask gives away).
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from pneumo_utils.evaluation import delong, intervals
from pneumo_utils.evaluation.auc import auc_with_interval
from pneumo_utils.evaluation.metrics import format_interval, format_p
from pneumo_utils.imaging import lung_fields
from pneumo_utils.records.vocabulary import TITLES
from pneumo_utils.robustness.perturbations import HIDING

_SIDE = 16  # an outline is reduced to so many squares along each side, each the share of it that is lung
_MOST = 1000  # training pictures to learn from; more of the real ones add nothing that could be measured


def predictions(splits: pd.DataFrame, pixels: np.ndarray, chosen: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Predict from the outline of the lungs alone, by logistic regression on outlines of the training part.

    Args:
        splits: contract `splits`, both classes in train.
        pixels: uint8 (n, side, side), of its rows.
        chosen: of `perturbed_cases.choose_cases`.
        seed: of the draw of training pictures, at least 0.

    Returns:
        contract `outline_predictions`, in the order of `chosen`.
    """
    learned = np.flatnonzero(splits["split"] == "train")
    learned = np.sort(np.random.default_rng(seed).permutation(learned)[:_MOST])
    asked = pd.Index(splits["path"]).get_indexer(chosen["path"])
    fitted = LogisticRegression(class_weight="balanced", max_iter=1000)
    fitted.fit(_outlines(pixels[row] for row in learned), splits["label"].to_numpy()[learned])
    return chosen.assign(probability=fitted.predict_proba(_outlines(pixels[row] for row in asked))[:, 1])


def worth(predicted: pd.DataFrame) -> tuple[float, float, float]:
    """AUC of contract `outline_predictions` with its interval over patients, see `auc.auc_with_interval`."""
    return auc_with_interval(predicted["label"], predicted["probability"], predicted["patient"])


def compare(perturbed: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """What each network makes of hidden lungs, less what their outline is worth: DeLong's test over patients.

    Args:
        perturbed: contract `perturbed_predictions`.
        predicted: contract `outline_predictions`, of the same radiographs.

    Returns:
        a row per `model` and `seed`: `difference`, `lower` and `upper` of the AUC, and `p`; `nan` where undefined.
    """
    outline, rows = predicted.set_index("path")["probability"], []
    hidden = perturbed[perturbed["perturbation"] == HIDING[0]]
    for key, part in hidden.groupby(["model", "seed"], sort=False):
        both = part["label"], part["probability"], outline.loc[part["path"]], part["patient"]
        gap, *bounds = delong.difference(*both)
        rows.append((*key, gap, *intervals.drop_zero_width(*bounds), delong.compare(*both)[1]))
    return pd.DataFrame(rows, columns=["model", "seed", "difference", "lower", "upper", "p"])


def for_display(compared: pd.DataFrame) -> pd.DataFrame:
    """Rows of `compare`, of one seed, in words: a row per network."""
    gaps = [format_interval(*row) for row in compared[["difference", "lower", "upper"]].to_numpy(float)]
    shown = {"AUC less that of the outline": gaps, "p": [format_p(p) for p in compared["p"]]}
    return pd.DataFrame(shown, index=pd.Index(compared["model"].map(TITLES), name="network"))


def _outlines(images: Iterable[np.ndarray]) -> np.ndarray:
    """Share of lung in each square of a coarse grid, float (n, _SIDE * _SIDE)."""
    masks = (lung_fields.lung_mask(image).astype(np.float32) for image in images)
    return np.stack([cv2.resize(mask, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).ravel() for mask in masks])
