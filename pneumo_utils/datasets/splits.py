"""Who is trained on, who is validated on, who is tested on: patients, never pictures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import StratifiedGroupKFold

from pneumo_utils.datasets import filenames

_COLUMNS = ["path", "patient", "label", "etiology", "part"]  # of the contract `splits`, but for the split
_FINEST = 20  # folds: the validation part is cut in steps of 5% of the patients
_NEAR = 0.01  # of the pictures: the first folds are taken where they come as near to what was asked for


class SplitError(ValueError):
    """A split cannot be made from what is there."""


def patient_groups(manifest: pd.DataFrame) -> np.ndarray:
    """Number pictures by who must stay together: one patient, or byte-identical files of two patient numbers.

    Args:
        manifest: contract `manifest`.

    Returns:
        int array (n,): equal numbers stay on the same side.
    """
    patients = pd.factorize(manifest["patient"])[0]
    contents = pd.factorize(manifest["sha256"])[0] + patients.max() + 1
    size = contents.max() + 1
    links = coo_array((np.ones(len(manifest), dtype=bool), (patients, contents)), shape=(size, size))
    return connected_components(links, directed=False)[1][patients]


def split_by_patient(manifest: pd.DataFrame, *, validation_fraction: float, seed: int) -> pd.DataFrame:
    """Cut a patient-grouped validation part out of `train`, stratified by etiology; `test` stays as published.

    The published `val` (16 pictures, the last patient numbers of `train`) is a re-packager's artefact, too small
    to stop training on: it is put back into `train` first.

    Args:
        manifest: contract `manifest`.
        validation_fraction: share of the patients outside `test`, in (0, 1), in steps of as many folds as they can be
            cut into. Of folds side by side those are taken whose share of the pictures is nearest to it. An etiology
            with too few patients to be cut so finely is divided together with the commonest of its class.
        seed: of the shuffle, at least 0. The patients with the most pictures are dealt out before it, so some of them
            are on one side whatever the seed.

    Returns:
        contract `splits`, rows in the order of `manifest`.

    Raises:
        SplitError: the fraction is out of range, nothing is outside `test`, or a class has fewer than two patients
            there.
    """
    if not 0 < validation_fraction < 1:
        raise SplitError(f"validation_fraction must be in (0, 1), got {validation_fraction}")
    outside = np.flatnonzero(manifest["part"] != "test")
    if not len(outside):
        raise SplitError(f"manifest must hold pictures outside test, got {len(manifest)}, all in test")
    member = patient_groups(manifest)[outside]
    strata = _strata(manifest.iloc[outside], member, math.ceil(1 / validation_fraction))
    counts = {stratum: len(np.unique(member[strata == stratum])) for stratum in np.unique(strata)}
    rarest = min(counts, key=counts.get)
    folds = min(_FINEST, counts[rarest])
    if folds < 2:
        raise SplitError(f"each class must have at least 2 patients outside test, got 1 that is {rarest}")
    cutter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    parts = [held_out for _, held_out in cutter.split(outside, strata, member)]
    taken = min(max(1, round(validation_fraction * folds)), folds - 1)
    split = np.where(manifest["part"] == "test", "test", "train").astype(object)
    split[outside[_nearest(parts, taken, validation_fraction * len(outside))]] = "validation"
    return manifest[_COLUMNS].assign(split=split)


def _nearest(folds: list[np.ndarray], taken: int, wanted: float) -> np.ndarray:
    """The pictures of `taken` folds side by side, about `wanted` of them: the first folds hold the largest patients."""
    sides = [np.concatenate([*folds[first:], *folds[:first]][:taken]) for first in range(len(folds))]
    away = np.array([abs(len(side) - wanted) for side in sides])
    near = away <= max(away.min(), _NEAR * sum(map(len, folds)))
    return sides[int(near.argmax())]


def _strata(outside: pd.DataFrame, member: np.ndarray, fewest: int) -> np.ndarray:
    """Etiologies, but for rare ones: these go with the commonest of their class, since the rarest stratum decides how
    finely patients can be divided. Rare is one of fewer than `fewest` patients; an unknown one, below `_FINEST`.
    """
    strata = outside["etiology"].to_numpy().copy()
    for label in (0, 1):
        own = (outside["label"] == label).to_numpy()
        patients = {one: len(np.unique(member[own & (strata == one)])) for one in np.unique(strata[own])}
        commonest = max(patients, key=lambda one: (one != filenames.UNKNOWN, patients[one]), default="")
        for one, count in patients.items():
            if count < (_FINEST if one == filenames.UNKNOWN else fewest):
                strata[own & (strata == one)] = commonest
    return strata


def repool(manifest: pd.DataFrame, like: pd.DataFrame, *, by_patient: bool, seed: int) -> pd.DataFrame:
    """Pool all pictures and draw train, validation and test anew, as large as before: what the field often does.

    Args:
        manifest: contract `manifest`.
        like: contract `splits` of the same pictures; the sizes are its.
        by_patient: whether patients (and byte-identical files) stay together; else pictures are drawn one by one.
        seed: of the draw, at least 0.

    Returns:
        contract `splits`, rows in the order of `manifest`; sizes are met as closely as patients allow.
    """
    member = patient_groups(manifest) if by_patient else np.arange(len(manifest))
    order = np.random.default_rng(seed).permutation(member.max() + 1)[member].argsort(kind="stable")
    share = like["split"].value_counts(normalize=True)
    ends = np.cumsum([share["test"], share["validation"]]) * len(manifest)
    first_of_group = pd.Series(np.arange(len(order))).groupby(member[order]).transform("min").to_numpy()
    split = np.empty(len(manifest), dtype=object)
    split[order] = np.select([first_of_group < end for end in ends], ["test", "validation"], "train")
    return manifest[_COLUMNS].assign(split=split)


def leave_series_out(manifest: pd.DataFrame, like: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Leave one numbering series out of training and test on it, once for each that can be spared.

    The publishers numbered two series of normals, bacterial and viral patients independently: the nearest that the
    training folder has to pictures from somewhere else.

    Args:
        manifest: contract `manifest`.
        like: contract `splits` of the same pictures.

    Returns:
        by the name of the series contract `splits`, its pictures in `test` and all others where they were; not there
        are pictures whose names tell no series, and a series without which train or validation would lack a class.
    """
    named = np.where(manifest["label"] == 0, manifest["series"], manifest["etiology"])
    member, outside = patient_groups(manifest), (manifest["part"] != "test").to_numpy()
    found = {}
    for name in sorted(set(named[outside]) - {filenames.UNKNOWN}):
        gone = np.isin(member, member[outside & (named == name)])
        split = np.where(gone, "test", like["split"])
        kept = like.assign(split=split)[split != "test"].groupby("split")["label"].nunique()
        if len(kept) == 2 and (kept == 2).all() and manifest["label"][gone].nunique() == 1:
            found[name] = like.assign(split=split)
    return found


def shared_patients(splits: pd.DataFrame) -> int:
    """How many patients stand in more than one split; 0 for a split that can be trusted."""
    return int((splits.groupby("patient")["split"].nunique() > 1).sum())
