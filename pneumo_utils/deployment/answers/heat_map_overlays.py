"""Heat maps laid over radiographs, as files that anybody can open."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.records.atomic import atomic_write

NOTICE = "research, not for diagnosis"
_LONGEST = 1024  # side of an overlay, pixels
_OPACITY = 0.5  # of the hottest place: the radiograph stays visible everywhere
_INK, _FONT = (255, 255, 255), cv2.FONT_HERSHEY_SIMPLEX


class OverlayError(ValueError):
    """Overlays cannot be drawn as asked."""


class Overlays:
    """Draws overlays with the networks of one bundle.

    Args:
        bundle: whose networks are explained: those of the engine keras, since a map needs their gradients.
    """

    def __init__(self, bundle: Bundle):
        from pneumo_utils.explanation.gradcam import Explainer  # imported here: TensorFlow takes seconds
        from pneumo_utils.networks import models

        told = bundle.contents
        self._explainers = [
            Explainer(models.load(file), told.explained_layers.get(network.model, ""), methods=(told.heat_map,))
            for network, file in zip(told.networks, bundle.networks("keras"), strict=True)
        ]

    def draw(self, picture: np.ndarray, whole: np.ndarray) -> np.ndarray:
        """Lay the heat map of one radiograph over it.

        Args:
            picture: uint8 (stored size, stored size), what the networks were shown.
            whole: uint8 (height, width), the radiograph in its own shape.

        Returns:
            uint8 (height, width, 3), RGB, its longer side at most `_LONGEST` pixels.
        """
        maps = [explainer.maps(picture[None])[0] for explainer in self._explainers]
        return lay_over(whole, np.mean(maps, axis=0))


def lay_over(whole: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Colour a radiograph by a heat map, and write below it what it may not be used for.

    Args:
        whole: uint8 (height, width).
        heat: float (rows, columns) in [0, 1], over the whole picture.

    Returns:
        uint8 (height, width, 3), RGB, its longer side at most `_LONGEST` pixels.
    """
    scale = min(1.0, _LONGEST / max(whole.shape))
    height, width = (max(1, round(side * scale)) for side in whole.shape)
    grey = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    hot = np.clip(cv2.resize(heat.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)
    colour = cv2.cvtColor(cv2.applyColorMap(np.uint8(255 * hot), cv2.COLORMAP_MAGMA), cv2.COLOR_BGR2RGB)
    opacity = (_OPACITY * hot)[..., None]
    drawn = np.rint(grey[..., None] * (1 - opacity) + colour * opacity).astype(np.uint8)
    return _write_notice(drawn)


def _write_notice(drawn: np.ndarray) -> np.ndarray:
    width = drawn.shape[1]
    size = max(0.3, width / 900)
    (wide, high), low = cv2.getTextSize(NOTICE, _FONT, size, 1)
    size *= min(1.0, 0.95 * width / wide)
    strip = np.zeros((2 * high + low, width, 3), np.uint8)
    cv2.putText(strip, NOTICE, (width // 50, high + high // 2), _FONT, size, _INK, 1, cv2.LINE_AA)
    return np.concatenate([drawn, strip])


def write(overlay: np.ndarray, file: Path) -> None:
    """Write an overlay, RGB, as PNG; whole or not at all."""
    encoded = cv2.imencode(".png", cv2.cvtColor(overlay, cv2.COLOR_RGB2BGR))[1]
    with atomic_write(file) as part:
        part.write_bytes(encoded.tobytes())
