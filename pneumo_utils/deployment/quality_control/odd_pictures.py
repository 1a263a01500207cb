"""Pictures that are no chest radiograph: drawn ones of many kinds, and photographs that packages ship.

The gate learns from drawn ones what lies outside (outlier exposure: Hendrycks et al. 2019, arXiv 1812.04606). It is
judged by others of the same kinds, by kinds it has never seen (`unlearned_pictures`), and by the photographs. Falling
discs and noise whose power falls with frequency have much of what photographs have (Lee et al. 2001,
doi:10.1023/A:1011109015675; Baradad et al. 2021, arXiv 2106.05963), so that no photograph need be shipped.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from pneumo_utils.deployment.quality_control import drawing
from pneumo_utils.deployment.quality_control.drawing import CANVAS
from pneumo_utils.imaging import decoding
from pneumo_utils.imaging.image_files import ImageError

_PHOTOGRAPH = 200  # pixels, least side of a photograph; smaller files are icons
_SHIPPING = (
    "sklearn",
    "matplotlib",
    "scipy",
    "skimage",
    "mahotas",
    "distributed",
    "playwright",
)  # packages that may ship photographs


def draw(kind: str, seed: int, size: int = 224) -> np.ndarray:
    """Draw a picture that is no radiograph, of one of `KINDS`: see `drawing.draw`."""
    return drawing.draw(KINDS, kind, seed, size, finish=_soften)


def _soften(drawn: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(drawn.astype(np.float32), (0, 0), generator.choice([0.3, 0.7, 1.5]))


def find_photographs() -> Iterator[tuple[str, np.ndarray]]:
    """Photographs and pictures that installed packages ship, as (package/file name, uint8 (height, width))."""
    for package in _SHIPPING:
        spec = find_spec(package)
        folders = spec.submodule_search_locations if spec else None
        paths = sorted(path for folder in folders or () for path in Path(folder).rglob("*") if path.is_file())
        for path in paths:
            if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
                try:
                    pixels = decoding.decode(path.read_bytes())
                except ImageError:
                    continue  # a package's own test of damaged files
                if min(pixels.shape) >= _PHOTOGRAPH:
                    yield f"{package}/{path.name}", pixels


def cut_windows(pixels: np.ndarray, count: int, size: int, seed: int = 0) -> np.ndarray:
    """The whole picture and windows of it, of any place and of a third to the whole of each side.

    Args:
        pixels: uint8 (height, width).
        count: of pictures, at least 1.
        size: side of each, pixels.
        seed: at least 0.

    Returns:
        uint8 (count, size, size).
    """
    generator, found = np.random.default_rng(seed), [decoding.resize(pixels, size)]
    while len(found) < count:
        high, wide = (max(1, int(side * generator.uniform(0.34, 1))) for side in pixels.shape)
        top, left = (int(generator.integers(0, n + 1)) for n in (pixels.shape[0] - high, pixels.shape[1] - wide))
        found.append(decoding.resize(np.ascontiguousarray(pixels[top : top + high, left : left + wide]), size))
    return np.stack(found)


def _white_noise(generator: np.random.Generator) -> np.ndarray:
    side = int(generator.choice([CANVAS, 128, 64, 32, 16, 8]))
    kinds = (
        lambda: generator.uniform(0, 255, (side, side)),
        lambda: generator.normal(generator.uniform(60, 200), generator.uniform(8, 80), (side, side)),
        lambda: 255.0 * (generator.random((side, side)) < generator.uniform(0.02, 0.98)),
        lambda: generator.exponential(generator.uniform(30, 120), (side, side)),
    )
    return _enlarge(kinds[generator.integers(4)](), generator)


def _coloured_noise(generator: np.random.Generator) -> np.ndarray:
    """Noise whose amplitude falls with frequency: pink at 1, brown at 2."""
    return _spread(_cloud(generator, generator.uniform(0.3, 2.5)), generator)


def _gradient(generator: np.random.Generator) -> np.ndarray:
    y, x = _grid()
    angle, (across, along) = generator.uniform(0, 2 * np.pi), generator.uniform(-0.7, 0.7, 2)
    shape = np.hypot(x - across, y - along) if generator.random() < 0.4 else x * np.cos(angle) + y * np.sin(angle)
    levels = generator.choice([2, 3, 5, 256, 256])
    wave = np.sin(shape * generator.uniform(1, 6)) if generator.random() < 0.4 else shape
    return _spread(np.round((wave - wave.min()) / np.ptp(wave) * levels) / levels, generator)


def _stripes(generator: np.random.Generator) -> np.ndarray:
    y, x = _grid()
    angle = generator.uniform(0, np.pi)
    one = np.sin((x * np.cos(angle) + y * np.sin(angle)) * generator.uniform(4, 60))
    two = np.sin((y * np.cos(angle) - x * np.sin(angle)) * generator.uniform(4, 60))
    waves = (one, one * two, np.sign(one), np.sign(one * two), np.sin(np.hypot(x, y) * generator.uniform(5, 50)))
    return _spread(waves[generator.integers(5)], generator)


def _text(generator: np.random.Generator) -> np.ndarray:
    paper, ink = generator.choice([(235, 20), (20, 235), (255, 0), (0, 255), (180, 90)])
    page = np.full((CANVAS, CANVAS), paper, np.uint8)
    scale = generator.uniform(0.25, 2.5)
    for line in range(int(14 * scale), CANVAS + int(20 * scale), int(26 * scale) + 4):
        if generator.random() < 0.85:
            words = "".join(generator.choice(list(string.ascii_letters + "   .,;0123456789"), 60))
            start = (int(generator.integers(-20, 60)), line)
            cv2.putText(page, words, start, int(generator.integers(0, 8)), scale, int(ink), max(1, round(scale)))
    return page


def _drawing(generator: np.random.Generator) -> np.ndarray:
    page = np.full((CANVAS, CANVAS), float(generator.choice([0, 40, 128, 230, 255])))
    for _ in range(int(generator.integers(1, 25))):
        one, two = generator.integers(0, CANVAS, (2, 2)).tolist()
        grey, thick = float(generator.integers(0, 256)), int(generator.choice([-1, 1, 2, 4, 9]))
        shape = generator.integers(5)
        if shape == 0:
            cv2.line(page, one, two, grey, abs(thick))
        elif shape == 1:
            cv2.rectangle(page, one, two, grey, thick)
        elif shape == 2:
            cv2.circle(page, one, int(generator.integers(4, 110)), grey, thick)
        elif shape == 3:
            axes = generator.integers(4, 110, 2).tolist()
            cv2.ellipse(page, one, axes, float(generator.uniform(0, 180)), 0, 360, grey, thick)
        else:
            cv2.polylines(page, [generator.integers(0, CANVAS, (6, 1, 2)).astype(np.int32)], True, grey, abs(thick))
    return page


def _dead_leaves(generator: np.random.Generator) -> np.ndarray:
    """Discs, boxes and bars that hide each other, each with a texture and a shade: the statistics of a photograph."""
    page, largest = _spread(_cloud(generator, 1.5), generator), generator.uniform(20, 140)
    y, x = _grid()
    for _ in range(int(generator.integers(5, 60))):
        shape = np.zeros((CANVAS, CANVAS), np.uint8)
        radius = min(5 / (1 - generator.random()) ** 0.8, largest)
        centre, turn = generator.integers(0, CANVAS, 2).tolist(), float(generator.uniform(0, 180))
        axes = [max(1, int(radius * stretch)) for stretch in generator.uniform(0.3, 1.2, 2)]
        if generator.random() < 0.6:
            cv2.ellipse(shape, centre, axes, turn, 0, 360, 1, -1)
        else:
            cv2.fillPoly(shape, [cv2.boxPoints((centre, [2.0 * a for a in axes], turn)).astype(np.int32)], 1)
        shade, inside = generator.uniform(-40, 40, 2), shape > 0
        page[inside] = generator.uniform(10, 245) + shade[0] * x[inside] + shade[1] * y[inside]
    return page + generator.normal(0, generator.uniform(0, 12), page.shape)


def _limb(generator: np.random.Generator) -> np.ndarray:
    """Bright bars in grey ones on black, as bones in an arm, a leg or a hand."""
    soft, bone = np.zeros((CANVAS, CANVAS)), np.zeros((CANVAS, CANVAS))
    centre, angle = generator.uniform(70, 186, 2), generator.uniform(0, np.pi)
    for _ in range(int(generator.integers(1, 6))):
        turn, reach = angle + generator.normal(0, 0.35), generator.uniform(60, 240)
        step = np.array([np.cos(turn), np.sin(turn)]) * reach
        side = np.array([-step[1], step[0]]) / reach * generator.normal(0, 30)
        one, two = ((centre + side + way * step).astype(int).tolist() for way in (-0.7, 0.7))
        wide = int(generator.integers(10, 36))
        cv2.line(soft, one, two, 1.0, min(120, int(wide * generator.uniform(1.5, 4))))
        cv2.line(bone, one, two, 1.0, wide)
        cv2.circle(bone, two, int(wide * generator.uniform(0.6, 1.1)), 1.0, -1)
    soft, bone = (cv2.GaussianBlur(one, (0, 0), generator.uniform(1.5, 5)) for one in (soft, bone))
    return generator.uniform(0, 30) + generator.uniform(50, 110) * soft + generator.uniform(50, 120) * bone


def _slice(generator: np.random.Generator) -> np.ndarray:
    """A bright ring with soft parts in it on black, as a head or a slice through the body."""
    page, centre = np.zeros((CANVAS, CANVAS)), [128 + int(n) for n in generator.integers(-20, 21, 2)]
    axes, turn = generator.integers(60, 125, 2), float(generator.uniform(0, 180))
    cv2.ellipse(page, centre, axes.tolist(), turn, 0, 360, float(generator.uniform(90, 255)), -1)
    inner = (axes - generator.integers(3, 30)).tolist()
    cv2.ellipse(page, centre, inner, turn, 0, 360, float(generator.uniform(20, 160)), -1)
    for _ in range(int(generator.integers(2, 14))):
        at = (np.array(centre) + generator.normal(0, 35, 2)).astype(int).tolist()
        spot = [int(n) for n in generator.integers(4, 34, 2)]
        cv2.ellipse(page, at, spot, float(generator.uniform(0, 180)), 0, 360, float(generator.uniform(0, 230)), -1)
    page = cv2.GaussianBlur(page, (0, 0), generator.uniform(0.8, 4))
    return page + 30 * _cloud(generator, 1.2) * (page > 15) + generator.normal(0, generator.uniform(0, 10), page.shape)


def _grid() -> np.ndarray:
    return np.mgrid[-1 : 1 : CANVAS * 1j, -1 : 1 : CANVAS * 1j]


def _cloud(generator: np.random.Generator, power: float) -> np.ndarray:
    """Noise of standard deviation 1 whose amplitude falls with frequency to the given power."""
    waves = np.hypot(np.fft.fftfreq(CANVAS)[:, None], np.fft.rfftfreq(CANVAS))
    waves[0, 0] = np.inf
    spectrum = np.fft.rfft2(generator.normal(size=(CANVAS, CANVAS))) / waves**power
    noise = np.fft.irfft2(spectrum, s=(CANVAS, CANVAS))
    return noise / noise.std()


def _enlarge(noise: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    way = cv2.INTER_NEAREST if generator.random() < 0.5 else cv2.INTER_CUBIC
    return cv2.resize(noise, (CANVAS, CANVAS), interpolation=way)


def _spread(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Values brought to a random range of greys."""
    low, high = np.sort(generator.uniform(0, 255, 2)) if generator.random() < 0.5 else (0.0, 255.0)
    high = max(high, low + 40)
    return low + (values - values.min()) / max(np.ptp(values), 1e-9) * (high - low)


KINDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "white noise": _white_noise, "coloured noise": _coloured_noise, "gradient": _gradient, "stripes": _stripes,
    "text": _text, "drawing": _drawing, "dead leaves": _dead_leaves, "limb": _limb, "slice": _slice,
}  # fmt: skip
