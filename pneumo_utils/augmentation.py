"""Variations of a training picture. OpenCV and numpy only, so that a notebook can show them without TensorFlow.

Each picture has a random generator of its own, seeded by (seed, row, view): a view is the same whatever the batch
size, the order or the number of workers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Augmentation:
    """Largest changes, each drawn uniformly to either side; see `vary`."""

    rotation: float = 0.0  # degrees
    shift: float = 0.0  # share of the side
    zoom: float = 0.0  # share of the size
    contrast: float = 0.0  # share
    brightness: float = 0.0  # share of the grey range
    flip: bool = False  # mirror in half of the cases

    def vary(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return one variation of `image`.

        Args:
            image: uint8 (height, width), grey.
            generator: where the randomness comes from; always drawn from seven times.

        Returns:
            uint8 (height, width); what lies outside the picture is its edge repeated.
        """
        height, width = image.shape
        turn, right, down, size, contrast, brightness, mirror = generator.uniform(-1, 1, 7)
        matrix = cv2.getRotationMatrix2D(
            ((width - 1) / 2, (height - 1) / 2), turn * self.rotation, 1 + size * self.zoom
        )
        matrix[:, 2] += (right * self.shift * width, down * self.shift * height)
        moved = cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        if self.flip and mirror < 0:
            moved = moved[:, ::-1]
        grey = np.arange(256, dtype=np.float32)
        middle = float(moved.mean())
        curve = (grey - middle) * (1 + contrast * self.contrast) + middle + 255 * brightness * self.brightness
        return cv2.LUT(moved, np.clip(np.rint(curve), 0, 255).astype(np.uint8))


def view(image: np.ndarray, augmentation: Augmentation, *, seed: int, row: int, number: int) -> np.ndarray:
    """View `number` of the picture in `row`: 0 is the picture itself, every other number one fixed variation."""
    if number == 0:
        return image
    return augmentation.vary(image, np.random.default_rng((seed, row, number)))
