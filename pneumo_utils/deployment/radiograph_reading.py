"""From a file of any kind to a square picture that a network may see, or the reason why there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pneumo_utils.deployment.bundle_contents import Contents
from pneumo_utils.imaging import colour, decoding, dicom_files, picture_limits
from pneumo_utils.imaging.image_files import ImageError, NotReadHereError


@dataclass(frozen=True)
class Radiograph:
    """One file, read."""

    sha256: str  # of the file; empty where it cannot be read, or not on this machine as it is now: no run keeps that
    picture: np.ndarray | None = None  # uint8 (stored size, stored size), as the network's pictures were stored
    whole: np.ndarray | None = None  # uint8 (height, width), for overlays; None unless asked for
    flags: tuple[str, ...] = ()
    reason: str = ""  # why there is no picture
    dicom: bytes | None = None  # the file, where it is DICOM and answers are asked for
    view: str = ""  # AP, PA or FRONTAL, where a DICOM header says so
    study_uid: str = ""  # of a DICOM file
    burned_in: bool = False  # a DICOM header says that text which may tell who the patient is stands in the picture
    known: bool = False  # an earlier run has answered for this content: it was not looked at


def _never(sha256: str, is_dicom: bool) -> bool:
    """Nothing is known yet."""
    return False


def read(
    path: str,
    contents: Contents,
    any_age: bool = False,
    keep_whole: bool = False,
    known: Callable[[str, bool], bool] = _never,
) -> Radiograph:
    """Read the file at `path` as the pictures of the study were read. Never raises for what a file holds.

    Args:
        path: of the file.
        contents: of the bundle: sizes and limits.
        any_age: whether a DICOM header may say another age than the network has learned from.
        keep_whole: whether the picture in its own shape, and a DICOM file's bytes, are needed later.
        known: whether the content with this hash, DICOM or not, has its answer.
    """
    try:
        data = _load(Path(path))
    except OSError as error:
        return Radiograph("", reason=f"file must be readable, got: {error.strerror or error}")
    except ImageError as error:
        return Radiograph("", reason=str(error))
    return read_bytes(data, contents, any_age, keep_whole, known)


def read_bytes(
    data: bytes,
    contents: Contents,
    any_age: bool = False,
    keep_whole: bool = False,
    known: Callable[[str, bool], bool] = _never,
) -> Radiograph:
    """The same for a file that is in memory already.

    Args:
        data: the bytes of the whole file.
        contents: as `read`, and so are the others.
        any_age: likewise.
        keep_whole: likewise.
        known: likewise.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if known(sha256, dicom_files.is_dicom(data)):
        return Radiograph(sha256, known=True)
    try:
        return _read(data, sha256, contents, any_age, keep_whole)
    except NotReadHereError as error:
        return Radiograph("", reason=str(error))
    except ImageError as error:
        reason = str(error)
    except MemoryError:
        return Radiograph("", reason="the machine must have memory for the picture, got too little")
    except Exception as error:  # of a decoder, over a file that nobody foresaw: one file stops no others
        reason = f"damaged or unsupported: {type(error).__name__}: {error}"
    return Radiograph(sha256, reason=reason, study_uid=dicom_files.study_uid(data))  # answers to refused files need it


def _load(path: Path) -> bytes:
    if not path.is_file():  # opening a pipe would wait for ever
        raise ImageError("must be a regular file, got " + ("something else" if path.exists() else "no such file"))
    picture_limits.check_file_size(path.stat().st_size)
    return path.read_bytes()


def _read(data: bytes, sha256: str, contents: Contents, any_age: bool, keep_whole: bool) -> Radiograph:
    size, flags, where = contents.preparation.stored_size, (), {}
    if is_dicom := dicom_files.is_dicom(data):
        found = dicom_files.read(data)
        flags = dicom_files.check_patient(found, *contents.ages, any_age)
        whole = found.pixels
        where = {"view": found.view, "study_uid": found.study_uid, "burned_in": found.burned_in}
        picture = decoding.resize(whole, size)
    else:
        whole, mode = decoding.decode_sound(data)
        if not mode.startswith("grey") and (coloured := colour.remark(colour.measure(data))):
            flags = (coloured,)
        picture = decoding.decode_square(data, size)  # what the study did, by the same way
    picture_limits.check_size_and_contrast(
        whole, contents.preparation.smallest_side, contents.preparation.least_grey_range
    )
    flags += picture_limits.remark_size(whole, contents.preparation.image_size)
    if not keep_whole:
        return Radiograph(sha256, picture, flags=flags, **where)
    return Radiograph(sha256, picture, whole, flags, dicom=data if is_dicom else None, **where)
