"""Answers that a record system takes: a FHIR DiagnosticReport as JSON, which R4B and R5 both accept.

https://hl7.org/fhir/R4B/diagnosticreport.html and https://hl7.org/fhir/R5/diagnosticreport.html; only what the two have
in common is used. Nothing is said of the patient. There is no `issued`, which is the time of writing: the same answer
to the same file is the same resource to the byte, whenever it is written, and the file system has the time.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

from pneumo_utils.deployment.answers.algorithm import FINDINGS, MAKER, PNEUMONIA, Algorithm
from pneumo_utils.deployment.scores import SCORED, Score
from pneumo_utils.records.atomic import atomic_write

NOTICE = "Research, not for diagnosis."
_LOINC, _SNOMED, _UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_TERMS = "http://terminology.hl7.org/CodeSystem/"
# LOINC has no code for one view from the back that leaves open how the patient stood: 24648-8 says upright.
_EXAMINATIONS = {"AP": ("36572-6", "XR Chest AP"), "": ("30745-4", "XR Chest Views")}
_INTERPRETATIONS = {"pneumonia": ("POS", "Positive"), "normal": ("NEG", "Negative")}


def report(score: Score, algorithm: Algorithm, view: str = "", study_uid: str = "") -> dict:
    """Make the report on one file, whether it was scored or refused.

    Args:
        score: of it.
        algorithm: that scored it.
        view: AP, PA or FRONTAL, or empty: not stated.
        study_uid: Study Instance UID, where the file is DICOM.

    Returns:
        the resource, by the names of FHIR.
    """
    code = _concept(_LOINC, *_EXAMINATIONS.get(view, _EXAMINATIONS[""]))
    return {
        "resourceType": "DiagnosticReport",
        "contained": [_device(algorithm), _observation(score, algorithm, study_uid)],
        **_identify(score, algorithm),
        "status": "preliminary",
        "category": [_concept(_TERMS + "v2-0074", "RAD", "Radiology")],
        "code": code,
        "result": [{"reference": "#finding"}],
        "conclusion": f"{_conclude(score)} {NOTICE}",
    }


def write(score: Score, algorithm: Algorithm, file: Path, view: str = "", study_uid: str = "") -> None:
    """Write `report` as JSON.

    Args:
        score: as `report`, and so are the others.
        algorithm: likewise.
        file: where it goes, whole or not at all.
        view: likewise.
        study_uid: likewise.
    """
    made = report(score, algorithm, view, study_uid)
    with atomic_write(file) as part:
        part.write_text(json.dumps(made, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _observation(score: Score, algorithm: Algorithm, study_uid: str) -> dict:
    notes = [NOTICE, *score.flags]
    made = {
        "resourceType": "Observation",
        "id": "finding",
        "status": "preliminary",
        "category": [_concept(_TERMS + "observation-category", "imaging", "Imaging")],
        "code": _concept(_SNOMED, *PNEUMONIA),
        "device": {"reference": "#algorithm"},
        "note": [{"text": note} for note in notes],
    }
    if study_uid:
        study = {"system": "urn:dicom:uid", "value": f"urn:oid:{study_uid}"}
        made["derivedFrom"] = [{"type": "ImagingStudy", "identifier": study}]
    if score.status != SCORED:
        reason = _concept(_TERMS + "data-absent-reason", "error", "Error")
        return made | {"dataAbsentReason": reason | {"text": score.reason or "refused"}}
    interpretation = _concept(_TERMS + "v3-ObservationInterpretation", *_INTERPRETATIONS[score.decision])
    return made | {
        "valueCodeableConcept": _concept(_SNOMED, *FINDINGS[score.decision]),
        "interpretation": [interpretation],
        "component": _components(score, algorithm),
    }


def _components(score: Score, algorithm: Algorithm) -> list[dict]:
    """The numbers behind a decision."""
    numbers = [
        (_concept(_DICOM, "122157", "Probability"), score.probability),
        ({"text": "Calibrated probability"}, score.calibrated),
        ({"text": "Probability from which on pneumonia is called"}, algorithm.threshold),
    ]
    made = [{"code": code, "valueQuantity": _quantity(value)} for code, value in numbers if value is not None]
    if score.unsure is not None:
        made.append({"code": {"text": "Unsure: leave it to a human"}, "valueBoolean": bool(score.unsure)})
    return made


def _device(algorithm: Algorithm) -> dict:
    return {
        "resourceType": "Device",
        "id": "algorithm",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"hash://sha256/{algorithm.digest}"}],
        "manufacturer": MAKER,
        "modelNumber": algorithm.name,
        "version": [{"value": algorithm.version}],
        "note": [{"text": f"Engine: {algorithm.how}."}, {"text": NOTICE}],
    }


def _identify(score: Score, algorithm: Algorithm) -> dict:
    """What a report is known by, where its file could be read: the file, and all that may change the answer."""
    if not score.sha256:
        return {}
    answered = f"bundle={algorithm.digest}&engine={quote(algorithm.how, safe='')}"
    return {"identifier": [{"system": "urn:ietf:rfc:3986", "value": f"hash://sha256/{score.sha256}?{answered}"}]}


def _conclude(score: Score) -> str:
    if score.status != SCORED:
        return f"Not scored: {score.reason or 'refused'}."
    called = {"pneumonia": "Called pneumonia", "normal": "Called normal"}[score.decision]
    doubt = ", but unsure: leave it to a human" if score.unsure else ""
    return f"{called} at a probability of {score.probability:.3f}{doubt}."


def _concept(system: str, code: str, display: str) -> dict:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _quantity(value: float) -> dict:
    return {"value": round(float(value), 9), "system": _UCUM, "code": "1"}
