"""How a radiograph was taken and saved: what tells the classes apart before anyone has looked at a lung."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from pneumo_utils.imaging import image_files

FLAT = 16  # grey levels: an edge line whose brightest and darkest pixel are no farther apart shows no body
WHITE = 250  # grey level: at and above it stand the letters of a marker
_CORNER = 6  # a corner is this part of each side
_RIM = 12  # the rim is this part of each side: on 300 of the real radiographs 3% of it was lung
_PERCENTILES = {"p5": 0.05, "p50": 0.5, "p95": 0.95}
# luminance at quality 50, in rows: ITU-T T.81 (1992), table K.1
_STANDARD = np.array(
    [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55]
    + [14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62]
    + [18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92]
    + [49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99]
)


class AcquisitionError(ValueError):
    """A picture that cannot be measured."""


def measure(data: bytes, pixels: np.ndarray) -> dict[str, float | bool | str | None]:
    """Measure how one radiograph was taken and saved.

    Args:
        data: the bytes of the whole file, as `decoding.decode` accepts them.
        pixels: uint8 array (height, width), the same file decoded, 0 black.

    Returns:
        the columns of the contract `acquisition` but `path`: of the file `bytes_per_pixel`, `jpeg_quality` (None where
        it is no JPEG; see `estimate_jpeg_quality`), `jpeg_table` (12 hex digits that name the quantisation tables, or
        "none") and `progressive`; of the rim (see `rim`) `mean`, `spread` (standard deviation) and the percentiles
        `p5`, `p50`, `p95`, all in grey levels 0-255; of the pixels `border` (see `empty_margin`) and `corners` (see
        `bright_corners`).

    Raises:
        AcquisitionError: `pixels` is not such an array, or empty.
        ImageError: as `image_files.read_header`.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or not pixels.size:
        raise AcquisitionError(f"pixels must be uint8, 2-D, not empty, got {pixels.dtype} {pixels.shape}")
    saved = {"bytes_per_pixel": len(data) / pixels.size} | _file_properties(data)
    return saved | _grey_levels(rim(pixels)) | {"border": empty_margin(pixels), "corners": bright_corners(pixels)}


def estimate_jpeg_quality(table: np.ndarray) -> float:
    """Find the libjpeg quality whose luminance table is nearest: the inverse of how libjpeg scales the standard table.

    libjpeg multiplies the standard table by 50 / quality below 50 and by 2 - quality / 50 from there on, rounds, and
    cuts it off at 1 and 255 (`jpeg_quality_scaling` and `jpeg_add_quant_table` in jcparam.c). Its own tables are
    recovered exactly; for another maker's it is the quality with the least sum of absolute differences.

    Args:
        table: int (64,), in rows (not in zigzag order).

    Returns:
        a whole number in [1, 100].
    """
    qualities = np.arange(1, 101)
    percent = np.where(qualities < 50, 5000 // qualities, 200 - 2 * qualities)
    scaled = np.clip((_STANDARD * percent[:, None] + 50) // 100, 1, 255)
    return float(qualities[np.abs(scaled - np.asarray(table)).sum(axis=1).argmin()])


def rim(pixels: np.ndarray) -> np.ndarray:
    """The pixels of the outer twelfth along each edge: exposure shows in them, and next to nothing of a lung.

    The brightness of a whole picture would tell of disease, too, which makes lungs brighter.

    Args:
        pixels: uint8 array (height, width), not empty.

    Returns:
        uint8 array (k, 1).
    """
    high, wide = (max(1, side // _RIM) for side in pixels.shape)
    inner = np.zeros(pixels.shape, dtype=bool)
    inner[high:-high, wide:-wide] = True
    return pixels[~inner][:, None]


def empty_margin(pixels: np.ndarray) -> float:
    """Largest part of a side that an empty margin takes, in [0, 0.5].

    A margin is the run of rows or columns, counted from one of the four edges inwards, in each of which the brightest
    and the darkest pixel differ by at most `FLAT` grey levels: a black or white frame, or the shade of a collimator.

    Args:
        pixels: uint8 array (height, width), not empty.
    """
    shares = []
    for along in (0, 1):
        shows = np.flatnonzero(pixels.max(axis=along) - pixels.min(axis=along) > FLAT)
        sides = pixels.shape[1 - along]
        first, last = (shows[0], shows[-1]) if len(shows) else (sides, -1)
        shares += [first / sides, (sides - 1 - last) / sides]
    return float(min(0.5, max(shares)))


def bright_corners(pixels: np.ndarray) -> float:
    """Share of near-white pixels, `WHITE` and above, in the four corners of a sixth of each side, in [0, 1].

    Args:
        pixels: uint8 array (height, width), not empty.
    """
    high, wide = (max(1, side // _CORNER) for side in pixels.shape)
    white = [(pixels[rows, columns] >= WHITE).mean() for rows in _ends(high) for columns in _ends(wide)]
    return float(np.mean(white))


def _ends(count: int) -> tuple[slice, slice]:
    return slice(None, count), slice(-count, None)


def _file_properties(data: bytes) -> dict[str, float | bool | str | None]:
    header = image_files.read_header(data)
    tables = getattr(header, "quantization", {})
    progressive = bool(header.info.get("progressive", False))
    if not tables:
        return {"jpeg_quality": None, "jpeg_table": "none", "progressive": False}
    named = hashlib.sha256(repr([(key, list(tables[key])) for key in sorted(tables)]).encode()).hexdigest()[:12]
    return {"jpeg_quality": estimate_jpeg_quality(tables[min(tables)]), "jpeg_table": named, "progressive": progressive}


def _grey_levels(pixels: np.ndarray) -> dict[str, float]:
    """Everything from the histogram, which is exact for 8 bits and read in one pass."""
    counts = cv2.calcHist([pixels], [0], None, [256], [0, 256]).ravel().astype(float)
    total, levels = counts.sum(), np.arange(256)
    mean = float(counts @ levels / total)
    spread = float(np.sqrt(counts @ (levels - mean) ** 2 / total))
    cuts = {name: float(np.searchsorted(counts.cumsum(), share * total)) for name, share in _PERCENTILES.items()}
    return {"mean": mean, "spread": spread} | cuts
