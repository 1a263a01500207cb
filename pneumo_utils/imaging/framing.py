"""Which part of a radiograph a network gets to see: the chest, whoever framed it, at one resolution and exposure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pneumo_utils.imaging import decoding, intensity, lung_fields

CROPS = ("none", "centre", "lungs")
_CENTRE = 0.9  # share of the shorter side that a central crop keeps
_FINE = 4 * lung_fields.SIZE  # places along a side at which the border of a lung is looked for
_LEAST_PART = 0.15  # of the largest region: smaller ones are gas in the bowel, or a letter
_LUNG_AREA = (0.04, 0.7)  # share of the picture that lungs may cover
_LEAST_SIDES = (0.3, 0.2)  # least width and height of both lungs together, shares of the picture; one lung is narrower
_LEAST_RANGE = 8  # grey levels between the darkest and the brightest place of a radiograph
AHEAD = 2  # a file is decoded so many times as large as is kept, since a crop is cut from it


@dataclass(frozen=True)
class Box:
    """A part of a picture; sides as shares of its width and height, from the upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def widen(self, margin: float) -> Box:
        """With `margin` of its own width and height added on every side, as far as the picture reaches."""
        across, down = margin * (self.right - self.left), margin * (self.bottom - self.top)
        return Box(
            max(self.left - across, 0), max(self.top - down, 0),
            min(self.right + across, 1), min(self.bottom + down, 1),
        )  # fmt: skip

    def overlap(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(wide, 0) * max(high, 0)
        return shared / (self.area + other.area - shared)

    @property
    def area(self) -> float:
        """Share of the picture."""
        return (self.right - self.left) * (self.bottom - self.top)

    def to_square(self, width: int, height: int) -> Box:
        """The shorter side lengthened to a true square in a picture of `width` x `height`, as far as it reaches."""
        wide, high = (self.right - self.left) * width, (self.bottom - self.top) * height
        left, right = _lengthen(self.left, self.right, max(high / wide, 1))
        top, bottom = _lengthen(self.top, self.bottom, max(wide / high, 1))
        return Box(left, top, right, bottom)

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """That part of `pixels`, (height, width), to the nearest whole pixel."""
        height, width = pixels.shape[:2]
        left, right = (round(side * width) for side in (self.left, self.right))
        top, bottom = (round(side * height) for side in (self.top, self.bottom))
        return pixels[top : max(bottom, top + 1), left : max(right, left + 1)]


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def _lengthen(low: float, high: float, factor: float) -> tuple[float, float]:
    """A stretch of [0, 1] made longer about its middle; moved, and at last cut, where the picture ends."""
    length, middle = min((high - low) * factor, 1.0), (low + high) / 2
    low = min(max(middle - length / 2, 0.0), 1.0 - length)
    return low, low + length


@dataclass(frozen=True)
class Framing:
    """What is done between the file and the square that is kept; every default leaves the picture as it is."""

    crop: str = "none"  # one of CROPS
    margin: float = 0.0  # around the lungs, share of their width and height
    keep_aspect: bool = False  # whether the crop is lengthened to a square before it is squashed to one
    resolution: int = 0  # pixels a side that every crop is averaged to first; 0: not
    intensity: str = "none"  # a key of `intensity.METHODS`

    def __post_init__(self):
        if self.crop not in CROPS:
            raise ValueError(f"crop must be one of {', '.join(CROPS)}, got {self.crop!r}")


@dataclass(frozen=True)
class FramedRadiograph:
    """A radiograph as it is kept, and where it was cut from."""

    pixels: np.ndarray  # uint8 (size, size)
    box: Box
    found: bool  # whether the lungs were found; False also where nobody looked for them


def lung_box(lung: np.ndarray) -> Box | None:
    """The box around both lungs, without a margin; None where what is found cannot be two lungs.

    Args:
        lung: its probability, float32, over the whole picture, of `lung_fields.lung_probability` or a true mask.
    """
    fine = cv2.resize(lung.astype(np.float32), (_FINE, _FINE), interpolation=cv2.INTER_LINEAR) > 0.5
    _, _, regions, _ = cv2.connectedComponentsWithStats(fine.view(np.uint8))
    regions = regions[1:]  # the first is what is no lung
    if not len(regions):
        return None
    area = regions[:, cv2.CC_STAT_AREA]
    kept = regions[area >= _LEAST_PART * area.max()]
    left, top = kept[:, cv2.CC_STAT_LEFT], kept[:, cv2.CC_STAT_TOP]
    right, bottom = left + kept[:, cv2.CC_STAT_WIDTH], top + kept[:, cv2.CC_STAT_HEIGHT]
    box = Box(*(float(side) / _FINE for side in (left.min(), top.min(), right.max(), bottom.max())))
    covered = kept[:, cv2.CC_STAT_AREA].sum() / fine.size
    wide, high = box.right - box.left, box.bottom - box.top
    plausible = _LUNG_AREA[0] <= covered <= _LUNG_AREA[1] and wide >= _LEAST_SIDES[0] and high >= _LEAST_SIDES[1]
    return box if plausible else None


def locate(pixels: np.ndarray, how: Framing) -> tuple[Box, bool]:
    """What `how` keeps of a radiograph, and whether the lungs were found.

    Where they were looked for and not found, a central crop is kept.

    Args:
        pixels: uint8 (height, width).
        how: the framing.
    """
    if how.crop == "none":
        return WHOLE, False
    blank = pixels.max() - pixels.min() < _LEAST_RANGE  # there the finder only says where lungs use to be
    found = lung_box(lung_fields.lung_probability(pixels)) if how.crop == "lungs" and not blank else None
    height, width = pixels.shape
    if found is None:
        side = _CENTRE * min(height, width)
        across, down = side / width / 2, side / height / 2
        return Box(0.5 - across, 0.5 - down, 0.5 + across, 0.5 + down), False
    box = found.widen(how.margin)
    return (box.to_square(width, height) if how.keep_aspect else box), True


def frame(pixels: np.ndarray, how: Framing, size: int) -> FramedRadiograph:
    """Cut, average and normalise a radiograph.

    Args:
        pixels: uint8 (height, width).
        how: the framing.
        size: side of the square that is kept, pixels.
    """
    box, found = locate(pixels, how)
    return FramedRadiograph(_finish(box.cut(pixels), how, size), box, found)


def _finish(part: np.ndarray, how: Framing, size: int) -> np.ndarray:
    if how.resolution:
        part = decoding.resize(part, min(how.resolution, size))
    return intensity.normalise(decoding.resize(part, size), how.intensity)


def read(path: Path, how: Framing, size: int) -> FramedRadiograph:
    """`frame` of the file at `path`, decoded at a reduced scale where that is enough.

    Raises:
        decoding.ImageError: the file is unusable.
    """
    if how.crop == "none" and not how.resolution:
        pixels = decoding.read(path, size)  # straight to the square
        return FramedRadiograph(intensity.normalise(pixels, how.intensity), WHOLE, False)
    return frame(decoding.read_reduced(path, AHEAD * size), how, size)


def write_all(
    root: Path, paths: Sequence[str], how: Framing, size: int, write: Callable[[Iterator[np.ndarray], int, int], None]
) -> pd.DataFrame:
    """`read` many files and hand the squares on, one at a time, so that memory stays bounded.

    Args:
        root: folder that `paths` are relative to.
        paths: files.
        how: the framing.
        size: side of the squares, pixels.
        write: takes the squares, their number and their side.

    Returns:
        contract `framing`.
    """
    places: list[tuple] = []

    def squares() -> Iterator[np.ndarray]:
        for framed in decoding.map_files(root, paths, lambda path: read(path, how, size)):
            places.append((*astuple(framed.box), framed.found))
            yield framed.pixels

    write(squares(), len(paths), size)
    table = pd.DataFrame(places, columns=[*(side.name for side in fields(Box)), "found"])
    table.insert(0, "path", list(paths))
    return table


def boxes(framing: pd.DataFrame, paths: pd.Series) -> list[Box]:
    """Where the pictures of `paths` were cut from, out of the contract `framing`."""
    sides = framing.set_index("path").loc[paths, [side.name for side in fields(Box)]]
    return [Box(*row) for row in sides.itertuples(index=False)]
