"""How often the gate refuses what it should, and what it should not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pandas as pd
from scipy.stats import binomtest

from pneumo_utils.deployment.quality_control import changed_radiographs, odd_pictures
from pneumo_utils.deployment.quality_control.gate import Gate
from pneumo_utils.deployment.scores import REFUSED, SCORED
from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.imaging import decoding
from pneumo_utils.records import progress

_SEED = 10_000  # of the pictures drawn here: the gate has learned from others
_FEWEST = 20  # pictures of every kind that is drawn
_WINDOWS = 40  # of each photograph, at most


def measure(
    gate: Gate, features: Callable[[np.ndarray], np.ndarray], radiographs: np.ndarray, each: int, seed: int = 0
) -> pd.DataFrame:
    """Show the gate radiographs that it has never seen, the same spoiled, and pictures that are none.

    Args:
        gate: fitted without any of them.
        features: what the networks make of pictures, uint8 (n, s, s) -> float (n, d).
        radiographs: uint8 (n, s, s), of the test set.
        each: pictures of every kind but the radiographs as they are, at most; fewer in a study with fewer radiographs.
        seed: of what is drawn.

    Returns:
        contract `gate_checks`; the interval is that of Clopper and Pearson, 95%.
    """
    rows = []
    for pictures, wanted, shown in _kinds(radiographs, each, seed):
        refused = int(sum(_refuses(gate, features, shown)))
        lower, upper = binomtest(refused, len(shown)).proportion_ci(method="exact") if len(shown) else (None, None)
        share = refused / len(shown) if len(shown) else None
        rows.append((pictures, wanted, len(shown), refused, share, lower, upper))
    return pd.DataFrame(rows, columns=["pictures", "wanted", "n", "refused", "share", "lower", "upper"])


def for_display(checks: pd.DataFrame) -> pd.DataFrame:
    """The contract `gate_checks` as readers see it."""
    share = [
        format_interval(row.share, row.lower, row.upper) if row.n else "none at hand" for row in checks.itertuples()
    ]
    shown = checks[["pictures", "wanted", "n", "refused"]].assign(share=share)
    return shown.set_index("pictures").rename(columns={"wanted": "should be"})


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


def _kinds(radiographs: np.ndarray, each: int, seed: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """What the pictures are in words, what is right, and the pictures."""
    each = min(each, max(_FEWEST, len(radiographs)))
    generator, size = np.random.default_rng([seed, _SEED]), radiographs.shape[1]
    some = radiographs[np.sort(generator.permutation(len(radiographs))[:each])]
    yield "test radiographs as they are", SCORED, radiographs
    mild = [changed_radiographs.vary_mildly(one, generator) for one in some]
    yield "test radiographs, varied mildly", SCORED, np.stack(mild)
    yield "test radiographs in a black frame", SCORED, np.stack([_frame(one) for one in some])
    yield "inverted", REFUSED, 255 - some
    for quarters in (1, 2, 3):
        turned = np.stack([changed_radiographs.turn(one, quarters) for one in some])
        yield f"turned by {90 * quarters} degrees", REFUSED, turned
    yield "cut off", REFUSED, np.stack([changed_radiographs.cut_off(one, generator) for one in some])
    for kind in odd_pictures.KINDS:
        drawn = [odd_pictures.draw(kind, _SEED + seed + number, size) for number in range(each)]
        yield f"drawn: {kind}", REFUSED, np.stack(drawn)
    photographs = [pixels for _, pixels in odd_pictures.find_photographs()]
    windows = min(_WINDOWS, max(1, each // max(1, len(photographs))))
    cut = [odd_pictures.cut_windows(pixels, windows, size, seed) for pixels in photographs]
    yield "photographs and their windows", REFUSED, np.concatenate(cut or [some[:0]])
