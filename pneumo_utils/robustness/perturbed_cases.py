"""Some test radiographs, shown in every way of `perturbations`: which ones, in which order, and the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils.imaging import decoding
from pneumo_utils.robustness import perturbations

_CASE = ["path", "patient", "label"]
_AHEAD = 2  # a file is decoded so many times as large as is kept, since what is seen of it may be enlarged


def choose_cases(splits: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """At most `count` test radiographs, half of them normal as far as there are enough, one a patient first.

    Args:
        splits: contract `splits`.
        count: radiographs wanted.
        seed: of the draw.
    """
    test = splits[splits["split"] == "test"].sample(frac=1, random_state=seed)
    test = test.iloc[np.argsort(test.groupby("patient").cumcount().to_numpy(), kind="stable")]
    normal, ill = (test[test["label"] == label] for label in (0, 1))
    wanted = min(len(normal), max(count // 2, count - len(ill)))
    return pd.concat([normal.head(wanted), ill.head(count - wanted)])[_CASE].sort_values("path", ignore_index=True)


def plan_perturbations(chosen: pd.DataFrame, files: dict[int, perturbations.FileFormat] | None) -> pd.DataFrame:
    """Contract `perturbations`: every way in which every case of `chosen` is shown, one case after another.

    Args:
        chosen: of `choose_cases`.
        files: of `perturbations.typical_files`; None: no file is swapped.
    """
    ways = [(perturbations.PLAIN, 0.0)]
    ways += [(name, strength) for name, kind in perturbations.PERTURBATIONS.items() for strength in kind.strengths]
    ways += [(perturbations.SWAPPED_FRAMING, 1.0), *([(perturbations.SWAPPED_FILES, 1.0)] if files else [])]
    return chosen.merge(pd.DataFrame(ways, columns=["perturbation", "strength"]), how="cross")


def pictures(
    planned: pd.DataFrame, root: Path, size: int, files: dict[int, perturbations.FileFormat] | None
) -> Iterator[np.ndarray]:
    """The squares of `planned`, uint8 (size, size), in its order: changed in the radiograph, then squashed as ever.

    Only what is hidden is hidden in the square, as a network sees it.

    Args:
        planned: of `plan_perturbations`.
        root: folder that its paths are relative to.
        size: side of the square that is kept, pixels.
        files: as given to `plan_perturbations`.
    """
    labels = planned.groupby("path", sort=False)["label"].first()
    ways = list(planned[["perturbation", "strength"]].drop_duplicates().itertuples(index=False, name=None))

    def of_case(path: Path) -> list[np.ndarray]:
        label = int(labels[path.relative_to(root).as_posix()])
        seen = decoding.read_reduced(path, _AHEAD * size)
        full_size = decoding.decode(path.read_bytes()) if files else seen
        square = decoding.resize(seen, size)

        def shown(way: str, strength: float) -> np.ndarray:
            if way == perturbations.PLAIN:
                return square
            if way in perturbations.HIDING:
                return perturbations.perturb(square, way, strength)
            if way == perturbations.SWAPPED_FRAMING:
                changed = perturbations.swap_framing(seen, label)
            elif way == perturbations.SWAPPED_FILES:
                changed = perturbations.swap_file(full_size, files[1 - label])
            else:
                changed = perturbations.perturb(seen, way, strength)
            return decoding.resize(changed, size)

        return [shown(*way) for way in ways]

    for squares in decoding.map_files(root, list(labels.index), of_case):
        yield from squares
