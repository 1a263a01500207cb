"""Numbers that say what a picture looks like, whatever its size and exposure. OpenCV and numpy only.

A thumbnail and the directions of its edges (histograms of oriented gradients: Dalal & Triggs 2005,
doi:10.1109/CVPR.2005.177), with the sign of an edge kept, so that a picture and its negative differ. Noise alone is
measured at the size that the network is shown, as it is gone at the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pneumo_utils.imaging import decoding, lung_fields

SIDE = 64  # pixels, of the square that is described
_THUMBNAIL, _CELLS, _DIRECTIONS = 16, 8, 8  # thumbnail and cells a side; directions of edges over the full circle
_EDGES = _CELLS**2 * _DIRECTIONS
_CELL_OF = np.arange(SIDE) // (SIDE // _CELLS)
_CELL_OF = (_CELL_OF[:, None] * _CELLS + _CELL_OF) * _DIRECTIONS  # where the directions of each pixel's cell begin
_GAMMAS = (0.4, 2.5)  # least and largest exponent that brings the median grey to the middle
_FLAT = 0.02  # share of the grey range: edges fainter than this are noise
_FRAME = 2.0  # grey levels: a row whose standard deviation is below is one of a constant border
_GRAIN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # blind to planes and to straight edges
_SEEN = 0.5  # probability from which a place counts as lung


@dataclass(frozen=True)
class Exposure:
    """Grey levels of a picture, in 0-255."""

    mean: float
    dark: float  # 1st percentile
    light: float  # 99th percentile

    @property
    def contrast(self) -> float:
        """Grey levels between the darkest and the lightest hundredth."""
        return self.light - self.dark


@dataclass(frozen=True)
class Lungs:
    """What the lung finder sees."""

    area: float  # share of the picture
    edge: float  # share of the outermost pixels that are lung


def shrink(picture: np.ndarray) -> np.ndarray:
    """The picture, uint8 (s, s), as all functions here take it: uint8 (SIDE, SIDE)."""
    return picture if picture.shape == (SIDE, SIDE) else decoding.resize(picture, SIDE)


def describe(small: np.ndarray) -> np.ndarray:
    """Describe a picture by a thumbnail and the directions of its edges, made independent of exposure.

    Contrast and brightness are taken away by stretching between the 1st and 99th percentile, and the curve of grey
    levels by the exponent that brings the median to the middle.

    Args:
        small: uint8 (SIDE, SIDE), by `shrink`.

    Returns:
        float32 (_THUMBNAIL**2 + _EDGES,); each of the two parts has mean square 1.
    """
    even = _even_out(small)
    thumbnail = cv2.resize(even, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).ravel()
    thumbnail = (thumbnail - thumbnail.mean()) / (thumbnail.std() + 1e-3)
    edges = _edge_directions(even).ravel()
    return np.concatenate([thumbnail, edges / (np.sqrt(np.square(edges).mean()) + 1e-6)]).astype(np.float32)


def measure_exposure(small: np.ndarray) -> Exposure:
    """Mean and outer percentiles of the grey levels of a picture, uint8 (SIDE, SIDE)."""
    dark, light = _percentiles(small, (0.01, 0.99))
    return Exposure(float(small.mean()), float(dark), float(light))


def find_lungs(small: np.ndarray, finder: lung_fields.Weights | None = None) -> Lungs:
    """Share of a picture, uint8 (SIDE, SIDE), that the lung finder takes for lung, and of its outermost pixels.

    Weights of the finder are by `lung_fields.read`; without any those of this package find the lungs.
    """
    lung = lung_fields.lung_probability(small, finder) > _SEEN
    rim = np.concatenate([lung[0], lung[-1], lung[1:-1, 0], lung[1:-1, -1]])
    return Lungs(float(lung.mean()), float(rim.mean()))


def measure_frame(small: np.ndarray) -> float:
    """Widest border of constant grey at any side of a picture, uint8 (SIDE, SIDE): share of the side, in [0, 1]."""
    spread_of_rows, spread_of_columns = small.std(axis=1) < _FRAME, small.std(axis=0) < _FRAME
    sides = (spread_of_rows, spread_of_rows[::-1], spread_of_columns, spread_of_columns[::-1])
    return max(float(np.argmin(one)) if not one.all() else float(SIDE) for one in sides) / SIDE


def measure_noise(picture: np.ndarray) -> float:
    """Standard deviation of the noise of a picture, in grey levels (Immerkær 1996, doi:10.1006/cviu.1996.0060).

    Fine detail counts as noise, too: a sharp picture has more than a blurred one.

    Args:
        picture: uint8 (s, s), s at least 3, at its stored size.
    """
    grain = cv2.filter2D(picture, cv2.CV_32F, _GRAIN)[1:-1, 1:-1]
    return float(np.sqrt(np.pi / 2) / 6 * np.abs(grain).mean(dtype=np.float64))


def measure_shades(picture: np.ndarray) -> float:
    """How many equally common grey levels would tell as much as those of a picture: two to the power of their entropy.

    The most common level is left out, as a border may be of it.

    Args:
        picture: uint8 (s, s), at its stored size.

    Returns:
        in [1, 255].
    """
    counts = np.bincount(picture.ravel(), minlength=256)
    counts[np.argmax(counts)] = 0
    share = counts[counts > 0] / max(counts.sum(), 1)
    return float(2 ** -(share * np.log2(share)).sum())


def _even_out(small: np.ndarray) -> np.ndarray:
    """Grey levels in [0, 1] with the median near the middle, float32 (SIDE, SIDE)."""
    dark, median, light = _percentiles(small, (0.01, 0.5, 0.99))
    span = max(light - dark, 1)
    middle = float(np.clip((median - dark) / span, 0.02, 0.98))
    curve = np.clip((np.arange(256) - dark) / span, 0, 1) ** np.clip(np.log(0.5) / np.log(middle), *_GAMMAS)
    return curve.astype(np.float32)[small]


def _percentiles(small: np.ndarray, shares: tuple[float, ...]) -> list[int]:
    """The first grey level at or below which each share of the pixels lies."""
    return np.searchsorted(np.cumsum(np.bincount(small.ravel(), minlength=256)) / small.size, shares).tolist()


def _edge_directions(even: np.ndarray) -> np.ndarray:
    """How strong the edges of each direction are in each cell against those nearby, (cells, cells, directions)."""
    right = cv2.Sobel(even, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv2.Sobel(even, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength, angle = cv2.cartToPolar(right, down)
    place = angle * (_DIRECTIONS / (2 * np.pi))
    first = np.floor(place).astype(np.intp)
    after = (place - first).astype(np.float32)
    # an edge between two directions counts for both
    cells = np.bincount((_CELL_OF + first % _DIRECTIONS).ravel(), (strength * (1 - after)).ravel(), _EDGES)
    cells += np.bincount((_CELL_OF + (first + 1) % _DIRECTIONS).ravel(), (strength * after).ravel(), _EDGES)
    cells = cells.reshape(_CELLS, _CELLS, _DIRECTIONS) / (SIDE // _CELLS) ** 2
    nearby = cv2.blur(np.square(cells).sum(axis=-1), (3, 3), borderType=cv2.BORDER_REFLECT_101)
    return np.sqrt(cells / np.sqrt(nearby + _FLAT**2 / _DIRECTIONS)[..., None])
