"""From stored values to grey as it is meant to be seen: modality LUT, VOI LUT, polarity (PS3.3 C.11.1, C.11.2, C.11.6).

Everything but padding depends on the stored value alone, so it is worked out once for each value and looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_utils.imaging import dicom_stored_values
from pneumo_utils.imaging.dicom_header import first, text
from pneumo_utils.imaging.image_files import ImageError

if TYPE_CHECKING:
    from pydicom import Dataset

_LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601
_SQUARE = 0.01  # a difference between the sides of a pixel below this share is none
_SCREEN = 8  # bits
_LARGEST_SIGNED = (1 << 15) - 1
# A marker of a few pixels may be far brighter than all else. The middle 99% is what nnU-Net clips to (Isensee et al.
# 2021, doi:10.1038/s41592-020-01008-z); a picture without such pixels is shown from its least to its largest value.
_TAIL, _FAR = 0.005, 2  # share of the pixels at either end; times the range of the others
_LONGEST = 4  # times the other side
_SPACINGS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
Window = Callable[[np.ndarray], np.ndarray]


def show(dataset: Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    """Decode the picture of a dataset as grey, 0 black, with square pixels.

    Args:
        dataset: the whole file.

    Returns:
        uint8 array (height, width), and remarks.

    Raises:
        ImageError: as `dicom_stored_values.decode`, or grey levels cannot be worked out.
    """
    values = dicom_stored_values.decode(dataset)
    colour = dicom_stored_values.photometric(dataset) not in ("MONOCHROME1", "MONOCHROME2")
    pixels, remarks = (_weigh(values, dataset), ["stored in colour"]) if colour else _render(values, dataset)
    pixels, more = _square(pixels, dataset)
    return pixels, (*remarks, *more)


def _weigh(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Grey of a picture in colour, by luma."""
    if dicom_stored_values.photometric(dataset) == "PALETTE COLOR":
        from pydicom.pixels import apply_color_lut

        values = apply_color_lut(values, dataset)[..., :3]
        largest = np.iinfo(values.dtype).max
    else:
        largest = (1 << int(dataset.get("BitsStored") or dataset.BitsAllocated)) - 1
    grey = values.astype(np.float32) @ np.array(_LUMA, np.float32)
    return np.rint(np.clip(grey / largest, 0, 1) * 255).astype(np.uint8)


def _render(values: np.ndarray, dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """Grey of a picture without colour, and remarks."""
    padding, remarks = _find_padding(values, dataset)
    lowest = int(values.min())
    used = np.bincount((values if padding is None else values[~padding]).ravel() - lowest)
    if not used.size:
        raise ImageError("pixels must not all be padding")
    levels = _modality(np.arange(used.size) + lowest, dataset)
    window, more = _choose_window(dataset)
    remarks = [*remarks, *more]
    if window:
        shades = window(levels)
    else:
        ends, clipped = _range(levels[used > 0], used[used > 0], dataset)
        shades, remarks = _stretch(levels, *ends), [*remarks, *clipped]
    inverse, more = _is_inverse(dataset)
    table = np.rint((1 - shades if inverse else shades) * 255).astype(np.uint8)
    pixels = table[np.minimum(values - lowest, used.size - 1)]  # what is beyond is padding
    if padding is not None:
        pixels[padding] = 0
    return pixels, [*remarks, *more]


def _find_padding(values: np.ndarray, dataset: Dataset) -> tuple[np.ndarray | None, list[str]]:
    """Where a picture was filled up to a rectangle (PS3.3 C.7.5.1.1.2), bool (height, width); and remarks."""
    ends = [first(dataset, name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if ends[0] is None:
        return None, []
    begin = _padding_value(int(ends[0]), dataset)
    if begin is None:
        return None, ["padding value is none that a pixel can have"]
    end = begin if ends[1] is None else _padding_value(int(ends[1]), dataset)
    if end is None:
        end = int(values.max() if int(ends[1]) > begin else values.min())
    padding = (values >= min(begin, end)) & (values <= max(begin, end))
    return (padding if padding.any() else None), []


def _padding_value(said: int, dataset: Dataset) -> int | None:
    """The stored value that is meant; None: no pixel can have it."""
    stored, signed = int(dataset.BitsStored), bool(dataset.get("PixelRepresentation"))
    lowest, highest = (-(1 << (stored - 1)) if signed else 0), (1 << stored) - 1  # written with or without a sign
    cells = {said, said - (1 << 16)} if signed else {said}  # a negative one of all 16 bits, without its sign
    if any(lowest <= one <= highest for one in cells) or dicom_stored_values.has_cell(dataset, said):
        return int(dicom_stored_values.used_bits(np.array(said), stored, signed))
    return None


def _modality(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """What stored values mean, float64 of their shape: a table, or slope and intercept."""
    if dataset.get("ModalityLUTSequence"):
        return _look_up(stored, dataset.ModalityLUTSequence[0], dataset)[0].astype(np.float64)
    slope, intercept = _number(dataset, "RescaleSlope", 1.0), _number(dataset, "RescaleIntercept", 0.0)
    if slope == 0:
        raise ImageError("rescale slope must not be 0, got 0")
    return stored * slope + intercept


def _look_up(levels: np.ndarray, item: Dataset, dataset: Dataset) -> tuple[np.ndarray, int]:
    """Values of a table (PS3.3 C.11.1.1) at `levels`, and the largest that it can hold."""
    entries, begin, bits = (int(number) for number in item.LUTDescriptor)
    entries = entries & 0xFFFF or 1 << 16  # a sign may have been read into it
    if begin > _LARGEST_SIGNED and levels.max() < begin:
        begin -= 1 << 16  # a negative one, written without its sign as the pixels are (PS3.3 C.11.2.1.1)
    data = item.LUTData
    if isinstance(data, (bytes, bytearray)):
        little = dataset.original_encoding[1] is not False
        kind = np.uint8 if len(data) in (entries, entries + 1) and entries > 1 else np.dtype("<u2" if little else ">u2")
        data = np.frombuffer(data[: len(data) // np.dtype(kind).itemsize * np.dtype(kind).itemsize], kind)
    else:
        data = np.atleast_1d(np.asarray(data, np.int64)) & 0xFFFF
    if bits <= 8 and data.size < entries <= 2 * data.size:  # two entries of 8 bits in a word
        data = np.stack([data & 0xFF, data >> 8], axis=1).ravel()
    if data.size < entries:
        raise ImageError(f"table of grey levels must hold {entries} entries, got {data.size}")
    data = data[:entries].astype(np.int64)
    places = np.clip(np.rint(levels) - begin, 0, entries - 1).astype(np.int64)
    return data[places], (1 << max(bits, int(data.max()).bit_length())) - 1


def _choose_window(dataset: Dataset) -> tuple[Window | None, list[str]]:
    """What brings meanings to shades from 0 to 1: the first VOI LUT, or else the first window; and remarks."""
    tables = dataset.get("VOILUTSequence")
    if tables and tables[0].get("LUTData") is not None and tables[0].get("LUTDescriptor") is not None:

        def apply(levels: np.ndarray) -> np.ndarray:
            found, largest = _look_up(levels, tables[0], dataset)
            return found / max(largest, 1)

        return apply, []
    center, width = (_number(dataset, name) for name in ("WindowCenter", "WindowWidth"))
    if center is None or width is None:
        return None, []
    function = text(dataset, "VOILUTFunction") or "LINEAR"
    remarks = [] if function in _FUNCTIONS else ["VOI LUT function is unknown: LINEAR is taken"]
    linear = function not in _FUNCTIONS[1:]
    if width < 1 if linear else width <= 0:
        rule = "at least 1" if linear else "positive"
        return None, [f"window width must be {rule}, got {width:g}: the full range is shown"]
    return lambda levels: window(levels, center, width, function), remarks


def window(levels: np.ndarray, center: float, width: float, function: str = "LINEAR") -> np.ndarray:
    """Bring levels to shades by a window (PS3.3 C.11.2.1.2 and C.11.2.1.3).

    Args:
        levels: float array, after the modality LUT.
        center: of the window, in the unit of `levels`.
        width: likewise; at least 1 for LINEAR, above 0 for the others.
        function: LINEAR, LINEAR_EXACT or SIGMOID.

    Returns:
        float array of the same shape in [0, 1].
    """
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (levels - center) / width, -700, 700)))
    if function != "LINEAR_EXACT":
        center, width = center - 0.5, width - 1
    if width == 0:
        return (levels > center).astype(np.float64)
    return np.clip((levels - center) / width + 0.5, 0, 1)


def _range(seen: np.ndarray, counts: np.ndarray, dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """The least and the largest level that are told apart where no window says so, float (2,); and a remark.

    Eight bits were made for a screen, as in a JPEG file, and are taken as they are. Of more, all are shown that are
    there, unless the few at the ends would take most shades.

    Args:
        seen: levels that are there, float (n,).
        counts: of the pixels of each.
        dataset: the whole file.
    """
    if int(dataset.BitsStored) <= _SCREEN and not dataset.get("PixelRepresentation"):
        return np.sort(_modality(np.array([0, (1 << _SCREEN) - 1]), dataset)), []
    ends = np.array([seen.min(), seen.max()])
    order = np.argsort(seen)
    share = np.cumsum(counts[order]) / counts.sum()
    middle = seen[order][np.searchsorted(share, (_TAIL, 1 - _TAIL))]
    if 0 < _FAR * np.ptp(middle) < np.ptp(ends):
        return middle, ["a few grey levels are far from all others: they were clipped"]
    return ends, []


def _stretch(levels: np.ndarray, low: float, high: float) -> np.ndarray:
    """Shades from 0 to 1 between two levels."""
    return np.clip((levels - low) / (high - low), 0, 1) if high > low else np.zeros_like(levels)


def _is_inverse(dataset: Dataset) -> tuple[bool, list[str]]:
    """Whether small values are white, and a remark where a file says both.

    MONOCHROME1 and Presentation LUT Shape INVERSE say the same thing, and come together where the standard is kept
    (PS3.3 C.8.11.3.1.2): what either of them asks for is done once.
    """
    kind, shape = dicom_stored_values.photometric(dataset), text(dataset, "PresentationLUTShape")
    white_first = kind == "MONOCHROME1"
    inverse = white_first or shape == "INVERSE"
    doubted = shape in ("IDENTITY", "INVERSE") and white_first != (shape == "INVERSE")
    contradiction = f"{kind} and presentation LUT shape {shape} contradict each other: the picture was inverted"
    return inverse, [contradiction] if doubted else []


def _square(pixels: np.ndarray, dataset: Dataset) -> tuple[np.ndarray, list[str]]:
    """Resample a picture whose pixels are not square (PS3.3 C.7.6.3.1.7) along their longer side."""
    sides = next((dataset[name].value for name in _SPACINGS if dataset.get(name)), None)
    if sides is None or type(sides).__name__ != "MultiValue" or len(sides) != 2:
        return pixels, []
    down, across = (float(side) for side in sides)
    if not (down > 0 and across > 0 and 1 / _LONGEST <= down / across <= _LONGEST):
        return pixels, ["pixel aspect ratio is not plausible: it was left out"]
    ratio = down / across
    if abs(ratio - 1) <= _SQUARE:
        return pixels, []
    height, width = pixels.shape
    size = (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)
    words = f"pixels are {down / across:.2f} times as high as wide: they were resampled to squares"
    return cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), [words]


def _number(dataset: Dataset, keyword: str, default: float | None = None) -> float | None:
    said = text(dataset, keyword)
    if not said:
        return default
    try:
        number = float(said)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise ImageError(f"{dataset[keyword].name.lower()} must be a number")
    return number
