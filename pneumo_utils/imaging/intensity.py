"""Grey levels of a radiograph brought to one scale, so that exposure tells less about who took it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

_MIDDLE, _SPREAD = 128.0, 56.0  # grey levels that `standardise` gives: 2.3 standard deviations fit to either side
_CLIP, _TILES = 2.0, (8, 8)  # of CLAHE, OpenCV's tutorial


def _standardise(pixels: np.ndarray) -> np.ndarray:
    mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(pixels))
    scale = _SPREAD / max(spread, 1.0)  # a blank picture stays blank
    return cv2.convertScaleAbs(np.clip((pixels.astype(np.float32) - mean) * scale + _MIDDLE, 0, 255))


METHODS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda pixels: pixels,
    "equalise": cv2.equalizeHist,
    "clahe": lambda pixels: cv2.createCLAHE(_CLIP, _TILES).apply(pixels),
    "standardise": _standardise,
}


def normalise(pixels: np.ndarray, method: str) -> np.ndarray:
    """Bring the grey levels of a picture to one scale.

    Args:
        pixels: uint8 (height, width).
        method: a key of `METHODS`: `none`; `equalise` (every grey level as frequent as any other); `clahe` (the same
            tile by tile, with limited contrast: Pizer et al. 1987); `standardise` (one mean and standard deviation).

    Returns:
        uint8 (height, width).

    Raises:
        ValueError: there is no such method.
    """
    if method not in METHODS:
        raise ValueError(f"intensity must be one of {', '.join(METHODS)}, got {method!r}")
    return METHODS[method](pixels)
