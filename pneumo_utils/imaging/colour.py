"""How much colour a picture holds. Radiographs hold none: what does was coloured, drawn over or photographed."""

from __future__ import annotations

import cv2
import numpy as np

_JPEG = b"\xff\xd8"  # how such a file begins
_COLOUR = 4.0  # grey levels: more than a grey picture that is saved as a colour JPEG gains by rounding


def measure(data: bytes) -> float:
    """Mean difference between the largest and the smallest channel of a file that `decoding.decode_sound` reads.

    Args:
        data: the bytes of the whole file.

    Returns:
        grey levels, in [0, 255]; 0 for grey, and where OpenCV has no colours of what it can read as grey. What is
        transparent counts as far as it is seen over black.
    """
    # of a JPEG the means of 8 x 8 pixels are enough, and a sixth of the work: many are stored in colour and have none
    flags = cv2.IMREAD_REDUCED_COLOR_8 if data.startswith(_JPEG) else cv2.IMREAD_UNCHANGED
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return 0.0
    if pixels is None or pixels.ndim == 2 or pixels.shape[2] < 3:
        return 0.0
    channels, full = pixels[..., :3], np.iinfo(pixels.dtype).max
    apart = channels.max(axis=-1) - channels.min(axis=-1)
    seen = apart if pixels.shape[2] == 3 else apart * (pixels[..., 3] / full)
    return float(seen.mean(dtype=np.float64)) * 255 / full


def remark(mean: float) -> str:
    """What to say of a picture with so much colour; "" where it is none to speak of."""
    differ = f"channels differ by {mean:.0f} grey levels on average"
    return f"in colour: {differ}, and only its brightness is looked at" if mean > _COLOUR else ""
