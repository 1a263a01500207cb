"""Heat maps from the coarse grid of a layer to the size of the picture."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

METHODS = ("gradcam", "gradcam++")


def layers_by_model(named: Iterable[str]) -> dict[str, str]:
    """The layer that each network is asked at, of the parameter `explained_layers`: `model:layer`, each model once."""
    return dict(one.split(":", 1) for one in named)


def enlarge(coarse: np.ndarray, side: int) -> np.ndarray:
    """Maps enlarged and scaled, each to its own maximum.

    Linear, from pixel centres to pixel centres: nothing moves by half a pixel.

    Args:
        coarse: float (n, rows, columns), at least 0.
        side: of what comes back, pixels.

    Returns:
        float32 (n, side, side) in [0, 1]; all 0 where `coarse` is.
    """
    fine = np.zeros((len(coarse), side, side), dtype=np.float32)
    for one, of in zip(fine, coarse, strict=True):
        cv2.resize(of.astype(np.float32), (side, side), dst=one, interpolation=cv2.INTER_LINEAR)
    brightest = fine.max(axis=(1, 2), keepdims=True)
    return np.divide(fine, brightest, out=fine, where=brightest > 0)
