"""Who answers, and the codes of SNOMED CT that answers in DICOM and in FHIR share."""

from __future__ import annotations

from dataclasses import dataclass

MAKER = "pneumo-utils"
PNEUMONIA = ("233604007", "Pneumonia")  # code and meaning
HEAT_MAPS = {"gradcam": "Grad-CAM", "gradcam++": "Grad-CAM++"}
FINDINGS = {"pneumonia": ("52101004", "Present"), "normal": ("272519000", "Absent")}


@dataclass(frozen=True)
class Algorithm:
    """Who answered."""

    name: str
    version: str
    digest: str  # of the bundle
    threshold: float  # from which on a probability is called pneumonia
    how: str  # the engine, and what else changes an answer
    heat_map: str  # method of the overlay, a key of `HEAT_MAPS`
