"""What the file name of a radiograph says: numbering series, number, etiology and patient.

The publishers numbered bacterial patients, viral patients and two series of healthy children independently,
so `person12_bacteria_…` and `person12_virus_…` are two children and a number alone names nobody. Version 3 of the set
on Mendeley Data calls its files `BACTERIA-1008087-0001.jpeg`: kind, patient, picture. Its numbers are of the child,
whatever the kind: `BACTERIA-5660566-0001` to `-0008` are followed by `VIRUS-5660566-0009` (a list of its test folder in
github.com/mariakang/clever-cat, 2d551a1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pneumo_utils.imaging import image_files

UNKNOWN = "unknown"
EXPORTED = "IM"  # a series of the published set, and what export programs call the files of any folder
VERSION_3 = "version 3"  # the series of its names, healthy or ill: they begin with NORMAL, BACTERIA or VIRUS
READINGS = {  # three ways to tell patients apart by file name; of the names of versions 1 and 2 only the last is right
    "number": ("number",),
    "number and series": ("series", "number"),
    "number, etiology and series": ("series", "etiology", "number"),
}

# Both ends are read leniently ("person1_virus_6 (1).jpeg", "Copy of", "aug_"): a copy must stay with its patient.
_PERSON = re.compile(r"(?:.*[\W_])?person([0-9]{1,9})_(bacteria|virus)_[0-9]+.*", re.IGNORECASE)
_NORMAL = re.compile(r"(?:copy of )?(NORMAL2-IM|IM)-([0-9]{1,9})-.+", re.IGNORECASE)
_VERSION_3 = re.compile(r"(?:copy of )?(NORMAL|BACTERIA|VIRUS)-([0-9]{1,9})-[0-9]+.*", re.IGNORECASE)
_ETIOLOGY = {"bacteria": "bacterial", "virus": "viral"}


@dataclass(frozen=True)
class Name:
    """A file name as read."""

    series: str  # person, IM, NORMAL2-IM, version 3 or unknown
    number: int | None  # the patient's number within its series; None where the name has none
    etiology: str  # normal, bacterial, viral or unknown
    patient: str  # equal for the pictures of one child: number and the counter that it belongs to, whatever the folder


def parse(path: str, class_folder: str) -> Name:
    """Read the file name of one radiograph.

    Args:
        path: with forward slashes; a name that fits no pattern is its own patient, called by this path.
        class_folder: `NORMAL` or `PNEUMONIA`; it, not the name, decides whether the child is healthy.
    """
    name = PurePosixPath(path)
    stem = name.stem if image_files.is_image(name.name) else ""
    if found := _PERSON.fullmatch(stem):
        series, number, counter = "person", int(found[1]), found[2].lower()
    elif found := _NORMAL.fullmatch(stem):
        series, number, counter = found[1].upper(), int(found[2]), found[1].upper()
    elif found := _VERSION_3.fullmatch(stem):
        series, number, counter = VERSION_3, int(found[2]), "child"
    else:
        series, number, counter = UNKNOWN, None, ""
    kind = found[1].lower() if series == VERSION_3 else counter
    etiology = "normal" if class_folder.upper() == "NORMAL" else _ETIOLOGY.get(kind.lower(), UNKNOWN)
    # whoever put a picture into another class folder has not made another child of it
    return Name(series, number, etiology, path if number is None else f"{counter}-{number}")
