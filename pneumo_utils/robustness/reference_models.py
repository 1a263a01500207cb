"""What any network has to beat: calling everybody ill, and telling the classes apart without having seen a lung."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

ALWAYS_THRESHOLD = 0.0  # at which `always_pneumonia` calls everybody pneumonia
CATEGORIES = ("jpeg_table", "mode")
# not bytes per pixel: fine detail takes bytes, and disease hides it
MEASURES = ("jpeg_quality", "progressive", "width", "height", "aspect") + (
    "mean", "spread", "p5", "p50", "p95", "border", "corners",
)  # fmt: skip
_RARE = 0.01  # a category in a smaller share of the training rows is pooled with the other rare ones
_TREES = 300
_LEAF = 3  # rows


class UnfitReferenceError(ValueError):
    """A reference cannot be made from these tables."""


def always_pneumonia(splits: pd.DataFrame) -> pd.DataFrame:
    """Give everybody the share of pneumonia among the training images, the best constant.

    Args:
        splits: contract `splits`, both classes in train.

    Returns:
        contract `reference_predictions`: model "always", seed 0, the rows of validation and test in the order of
        `splits`; at `ALWAYS_THRESHOLD` all of them are called pneumonia.

    Raises:
        UnfitReferenceError: train lacks a class.
    """
    _check_classes(splits)
    share = splits.loc[splits["split"] == "train", "label"].mean()
    return _predictions(splits, "always", 0, np.full(len(splits), share))


def no_lungs(splits: pd.DataFrame, manifest: pd.DataFrame, acquisition: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Predict from how a radiograph was taken and saved alone, by a random forest fitted on train.

    Args:
        splits: contract `splits`, both classes in train; no other label is looked at.
        manifest: contract `manifest`, the same paths in any order.
        acquisition: contract `acquisition`, the same paths in any order.
        seed: of the forest, at least 0.

    Returns:
        contract `reference_predictions`: model "acquisition", the rows of validation and test in the order of `splits`.

    Raises:
        UnfitReferenceError: train lacks a class, or the tables are not about the same paths.
    """
    _check_classes(splits)
    measured = acquisition_features(splits, manifest, acquisition)
    train = (splits["split"] == "train").to_numpy()
    fitted = forest(seed).fit(measured[train], splits["label"].to_numpy()[train])
    return _predictions(splits, "acquisition", seed, fitted.predict_proba(measured)[:, 1])


def table(splits: pd.DataFrame, manifest: pd.DataFrame, acquisition: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Both references, `always_pneumonia` first; arguments, result and errors as for `no_lungs`."""
    return pd.concat([always_pneumonia(splits), no_lungs(splits, manifest, acquisition, seed)], ignore_index=True)


def acquisition_features(splits: pd.DataFrame, manifest: pd.DataFrame, acquisition: pd.DataFrame) -> pd.DataFrame:
    """All that is known of a radiograph without a look at a lung.

    Args:
        splits: any table with the column `path`, each path once.
        manifest: contract `manifest`, the same paths in any order.
        acquisition: contract `acquisition`, the same paths in any order.

    Returns:
        `MEASURES` (float; `nan` where missing) and `CATEGORIES` of each row of `splits`, in its order, by path.

    Raises:
        UnfitReferenceError: the tables are not about the same paths.
    """
    for name, frame in (("manifest", manifest), ("acquisition", acquisition)):
        if splits["path"].duplicated().any() or sorted(frame["path"]) != sorted(splits["path"]):
            differing = len(set(frame["path"]) ^ set(splits["path"]))
            raise UnfitReferenceError(
                f"{name} must hold each path of splits once, got {len(frame)} rows for {len(splits)}, "
                f"{differing} paths in one alone"
            )
    both = manifest.assign(aspect=manifest["width"] / manifest["height"]).merge(acquisition, on="path")
    both = both.set_index("path").loc[splits["path"], [*MEASURES, *CATEGORIES]]
    return both.astype(dict.fromkeys(MEASURES, float))


def forest(seed: int) -> Pipeline:
    """A forest on `acquisition_features`: it needs no scaling, takes gaps, and bends at sharp steps of file formats."""
    pooled = OneHotEncoder(min_frequency=_RARE, handle_unknown="infrequent_if_exist", sparse_output=False)
    columns = make_column_transformer((pooled, list(CATEGORIES)), ("passthrough", list(MEASURES)))
    trees = RandomForestClassifier(_TREES, min_samples_leaf=_LEAF, class_weight="balanced", random_state=seed)
    return make_pipeline(columns, trees)


def _check_classes(splits: pd.DataFrame) -> None:
    found = sorted(set(splits.loc[splits["split"] == "train", "label"]))
    if found != [0, 1]:
        raise UnfitReferenceError(f"train must hold both classes, 0 and 1, got {found}")


def _predictions(splits: pd.DataFrame, model: str, seed: int, probability: np.ndarray) -> pd.DataFrame:
    rows = splits[["path", "patient", "label", "etiology", "split"]].assign(
        model=model, seed=seed, probability=probability
    )
    return rows[rows["split"] != "train"].reset_index(drop=True)
