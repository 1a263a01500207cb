"""Where the lungs are in a radiograph: a small U-Net that was trained on phantoms, run with numpy.

It was taught by the phantom's own lung fields (`networks.lung_field_training`) and saw no real radiograph. At 64 x 64
pixels it costs a few milliseconds a picture; TensorFlow would take longer to load than it takes to find the lungs of
hundreds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import ThreadpoolController

SIZE = 64  # pixels, side of the square it sees
FILTERS = (8, 16, 32, 64)  # of the convolutions at each resolution, finest first
WEIGHTS = Path(__file__).with_suffix(".npz")
Weights = Mapping[str, tuple[np.ndarray, np.ndarray]]  # by convolution: kernel (rows, columns, in, out) and bias
_LEAST_PART = 0.15  # of the largest region: smaller ones are gas in the bowel, an armpit or a letter
_DILATION = 0.04  # by which the fields of a mask are grown, share of the side: no edge may tell their shape


def lung_probability(pixels: np.ndarray, weights: Weights | None = None) -> np.ndarray:
    """Probability that lung is seen there, behind whatever hides it.

    Args:
        pixels: uint8 (height, width), a radiograph, bone white; its shape may be squashed.
        weights: by `read`; None: those of this package.

    Returns:
        float32 (SIZE, SIZE) in [0, 1], over the whole picture.
    """
    known = _packaged() if weights is None else weights
    small = cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    x, skips = standardise(small)[..., None], []
    for level in range(len(FILTERS) - 1):
        x = _block(x, *(known[f"down{level}{part}"] for part in "ab"))
        skips.append(x)
        x = x.reshape(len(x) // 2, 2, len(x) // 2, 2, -1).max(axis=(1, 3))
    x = _block(x, *(known[f"deep{part}"] for part in "ab"))
    for level in reversed(range(len(skips))):
        x = np.concatenate([x.repeat(2, axis=0).repeat(2, axis=1), skips[level]], axis=-1)
        x = _block(x, *(known[f"up{level}{part}"] for part in "ab"))
    kernel, bias = known["fields"]
    return 1 / (1 + np.exp(-(_product(x, kernel) + bias)))[..., 0]


def visible_lung(image: np.ndarray) -> np.ndarray:
    """Where lung is seen in a picture, uint8 (height, width): bool of the same shape.

    Regions smaller than `_LEAST_PART` of the largest are left out.
    """
    fine = cv2.resize(lung_probability(image), image.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    _, region, found, _ = cv2.connectedComponentsWithStats(fine.view(np.uint8))
    area = found[:, cv2.CC_STAT_AREA]
    area[0] = 0  # what is no lung
    return (area >= max(_LEAST_PART * area.max(), 1))[region]


def lung_mask(image: np.ndarray) -> np.ndarray:
    """Lung fields of a picture, uint8 (height, width), grown a little; bool of the same shape."""
    reach = 2 * round(_DILATION * min(image.shape)) + 1
    grown = cv2.dilate(visible_lung(image).view(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return grown > 0


def standardise(pixels: np.ndarray) -> np.ndarray:
    """Pictures with mean 0 and standard deviation 1 each, float32, of shape (..., h, w) or (..., h, w, 1)."""
    axes = (-3, -2) if pixels.shape[-1] == 1 else (-2, -1)
    pixels = pixels.astype(np.float32)
    return (pixels - pixels.mean(axes, keepdims=True)) / (pixels.std(axes, keepdims=True) + 1e-3)


def _block(x: np.ndarray, *layers: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Convolutions of 3 x 3 with ReLU."""
    for kernel, bias in layers:
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        windows = sliding_window_view(padded, (3, 3), axis=(0, 1)).transpose(0, 1, 3, 4, 2)  # (h, w, 3, 3, c)
        x = np.maximum(_product(windows, kernel) + bias, 0)
    return x


def _product(rows: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """What each place of `rows` (h, w, ...) gives with a kernel (rows, columns, in, out): (h, w, out).

    OpenCV's product, whose threads can be turned off without touching those of numpy, which others count on.
    """
    _on_one_core()
    (height, width), out = rows.shape[:2], kernel.shape[-1]
    return cv2.gemm(rows.reshape(height * width, -1), kernel.reshape(-1, out), 1, None, 0).reshape(height, width, out)


@cache
def _on_one_core() -> None:
    """Let OpenCV's linear algebra, which nobody else here uses, keep to the core that asks.

    Spread over all cores it takes ten times as long on a busy machine, or beside the threads that read pictures: each
    waits for all others.
    """
    for library in ThreadpoolController().lib_controllers:
        if "opencv" in library.filepath:
            library.set_num_threads(1)


def read(file: Path) -> Weights:
    """The weights in `file`, as `WEIGHTS` holds them; float32."""
    with np.load(file) as stored:
        arrays = {name: array.astype(np.float32) for name, array in stored.items()}
    names = {name.partition(".")[0] for name in arrays}
    return {name: (arrays[f"{name}.kernel"], arrays[f"{name}.bias"]) for name in names}


@cache
def _packaged() -> Weights:
    return read(WEIGHTS)
