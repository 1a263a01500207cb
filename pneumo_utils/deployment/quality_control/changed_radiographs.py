"""Radiographs changed as they may come from elsewhere: mildly, so that they stay fit, or so that they do not."""

from __future__ import annotations

import cv2
import numpy as np

from pneumo_utils.imaging import decoding
from pneumo_utils.imaging.augmentation import Augmentation

_FRAMED, _WIDEST = 0.25, 0.08  # share of mild variations with a dark frame, and its largest width, share of the side
_MILD = Augmentation(
    rotation=15, crop_area_min=0.8, crop_aspect_max=1.15, gamma=1.5, contrast=0.3, brightness=0.08, blur=0.6, flip=True
)


def vary_mildly(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """What may happen to a radiograph without it becoming unfit: framing, exposure, mirroring, turns up to 15 degrees.

    Args:
        picture: uint8 (s, s).
        generator: where the randomness comes from.

    Returns:
        uint8 (s, s), one in four with a dark frame.
    """
    varied, size = _MILD.vary(picture, generator), len(picture)
    if generator.random() >= _FRAMED:
        return varied
    wide = [max(1, round(size * share)) for share in generator.uniform(0, _WIDEST, 4)]
    grey = int(generator.choice([0, 0, int(varied.min())]))
    return decoding.resize(cv2.copyMakeBorder(varied, *wide, cv2.BORDER_CONSTANT, value=grey), size)


def vary_each_mildly(pictures: np.ndarray, seed: int) -> np.ndarray:
    """`vary_mildly` of every picture, uint8 (n, s, s); the same seed gives the same variations."""
    generator = np.random.default_rng([seed, len(pictures)])
    return np.stack([vary_mildly(one, generator) for one in pictures])


def cut_off(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A radiograph of which much is missing: one half or less, or a window of a tenth to a third of its area."""
    size = len(picture)
    if generator.random() < 0.5:
        shares = generator.uniform(0.3, 0.55, 2)
    else:
        shares = generator.permutation([generator.uniform(0.3, 0.5), generator.uniform(0.85, 1)])
    high, wide = (max(2, round(size * share)) for share in shares)
    # a half lies at an edge: a window in the middle of the width may still show both lungs
    at = generator.random(2) if max(shares) < 0.8 else generator.choice([0.0, 1.0], 2)
    top, left = (int(place * (size - side)) for place, side in zip(at, (high, wide), strict=True))
    return decoding.resize(np.ascontiguousarray(picture[top : top + high, left : left + wide]), size)


def turn(picture: np.ndarray, quarters: int) -> np.ndarray:
    """The picture turned to the left by quarters of a full turn."""
    return np.ascontiguousarray(np.rot90(picture, quarters))


def shuffle(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The picture in tiles whose places are exchanged: a radiograph's edges without a chest.

    Args:
        picture: uint8 (s, s), s divisible by 8.
        generator: where the randomness comes from.
    """
    size, count = len(picture), int(generator.choice([2, 4, 8]))
    side = size // count
    tiles = picture.reshape(count, side, count, side).swapaxes(1, 2).reshape(-1, side, side)
    tiles = tiles[generator.permutation(len(tiles))].reshape(count, count, side, side)
    return np.ascontiguousarray(tiles.swapaxes(1, 2).reshape(size, size))


def surround(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The picture as a small part of a plain page."""
    size = len(picture)
    page = np.full((size, size), generator.choice([0, 0, 128, 255]), np.uint8)
    high, wide = (int(side) for side in size * generator.uniform(0.2, 0.55, 2))
    top, left = (int(generator.integers(0, size - side + 1)) for side in (high, wide))
    page[top : top + high, left : left + wide] = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_AREA)
    return page
