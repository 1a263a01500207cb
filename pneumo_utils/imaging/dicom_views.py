"""From where a radiograph was taken, and which way round it lies, as its DICOM header says.

Which way round is only remarked: headers often hold what a device was set to, and the gate looks at the picture itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumo_utils.imaging.dicom_header import are_several, text
from pneumo_utils.imaging.image_files import ImageError

if TYPE_CHECKING:
    from pydicom import Dataset

FRONTAL = ("AP", "PA", "FRONTAL")
_VIEWS = ("AP", "PA", "LL", "RL", "LLD", "RLD", "LLO", "RLO")  # PS3.3 C.8.1.3
_VIEW_CODES = {  # PS3.16 CID 4010, SNOMED CT and the older SNOMED RT
    "399348003": "AP", "272479007": "PA", "399067008": "LATERAL", "399173006": "LL", "399198007": "RL",
    "R-10206": "AP", "R-10214": "PA", "R-10236": "LL", "R-10232": "RL",
}  # fmt: skip
# What devices write into View Position beside, or in place of, the terms of the standard.
_FRONTAL_WORDS = {
    "AP": "AP", "ANTEROPOSTERIOR": "AP", "PA": "PA", "POSTEROANTERIOR": "PA", "FRONTAL": "FRONTAL",
}  # fmt: skip
_SAY_NOTHING = {  # of the direction
    "BEDSIDE", "CHEST", "CXR", "ERECT", "LYING", "MOBILE", "NA", "NONE", "NOT", "PORTABLE", "PROJECTION", "SEMI",
    "SEMIERECT", "SEMIUPRIGHT", "SITTING", "SPECIFIED", "STANDING", "STATED", "SUPINE", "THORAX", "TORAX", "UNDEFINED",
    "UNK", "UNKNOWN", "UNSPECIFIED", "UPRIGHT", "VIEW",
}  # fmt: skip
_DIRECTION = re.compile("[APRLHF]{1,3}")  # of a side of the picture, PS3.3 C.7.6.1.1.1: the first letter weighs most


def view_of(dataset: Dataset) -> tuple[str, tuple[str, ...]]:
    """Name from where the picture was taken.

    The source is View Position (PS3.3 C.8.1.3), or else the View Code Sequence (PS3.16 CID 4010), or else Patient
    Orientation, which tells front and back from the sides.

    Returns:
        AP, PA, FRONTAL (one of the two), LL, RL, LLD, RLD, LLO, RLO, LATERAL, OTHER, or empty: not stated; and remarks.
    """
    view, remarks = _position(dataset)
    if len(codes := dataset.get("ViewCodeSequence") or []):
        coded = _VIEW_CODES.get(text(codes[0], "CodeValue"), "OTHER")
        if view in FRONTAL and coded not in FRONTAL:
            remarks = (*remarks, f"view position is {view}, but the view code is that of another view")
        view = view or coded
    across, down = _orientation(dataset)
    lateral = across in ("A", "P")
    if not view and (lateral or down in ("A", "P")):
        view = "LATERAL" if lateral else "OTHER"
    return view, (*remarks, *_remark(view, across, down)) if view in ("", *FRONTAL) else ()


def check_view(view: str) -> str:
    """Ask whether a view is frontal; returns a remark where it is not stated.

    Raises:
        ImageError: lateral, oblique or another view.
    """
    if view and view not in FRONTAL:
        raise ImageError(f"view position must be frontal (AP or PA), got {view if view != 'OTHER' else 'another'}")
    return "" if view else "view position is not stated"


def _position(dataset: Dataset) -> tuple[str, tuple[str, ...]]:
    """What View Position says, also in other words than the standard's; and a remark on them."""
    said = text(dataset, "ViewPosition")
    if are_several(dataset.get("ViewPosition")):
        return "OTHER", ()  # the standard allows one
    if said in _VIEWS:
        return said, ()
    words = set(re.findall(r"[^\W\d_]+", said.replace(".", ""))) - _SAY_NOTHING
    if any(word.startswith("LAT") for word in words):
        return "LATERAL", ()
    if not words <= _FRONTAL_WORDS.keys():
        return "OTHER", ()
    named = {_FRONTAL_WORDS[word] for word in words}
    if not named:
        return ("OTHER" if re.search(r"\d", said) else ""), ()
    sides = named - {"FRONTAL"}
    view = sides.pop() if len(sides) == 1 else "FRONTAL"
    return view, (f"view position is in other words than the standard's: taken as {view}",)


def _orientation(dataset: Dataset) -> tuple[str, str]:
    """Where in the patient the right and the lower side of the picture lie: A, P, R, L, H, F; empty: not stated."""
    sides = dataset.get("PatientOrientation")
    if not are_several(sides) or len(sides) != 2:
        return "", ""
    across, down = (str(side).strip(" \0").upper() for side in sides)
    return (across[0], down[0]) if _DIRECTION.fullmatch(across) and _DIRECTION.fullmatch(down) else ("", "")


def _remark(view: str, across: str, down: str) -> list[str]:
    """What is odd about the way a picture from front or back lies. It should have the patient's left at its right side
    and the feet at its lower one.
    """
    if "A" in (across, down) or "P" in (across, down):
        return [f"view position is {view}, but patient orientation is that of another view"]
    if across in ("H", "F"):
        return ["patient orientation says that the picture lies on its side"]
    remarks = []
    if down == "H":
        remarks.append("patient orientation says that the picture is upside down")
    if across in ("L", "R") and (across == "R") != (down == "H"):  # both together are a turn by 180 degrees
        remarks.append("patient orientation says that the picture is mirrored")
    return remarks
