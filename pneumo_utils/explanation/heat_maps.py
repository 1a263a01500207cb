"""Heat maps from the coarse grid of a layer to the size of the picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from pneumo_utils.networks import spatial_layers

METHODS = ("gradcam", "gradcam++")


@dataclass(frozen=True)
class Places:
    """Where the cells of a layer look, where they do not tile the picture, as shares of its side.

    ResNet50 shrinks by convolutions of one pixel in two, which look at the first: its cells lie up to half a cell
    further up and left than tiles would, and the last may reach beyond the picture.
    """

    first: float  # middle of the first cell
    step: float  # from one cell to the next

    def enlarge(self, coarse: np.ndarray, side: int) -> np.ndarray:
        """One map, float (rows, columns), as float32 (side, side); beyond the outer cells as they are."""
        scale = 1 / (side * self.step)
        shift = (0.5 / side - self.first) / self.step
        return cv2.warpAffine(
            coarse.astype(np.float32), np.array([[scale, 0, shift], [0, scale, shift]]), (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip


def find_places(model: str, layer: str, size: int) -> Places | None:
    """Where the cells of a layer look; None where they tile the picture.

    Args:
        model: a key of `vocabulary.MODELS`.
        layer: of it, by `spatial_layers.explainable`.
        size: side of the picture that the network sees, pixels.
    """
    stride = spatial_layers.stride_from_first_pixel(model, layer)
    return Places(0.5 / size, stride / size) if stride else None


def layers_by_model(named: Iterable[str]) -> dict[str, str]:
    """The layer that each network is asked at, of the parameter `explained_layers`: `model:layer`, each model once."""
    return dict(one.split(":", 1) for one in named)


def enlarge(coarse: np.ndarray, side: int, places: Places | None = None) -> np.ndarray:
    """Maps enlarged and scaled, each to its own maximum.

    Linear, from the middles of cells to those of pixels: nothing moves by half a pixel.

    Args:
        coarse: float (n, rows, columns), at least 0.
        side: of what comes back, pixels.
        places: where the cells look; None: they tile the picture.

    Returns:
        float32 (n, side, side) in [0, 1]; all 0 where `coarse` is.
    """
    fine = np.zeros((len(coarse), side, side), dtype=np.float32)
    for one, of in zip(fine, coarse, strict=True):
        if places is None:
            cv2.resize(of.astype(np.float32), (side, side), dst=one, interpolation=cv2.INTER_LINEAR)
        else:
            one[:] = places.enlarge(of, side)
    brightest = fine.max(axis=(1, 2), keepdims=True)
    return np.divide(fine, brightest, out=fine, where=brightest > 0)
