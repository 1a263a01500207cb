"""Pictures that a small CNN learns in a second."""

import numpy as np

SIZE = 36  # not a multiple of 8: the small CNN's grid is 4 x 4, each cell 9 pixels
N = 40


def dark_pictures() -> np.ndarray:
    """Dark noise, uint8 (N, SIZE, SIZE); half of the pictures have a bright square in the upper left quarter."""
    pictures = np.random.default_rng(0).integers(0, 60, (N, SIZE, SIZE)).astype(np.uint8)
    pictures[::2, 4:14, 4:14] += 120
    return pictures
