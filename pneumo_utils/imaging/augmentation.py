"""Variations of a training picture. OpenCV and numpy only, so that a notebook can show them without TensorFlow.

Each picture has a random generator of its own, seeded by (seed, row, view): a view is the same whatever the batch
size, the order or the number of workers. All geometry is one warp and all grey-level curves are one look-up, so that
a variation costs a fraction of a millisecond and never holds up the step that learns from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

_DRAWN = ("turn", "mirror", "area", "stretch", "across", "along", "contrast", "brightness", "gamma")
_DRAWN += ("downscale", "sharpness", "blur", "quality")
_GREY = np.arange(256, dtype=np.float32)
_HALVED = 1.75  # pixels of the picture to one of the view from which it is first averaged to half its side
_CORNERS = ((0, 0), (-1, -1), (1, -1), (-1, 1), (1, 1))  # where a cropped test view lies, rightwards and downwards
_TEST_SIDE = 0.875  # share of the side that it keeps: 224 of 256 pixels, as Krizhevsky et al. 2012 cut them
# Test views by how many are averaged: the picture, its centre, five crops with the centre; each with its mirror image.
TEST_VIEWS = {1: (0,), 2: (0, 1), 4: (0, 1, 2, 3), 10: tuple(range(2, 12))}


@dataclass(frozen=True)
class Augmentation:
    """How far a training picture may be varied; every default leaves it as it is.

    Framing (`crop_area_min`, `crop_aspect_max`) and exposure (`gamma`, `contrast`, `blur`, `jpeg_quality_min`) tell how
    a radiograph was taken and saved, not what it shows; varying them takes away what a network might learn from them.
    Crops are drawn after Szegedy et al. 2015 (doi:10.1109/CVPR.2015.7298594): area uniform, aspect log-uniform. One
    that would reach beyond the picture is cut off there and keeps less, so that what is kept may be less than
    `crop_area_min` and is not uniform; others (torchvision, say) draw again.
    """

    rotation: float = 0.0  # largest, to either side, degrees
    crop_area_min: float = 1.0  # smallest share of the area that is drawn for a crop
    crop_aspect_max: float = 1.0  # largest stretch of a crop, one side against the other
    gamma: float = 1.0  # largest exponent of the grey levels; the smallest is 1 / gamma
    contrast: float = 0.0  # largest change, share
    brightness: float = 0.0  # largest change, share of the grey range
    blur: float = 0.0  # largest standard deviation, pixels of the variation
    jpeg_quality_min: int = 100  # 100: not saved again
    flip: bool = False  # mirror in half of the cases
    sharpness: float = 0.0  # largest amount of an unsharp mask
    downscale: float = 1.0  # smallest share of the side that a variation is averaged down to, and enlarged again

    def vary(self, image: np.ndarray, generator: np.random.Generator, size: int = 0) -> np.ndarray:
        """Return one variation of `image`.

        Args:
            image: uint8 (height, width), grey.
            generator: where the randomness comes from; the same numbers are drawn whatever is switched on, so that
                switching one thing on changes no other.
            size: side of the variation, pixels; 0: as the picture.

        Returns:
            uint8 (size, size); what lies outside the picture is its edge repeated.
        """
        drawn = dict(zip(_DRAWN, generator.uniform(-1, 1, len(_DRAWN)), strict=True))
        out = (size, size) if size else image.shape
        moved = self._move(image, out, drawn)
        lit = cv2.LUT(moved, self._curve(float(moved.mean()), drawn))
        return self._recompress(self._blur(self._change_resolution(lit, drawn), drawn["blur"]), drawn["quality"])

    def _move(self, image: np.ndarray, out: tuple[int, int], drawn: dict[str, float]) -> np.ndarray:
        """A crop, turned, perhaps mirrored; where it shrinks much, of the average of the picture."""
        matrix = self._place(image.shape, out, drawn)
        while abs(np.linalg.det(matrix[:, :2])) >= _HALVED**2:
            image = _halve(image)
            matrix = self._place(image.shape, out, drawn)
        return _warp(image, matrix, out)

    def _place(self, shape: tuple[int, int], out: tuple[int, int], drawn: dict[str, float]) -> np.ndarray:
        """Where a pixel of the variation lies in the picture."""
        area, stretch = 1 - _share(drawn["area"]) * (1 - self.crop_area_min), self.crop_aspect_max ** drawn["stretch"]
        wide, high = min(1.0, math.sqrt(area * stretch)), min(1.0, math.sqrt(area / stretch))
        at = drawn["across"] * (1 - wide) / 2, drawn["along"] * (1 - high) / 2
        mirror = -1 if self.flip and drawn["mirror"] < 0 else 1
        return _invert(shape, out, (wide * mirror, high), at, drawn["turn"] * self.rotation)

    def _curve(self, middle: float, drawn: dict[str, float]) -> np.ndarray:
        """New value of each grey level, uint8 (256,): contrast turns about `middle`."""
        bent = 255 * (_GREY / 255) ** (self.gamma ** drawn["gamma"]) if self.gamma != 1 else _GREY
        centred = (bent - middle) * (1 + drawn["contrast"] * self.contrast) + middle
        return np.clip(np.rint(centred + 255 * drawn["brightness"] * self.brightness), 0, 255).astype(np.uint8)

    def _change_resolution(self, image: np.ndarray, drawn: dict[str, float]) -> np.ndarray:
        """Sharper than it was, or coarser: as another detector, or another export, would have had it."""
        share = 1 - _share(drawn["downscale"]) * (1 - self.downscale)
        if share < 1:
            small = tuple(max(1, round(side * share)) for side in image.shape[::-1])
            coarse = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
            image = cv2.resize(coarse, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
        amount = _share(drawn["sharpness"]) * self.sharpness
        return cv2.addWeighted(image, 1 + amount, cv2.GaussianBlur(image, (0, 0), 1.0), -amount, 0) if amount else image

    def _blur(self, image: np.ndarray, drawn: float) -> np.ndarray:
        if not self.blur:
            return image
        return cv2.GaussianBlur(image, (0, 0), max(_share(drawn) * self.blur, 0.01))

    def _recompress(self, image: np.ndarray, drawn: float) -> np.ndarray:
        if self.jpeg_quality_min == 100:
            return image
        quality = round(100 - _share(drawn) * (100 - self.jpeg_quality_min))
        return cv2.imdecode(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_GRAYSCALE)


def view(
    image: np.ndarray, augmentation: Augmentation, *, seed: int, row: int, number: int, size: int = 0
) -> np.ndarray:
    """View `number` of the picture in `row`: 0 is the picture itself, every other number one fixed variation.

    Args:
        image: uint8 (height, width).
        augmentation: how far a variation goes.
        seed: of all variations, at least 0.
        row: of the picture.
        number: of the view, at least 0.
        size: side of the view, pixels; 0: as the picture.
    """
    if number == 0:
        return unaugmented(image, size)
    return augmentation.vary(image, np.random.default_rng((seed, row, number)), size)


def unaugmented(image: np.ndarray, size: int = 0) -> np.ndarray:
    """`image`, uint8 (height, width), as it is, averaged down to `size` where that is smaller; 0: as it is."""
    if not size or image.shape == (size, size):
        return image
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def test_view(image: np.ndarray, number: int, size: int = 0) -> np.ndarray:
    """View `number` of a test picture: itself, then five crops of it; each even number is followed by its mirror image.

    Args:
        image: uint8 (height, width).
        number: one of those in `TEST_VIEWS`: 0 and 1 the picture, 2 and 3 a central crop of 7/8 of the side, from 4 on
            such crops in the corners.
        size: side of the view, pixels; 0: as the picture.
    """
    seen = unaugmented(image, size) if number < 2 else _corner(image, _CORNERS[number // 2 - 1], size)
    return seen[:, ::-1] if number % 2 else seen


def _corner(image: np.ndarray, side: tuple[int, int], size: int) -> np.ndarray:
    """A crop of `_TEST_SIDE`, moved as far as the picture reaches towards `side`, -1, 0 or 1 right- and downwards."""
    out = (size, size) if size else image.shape
    while image.shape[0] * _TEST_SIDE >= _HALVED * out[0]:
        image = _halve(image)
    at = tuple(place * (1 - _TEST_SIDE) / 2 for place in side)
    return _warp(image, _invert(image.shape, out, (_TEST_SIDE, _TEST_SIDE), at, 0.0), out)


def _halve(image: np.ndarray) -> np.ndarray:
    """`image`, uint8 (height, width), averaged down to half its sides."""
    return cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)


def _share(drawn: float) -> float:
    """A draw from [-1, 1] as one from [0, 1]."""
    return (drawn + 1) / 2


def _warp(image: np.ndarray, matrix: np.ndarray, out: tuple[int, int]) -> np.ndarray:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, out[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _invert(
    shape: tuple[int, int], out: tuple[int, int], sides: tuple[float, float], at: tuple[float, float], degrees: float
) -> np.ndarray:
    """Matrix, float (2, 3), from a pixel of a view to one of the picture.

    Args:
        shape: of the picture, (height, width).
        out: of the view.
        sides: shares of width and height that the view shows; a negative one mirrors.
        at: of the view's centre from the picture's, shares of width and height.
        degrees: by which the view is turned, counter-clockwise.
    """
    turn, scale = math.radians(degrees), (sides[0] * shape[1] / out[1], sides[1] * shape[0] / out[0])
    linear = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]) * scale
    centre = np.array([(0.5 + at[0]) * shape[1] - 0.5, (0.5 + at[1]) * shape[0] - 0.5])
    return np.column_stack([linear, centre - linear @ ((out[1] - 1) / 2, (out[0] - 1) / 2)])  # pixel centres
