"""Pictures made harder in ways that leave most of the disease to see: what a network should not mind, and must.

A shift that no held-out part shows can be made: exposure, sharpness and posture of another technician, framing and file
format towards those of the other class, and pictures without lungs or with nothing else. Strong blur and noise hide
fine markings, too, and a tight frame the edges of the lungs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from pneumo_utils.imaging import lung_fields

_GREY = np.arange(256, dtype=np.float32)
_TIGHT, _WIDE = 0.8, 1.25  # side that is seen against the side of the picture


def _apply_curve(image: np.ndarray, curve: np.ndarray) -> np.ndarray:
    return cv2.LUT(image, np.clip(np.rint(curve), 0, 255).astype(np.uint8))


def _shift_brightness(image: np.ndarray, share: float) -> np.ndarray:
    return _apply_curve(image, _GREY + 255 * share)


def _scale_contrast(image: np.ndarray, factor: float) -> np.ndarray:
    return _apply_curve(image, (_GREY - image.mean()) * factor + image.mean())


def _add_noise(image: np.ndarray, deviation: float) -> np.ndarray:
    grain = np.random.default_rng(int(image.sum())).standard_normal(image.shape, dtype=np.float32)  # the picture's own
    return np.clip(np.rint(image + deviation * grain), 0, 255).astype(np.uint8)


def _blur(image: np.ndarray, share: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), share * min(image.shape))


def _warp(image: np.ndarray, degrees: float, scale: float) -> np.ndarray:
    height, width = image.shape
    turned = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    border = cv2.BORDER_CONSTANT if scale < 1 else cv2.BORDER_REPLICATE  # film around a wide picture is black
    return cv2.warpAffine(image, turned, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)


def _rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    return _warp(image, degrees, 1.0)


def _reframe(image: np.ndarray, seen: float) -> np.ndarray:
    return _warp(image, 0.0, 1 / seen)


def _recompress(image: np.ndarray, quality: float) -> np.ndarray:
    stored = cv2.imencode(".jpeg", image, [cv2.IMWRITE_JPEG_QUALITY, round(quality)])[1]
    return cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE)


def _hide_lungs(image: np.ndarray, _: float) -> np.ndarray:
    mask = lung_fields.lung_mask(image)
    return np.where(mask, np.uint8(image[~mask].mean() if (~mask).any() else 0), image)


def _keep_lungs_only(image: np.ndarray, _: float) -> np.ndarray:
    mask = lung_fields.lung_mask(image)
    return np.where(mask, image, np.uint8(image[mask].mean() if mask.any() else 0))


@dataclass(frozen=True)
class Perturbation:
    """One way to make pictures harder."""

    title: str
    unit: str  # of the strength
    change: Callable[[np.ndarray, float], np.ndarray]  # of a picture, uint8 (height, width)
    strengths: tuple[float, ...]
    neutral: float | None = None  # strength that leaves the picture as it is; None: there is none


PERTURBATIONS = {
    "brightness": Perturbation("Brightness", "share of the grey range", _shift_brightness, (-0.2, 0.2), 0.0),
    "contrast": Perturbation("Contrast", "factor", _scale_contrast, (0.5, 1.5), 1.0),
    "noise": Perturbation("Noise", "grey levels", _add_noise, (10.0, 25.0), 0.0),
    "blur": Perturbation("Blur", "share of the side", _blur, (0.01, 0.02), 0.0),
    "rotation": Perturbation("Rotation", "degrees", _rotate, (-15.0, 15.0), 0.0),
    "quality": Perturbation("JPEG quality", "", _recompress, (20.0,), 100.0),
    "framing": Perturbation("Framing", "side seen against the picture's", _reframe, (_TIGHT, _WIDE), 1.0),
    "without_lungs": Perturbation("Lungs hidden", "", _hide_lungs, (1.0,)),
    "only_lungs": Perturbation("Only lungs left", "", _keep_lungs_only, (1.0,)),
}
PLAIN = "plain"  # the picture as it is
SWAPPED_FRAMING, SWAPPED_FILES = "swapped_framing", "swapped_files"
TITLES = {name: kind.title for name, kind in PERTURBATIONS.items()} | {
    PLAIN: "As it is",
    SWAPPED_FRAMING: "Normals tighter, pneumonias wider",
    SWAPPED_FILES: "Saved as the other class",
}
HIDING = ("without_lungs", "only_lungs")  # made in the square; with the lungs hidden, to be right is the fault


_PHRASES = {
    "brightness": "brightness changed by {:g} of the grey range",
    "contrast": "contrast times {:g}",
    "noise": "noise of {:g} grey levels",
    "blur": "blur of {:g} of the side",
    "rotation": "rotation by {:g} degrees",
    "quality": "JPEG quality {:g}",
    "framing": "a frame {:g} times as wide",
    "without_lungs": "the lungs hidden",
    "only_lungs": "only the lungs left",
    PLAIN: "the picture as it is",
    SWAPPED_FRAMING: "normals framed tighter and pneumonias wider",
    SWAPPED_FILES: "the file format of the other class",
}


def name(way: str, strength: float) -> str:
    """A way in words, with its strength where there are several."""
    several = way in PERTURBATIONS and PERTURBATIONS[way].neutral is not None
    return f"{TITLES[way]}, {strength:g}".replace("-", "\N{MINUS SIGN}") if several else TITLES[way]


def describe(way: str, strength: float) -> str:
    """A way with its strength, as it stands within a sentence."""
    return _PHRASES[way].format(strength).replace("-", "\N{MINUS SIGN}")


def perturb(image: np.ndarray, kind: str, strength: float) -> np.ndarray:
    """`image`, uint8 (height, width), made harder.

    Args:
        image: the radiograph in its own shape, or, for `HIDING`, the square that a network sees.
        kind: a key of `PERTURBATIONS`.
        strength: see the unit of the kind.
    """
    return PERTURBATIONS[kind].change(image, strength)


def swap_framing(image: np.ndarray, label: int) -> np.ndarray:
    """A normal radiograph framed tighter and one with pneumonia wider: towards the other class, and beyond it.

    Lungs fill more of the picture in pneumonia in this data set. `_TIGHT` and `_WIDE` are further apart than that.
    """
    return _reframe(image, _WIDE if label else _TIGHT)


@dataclass(frozen=True)
class FileFormat:
    """How the files of one class usually are."""

    area: float  # pixels, median
    quality: float  # JPEG quality, median


def typical_files(manifest: pd.DataFrame, acquisition: pd.DataFrame) -> dict[int, FileFormat] | None:
    """Area and JPEG quality of both classes outside the test part; None where a class has no JPEG, or both are alike.

    Args:
        manifest: contract `manifest`.
        acquisition: contract `acquisition`.
    """
    joined = manifest.merge(acquisition[["path", "jpeg_quality"]], on="path").query("part != 'test'")
    joined = joined.dropna(subset="jpeg_quality").assign(area=joined["width"] * joined["height"])
    medians = joined.groupby("label")[["area", "jpeg_quality"]].median()
    if len(medians) < 2 or len(medians.drop_duplicates()) < 2:
        return None
    return {int(label): FileFormat(*map(float, row)) for label, row in medians.iterrows()}


def swap_file(pixels: np.ndarray, like: FileFormat) -> np.ndarray:
    """A radiograph shrunk or enlarged to the usual area of the other class, and saved at its JPEG quality.

    Args:
        pixels: uint8 (height, width), decoded from its own file.
        like: of the other class.

    Returns:
        uint8 (height, width), what the new file decodes to.
    """
    scale = (like.area / pixels.size) ** 0.5
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return _recompress(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=method), like.quality)
