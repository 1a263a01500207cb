"""Pictures of kinds that the gate has never learned from: only these say what it does with what nobody drew for it.

They share no generator with `odd_pictures`. Whoever changes the gate must not look at how it fares with them: a kind
that was tuned on is a learned one.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from pneumo_utils.deployment.quality_control import drawing
from pneumo_utils.deployment.quality_control.drawing import CANVAS


def draw(kind: str, seed: int, size: int = 224) -> np.ndarray:
    """Draw a picture that is no radiograph, of one of `KINDS`: see `drawing.draw`."""
    return drawing.draw(KINDS, kind, seed, size, salt=(len(KINDS),))


def _fractal(generator: np.random.Generator) -> np.ndarray:
    """A Julia set: how soon a point escapes."""
    turn, reach = generator.uniform(0, 2 * np.pi), generator.uniform(0.7, 0.8)
    constant, wide = reach * np.exp(1j * turn), generator.uniform(0.4, 1.6)
    place = np.linspace(-wide, wide, CANVAS // 2)
    z = place[None, :] + 1j * place[:, None]
    escaped = np.zeros(z.shape)
    for _ in range(60):
        inside = np.abs(z) < 4
        z = np.where(inside, z * z + constant, z)
        escaped += inside
    return 255 * (escaped / escaped.max()) ** generator.uniform(0.3, 1.5)


def _cells(generator: np.random.Generator) -> np.ndarray:
    """Regions nearest to random points with walls between them, as under a microscope."""
    side = CANVAS // 2  # of all distances are taken
    points = generator.uniform(0, side, (int(generator.integers(8, 80)), 2))
    y, x = np.mgrid[:side, :side].astype(np.float32)
    distance = np.hypot(y[..., None] - points[:, 0], x[..., None] - points[:, 1])
    near = np.partition(distance, 1, axis=-1)[..., :2]
    shade = generator.uniform(60, 255, len(points))[distance.argmin(axis=-1)]
    return np.where(near[..., 1] - near[..., 0] < generator.uniform(0.5, 3), generator.uniform(0, 90), shade)


def _fan(generator: np.random.Generator) -> np.ndarray:
    """Speckle in a sector on black, as ultrasound shows it."""
    y, x = np.mgrid[:CANVAS, :CANVAS]
    depth = np.hypot(y + 10, x - CANVAS / 2)
    inside = (np.abs(np.arctan2(x - CANVAS / 2, y + 10)) < generator.uniform(0.4, 0.8)) & (depth > 40)
    speckle = np.hypot(*generator.normal(size=(2, CANVAS, CANVAS)))
    speckle = cv2.GaussianBlur(speckle, (0, 0), generator.uniform(0.8, 2.5))
    layers = 1 + 0.5 * np.sin(depth / generator.uniform(5, 20) + generator.uniform(0, 6))
    dark = np.hypot(y - generator.uniform(90, 200), x - generator.uniform(80, 176)) < generator.uniform(15, 50)
    return 255 * np.where(inside & (depth < 250), speckle * layers * np.where(dark, 0.15, 1), 0) / 4


def _chart(generator: np.random.Generator) -> np.ndarray:
    """Axes with bars or a line."""
    page = np.full((CANVAS, CANVAS), 255.0)
    values = generator.uniform(10, 200, int(generator.integers(3, 16)))
    step = 200 / len(values)
    places = [(int(40 + step * (n + 0.5)), int(225 - value)) for n, value in enumerate(values)]
    for column, (across, height) in enumerate(places):
        if generator.random() < 0.5 or column == 0:
            half = max(1, int(step * 0.3))
            cv2.rectangle(page, (across - half, height), (across + half, 225), float(generator.uniform(30, 200)), -1)
    if generator.random() < 0.5:
        cv2.polylines(page, [np.array(places, np.int32)], False, 20.0, 2)
    cv2.line(page, (35, 15), (35, 225), 0.0, 1)
    cv2.line(page, (35, 225), (245, 225), 0.0, 1)
    return page if generator.random() < 0.7 else 255 - page


def _trace(generator: np.random.Generator) -> np.ndarray:
    """Curves on ruled paper, as an electrocardiogram."""
    page = np.full((CANVAS, CANVAS), float(generator.uniform(180, 255)))
    rule = int(generator.integers(6, 20))
    page[::rule] -= 40
    page[:, ::rule] -= 40
    across = np.arange(CANVAS)
    for line in range(int(generator.integers(1, 6))):
        beat = generator.uniform(20, 70)
        phase = (across % beat) / beat
        pulse = 40 * np.exp(-(((phase - 0.4) / 0.03) ** 2)) + 9 * np.exp(-(((phase - 0.7) / 0.08) ** 2))
        height = 50 + 45 * line - pulse + generator.normal(0, 1, CANVAS)
        cv2.polylines(page, [np.column_stack([across, height]).astype(np.int32)], False, 10.0, 1)
    return page


def _code(generator: np.random.Generator) -> np.ndarray:
    """A square or a bar code."""
    if generator.random() < 0.5:
        side = int(generator.integers(17, 45))
        field = generator.integers(0, 2, (side, side)).astype(float)
        for top, left in ((0, 0), (0, side - 7), (side - 7, 0)):
            field[top : top + 7, left : left + 7] = 0
            field[top + 1 : top + 6, left + 1 : left + 6] = 1
            field[top + 2 : top + 5, left + 2 : left + 5] = 0
        page = np.pad(field, 3, constant_values=1)
    else:
        page = np.pad(np.repeat(generator.integers(0, 2, (1, 60)), 40, axis=0).astype(float), 6, constant_values=1)
    return 255 * cv2.resize(page, (CANVAS, CANVAS), interpolation=cv2.INTER_NEAREST)


def _eye(generator: np.random.Generator) -> np.ndarray:
    """A bright disc with branching dark lines, as the back of an eye."""
    page = np.full((CANVAS, CANVAS), float(generator.uniform(0, 15)))
    cv2.circle(page, (128, 128), int(generator.integers(95, 125)), float(generator.uniform(110, 190)), -1)
    start = (int(generator.integers(60, 196)), 128)
    cv2.circle(page, start, int(generator.integers(12, 24)), 240.0, -1)
    branches = [(start, float(turn), 5) for turn in generator.uniform(0, 2 * np.pi, 6)]
    while branches:
        at, turn, wide = branches.pop()
        if wide < 1:
            continue
        for _ in range(4):
            turn += generator.normal(0, 0.25)
            reached = tuple(int(a + 12 * b) for a, b in zip(at, (np.cos(turn), np.sin(turn)), strict=True))
            cv2.line(page, at, reached, 60.0, wide)
            at = reached
        branches += [(at, turn + side, wide - 2) for side in (-0.5, 0.5)]
    y, x = np.mgrid[:CANVAS, :CANVAS]
    page[np.hypot(y - 128, x - 128) > 126] = 5
    return cv2.GaussianBlur(page, (0, 0), generator.uniform(0.8, 2.5))


def _teeth(generator: np.random.Generator) -> np.ndarray:
    """Two arches of bright pegs in grey, as a panoramic radiograph of the jaws."""
    page = np.full((CANVAS, CANVAS), float(generator.uniform(20, 60)))
    cv2.ellipse(page, (128, 60), (120, 150), 0, 10, 170, float(generator.uniform(70, 120)), 70)
    bend, count = generator.uniform(0.2, 0.6), int(generator.integers(10, 17))
    for arch, below in ((110, -1), (140, 1)):
        for place in np.linspace(-1, 1, count):
            across, down = int(128 + 105 * place), int(arch + 40 * bend * (1 - place**2))
            axes = (int(95 / count), int(generator.integers(18, 30)))
            cv2.ellipse(page, (across, down + below * 8), axes, 0, 0, 360, float(generator.uniform(150, 240)), -1)
    page = cv2.GaussianBlur(page, (0, 0), generator.uniform(1, 3))
    return page + generator.normal(0, generator.uniform(0, 8), page.shape)


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "fractal": _fractal, "cells": _cells, "ultrasound fan": _fan, "chart": _chart, "trace": _trace, "code": _code,
    "back of an eye": _eye, "teeth": _teeth,
}  # fmt: skip
