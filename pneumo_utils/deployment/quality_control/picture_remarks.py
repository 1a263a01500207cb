"""What is unusual in how a radiograph was taken or saved, and when nothing can be seen in a picture at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pneumo_utils.deployment.quality_control.picture_statistics import Exposure, Lungs

_DARK, _LIGHT, _FLAT = 20.0, 235.0, 16.0  # mean greys, and contrast in grey levels, beyond which nothing can be seen
_FRAME = 0.06  # share of the side: a wider border of constant grey is told
# Grey levels of noise above which most of what is fine cannot be seen; where pictures are small and so full of detail
# that half as much is usual, twice what is usual.
_NOISY, _TIMES = 8.0, 2.0
# Shades of grey below which a picture was saved in a handful of them: 5,232 radiographs of the training folder have at
# least 61, those that are saved in 32 levels at most 28.
_SHADES = 32.0


@dataclass(frozen=True)
class Usual:
    """What 98 of 100 radiographs held out have."""

    mean: np.ndarray  # float (2,), least and largest mean grey level
    contrast: float  # least, grey levels
    edge: float  # largest share of the rim that is lung
    noise: np.ndarray  # float (2,), least and largest noise at the stored size, grey levels

    @classmethod
    def fit(cls, exposures: Sequence[Exposure], lungs: Sequence[Lungs], noise: Sequence[float]) -> Usual:
        """Learn it from radiographs held out: what `picture_statistics` measures of each."""
        return cls(
            np.quantile([one.mean for one in exposures], [0.01, 0.99]),
            float(np.quantile([one.contrast for one in exposures], 0.02)),
            float(np.quantile([one.edge for one in lungs], 0.98)),
            np.quantile(noise, [0.01, 0.99]),
        )


def find_unseen(exposure: Exposure) -> str:
    """Why nothing can be seen in a picture; "" where something can."""
    if exposure.contrast < _FLAT:
        return f"is nearly blank: greys must span at least {_FLAT:.0f} of 255 levels, got {exposure.contrast:.0f}"
    if exposure.mean < _DARK:
        return f"is too dark: mean grey level must be at least {_DARK:.0f} of 255, got {exposure.mean:.0f}"
    if exposure.mean > _LIGHT:
        return f"is too bright: mean grey level must be at most {_LIGHT:.0f} of 255, got {exposure.mean:.0f}"
    return ""


def find_noisy(usual: Usual, noise: float) -> str:
    """Why a picture, of so many grey levels of noise, is too noisy to be judged; "" where it is not."""
    most = max(_NOISY, _TIMES * usual.noise[1])
    return f"is too noisy: noise must be at most {most:.0f} grey levels, got {noise:.1f}" if noise > most else ""


def find_poor(shades: float) -> str:
    """Why a picture of so many shades of grey, as `picture_statistics.measure_shades` counts, is not judged; or ""."""
    if shades >= _SHADES:
        return ""
    return f"has too few shades of grey: there must be as many as {_SHADES:.0f} equally common ones, got {shades:.0f}"


def blame_frame(frame: float) -> str:
    """What to add to the reason of a refusal where a border of constant grey, share of the side, may be at fault."""
    return (
        f"; perhaps only for its border of constant grey ({frame:.0%} of a side): cut it off" if frame > _FRAME else ""
    )


def remark(usual: Usual, exposure: Exposure, lungs: Lungs, frame: float, noise: float) -> tuple[str, ...]:
    """What is unusual in how a radiograph was taken or saved, but no reason to refuse it."""
    low, high = usual.mean
    smooth, noisy = usual.noise
    found = {
        f"darker than usual: mean grey level {exposure.mean:.0f}, usually at least {low:.0f}": exposure.mean < low,
        f"brighter than usual: mean grey level {exposure.mean:.0f}, usually at most {high:.0f}": exposure.mean > high,
        f"low contrast: {exposure.contrast:.0f} grey levels, usually at least {usual.contrast:.0f}":
            exposure.contrast < usual.contrast,
        f"lungs touch the edge of the picture ({lungs.edge:.0%} of it, usually at most {usual.edge:.0%}): "
        "a part may be cut off": lungs.edge > usual.edge,
        f"a border of constant grey takes {frame:.0%} of a side": frame > _FRAME,
        f"little fine detail ({noise:.2f} grey levels, usually at least {smooth:.2f}): blurred, enlarged or saved at a "
        "low quality": noise < smooth,
        f"much noise or sharpening: {noise:.1f} grey levels, usually at most {noisy:.1f}": noise > noisy,
    }  # fmt: skip
    return tuple(text for text, holds in found.items() if holds)
