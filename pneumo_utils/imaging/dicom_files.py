"""Radiographs in DICOM files: whether one is, and its grey pixels, age and view, or a sentence why it cannot be used.

No sentence or remark of this room holds what identifies a patient, and what pydicom says is kept from log and terminal
because it may.
"""

from __future__ import annotations

import io
import logging
import re
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_utils.imaging import dicom_grey_scale, dicom_header, dicom_views
from pneumo_utils.imaging.image_files import ImageError, NotReadHereError

if TYPE_CHECKING:
    from pydicom import Dataset

_MAGIC, _PREAMBLE = b"DICM", 128  # bytes before it
_FIRST_GROUPS = (2, 8)  # of files without preamble
_EXPLICIT = re.compile(rb"AE|AS|AT|CS|DA|DS|DT|IS|LO|LT|OB|OW|PN|SH|SQ|ST|TM|UI|UL|UN|US|UT")
_LONGEST_FIRST = 4096  # bytes of the first element of a file without preamble
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_INFLATED = 1 << 29  # bytes to which a deflated file may grow
_SPEAKERS = r"(pydicom|highdicom|pylibjpeg|openjpeg|jpeg_ls|gdcm)\b"
_LOGGERS = ("pydicom", "highdicom.base")


@dataclass(frozen=True)
class DicomRadiograph:
    """What is used of a DICOM file; nothing in it identifies the patient but where the study is known by its UID."""

    pixels: np.ndarray  # uint8 (height, width), 0 black, bone white
    age_years: float | None  # when the picture was taken; None where it is not stated
    view: str  # as `dicom_views.view_of` names it; empty: not stated
    remarks: tuple[str, ...] = ()
    study_uid: str = ""  # empty where none is stated, or what is stated is no UID
    burned_in: bool = False  # the file says that text which may tell who the patient is stands in the picture


def is_dicom(data: bytes) -> bool:
    """Tell a DICOM file by its first bytes: preamble and DICM, or, without them, an element of group 0002 or 0008.

    Args:
        data: of a file, at least its first 132 bytes.
    """
    return data[_PREAMBLE : _PREAMBLE + 4] == _MAGIC or _begins_with_element(data)


def read(data: bytes) -> DicomRadiograph:
    """Read a radiograph as it is meant to be seen.

    Args:
        data: the bytes of the whole file.

    Raises:
        ImageError: no radiograph of a chest, or one that cannot be decoded.
    """
    with _explain() as said:
        dataset = _parse(data)
        remarks = dicom_header.check_kind(dataset)
        pixels, more = dicom_grey_scale.show(dataset)
        age, (view, of_view) = dicom_header.age_of(dataset), dicom_views.view_of(dataset)
        dates = dicom_header.check_dates(dataset)
        study_uid = dicom_header.uid(dataset, "StudyInstanceUID")
        burned_in = dicom_header.has_burned_in_text(dataset)
    departure = ("the file departs from the DICOM standard, and was read nevertheless",) if said.count else ()
    return DicomRadiograph(pixels, age, view, (*remarks, *of_view, *dates, *more, *departure), study_uid, burned_in)


def study_uid(data: bytes) -> str:
    """The UID of the study of a file, also of one that `read` refuses; empty where none can be read.

    Args:
        data: the bytes of the whole file.
    """
    try:
        with _explain():
            return dicom_header.uid(_parse(data), "StudyInstanceUID")
    except (ImageError, MemoryError):
        return ""


def read_dataset(data: bytes) -> Dataset:
    """Parse a file, with everything about the patient that is in it.

    Args:
        data: the bytes of the whole file.

    Raises:
        ImageError: its header cannot be read.
    """
    with _explain():
        dataset = _parse(data)
        dataset.decode()  # now, while what is said of it is kept quiet
        return dataset


def check_patient(
    radiograph: DicomRadiograph, least_age: float = 1, largest_age: float = 5, any_age: bool = False
) -> tuple[str, ...]:
    """Ask whether a radiograph shows what the networks were trained on: a child of their ages, from front or back.

    Args:
        radiograph: of `read`.
        least_age: in completed years.
        largest_age: likewise.
        any_age: remark on other ages instead of refusing them.

    Returns:
        the remarks on the file, and on what about the patient is not stated, or was let pass.

    Raises:
        ImageError: another view, or another age.
    """
    view = dicom_views.check_view(radiograph.view)
    age = dicom_header.check_age(radiograph.age_years, least_age, largest_age, any_age)
    return tuple(remark for remark in (*radiograph.remarks, view, age) if remark)


def _begins_with_element(data: bytes) -> bool:
    for order in ("little", "big"):
        group, element = (int.from_bytes(data[at : at + 2], order) for at in (0, 2))
        if len(data) >= 12 and group in _FIRST_GROUPS and element <= 0x1FFF:
            if _EXPLICIT.fullmatch(data[4:6]):
                return True
            if order == "little" and int.from_bytes(data[4:8], order) <= min(_LONGEST_FIRST, len(data)):
                return True
    return False


def _parse(data: bytes) -> Dataset:
    if not data:
        raise ImageError("empty file (0 bytes)")
    if not is_dicom(data):
        raise ImageError("not a DICOM file")
    try:
        import pydicom
    except ImportError as error:
        raise NotReadHereError("DICOM files need pydicom: pip install pneumo-utils[dicom]") from error
    _check_inflated(data)
    return pydicom.dcmread(io.BytesIO(data), force=True)


def _check_inflated(data: bytes) -> None:
    """Refuse a deflated file that would fill the memory, before anybody inflates it."""
    head = data[: _PREAMBLE + _LONGEST_FIRST]
    if head[_PREAMBLE : _PREAMBLE + 4] != _MAGIC or _DEFLATED not in head:
        return
    start = _PREAMBLE + 16 + int.from_bytes(head[_PREAMBLE + 12 : _PREAMBLE + 16], "little")
    inflated = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated.decompress(data[start:], _INFLATED)
    except zlib.error as error:
        raise ImageError("damaged: the deflated DICOM file cannot be inflated") from error
    if inflated.unconsumed_tail:
        raise ImageError(f"too large: a deflated DICOM file must have at most {_INFLATED:,} bytes")
    if not inflated.eof:
        raise ImageError("truncated: the deflated DICOM file ends early")


class _Kept(logging.Filter):
    """Counts and keeps back what a library logs in this thread: it quotes values, and they may be of the patient."""

    def __init__(self) -> None:
        super().__init__()
        self.count, self._thread = 0, threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is of another thread."""
        own = record.thread == self._thread
        self.count += own
        return not own


@contextmanager
def keep_quiet() -> Iterator[_Kept]:
    """Keep what pydicom and highdicom say within the block from log and terminal, and count it.

    Warnings are ignored by module and for good: setting filters back is not safe while other threads read.
    """
    warnings.filterwarnings("ignore", module=_SPEAKERS)
    kept = _Kept()
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(kept)
    try:
        yield kept
    finally:
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(kept)


@contextmanager
def _explain() -> Iterator[_Kept]:
    """`keep_quiet`, and turn whatever is raised into an `ImageError`."""
    with keep_quiet() as kept:
        try:
            yield kept
        except (ImageError, MemoryError):
            raise
        except Exception as error:  # pydicom and the codecs raise what they like over damaged files
            raise ImageError("damaged: the DICOM file cannot be read") from error
