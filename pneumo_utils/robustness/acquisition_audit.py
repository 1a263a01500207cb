"""How well the classes are told apart by how a radiograph was taken and saved, and how far that drifts between parts.

No property here has seen a lung, but bytes per pixel, which depend on what a picture shows. Where one of them separates
the classes, a network can learn it instead of pneumonia.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.model_selection import StratifiedGroupKFold

from pneumo_utils.datasets import splits
from pneumo_utils.evaluation.auc import auc_with_interval
from pneumo_utils.records.vocabulary import PARTS
from pneumo_utils.robustness import reference_models

TOGETHER = "together"  # all properties at once, by the forest of `reference_models`
NAMES = {  # every property, and how readers call it
    "bytes_per_pixel": "bytes per pixel",
    "jpeg_quality": "JPEG quality",
    "jpeg_table": "JPEG tables",
    "progressive": "progressive JPEG",
    "mode": "colour mode",
    "width": "width",
    "height": "height",
    "area": "width × height",
    "aspect": "width / height",
    "mean": "mean grey level of the rim",
    "spread": "spread of grey levels of the rim",
    "p5": "5th percentile of the rim",
    "p50": "median grey level of the rim",
    "p95": "95th percentile of the rim",
    "border": "empty margin",
    "corners": "white in corners",
    TOGETHER: "all but bytes per pixel (forest)",
}
SHARES = ("progressive", *reference_models.CATEGORIES)  # described by a share; the others by a median
FEWEST = 17  # patients of a class: with fewer, not even a perfect ranking has a lower bound above 0.8
_FOLDS = 5
_PRIOR = 10  # images with the share of all that are added to each category, so that rare ones claim little
_UNDEFINED = (float("nan"),) * 3
_Learn = Callable[[pd.DataFrame, np.ndarray, pd.DataFrame], np.ndarray]  # fit rows, their label, rows held out: scores


def parts(manifest: pd.DataFrame) -> pd.Series:
    """The part each radiograph counts for, one of `PARTS`.

    As published, but a `val` with fewer than `FEWEST` patients of a class cannot be evaluated and counts as `train`,
    where `splits.split_by_patient` puts it, too.

    Args:
        manifest: contract `manifest`.
    """
    val = manifest[manifest["part"] == "val"]
    patients = val.groupby("label")["patient"].nunique().reindex([0, 1], fill_value=0)
    return manifest["part"].replace("val", "train") if patients.min() < FEWEST else manifest["part"]


def table(manifest: pd.DataFrame, acquisition: pd.DataFrame, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """How well each property alone, and all together, tell pneumonia from normal in each part.

    What counts as a sign of pneumonia is learned in train and kept in the other parts, so that a property that turns
    round stands below 0.5 there. For a number this is its direction, in train as well, where the AUC is thus at least
    0.5. For a category it is the share of pneumonia among its images, and for `TOGETHER` the forest of
    `reference_models`; both are learned in train out of fold by patient, and for the other parts from all of train.
    Their intervals take what was learned as given: where there is nothing to learn, values scatter about 0.5 more than
    the intervals say.

    Args:
        manifest: contract `manifest`.
        acquisition: contract `acquisition`, the same paths in any order.
        seed: of folds and forest, at least 0.
        level: coverage of the intervals, in (0, 1).

    Returns:
        contract `acquisition_audit`, a row per property of `NAMES` and part; see `parts` and `auc.auc_with_interval`.

    Raises:
        UnfitReferenceError: the tables are not about the same paths.
    """
    known, part = _usable(manifest, acquisition), parts(manifest)
    label, patient = (manifest[name].to_numpy() for name in ("label", "patient"))
    rows = []
    for name, (direction, score) in _scores(known, manifest, (part == "train").to_numpy(), seed).items():
        for place in _present(part):
            here = (part == place).to_numpy()
            found = auc_with_interval(label[here], score[here], patient[here], level)
            counts = [int((label[here & ~np.isnan(score)] == one).sum()) for one in (0, 1)]
            rows.append((name, place, direction, *found, *counts))
    columns = ["property", "part", "direction", "auc", "lower", "upper", "normal", "pneumonia"]
    return pd.DataFrame(rows, columns=columns)


def drift(manifest: pd.DataFrame, acquisition: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """What each property is like in each part and class, and how well it tells the part from train within the class.

    Args:
        manifest: contract `manifest`.
        acquisition: contract `acquisition`, the same paths in any order.
        level: coverage of the intervals, in (0, 1).

    Returns:
        contract `acquisition_drift`, a row per property, class and part. `centre` is the median; of `SHARES` it is the
        share of images that have the value most common in train (for `progressive`: that are so). `auc` is the chance
        that an image of the part exceeds one of train: 0.5 where nothing has moved, empty in train itself.

    Raises:
        UnfitReferenceError: the tables are not about the same paths.
    """
    known, part = _usable(manifest, acquisition), parts(manifest)
    rows = []
    for name in (name for name in NAMES if name != TOGETHER):
        values = _number(known[name], part)
        for label in (0, 1):
            inside = (manifest["label"] == label).to_numpy()
            for place in _present(part):
                both = inside & part.isin(["train", place]).to_numpy()
                later, patient = (part == place).to_numpy(int)[both], manifest["patient"].to_numpy()[both]
                moved = _UNDEFINED if place == "train" else auc_with_interval(later, values[both], patient, level)
                here = values[inside & (part == place).to_numpy()]
                rows.append((name, label, place, _centre(here, name), *moved, int((~np.isnan(here)).sum())))
    return pd.DataFrame(rows, columns=["property", "label", "part", "centre", "auc", "lower", "upper", "n"])


def _usable(manifest: pd.DataFrame, acquisition: pd.DataFrame) -> pd.DataFrame:
    known = reference_models.acquisition_features(manifest, manifest, acquisition)
    bytes_per_pixel = acquisition.set_index("path")["bytes_per_pixel"].loc[manifest["path"]].to_numpy(float)
    return known.assign(area=known["width"] * known["height"], bytes_per_pixel=bytes_per_pixel)


def _present(part: pd.Series) -> list[str]:
    return [name for name in PARTS if (part == name).any()]


def _number(values: pd.Series, part: pd.Series) -> np.ndarray:
    """Numbers as they are; for categories 1 where it is the one most common in train."""
    if values.name not in reference_models.CATEGORIES:
        return values.to_numpy(float)
    common = values[(part == "train").to_numpy()].mode()
    return values.isin(common[:1]).to_numpy(float)


def _centre(values: np.ndarray, name: str) -> float:
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan")
    return float(values.mean() if name in SHARES else np.median(values))


def _scores(
    known: pd.DataFrame, manifest: pd.DataFrame, train: np.ndarray, seed: int
) -> dict[str, tuple[str, np.ndarray]]:
    """Of each property: how it speaks for pneumonia, and a score (n,) that is higher the more it does."""
    found = {}
    label, patient = (manifest[name].to_numpy() for name in ("label", "patient"))
    for name in NAMES:
        if name == TOGETHER:
            found[name] = ("learned", _learned_scores(_forest(seed), known, manifest, train, seed))
        elif name in reference_models.CATEGORIES:
            found[name] = ("learned", _learned_scores(_shares(name), known, manifest, train, seed))
        else:
            values = known[name].to_numpy(float)
            falls = auc_with_interval(label[train], values[train], patient[train])[0] < 0.5
            found[name] = ("lower", -values) if falls else ("higher", values)
    return found


def _learned_scores(
    learn: _Learn, known: pd.DataFrame, manifest: pd.DataFrame, train: np.ndarray, seed: int
) -> np.ndarray:
    """Scores (n,) by `learn`: in train out of fold by patient, elsewhere from all of train; `nan` where it cannot."""
    label, score = manifest["label"].to_numpy(), np.full(len(known), np.nan)
    if len(np.unique(label[train])) < 2:
        return score
    if not train.all():
        score[~train] = learn(known[train], label[train], known[~train])
    for fitted, held_out in _folds(manifest, np.flatnonzero(train), seed):
        # ranks, since a fold with fewer ill to learn from gives lower scores to all whom it judges
        ranks = rankdata(learn(known.iloc[fitted], label[fitted], known.iloc[held_out]))
        score[held_out] = (ranks - 0.5) / len(held_out)  # what is constant is so across folds
    return score


def _folds(manifest: pd.DataFrame, rows: np.ndarray, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to learn from and rows to judge, by patient and by identical file; none where a class has but one."""
    label, member = manifest["label"].to_numpy()[rows], splits.patient_groups(manifest)[rows]
    folds = min(_FOLDS, *(len(np.unique(member[label == one])) for one in (0, 1)))
    if folds < 2:
        return
    for fitted, held_out in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(rows, label, member):
        if len(np.unique(label[fitted])) == 2:
            yield rows[fitted], rows[held_out]


def _forest(seed: int) -> _Learn:
    return lambda rows, label, held_out: reference_models.forest(seed).fit(rows, label).predict_proba(held_out)[:, 1]


def _shares(name: str) -> _Learn:
    """Share of pneumonia in each category, drawn towards that of all, which unknown categories get."""

    def learn(rows: pd.DataFrame, label: np.ndarray, held_out: pd.DataFrame) -> np.ndarray:
        ill = pd.Series(label, rows.index).groupby(rows[name]).agg(["sum", "size"])
        share = (ill["sum"] + _PRIOR * label.mean()) / (ill["size"] + _PRIOR)
        return held_out[name].map(share).fillna(label.mean()).to_numpy(float)

    return learn
