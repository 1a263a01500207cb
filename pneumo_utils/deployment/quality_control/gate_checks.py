"""How often the gate refuses what it should, of kinds it has learned from and of others, and what it should not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from pneumo_utils.deployment.quality_control import changed_radiographs, odd_pictures, unlearned_pictures
from pneumo_utils.deployment.quality_control.gate import Gate
from pneumo_utils.deployment.scores import REFUSED, SCORED
from pneumo_utils.evaluation import proportions
from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.imaging import decoding
from pneumo_utils.records import progress
from pneumo_utils.robustness import perturbations

RADIOGRAPHS, LEARNED, UNLEARNED = (
    "radiographs",
    "learned",
    "unlearned",
)  # what a kind was to the gate when it was fitted
_SEED = 10_000  # of the pictures drawn here: the gate has learned from others
_FEWEST = 20  # pictures of every kind that is drawn
_WINDOWS = 40  # of each photograph, at most
_NOISE = 15.0  # grey levels, standard deviation: nearly twice what the gate lets pass
_COLUMNS = ("pictures", "lesson", "wanted", "n", "sources", "refused", "share", "lower", "upper")


@dataclass(frozen=True)
class _Kind:
    """Pictures that the gate is shown."""

    pictures: str  # what they are, in words
    lesson: str  # `RADIOGRAPHS`, or for what should be refused `LEARNED` or `UNLEARNED`
    shown: np.ndarray  # uint8 (n, s, s)
    source: np.ndarray  # (n,), patient or photograph of each

    @property
    def wanted(self) -> str:
        return SCORED if self.lesson == RADIOGRAPHS else REFUSED


def measure(
    gate: Gate,
    features: Callable[[np.ndarray], np.ndarray],
    radiographs: np.ndarray,
    patient: Sequence[str],
    each: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Show the gate radiographs that it has never seen, the same spoiled, and pictures that are none.

    Args:
        gate: fitted without any of them.
        features: what the networks make of pictures, uint8 (n, s, s) -> float (n, d).
        radiographs: uint8 (n, s, s), of the test set.
        patient: name of the patient of each.
        each: pictures of every kind but the radiographs as they are, at most; fewer in a study with fewer radiographs.
        seed: of what is drawn.

    Returns:
        contract `gate_checks`; the 95% interval is `proportions.clustered_interval` over patients, of photographs over
        these, as windows of one are alike.
    """
    rows = []
    for kind in _kinds(radiographs, np.asarray(patient), each, seed):
        refused = np.array(_refuses(gate, features, kind.shown), dtype=bool)
        bounds = proportions.clustered_interval(refused, kind.source)
        counts = len(refused), len(np.unique(kind.source)), int(refused.sum())
        share = float(refused.mean()) if len(refused) else None
        rows.append((kind.pictures, kind.lesson, kind.wanted, *counts, share, *bounds))
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def for_display(checks: pd.DataFrame) -> pd.DataFrame:
    """The contract `gate_checks` as readers see it."""
    share = [
        format_interval(row.share, row.lower, row.upper) if row.n else "none at hand" for row in checks.itertuples()
    ]
    shown = checks[["pictures", "lesson", "wanted", "n", "sources", "refused"]].assign(share=share)
    return shown.set_index("pictures").rename(columns={"wanted": "should be", "sources": "patients or sources"})


def count_refusals(checks: pd.DataFrame) -> dict[str, int | float | None]:
    """The fields of `bundle_contents.Refusals`: what was refused of the test part as it is.

    Args:
        checks: contract `gate_checks`.
    """
    row = checks.iloc[0]
    counts = {name: int(row[name]) for name in ("n", "refused")}
    return counts | {name: None if np.isnan(row[name]) else float(row[name]) for name in ("lower", "upper")}


def _refuses(gate: Gate, features: Callable[[np.ndarray], np.ndarray], pictures: np.ndarray) -> list[bool]:
    found = [bool(gate.look(one).refused) for one in progress.track(pictures, "looking at pictures", len(pictures))]
    passed = [place for place, refused in enumerate(found) if not refused]
    for place, row in zip(passed, features(pictures[passed]) if passed else (), strict=True):
        found[place] = bool(gate.look_at_features(row).refused)
    return found


def _frame(picture: np.ndarray) -> np.ndarray:
    """The picture with a twentieth of its side in black around it, as scanners and printers leave it."""
    wide = len(picture) // 20
    framed = cv2.copyMakeBorder(picture, wide, wide, wide, wide, cv2.BORDER_CONSTANT, value=0)
    return decoding.resize(framed, len(picture))


def _kinds(radiographs: np.ndarray, patient: np.ndarray, each: int, seed: int) -> Iterator[_Kind]:
    each = min(each, max(_FEWEST, len(radiographs)))
    generator, size = np.random.default_rng([seed, _SEED]), radiographs.shape[1]
    chosen = np.sort(generator.permutation(len(radiographs))[:each])
    some, whose = radiographs[chosen], patient[chosen]
    yield _Kind("test radiographs as they are", RADIOGRAPHS, radiographs, patient)
    mild = np.stack([changed_radiographs.vary_mildly(one, generator) for one in some])
    yield _Kind("test radiographs, varied mildly", RADIOGRAPHS, mild, whose)
    yield _Kind("test radiographs in a black frame", RADIOGRAPHS, np.stack([_frame(one) for one in some]), whose)
    noisy = np.stack([perturbations.perturb(one, "noise", _NOISE) for one in some])
    yield _Kind(f"with noise of {_NOISE:.0f} grey levels", LEARNED, noisy, whose)
    yield _Kind("saved in 16 grey levels", LEARNED, some // 16 * 16, whose)
    yield _Kind("inverted", LEARNED, 255 - some, whose)
    for quarters in (1, 2, 3):
        turned = np.stack([changed_radiographs.turn(one, quarters) for one in some])
        yield _Kind(f"turned by {90 * quarters} degrees", LEARNED, turned, whose)
    cut = np.stack([changed_radiographs.cut_off(one, generator) for one in some])
    yield _Kind("cut off", LEARNED, cut, whose)
    for lesson, room in ((LEARNED, odd_pictures), (UNLEARNED, unlearned_pictures)):
        for kind in room.KINDS:
            drawn = [room.draw(kind, _SEED + seed + number, size) for number in range(each)]
            yield _Kind(f"drawn: {kind}", lesson, np.stack(drawn), np.arange(each))
    photographs = dict(odd_pictures.find_photographs())
    windows = min(_WINDOWS, max(1, each // max(1, len(photographs))))
    found = [odd_pictures.cut_windows(pixels, windows, size, seed) for pixels in photographs.values()]
    shown = np.concatenate(found or [some[:0]])
    yield _Kind("photographs, logos and their windows", UNLEARNED, shown, np.repeat(list(photographs), windows))
