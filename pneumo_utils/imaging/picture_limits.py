"""What is too large, too small or too blank to be a radiograph, whoever reads it."""

from __future__ import annotations

import numpy as np

from pneumo_utils.imaging.image_files import ImageError

_NARROW = 4  # times that one side may be the other; of a chest hardly twice
_LARGEST = 512 * 2**20  # bytes of a file: no radiograph is larger, and memory is bounded


def check_file_size(size: int) -> None:
    """Refuse a file before it is read.

    Args:
        size: of the file, bytes.

    Raises:
        ImageError: it is larger than any radiograph.
    """
    if size > _LARGEST:
        raise ImageError(f"file must have at most {_LARGEST >> 20} MB, got {size >> 20}")


def check_size_and_contrast(pixels: np.ndarray, smallest_side: int, least_grey_range: int) -> None:
    """Refuse a picture that is too small, too narrow, or blank.

    Args:
        pixels: uint8 (height, width).
        smallest_side: of both sides, pixels.
        least_grey_range: of the grey levels from the 1st to the 99th percentile.

    Raises:
        ImageError: it is.
    """
    if min(pixels.shape) < smallest_side:
        wide = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise ImageError(f"too small: sides must be at least {smallest_side} pixels, got {wide}")
    if max(pixels.shape) > _NARROW * min(pixels.shape):
        wide = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise ImageError(f"too narrow: sides may differ by {_NARROW} times at most, got {wide}")
    darkest, brightest = np.percentile(pixels, (1, 99), method="nearest")
    if brightest - darkest < least_grey_range:
        got = f"{brightest - darkest} of 256"
        raise ImageError(f"blank: its grey levels must span at least {least_grey_range}, got {got}")


def remark_size(pixels: np.ndarray, seen_side: int) -> tuple[str, ...]:
    """What to say of a picture that has fewer pixels than a network looks at.

    Args:
        pixels: uint8 (height, width).
        seen_side: of the square that the network sees.
    """
    height, width = pixels.shape
    small = f"small: {width} x {height} pixels, enlarged to the {seen_side} that the network looks at"
    return (small,) if min(pixels.shape) < seen_side else ()
