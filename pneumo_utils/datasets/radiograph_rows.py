"""One file of the data folder as a row: what it is and holds, or why it is left out."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

import numpy as np

from pneumo_utils.datasets import acquisition_properties, filenames
from pneumo_utils.imaging import decoding, image_files, picture_limits
from pneumo_utils.records.vocabulary import LABELS

_OF_THE_FILE = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP, errno.ENAMETOOLONG)  # what another try won't mend


def read(root: Path, path: str, smallest_side: int, least_grey_range: int) -> dict:
    """Read a file whole.

    Args:
        root: of the data, as `folder_layout.locate` returns it.
        path: relative to it.
        smallest_side: as for `manifest.build`.
        least_grey_range: likewise.

    Returns:
        the columns of the contracts `manifest` and `acquisition`, or `path` and `reason` where it is left out.

    Raises:
        OSError: the disk, not the file, cannot be read; so is a `MemoryError`.
    """
    if (shown := printable(path)) != path:
        what = "holds a carriage return" if "\r" in path else "is not UTF-8"
        return {"path": shown, "reason": f"its name {what}: rename it"}
    try:
        data = _bytes(root / path)
        pixels, mode = decoding.decode_sound(data)
        picture_limits.check_size_and_contrast(pixels, smallest_side, least_grey_range)
    except image_files.ImageError as error:
        return {"path": path, "reason": str(error)}
    except OSError as error:
        if error.errno not in _OF_THE_FILE:
            raise OSError(error.errno, error.strerror, str(root / path)) from error
        return {"path": path, "reason": f"cannot be read: {error.strerror}"}
    except MemoryError as error:
        raise MemoryError(f"{path} must fit into the memory that is free, got too little") from error
    except Exception as error:  # of a decoder, over a file that nobody foresaw: one file stops no study
        return {"path": path, "reason": f"damaged or unsupported: {type(error).__name__}: {error}"}
    return _describe(path, data, pixels, mode)


def _describe(path: str, data: bytes, pixels: np.ndarray, mode: str) -> dict:
    part, folder = path.split("/")[:2]
    name = filenames.parse(path, folder)
    return {
        "path": path,
        "patient": name.patient,
        "label": LABELS[folder],
        "etiology": name.etiology,
        "part": part,
        "series": name.series,
        "number": name.number,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "mode": mode,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    } | acquisition_properties.measure(data, pixels)


def why_unreadable(root: Path, path: str) -> str:
    """What its header alone tells against a file, which takes no time; empty where it may be read."""
    try:
        image_files.read_header(_bytes(root / path))
    except image_files.ImageError as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def printable(path: str) -> str:
    """The path as a table can hold it: in UTF-8, without a carriage return, which would end a row."""
    return os.fsencode(path).decode("utf-8", "backslashreplace").replace("\r", "\\r")


def _bytes(path: Path) -> bytes:
    if not image_files.is_image(path.name):
        raise image_files.ImageError(f"its ending is none of {', '.join(image_files.ENDINGS)}")
    state = path.stat()
    if not stat.S_ISREG(state.st_mode):  # a pipe would be waited for without end
        raise image_files.ImageError("not a file (a pipe, socket or device)")
    picture_limits.check_file_size(state.st_size)
    return path.read_bytes()
