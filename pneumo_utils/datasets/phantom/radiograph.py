"""Draws one synthetic frontal chest radiograph of a child, with the truth about its lungs and its lesion.

The drawing adds and subtracts radiographic density on a canvas in the patient's own coordinates: x to the
right of the picture, y downwards, 1 = half the width of the chest, (0, 0) above the heart's centre. A view
then frames, exposes, blurs and marks that canvas. Patient, lesion and view have random streams of their own,
so a patient drawn with and without disease differs in the lesion and in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pneumo_utils.datasets.phantom import anatomy as body

VERSION = 3  # raise it whenever a drawn pixel changes, so that folders drawn before are drawn anew
ETIOLOGIES = ("normal", "bacterial", "viral")
_VISIBLE = 0.03  # added density from which a lesion counts as seen; a rib adds about 0.1
_ANATOMY, _LESION, _VIEW = 1, 2, 3  # names of the random streams

# centres of the lobes: right upper, middle and lower, left upper and lower
_LOBES = ((-0.46, -0.45), (-0.44, 0.1), (-0.55, 0.3), (0.48, -0.42), (0.66, 0.28))


@dataclass(frozen=True)
class Radiograph:
    """A drawn radiograph and its truth; the three arrays have the same shape (height, width)."""

    pixels: np.ndarray  # uint8, bone white
    lungs: np.ndarray  # bool, the aerated lung fields beside heart and diaphragm
    lesion: np.ndarray  # bool, where disease is visibly dense; inside `lungs`, empty when normal


def draw(etiology: str, patient_seed: int, view_seed: int, height: int, width: int) -> Radiograph:
    """Draw one radiograph; the same arguments draw the same bytes.

    Args:
        etiology: one of `ETIOLOGIES`: clear lungs, one focus in one lobe, or a fine pattern over both lungs.
        patient_seed: at least 0; anatomy and the place and degree of disease follow from it alone.
        view_seed: at least 0; framing, exposure, noise and marker follow from it alone.
        height: pixels, at least 32.
        width: pixels, at least 32.

    Raises:
        ValueError: an argument breaks its rule.
    """
    if etiology not in ETIOLOGIES:
        raise ValueError(f"etiology must be one of {', '.join(ETIOLOGIES)}, got {etiology!r}")
    least = {"patient_seed": 0, "view_seed": 0, "height": 32, "width": 32}
    for name, value in zip(least, (patient_seed, view_seed, height, width), strict=True):
        if value < least[name]:
            raise ValueError(f"{name} must be at least {least[name]}, got {value}")
    density, fields, air = body.draw(np.random.default_rng([patient_seed, _ANATOMY]))
    disease = _disease(etiology, np.random.default_rng([patient_seed, _LESION])) * air
    # the processor flattens what it finds in the healthy chest: disease must not change its surroundings
    density = cv2.addWeighted(density, 1.5, body.smooth(density, 36), -0.5, 0) + disease
    view = np.random.default_rng([view_seed, _VIEW])
    frame, size = _frame(view, height, width), (width, height)
    seen = cv2.warpAffine(density, frame, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    regions = (fields > 127).view(np.uint8)  # 0 outside, 1 lung, 2 lesion
    if etiology != "normal":
        regions <<= body.smooth(disease, 4) > _VISIBLE  # smoothed: a net of fine lines counts as one region
    regions = cv2.warpAffine(regions, frame, size, flags=cv2.INTER_NEAREST)
    return Radiograph(_expose(view, seen), regions > 0, regions == 2)


def _disease(etiology: str, rng: np.random.Generator) -> np.ndarray:
    """Density that disease adds where there is air, float32 over the canvas."""
    x, y = body.grid()
    if etiology == "bacterial":
        across, down = rng.normal(_LOBES[rng.integers(len(_LOBES))], 0.06).tolist()
        wide, tall = rng.uniform(0.3, 0.5, 2).tolist()
        far = np.sqrt(np.square((x - across) / wide) + np.square((y - down) / tall)) + 0.16 * body.cloud(rng, 14)
        patch = np.clip((1.2 - far) / 0.6, 0, 1)
        patch = patch * patch * (3 - 2 * patch)  # smooth step: no edge for the eye to catch on
        return rng.uniform(0.18, 0.44) * patch * (1 + 0.1 * body.cloud(rng, 60) + 0.1 * body.cloud(rng, 24))
    if etiology == "viral":
        near = np.exp(-np.square((np.abs(x) - 0.3) / 0.33) - np.square((y + 0.02) / 0.45))  # around the hila
        net = 2.1 - np.minimum(np.abs(body.cloud(rng, 80)), 1) - 0.7 * np.minimum(np.abs(body.cloud(rng, 46)), 1)
        return rng.uniform(0.11, 0.21) * net * np.clip(0.45 + 0.75 * near + 0.15 * body.cloud(rng, 7), 0, None)
    return np.zeros((body.HEIGHT, body.WIDTH), np.float32)


def _frame(view: np.random.Generator, height: int, width: int) -> np.ndarray:
    """The 2 x 3 matrix from canvas to picture: tight or wide, a little turned, off centre and stretched."""
    tall = view.uniform(1.75, 2.45)  # units of the patient between upper and lower edge
    wide = max(2.05, tall * (width / height) ** 0.6)  # broad pictures are broad children, not more air
    angle = np.deg2rad(view.normal(0, 2.2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / body.UNIT
    turn = np.diag([width / wide, height / tall]) @ turn
    centre = (view.normal((0, -0.08), (0.04, 0.05)) - (body.LEFT, body.TOP)) * body.UNIT
    return np.column_stack([turn, np.array([width, height]) / 2 - turn @ centre])


def _expose(view: np.random.Generator, density: np.ndarray) -> np.ndarray:
    """From density to uint8 grey: quantum noise, blur, contrast, brightness and the technician's marker."""
    low, high, gamma = view.uniform((-0.03, 0.85, 1.1), (0.04, 1.0, 1.5))
    height, width = density.shape
    grain = view.integers(0, 256, density.shape, np.uint8)
    levels = cv2.addWeighted(density, 200, grain.astype(np.float32), view.uniform(0.03, 0.09), 36)
    levels = cv2.GaussianBlur(cv2.convertScaleAbs(levels), (5, 5), view.uniform(0.5, 0.9))
    tone = np.clip(((np.arange(256) - 42) / 200 - low) / (high - low), 0, 1) ** gamma
    tone = (1 - np.exp(-1.7 * tone)) / (1 - np.exp(-1.7))  # film saturates: dense parts lose contrast first
    grey = cv2.LUT(levels, (tone * 244 + 4).astype(np.uint8))
    font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX)[view.integers(2)]
    place = (view.uniform((0.02, 0.1), (0.1, 0.35)) * (width, height)).astype(int).tolist()
    cv2.putText(grey, "R", place, font, height * view.uniform(0.0012, 0.0028), 235, 1, cv2.LINE_AA)
    if view.random() < 0.15:  # some machines print the tube voltage
        cv2.putText(grey, "KV70", (int(width * 0.86), height - 4), font, height * 0.0012, 225, 1, cv2.LINE_AA)
    return grey
