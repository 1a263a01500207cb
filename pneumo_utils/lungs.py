"""Where the lungs are in a radiograph: a small U-Net that was trained on phantoms, run with numpy.

It was taught by the phantom's own lung fields (`lungs_training`) and never saw a real radiograph. At 64 x 64 pixels it
costs a few milliseconds a picture; TensorFlow would take longer to load than it takes to find the lungs of hundreds.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SIZE = 64  # pixels, side of the square it sees
FILTERS = (8, 16, 32, 64)  # of the convolutions at each resolution, finest first
WEIGHTS = Path(__file__).with_suffix(".npz")
_MOST = 20_000  # masks that are remembered: 40 MB at 128 pixels
_remembered: dict[tuple, np.ndarray] = {}
_GROWN = 0.04  # by which the fields of a mask are grown, share of the side: no edge may tell their shape


def fields(pixels: np.ndarray) -> np.ndarray:
    """Probability that lung is seen there, behind whatever hides it.

    Args:
        pixels: uint8 (height, width), a radiograph, bone white; its shape may be squashed.

    Returns:
        float32 (SIZE, SIZE) in [0, 1], over the whole picture.
    """
    small = cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    x, skips = standardised(small)[..., None], []
    for level in range(len(FILTERS) - 1):
        x = _block(x, f"down{level}")
        skips.append(x)
        x = x.reshape(len(x) // 2, 2, len(x) // 2, 2, -1).max(axis=(1, 3))
    x = _block(x, "deep")
    for level in reversed(range(len(skips))):
        x = np.concatenate([x.repeat(2, axis=0).repeat(2, axis=1), skips[level]], axis=-1)
        x = _block(x, f"up{level}")
    kernel, bias = _weights()["fields"]
    return 1 / (1 + np.exp(-(x @ kernel[0, 0] + bias)))[..., 0]


def mask(image: np.ndarray) -> np.ndarray:
    """Lung fields of a picture, uint8 (height, width), grown a little; bool of the same shape.

    Those of up to `_MOST` pictures are remembered, a bit a pixel: in training the same ones come again in each epoch,
    and to look for lungs takes twenty times as long as all else that varies a picture.
    """
    key = image.shape, hashlib.blake2b(np.ascontiguousarray(image), digest_size=16).digest()
    bits = _remembered.get(key)
    if bits is None:
        if len(_remembered) >= _MOST:
            _remembered.clear()
        bits = _remembered[key] = np.packbits(_grown(image))
    return np.unpackbits(bits, count=image.size).reshape(image.shape).view(bool)


def _grown(image: np.ndarray) -> np.ndarray:
    soft = cv2.resize(fields(image), image.shape[::-1], interpolation=cv2.INTER_LINEAR)
    reach = 2 * round(_GROWN * min(image.shape)) + 1
    grown = cv2.dilate((soft > 0.5).view(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return grown > 0


def standardised(pixels: np.ndarray) -> np.ndarray:
    """Pictures with mean 0 and standard deviation 1 each, float32, of shape (..., h, w) or (..., h, w, 1)."""
    axes = (-3, -2) if pixels.shape[-1] == 1 else (-2, -1)
    pixels = pixels.astype(np.float32)
    return (pixels - pixels.mean(axes, keepdims=True)) / (pixels.std(axes, keepdims=True) + 1e-3)


def _block(x: np.ndarray, name: str) -> np.ndarray:
    """Two convolutions of 3 x 3 with ReLU.

    The product is OpenCV's: numpy's is spread over all cores, which on a busy machine, or beside the threads that read
    pictures, takes fifty times as long as one core alone.
    """
    for part in "ab":
        kernel, bias = _weights()[f"{name}{part}"]
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        windows = sliding_window_view(padded, (3, 3), axis=(0, 1)).transpose(0, 1, 3, 4, 2)  # (h, w, 3, 3, c)
        flat = cv2.gemm(windows.reshape(x.shape[0] * x.shape[1], -1), kernel.reshape(-1, len(bias)), 1, None, 0)
        x = np.maximum(flat.reshape(*x.shape[:2], -1) + bias, 0)
    return x


@cache
def _weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernel (rows, columns, in, out) and bias of each convolution, float32."""
    with np.load(WEIGHTS) as stored:
        arrays = {name: array.astype(np.float32) for name, array in stored.items()}
    names = {name.partition(".")[0] for name in arrays}
    return {name: (arrays[f"{name}.kernel"], arrays[f"{name}.bias"]) for name in names}
