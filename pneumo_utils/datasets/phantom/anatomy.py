"""The anatomy of one drawn child, healthy, as radiographic density on a canvas in the child's own coordinates.

x runs to the right of the picture, y downwards, 1 = half the width of the chest, (0, 0) above the heart's
centre. What is drawn here knows neither disease nor the view; `radiograph` adds both.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

UNIT = 104  # canvas pixels a unit: the chest is about as wide as in the pictures to be written
LEFT, TOP, WIDTH, HEIGHT = -1.65, -1.32, 344, 256  # the canvas: first two in units, last two in pixels

# outlines of the picture's right side, x in the first row, y in the second
_LUNG = (
    (0.2, 0.38, 0.6, 0.74, 0.82, 0.87, 0.89, 0.89, 0.8, 0.6, 0.32, 0.1, 0.04, 0.05, 0.1),
    (-0.86, -0.87, -0.66, -0.28, 0.12, 0.46, 0.66, 0.66, 0.52, 0.39, 0.36, 0.46, 0.2, -0.4, -0.7),
)
_HEART = (
    (-0.1, -0.22, -0.27, -0.22, -0.16, -0.14, 0.13, 0.17, 0.23, 0.2, 0.37, 0.52, 0.58, 0.52),
    (0.6, 0.5, 0.22, -0.06, -0.3, -0.66, -0.66, -0.46, -0.36, -0.2, 0.0, 0.22, 0.42, 0.6),
)
# half width (second row) of the body and of the rib cage at heights (first row)
_BODY = ((-1.5, -1.12, -1.0, -0.88, -0.7, -0.45, 0, 0.6), (0.36, 0.34, 0.5, 0.95, 1.06, 0.98, 0.98, 1.02))
_WALL = ((-0.8, -0.6, -0.25, 0.15, 0.6), (0.5, 0.66, 0.79, 0.86, 0.92))


@cache
def grid() -> tuple[np.ndarray, np.ndarray]:
    """x of every column (1, W) and y of every row (H, 1), float32, in units."""
    x = LEFT + (np.arange(WIDTH, dtype=np.float32) + 0.5) / UNIT
    y = TOP + (np.arange(HEIGHT, dtype=np.float32) + 0.5) / UNIT
    return x[None, :], y[:, None]


def _layer() -> np.ndarray:
    return np.zeros((HEIGHT, WIDTH), np.uint8)


def _pixels(points: np.ndarray | list | tuple) -> np.ndarray:
    """Canvas points for OpenCV's drawing with four fractional bits."""
    points = (np.asarray(points) - (LEFT, TOP)) * (UNIT * 16)
    return np.ascontiguousarray(np.rint(points), np.int32)


def _both(lines: np.ndarray | list) -> np.ndarray:
    """Lines (n, points, 2) of the picture's right side, and their mirror images."""
    return np.concatenate([np.asarray(lines), np.asarray(lines) * (-1, 1)])


def _fill(layer: np.ndarray, outline: np.ndarray, value: int) -> None:
    """Fill an outline after cutting its corners twice (Chaikin 1974); a doubled point stays sharper."""
    for _ in range(2):
        after = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], 1).reshape(-1, 2)
    cv2.fillPoly(layer, [_pixels(outline)], value, cv2.LINE_AA, 4)


def _strokes(layer: np.ndarray, lines: np.ndarray | list, value: float, width: float) -> None:
    thickness = max(1, round(width * UNIT))
    cv2.polylines(layer, list(_pixels(lines)), False, int(value), thickness, cv2.LINE_AA, 4)


def _bones(layer: np.ndarray, lines: np.ndarray | list, value: float, width: float) -> None:
    """Long bones: bright cortex on both sides of a paler marrow."""
    _strokes(layer, lines, value, width)
    _strokes(layer, lines, value * 0.75, width - 0.025)


def _spot(layer: np.ndarray, centre: np.ndarray, axes: np.ndarray, value: int) -> None:
    axes = np.rint(np.asarray(axes) * UNIT * 16).astype(int).tolist()
    cv2.ellipse(layer, _pixels(centre).tolist(), axes, 0, 0, 360, value, -1, cv2.LINE_AA, 4)


def smooth(layer: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; sigma in canvas pixels. The wide ones work on fewer pixels."""
    less = 8 if sigma > 16 else 2 if sigma > 2.4 else 1
    if less > 1:
        layer = cv2.resize(layer, (WIDTH // less, HEIGHT // less), interpolation=cv2.INTER_AREA)
    layer = cv2.GaussianBlur(layer.astype(np.float32), (0, 0), sigma / less)  # three times faster than bytes
    return layer if less == 1 else cv2.resize(layer, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def _share(layer: np.ndarray, weight: float) -> np.ndarray:
    """A drawn layer as density: float32, `weight` where it is 255."""
    return np.multiply(layer, np.float32(weight / 255), dtype=np.float32)


def cloud(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth noise of mean 0 and deviation about 1 over the canvas, `cells` grains across, float32."""
    small = rng.standard_normal((max(2, cells * 4 // 5), cells), dtype=np.float32) * np.float32(1.3)
    if cells < 30:  # straight interpolation between few grains would show as creases
        small = cv2.resize(small, (90, 72), interpolation=cv2.INTER_CUBIC)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The healthy patient: density (float32), lung fields (uint8, 0 or 255), their air (float32, 0 to 1)."""
    x, y = grid()
    stretch = rng.uniform((0.93, 0.95), (1.05, 1.07))
    lungs, heart = _lungs(rng, stretch), _heart(rng)
    fields = cv2.subtract(lungs, heart)
    air = _share(smooth(fields, 1.6), 1)
    levels, halves = np.array(_BODY)
    half = cv2.GaussianBlur(np.interp(y, levels, halves * rng.uniform(0.98, 1.08)), (1, 31), 5)
    thick = np.sqrt(np.maximum(0, 1 - np.square(x / half.astype(np.float32))))
    thick = cv2.addWeighted(thick, 0.4, np.sqrt(thick), 0.6, 0)
    density = thick * (0.5 + rng.uniform(-0.03, 0.03) + 0.012 * cloud(rng, 9))
    np.maximum(density, _arms(rng), out=density)
    density += np.clip((y - 0.2) * 2.5, 0, 1) * (0.17 - 0.06 * y) * thick * (1 - air)  # the belly has no air
    deep, uneven = rng.uniform(0.26, 0.32), rng.uniform(-0.03, 0.03)  # a turned child has one lung paler
    density -= air * (deep + uneven * np.sign(x) + 0.012 * cloud(rng, 6))
    density += _share(smooth(heart, 5), rng.uniform(0.05, 0.09)) * np.clip(1.4 - 2 * y, 0, 1)
    density += _vessels(rng, air) + _skeleton(rng, stretch[0]) - _hollow(rng)
    return density.astype(np.float32), fields, air


def _lungs(rng: np.random.Generator, stretch: np.ndarray) -> np.ndarray:
    lungs = _layer()
    for side, base in ((-1, rng.uniform(-0.05, 0.04)), (1, rng.uniform(0.0, 0.08))):
        outline = np.transpose(_LUNG) + rng.normal(0, 0.012, (len(_LUNG[0]), 2))
        outline[5:11, 1] += base
        _fill(lungs, outline * stretch * (side, 1), 255)
    return lungs


def _heart(rng: np.random.Generator) -> np.ndarray:
    outline = np.transpose(_HEART)
    outline += rng.normal(0, 0.012, outline.shape)
    outline[:, 0] *= rng.uniform(0.85, 1.15)
    outline[4:10, 0] *= rng.uniform(0.9, 1.5)  # the thymus of small children widens the upper part
    heart = _layer()
    _fill(heart, outline, 255)
    return heart


def _arms(rng: np.random.Generator) -> np.ndarray:
    soft, bone = _layer(), _layer()
    for side in (-1, 1):
        raised = rng.random() < 0.5
        elbow = (1.5, -1.6) if raised else (rng.uniform(1.3, 1.55), 0.9)
        arm = np.array([(0.98, -0.74), (1.1, -0.84 if raised else -0.64), elbow]) * (side, 1)
        _strokes(soft, [arm], 255, 0.38)
        _bones(bone, [arm[1:]], 255, 0.11)
        _spot(bone, arm[1], (0.085, 0.095), 225)
    return _share(smooth(soft, 6), 0.3) + _share(bone, 0.13)


def _hollow(rng: np.random.Generator) -> np.ndarray:
    """Air outside the lungs: windpipe and main bronchi, and often the stomach bubble."""
    pipe = _layer()
    fork = np.array([rng.uniform(-0.04, 0.02), rng.uniform(-0.3, -0.2)])
    _strokes(pipe, [np.array([(0, -1.3), fork])], 255, 0.09)
    _strokes(pipe, [np.array([fork + (-0.17, 0.16), fork, fork + (0.2, 0.14)])], 170, 0.06)
    bubble = int(255 * max(0, rng.uniform(-0.6, 1)))
    _spot(pipe, rng.normal((0.45, 0.72), 0.05), rng.uniform((0.12, 0.07), (0.26, 0.15)), bubble)
    return _share(smooth(pipe, 3), 0.1)


def _skeleton(rng: np.random.Generator, stretch: float) -> np.ndarray:
    x, _ = grid()
    back, front = _layer(), _layer()
    gap, drop, width, rise = rng.uniform((0.145, 0.26, 0.048, -0.18), (0.165, 0.46, 0.06, -0.02))
    arches, returns = _ribs(gap, drop)
    _bones(back, arches * (stretch, 1), 235, width)
    _bones(front, returns * (stretch, 1), 190, width + 0.01)
    collar = [(0.09, -0.64), (0.26, -0.7 + rise / 3), (0.6, -0.78 + rise), (0.98, -0.76 + rise)]
    _bones(back, _both([collar]), 255, width + 0.012)
    blade = [(0.62, -0.1), (0.64, -0.5), (0.95, -0.72), (0.75, -0.2), (0.62, -0.1)]
    _strokes(front, _both([blade]), 70, 0.03)
    edge = np.clip(np.abs(x) * 2.5 - 0.75, 0, 1)  # cartilage towards the breastbone casts no shadow
    wall = 1 + np.clip(np.abs(x) * 3 - 2.1, 0, 0.6)  # seen end on at the chest wall, ribs are whiter
    fine = rng.uniform(0.7, 1.2) * (_share(back, 0.11) * wall + _share(front, 0.075) * edge)
    return cv2.GaussianBlur(fine + _share(_spine(rng, gap * 0.95), 0.13), (5, 5), 0.8)


def _spine(rng: np.random.Generator, step: float) -> np.ndarray:
    spine, half = _layer(), rng.uniform(0.095, 0.12)
    level = np.array([(0, at) for at in np.arange(-1.5, 1.4, step)])[:, None]
    right = np.array([(half, 0.01), (half * 0.9, step / 2), (half, step * 0.92)])
    body = level + np.concatenate([right, right[::-1] * (-1, 1), right[:1]])
    cv2.fillPoly(spine, list(_pixels(body)), 150, cv2.LINE_AA, 4)
    _strokes(spine, body, 205, 0.01)
    _strokes(spine, level + np.array([(0, 0.06), (0, 0.1)]), 215, 0.03)
    _spot(spine, (0, -1.5), (0.52, 0.36), 220)  # the chin
    return spine


def _ribs(gap: float, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """Ten pairs of ribs: from the spine to the chest wall, and from there forward and down."""
    start = -0.9 + gap * np.arange(10)[:, None]
    turn = np.linspace(0, np.pi / 2, 10)[None, :]
    wall = np.interp(start + drop, *_WALL)
    arch = start + drop * (1 - np.cos(turn)) - 0.05 * np.sin(turn * 1.7)
    inward = start + drop + 0.85 * drop * np.sin(turn) ** 1.2
    arches = np.stack([0.1 + (wall - 0.1) * np.sin(turn), arch], 2)
    returns = np.stack([wall - (wall - 0.25) * (1 - np.cos(turn)), inward], 2)
    return _both(arches), _both(returns)


def _vessels(rng: np.random.Generator, air: np.ndarray) -> np.ndarray:
    """Hila and the vessels that leave them, thinner and fainter towards the chest wall."""
    tree, hilum = _layer(), _layer()
    angle = np.tile(np.linspace(-1.3, 1.45, 8), 2) + rng.normal(0, 0.15, 16)
    side, length, width, value = np.repeat((-1, 1), 8), rng.uniform(0.3, 0.6, 16), 0.03, 235
    root = np.stack([side * rng.normal(0.23, 0.02, 16), 0.14 * np.sin(angle) - 0.05 - 0.03 * side], 1)
    _strokes(hilum, np.stack([root[[0, 8]], root[[7, 15]]], 1), 255, 0.12)
    for _ in range(3):
        course = angle[:, None] + rng.normal(0, 0.3, (len(angle), 1)) * (0, 1, 2)
        step = np.stack([side[:, None] * np.cos(course), np.sin(course)], 2) * (length / 3)[:, None, None]
        lines = np.concatenate([root[:, None], root[:, None] + np.cumsum(step, 1)], 1)
        for part in range(3):
            _strokes(tree, lines[:, part : part + 2], value * (1 - 0.2 * part), width * (1 - part / 4))
        root, side, length = lines[:, 1:3].reshape(-1, 2), np.repeat(side, 2), np.repeat(length * 0.55, 2)
        angle = np.repeat(angle, 2) + np.tile((-0.5, 0.5), len(angle)) + rng.normal(0, 0.2, len(side))
        width, value = width * 0.55, value * 0.6
    tree = cv2.GaussianBlur(tree, (5, 5), 0.7)
    return air * (_share(smooth(hilum, 7), rng.uniform(0.08, 0.2)) + _share(tree, rng.uniform(0.07, 0.16)))
