"""Some test radiographs made harder in every way of `stress`, and what that does to a network's answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pneumo_utils import audit, framing, images, outcomes, stress
from pneumo_utils.contracts import TITLES
from pneumo_utils.framing import Framing
from pneumo_utils.intervals import Thresholds, multiplicities, percentile, threshold_of
from pneumo_utils.metrics import decide, stated
from pneumo_utils.weighted import scores

_CASE = ["path", "patient", "label"]
_BY = ["model", "seed", "stress", "strength"]


def cases(splits: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
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


def plan(chosen: pd.DataFrame, files: dict[int, stress.FileKind] | None) -> pd.DataFrame:
    """Contract `stress`: every way in which every case of `chosen` is shown, one case after another.

    Args:
        chosen: of `cases`.
        files: of `stress.file_kinds`; None: no file is swapped.
    """
    ways = [(stress.PLAIN, 0.0)]
    ways += [(name, strength) for name, kind in stress.KINDS.items() for strength in kind.strengths]
    ways += [(stress.SWAPPED_FRAMING, 1.0), *([(stress.SWAPPED_FILES, 1.0)] if files else [])]
    return chosen.merge(pd.DataFrame(ways, columns=["stress", "strength"]), how="cross")


def pictures(
    planned: pd.DataFrame, root: Path, how: Framing, size: int, files: dict[int, stress.FileKind] | None
) -> Iterator[np.ndarray]:
    """The squares of `planned`, uint8 (size, size), in its order: changed in the radiograph, then framed as ever.

    Only what is hidden is hidden in the square: where the lungs are must be known first.

    Args:
        planned: of `plan`.
        root: folder that its paths are relative to.
        how: the framing of the study.
        size: side of the square that is kept, pixels.
        files: as given to `plan`.
    """
    labels = planned.groupby("path", sort=False)["label"].first()
    ways = list(planned[["stress", "strength"]].drop_duplicates().itertuples(index=False, name=None))

    def of_case(path: Path) -> list[np.ndarray]:
        label = int(labels[path.relative_to(root).as_posix()])
        seen, whole = (
            images.read_reduced(path, framing.AHEAD * size),
            images.decode(path.read_bytes()) if files else None,
        )
        square = framing.frame(seen, how, size).pixels
        return [_shown(way, strength, label, seen, square, whole, how, files) for way, strength in ways]

    for shown in images.each(root, list(labels.index), of_case):
        yield from shown


def _shown(way, strength, label, seen, square, whole, how, files) -> np.ndarray:
    if way == stress.PLAIN:
        return square
    if way in stress.HIDING:
        return stress.varied(square, way, strength)
    if way == stress.SWAPPED_FRAMING:
        changed = stress.swapped_framing(seen, label)
    elif way == stress.SWAPPED_FILES:
        changed = stress.swapped_file(whole, files[1 - label])
    else:
        changed = stress.varied(seen, way, strength)
    return framing.frame(changed, how, len(square)).pixels


def table(stressed: pd.DataFrame, threshold: Thresholds) -> pd.DataFrame:
    """Contract `robustness`: what every network is worth on the cases shown in every way.

    Args:
        stressed: contract `stressed`.
        threshold: of each (model, seed), frozen on validation.
    """
    rows = [(*key, *_worth(part, threshold_of(threshold, *key[:2]))) for key, part in stressed.groupby(_BY, sort=False)]
    found = pd.DataFrame(rows, columns=[*_BY, "auc", "lower", "upper", "sensitivity", "specificity", "n"])
    return found.assign(flipped=_flipped(stressed, threshold))


def _worth(part: pd.DataFrame, cut: float) -> tuple:
    label, called = part["label"].to_numpy(), decide(part["probability"], cut)
    auc = audit.separation(label, part["probability"], part["patient"])
    return (*auc, float(called[label == 1].mean()), float(1 - called[label == 0].mean()), len(part))


def _flipped(stressed: pd.DataFrame, threshold: Thresholds) -> np.ndarray:
    """Share of cases whose decision is another than for the picture as it is, one a row of `table`."""
    frame = outcomes.label(stressed, threshold)
    plain = frame[frame["stress"] == stress.PLAIN].set_index(["model", "seed", "path"])["called"]
    before = plain.loc[list(zip(frame["model"], frame["seed"], frame["path"], strict=True))].to_numpy()
    return frame.assign(flip=before != frame["called"]).groupby(_BY, sort=False)["flip"].mean().to_numpy()


def worst(found: pd.DataFrame) -> pd.DataFrame:
    """The row of the contract `robustness` with the lowest AUC of each network, hidden lungs left aside."""
    seeing = found[~found["stress"].isin(stress.HIDING)]
    return seeing.loc[seeing.groupby(["model", "seed"], sort=False)["auc"].idxmin()]


def worst_gap(
    first: pd.DataFrame, second: pd.DataFrame, replicates: int, seed: int, level: float = 0.95
) -> tuple[float, float, float]:
    """The lowest AUC of one network less that of another, hidden lungs left aside, with an interval over patients.

    Every draw of patients is the same for both networks and all ways, and has its own worst way: so the interval
    knows that the worst was picked.

    Args:
        first: contract `stressed` of one network.
        second: of the other, on the same cases shown in the same ways.
        replicates: draws of patients.
        seed: of the draws.
        level: coverage in (0, 1).

    Raises:
        ValueError: the cases or the ways differ.
    """
    lowest = [_lowest(one, replicates, seed) for one in (first, second)]
    if not lowest[0][0].equals(lowest[1][0]):
        raise ValueError("first and second must be shown the same cases in the same ways, got others")
    gaps = lowest[0][1] - lowest[1][1]
    return float(gaps[0]), *percentile(gaps[1:], level)


def _lowest(stressed: pd.DataFrame, replicates: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Cases and ways, and the lowest AUC over the ways: of all patients first, then of every draw."""
    seen = stressed[~stressed["stress"].isin(stress.HIDING)].sort_values([*_BY[2:], "path"], ignore_index=True)
    areas = []
    for _, part in seen.groupby(_BY[2:], sort=False):
        drawn = multiplicities(part["patient"].to_numpy(), replicates, seed)
        weights = np.vstack([np.ones_like(drawn[:1]), drawn])
        areas.append(scores(part["label"], part["probability"], weights, 0.5, metrics=("auc_roc",))["auc_roc"])
    return seen[[*_CASE, *_BY[2:]]], np.min(areas, axis=0)


def said(found: pd.DataFrame) -> pd.DataFrame:
    """Rows of the contract `robustness` in words: way and strength, AUC with interval, what the decisions do."""
    ways = list(zip(found["stress"], found["strength"], strict=True))
    return pd.DataFrame(
        {
            "network": [TITLES[model] for model in found["model"]],
            "way": [stress.name(*way) for way in ways],
            "AUC-ROC": [stated(*row) for row in found[["auc", "lower", "upper"]].itertuples(index=False)],
            "sensitivity": found["sensitivity"],
            "specificity": found["specificity"],
            "decisions changed": found["flipped"],
        }
    ).set_index("network")
