"""Which files are answers of an earlier run, wherever they lie: they are no radiographs."""

from __future__ import annotations

import os
import re

from pneumo_utils.deployment import score_rows
from pneumo_utils.deployment.answers.algorithm import MAKER

SOFTWARE = "Software"  # the keyword under which an overlay names its maker (PNG 3, section 11.3.3.2)
_PLACE = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}(\.png|\.json)?")  # as `AnswerFiles` names what it writes
_UNFINISHED = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}\.part(\.png|\.json)?")  # what a killed run left of it
_DICOM = re.compile(r"[0-9.]+(\.part)?\.dcm")
_TABLES = (".csv", ".json", ".jsonl", ".ndjson", ".txt", ".part")
_MARKS = {
    ".png": f"tEXt{SOFTWARE}\0{MAKER}".encode("latin-1"),
    ".json": f'"{MAKER}"'.encode(),
}
_LONGEST = 1 << 16  # bytes that are looked at


def is_answer(path: str) -> bool:
    """Whether a file or folder is an overlay, a FHIR report, a table of scores, or a folder of DICOM answers or in one.

    Names decide what is looked into, and content decides: a radiograph that happens to have such a name is none.
    """
    name = os.path.basename(path)  # noqa: PTH119 - a name may be no text
    placed = _PLACE.fullmatch(name)
    if placed and not placed[1]:
        return _holds_dicom_answers(path)
    if unfinished := _UNFINISHED.fullmatch(name):
        return _holds_dicom_answers(path) if not unfinished[1] else _is_marked(path, unfinished[1], begun=True)
    if _DICOM.fullmatch(name):
        folder = os.path.dirname(os.path.realpath(path))  # noqa: PTH120 - likewise
        return bool(_PLACE.fullmatch(os.path.basename(folder))) and _holds_dicom_answers(folder)  # noqa: PTH119
    if not placed and not name.lower().endswith(_TABLES):
        return False
    return _is_marked(path, placed[1]) if placed else _is_table(_begin(path))


def _begin(path: str) -> bytes:
    if not os.path.isfile(path):  # noqa: PTH113 - never raises; opening a pipe would wait for ever
        return b""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - a name may be no text
            return stream.read(_LONGEST)
    except OSError:
        return b""


def _is_marked(path: str, ending: str, begun: bool = False) -> bool:
    """Whether a file names its maker; one that was only begun may be empty still."""
    begin = _begin(path)
    return _MARKS[ending] in begin or (begun and not begin)


def _is_table(begin: bytes) -> bool:
    line = begin[: begin.find(b"\n") + 1]
    return line == score_rows.header() or any(score_rows.parse(line, as_json) for as_json in (False, True))


def _holds_dicom_answers(folder: str) -> bool:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - likewise
    except OSError:
        return False
    made = MAKER.encode()
    return bool(names) and all(
        _DICOM.fullmatch(name) and made in _begin(os.path.join(folder, name))  # noqa: PTH118 - likewise
        for name in names
    )
