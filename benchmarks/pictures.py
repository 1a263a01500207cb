"""Radiographs to measure with: a stratified, patient-grouped part of a folder, or else of the phantom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.datasets import folder_layout, manifest, splits
from pneumo_utils.datasets.phantom import folder as phantom_folder
from pneumo_utils.imaging import decoding


@dataclass(frozen=True)
class Source:
    """Radiographs on disk, split by patient."""

    root: Path
    splits: pd.DataFrame  # contract `splits`
    words: str  # what they are

    def sample(self, counts: dict[str, int], size: int, seed: int = 0) -> tuple[np.ndarray, pd.DataFrame]:
        """`counts` pictures of each split, uint8 (n, size, size), and their rows of the contract `splits`."""
        parts = self.splits.iloc[chosen(self.splits, counts, seed)].reset_index(drop=True)
        return np.stack(list(decoding.read_all(self.root, list(parts["path"]), size))), parts


def find(data: str, folder: Path, patients: int) -> Source:
    """Radiographs in `data`, in the published layout; where it is empty, the phantom of `patients`, drawn in `folder`.

    Real data are named by their kind only: the path of a folder is nobody's business.
    """
    drawn = {"patients": patients, "seed": 0, "shortcut": False}
    root = folder_layout.locate(Path(data)) if data else phantom_folder.write(folder, **drawn)
    parts = splits.split_by_patient(manifest.build(root)[0], validation_fraction=0.15, seed=0)
    return Source(root, parts, f"the given folder ({len(parts):,} images)" if data else "the phantom")


def chosen(parts: pd.DataFrame, counts: dict[str, int], seed: int) -> np.ndarray:
    """Positions in `parts` of `counts` pictures of each split: classes as frequent as there, many patients.

    Raises:
        ValueError: a split has too few pictures.
    """
    shuffled = parts.reset_index(drop=True).sample(frac=1, random_state=seed)
    turn = shuffled.groupby("patient").cumcount().to_numpy()
    shuffled = shuffled.iloc[np.argsort(turn, kind="stable")]  # one picture of every patient before any second one
    rows = [_of_split(shuffled[shuffled["split"] == split], split, count) for split, count in counts.items()]
    return np.sort(np.concatenate(rows))


def _of_split(part: pd.DataFrame, split: str, count: int) -> np.ndarray:
    if len(part) < count:
        raise ValueError(f"{split} must have at least {count} images, got {len(part)}")
    ill = round(count * float((part["label"] == 1).mean()))
    return np.concatenate([part.index[part["label"] == 1][:ill], part.index[part["label"] == 0][: count - ill]])
