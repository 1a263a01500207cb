"""What a picture file is before its pixels are looked at: format, colour mode, depth; whether it is whole and sound."""

from __future__ import annotations

import io
import warnings

import numpy as np
import simplejpeg
from PIL import Image

from pneumo_utils.imaging import png_chunks

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
ENDINGS = (".jpeg", ".jpg", ".jfif", ".jpe", ".png", ".tif", ".tiff", ".bmp", ".webp")
_MODES = {"L": "grey", "1": "black and white", "LA": "grey+alpha", "P": "palette", "PA": "palette"}
_DEPTHS = (8, 10, 12, 14, 16)  # bits that detectors and PACS use
_BITS_PER_SAMPLE = 258  # tag of a TIFF
_SCAN = b"\xff\xda"  # marker of a JPEG before compressed data
_START, _END = b"\xff\xd8\xff", b"\xff\xd9"  # of a JPEG
_MAGIC = {  # how files begin, by what they are in words
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "TIFF": (b"II*\0", b"MM\0*"),
    "BMP": (b"BM",),
    "WebP": (b"RIFF",),
}
_OTHERS = {b"GIF8": "a GIF", b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive"}

# Pillow warns in lines that name no file: of damaged entries, which are found here where they matter, and of pictures
# above 89 million pixels, which are refused.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class ImageError(ValueError):
    """A file that cannot be used as a radiograph; the message is the reason, in words for its owner."""


class NotReadHereError(ImageError):
    """A file that this machine cannot read as it is now: a package is missing, or it took too long. It says nothing of
    the file, which may be read another time.
    """


def is_image(name: str) -> bool:
    """Whether `name` ends like a picture this study reads: one of `ENDINGS`, in any case."""
    return name.lower().endswith(ENDINGS)


def read_header(data: bytes) -> Image.Image:
    """Open a picture without decoding its pixels.

    Args:
        data: the bytes of the whole file.

    Raises:
        ImageError: empty, of another format, of more than 89 million pixels, with several pictures in it, or a CMYK
            JPEG that does not tell whether it is a negative.
    """
    if not data:
        raise ImageError("empty file (0 bytes)")
    try:
        header = Image.open(io.BytesIO(data), formats=FORMATS)
        frames = 1 if header.format == "MPO" else getattr(header, "n_frames", 1)  # the others of an MPO are previews
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"too large: it must have at most {Image.MAX_IMAGE_PIXELS:,} pixels") from error
    except Exception as error:  # Pillow raises what it likes over damaged headers
        raise ImageError(_explain_unreadable(data)) from error
    if frames > 1:
        raise ImageError(f"holds {frames} pictures: a radiograph is one")
    # with the marker 255 is paper, without it some programs mean ink; OpenCV and Pillow always take it as paper
    if header.mode == "CMYK" and header.format != "TIFF" and "adobe" not in header.info:
        raise ImageError("a CMYK JPEG without Adobe's marker, which may be a negative: save it in grey")
    return header


def _explain_unreadable(data: bytes) -> str:
    for name, beginnings in _MAGIC.items():
        if data.startswith(beginnings):
            return f"truncated, damaged or unsupported {name}: its header cannot be read"
    is_called = next((words for start, words in _OTHERS.items() if data.startswith(start)), "")
    if data[128:132] == b"DICM":
        is_called = "a DICOM file"
    kinds = "JPEG, PNG, TIFF, BMP or WebP"
    return f"{is_called}, must be {kinds}" if is_called else f"not an image (none of {kinds})"


def check_whole(header: Image.Image, data: bytes) -> None:
    """Find in a glance that a file ends early: OpenCV fills what is missing with grey.

    Args:
        header: of `data`, by `read_header`.
        data: the bytes of the whole file.

    Raises:
        ImageError: truncated, or a PNG with a damaged part.
    """
    if header.format == "PNG":
        if data.rfind(b"IEND") < data.rfind(b"IDAT"):
            raise ImageError("truncated: the PNG ends early")
        try:
            header.verify()  # the checksum of every chunk
        except MemoryError:
            raise
        except Exception as error:  # of several kinds, by the chunk that is damaged
            raise ImageError(f"damaged PNG: {error}") from error
    elif header.format in ("TIFF", "BMP", "WEBP"):  # rare enough to be decoded twice
        try:
            header.load()
        except MemoryError:
            raise
        except Exception as error:  # as above
            raise ImageError(f"truncated or damaged {header.format}: {error}") from error
    elif _SCAN not in data:
        raise ImageError("truncated: the JPEG ends early")
    # Neither marker can occur inside compressed data, and a thumbnail ends before the picture's scans: no scan starts
    # behind the last end, but by chance in what trails, as a phone's film. (Searched from there on: it is quicker.)
    elif data.find(_SCAN, data.rfind(_END) + 1) >= 0:
        try:
            check_sound(header, data)
        except ImageError as error:
            raise ImageError("truncated: the JPEG ends early") from error


def check_sound(header: Image.Image, data: bytes) -> None:
    """Read a JPEG through to its end and take each of the decoder's warnings for what it is: damage in the middle.

    A PNG is read through, too: it may hold fewer or more rows than its header says, which OpenCV tells the terminal
    alone. All this takes two thirds of the time of decoding, so it is done once, where a file is met first.

    Args:
        header: of `data`, by `read_header`.
        data: the bytes of the whole file.

    Raises:
        ImageError: damaged.
    """
    if header.format == "PNG":
        _check_png(data)
    if header.format not in ("JPEG", "MPO"):
        return
    eighth = {"min_width": max(1, header.width // 8), "min_height": max(1, header.height // 8)}
    try:
        simplejpeg.decode_jpeg(data, colorspace="GRAY", strict=True, **eighth)
    except ValueError as error:
        if "memory" in str(error).lower():  # no fault of the file
            raise MemoryError(str(error)) from error
        raise ImageError(f"damaged JPEG: {str(error).strip()}") from error
    if header.format == "JPEG" and _SCAN in (rest := _behind(data)) and _START in rest:
        raise ImageError("holds 2 pictures: a radiograph is one")


def _behind(data: bytes) -> bytes:
    """What follows the end of a JPEG: mostly nothing."""
    at = 2
    while data[at : at + 2] != _SCAN and at < len(data):  # over what is said first, as a thumbnail
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    end = data.find(_END, at)
    return data[end + 2 :] if end >= 0 else b""


def _check_png(data: bytes) -> None:
    try:
        png_chunks.check_rows(data)
        Image.open(io.BytesIO(data), formats=("PNG",)).load()  # OpenCV tells the terminal alone what is wrong in a row
    except png_chunks.PNGError as error:
        raise ImageError(str(error)) from error
    except MemoryError:
        raise
    except Exception as error:  # of several kinds
        raise ImageError(f"damaged PNG: {error}") from error


def stored_mode(header: Image.Image, data: bytes) -> str:
    """Name the stored colour mode: grey, grey+alpha, RGB, RGBA, palette, CMYK; with `16` where 16 bits deep.

    Args:
        header: of `data`, by `read_header`.
        data: the bytes of the whole file.
    """
    if header.mode.startswith("I"):
        return "grey16"
    if header.format == "TIFF":
        deep = header.tag_v2.get(_BITS_PER_SAMPLE, (8,))[0] > 8
    else:
        deep = header.format == "PNG" and data[24] == 16  # the bit depth in IHDR, which always comes first
    return _MODES.get(header.mode, header.mode) + ("16" if deep else "")


def used_bits(header: Image.Image, data: bytes, pixels: np.ndarray) -> int:
    """How many of its 16 bits a picture uses: as its file says, else the least usual depth that holds its grey levels.

    Twelve bits of a detector are often saved as 16 without being stretched, and would be nearly black. One pixel in a
    thousand does not count: a defect or a mark at the upper end would make the rest as dark again. Depths are those of
    detectors: how many of them a picture fills depends on its exposure, so an odd number is not told from a dark one of
    the next.

    Args:
        header: of `data`, by `read_header`.
        data: the bytes of the whole file.
        pixels: uint16.

    Returns:
        at most 16; 8, 10, 12, 14 or 16 where the file does not say, or says too little.
    """
    said, largest = 0, int(np.percentile(pixels, 99.9, method="lower"))
    if header.format == "PNG":
        said = png_chunks.significant_bits(data)
    elif header.format == "TIFF":
        said = header.tag_v2.get(_BITS_PER_SAMPLE, (16,))[0] % 16  # 16 of them say nothing
    holds = next(depth for depth in _DEPTHS if largest < 1 << depth)
    return said if 8 < said <= 16 and largest < 1 << said else holds
