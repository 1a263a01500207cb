"""Heat maps laid over radiographs, as files that anybody can open."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pneumo_utils.deployment.answers import recognition
from pneumo_utils.deployment.answers.algorithm import MAKER
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.records.atomic import atomic_write

NOTICE = "research, not for diagnosis"
_NOTHING = "nothing is marked"  # of a dark map: its overlay is the radiograph, and looks like one that failed
_LONGEST = 1024  # side of an overlay, pixels
_OPACITY = 0.5  # of the hottest place: the radiograph stays visible everywhere
_MARGIN, _BAR = 4, 20  # rows in which the notice stands: at least, and one in so many


class OverlayError(ValueError):
    """An overlay that is none."""


class HeatMaps:
    """Draws heat maps with the networks of one bundle.

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

    def draw_map(self, picture: np.ndarray) -> np.ndarray:
        """The heat map of one radiograph, averaged over the networks.

        Args:
            picture: uint8 (stored size, stored size), what the networks were shown.

        Returns:
            float (stored size, stored size) in [0, 1].
        """
        return np.mean([explainer.maps(picture[None])[0] for explainer in self._explainers], axis=0)


def lay_over(whole: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Colour a radiograph by a heat map.

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
    return np.rint(grey[..., None] * (1 - opacity) + colour * opacity).astype(np.uint8)


def burn_in(overlay: np.ndarray, notice: str = NOTICE) -> np.ndarray:
    """Write a notice into a black bar below a picture, and that no place is coloured where none is.

    Args:
        overlay: uint8 (height, width, 3), of `lay_over`.
        notice: of one line.

    Returns:
        uint8 (height and the bar, width, 3).

    Raises:
        OverlayError: it is of another shape or kind.
    """
    if overlay.ndim != 3 or overlay.shape[2] != 3 or overlay.dtype != np.uint8:
        raise OverlayError(f"overlay must be uint8 (height, width, 3), got {overlay.dtype} {overlay.shape}")
    if (overlay == overlay[..., :1]).all():
        notice = f"{notice}; {_NOTHING}"
    width = overlay.shape[1]
    (wide, high), below = cv2.getTextSize(notice, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)  # as thick as it is drawn
    scale = min(0.9 * width / wide, max(overlay.shape[0] / _BAR, 8) / high)
    bar = np.zeros((int(np.ceil((high + below) * scale)) + 2 * _MARGIN, width, 3), np.uint8)
    place = (int((width - wide * scale) / 2), _MARGIN + int(np.ceil(high * scale)))
    thick = max(1, round(scale * 1.5))
    cv2.putText(bar, notice, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 0), thick, cv2.LINE_AA)
    return np.concatenate([overlay, bar])


def write(overlay: np.ndarray, file: Path) -> None:
    """Write an overlay, RGB, as PNG with what it may not be used for below it; whole or not at all."""
    told = PngInfo()
    told.add_text(recognition.SOFTWARE, MAKER)
    with atomic_write(file) as part:
        Image.fromarray(burn_in(overlay)).save(part, "PNG", pnginfo=told)
