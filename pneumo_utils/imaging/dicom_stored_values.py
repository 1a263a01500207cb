"""From a DICOM dataset to the values stored in it: transfer syntaxes, and the bits in use (PS3.5 section 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from PIL import Image

from pneumo_utils.imaging import gdcm_decoding
from pneumo_utils.imaging.image_files import ImageError, NotReadHereError

if TYPE_CHECKING:
    from pydicom import Dataset

_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
_JPEG = "1.2.840.10008.1.2.4."
_BASELINE, _EXTENDED, _RLE = _JPEG + "50", _JPEG + "51", "1.2.840.10008.1.2.5"
_LOSSLESS = (_JPEG + "57", _JPEG + "70")
# Who decodes what. For lossless JPEG there is GDCM alone, which is kept in a process of its own. Not taken:
# pylibjpeg-libjpeg, which is under the GPL, and pylibjpeg-rle, whose panics over damaged data are no exceptions.
_DECODERS = {
    _BASELINE: "pillow", _EXTENDED: "pillow", _RLE: "pydicom", _JPEG + "80": "pyjpegls", _JPEG + "81": "pyjpegls",
    _JPEG + "90": "pylibjpeg", _JPEG + "91": "pylibjpeg", _JPEG + "201": "pylibjpeg", _JPEG + "202": "pylibjpeg",
    _JPEG + "203": "pylibjpeg",
}  # fmt: skip
_PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
_NEEDED = {"pylibjpeg": "pylibjpeg-openjpeg"}


def photometric(dataset: Dataset) -> str:
    """The photometric interpretation, such as MONOCHROME2."""
    return str(dataset.get("PhotometricInterpretation") or "").strip().upper()


def decode(dataset: Dataset) -> np.ndarray:
    """Decode the one picture of a dataset.

    Args:
        dataset: the whole file.

    Returns:
        int32 array (height, width) of stored values, in which only the bits in use count, negative where they are
        signed; of colour, an integer array (height, width, 3), red, green and blue.

    Raises:
        ImageError: no picture, several, truncated, damaged, or in a form that is not supported.
    """
    _check_shape(dataset)
    syntax = _syntax(dataset)
    if syntax not in (*_PLAIN, *_DECODERS, *_LOSSLESS):
        known = type(syntax)(syntax).name
        got = known if known != str(syntax) else "an unknown one"
        raise ImageError(f"transfer syntax must be a picture's that is supported, got {got}")
    if syntax in _PLAIN:
        _check_length(dataset)
        return _used_bits(_array(dataset, syntax, ""), dataset)
    _check_codestream(dataset, syntax)
    if syntax in _LOSSLESS or (syntax == _EXTENDED and int(dataset.BitsStored) > 8):
        return _decode_apart(dataset, syntax)
    _check_decoder(syntax)
    values = _array(dataset, syntax, _DECODERS[str(syntax)])
    return _used_bits(values, dataset) if syntax == _RLE else values.astype(np.int32)


def _check_shape(dataset: Dataset) -> None:
    if "PixelData" not in dataset:
        kind = "floating-point numbers" if {"FloatPixelData", "DoubleFloatPixelData"} & set(dataset.dir()) else ""
        raise ImageError(f"pixel data must be whole numbers, got {kind}" if kind else _explain_no_pixels())
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames != 1:
        raise ImageError(f"holds {frames} frames: a radiograph is one")
    rows, columns = int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0)
    if rows < 1 or columns < 1:
        raise ImageError(f"rows and columns must be at least 1, got {rows} and {columns}")
    if rows * columns > Image.MAX_IMAGE_PIXELS:
        raise ImageError(f"too large: it must have at most {Image.MAX_IMAGE_PIXELS:,} pixels")
    samples, allocated = int(dataset.get("SamplesPerPixel") or 1), int(dataset.get("BitsAllocated") or 0)
    stored = int(dataset.get("BitsStored") or allocated)
    if allocated not in (8, 16) or not 8 <= stored <= allocated:
        raise ImageError(f"grey levels must have 8 to 16 bits, got {stored} of {allocated}")
    kind = photometric(dataset)
    if (kind not in (*_GREY, "PALETTE COLOR") or samples != 1) and (kind not in _COLOUR or samples != 3):
        raise ImageError("photometric interpretation must be grey, RGB, YBR or a palette, with its number of samples")


def _explain_no_pixels() -> str:
    return "pixel data must be there, got none: the file holds no picture, or ends early"


def _syntax(dataset: Dataset) -> str:
    """The transfer syntax; where a file has no meta header, what pydicom found it to be written in."""
    from pydicom import uid
    from pydicom.dataset import FileMetaDataset

    said = getattr(dataset, "file_meta", {}).get("TransferSyntaxUID")
    if not said:
        implicit, little = dataset.original_encoding
        said = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        said = said if little else uid.ExplicitVRBigEndian
        dataset.file_meta = getattr(dataset, "file_meta", FileMetaDataset())
        dataset.file_meta.TransferSyntaxUID = said
    return said


def _check_length(dataset: Dataset) -> None:
    wanted = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel") or 1)
    wanted *= int(dataset.BitsAllocated) // 8
    if photometric(dataset) == "YBR_FULL_422":
        wanted = wanted // 3 * 2
    if len(dataset.PixelData) < wanted:
        raise ImageError(f"truncated: the file holds {100 * len(dataset.PixelData) // wanted}% of its pixel data")


def _check_codestream(dataset: Dataset, syntax: str) -> None:
    """Find compressed data that ends early or is damaged: decoders fill what is missing with grey.

    The families of JPEG end with the marker FFD9, which cannot occur inside their compressed data.
    """
    stream = _codestream(dataset)
    if syntax != _RLE and b"\xff\xd9" not in stream[max(0, stream.rfind(b"\xff\xda")) :]:
        raise ImageError("truncated: the compressed pixel data end early")
    if syntax == _BASELINE:
        try:
            simplejpeg.decode_jpeg(stream, colorspace="GRAY", strict=True)
        except ValueError as error:
            raise ImageError(f"damaged pixel data: {str(error).strip()}") from error


def _codestream(dataset: Dataset) -> bytes:
    from pydicom.encaps import generate_frames

    try:
        return next(iter(generate_frames(dataset.PixelData, number_of_frames=1)))
    except Exception as error:  # of several kinds, by what is missing
        raise ImageError("truncated or damaged: the compressed pixel data cannot be taken apart") from error


def _check_decoder(syntax: str) -> None:
    from pydicom.pixels import get_decoder

    wanted = _DECODERS[str(syntax)]
    if wanted not in get_decoder(syntax).available_plugins:
        raise NotReadHereError(f"{syntax.name} needs {_NEEDED.get(wanted, wanted)}: pip install pneumo-utils[dicom]")


def _array(dataset: Dataset, syntax: str, decoder: str) -> np.ndarray:
    from pydicom.pixels import get_decoder

    own_bits = syntax in _PLAIN or syntax == _RLE
    try:
        return get_decoder(syntax).as_array(dataset, decoding_plugin=decoder, correct_unused_bits=not own_bits)[0]
    except MemoryError:
        raise
    except Exception as error:  # each decoder has its own kinds
        raise ImageError(f"damaged pixel data: the {syntax.name} cannot be decoded") from error


def _decode_apart(dataset: Dataset, syntax: str) -> np.ndarray:
    """What GDCM alone decodes."""
    if not gdcm_decoding.is_installed():
        raise NotReadHereError(f"{syntax.name} needs python-gdcm: pip install pneumo-utils[dicom]")
    samples, signed = int(dataset.get("SamplesPerPixel") or 1), bool(dataset.get("PixelRepresentation"))
    shape = (int(dataset.Rows), int(dataset.Columns), samples)
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    try:
        data = gdcm_decoding.decode(_codestream(dataset), str(syntax), shape, (allocated, stored), signed)
    except gdcm_decoding.GdcmTimeoutError as error:
        raise NotReadHereError(f"{syntax.name}: {error}, it took longer") from error
    except gdcm_decoding.GdcmError as error:
        raise ImageError(f"damaged pixel data: the {syntax.name} cannot be decoded") from error
    values = np.frombuffer(data, f"<u{allocated // 8}").reshape(shape if samples > 1 else shape[:2])
    if photometric(dataset) in _GREY:
        return used_bits(values, stored, signed)
    if photometric(dataset).startswith("YBR_FULL"):
        from pydicom.pixels import convert_color_space

        return convert_color_space(values, "YBR_FULL", "RGB")
    return values


def used_bits(values: np.ndarray, stored: int, signed: bool) -> np.ndarray:
    """Read the lowest `stored` bits of integers as a number, as int32: what lies above them is none of the picture."""
    values = values.astype(np.int32) & ((1 << stored) - 1)
    return values - ((values >> (stored - 1)) << stored) if signed else values


def has_cell(dataset: Dataset, value: int) -> bool:
    """Whether a cell of the pixel data holds `value` with the bits beyond those in use; no, where it is compressed."""
    syntax, allocated = _syntax(dataset), int(dataset.BitsAllocated)
    if syntax not in _PLAIN or not -(1 << (allocated - 1)) <= value < 1 << allocated:
        return False
    size = allocated // 8
    cells = np.frombuffer(
        dataset.PixelData, f"{'<' if syntax.is_little_endian else '>'}u{size}", len(dataset.PixelData) // size
    )
    return bool((cells == value & ((1 << allocated) - 1)).any())


def _used_bits(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    stored = int(dataset.get("BitsStored") or dataset.BitsAllocated)
    highest = int(dataset.get("HighBit") or stored - 1)
    if not stored - 1 <= highest < int(dataset.BitsAllocated):
        raise ImageError(f"high bit must be {stored - 1} to {int(dataset.BitsAllocated) - 1}, got {highest}")
    if photometric(dataset) not in _GREY:
        return values
    return used_bits(
        values.astype(np.int32) >> (highest + 1 - stored), stored, bool(dataset.get("PixelRepresentation"))
    )
