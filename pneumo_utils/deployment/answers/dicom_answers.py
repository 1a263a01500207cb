"""Answers that a PACS takes: a structured report, and the overlay as a picture of the same study.

The report follows TID 1500 of PS3.16, the picture is a Secondary Capture of PS3.3 A.8. Patient and study are copied
from the source into these two and nowhere else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumo_utils.deployment.answers import dicom_report, heat_map_overlays
from pneumo_utils.deployment.answers.algorithm import HEAT_MAPS, MAKER, Algorithm
from pneumo_utils.deployment.answers.dicom_report import NOTICE, Uids
from pneumo_utils.deployment.scores import SCORED, Score
from pneumo_utils.imaging import dicom_files, dicom_header
from pneumo_utils.records.atomic import atomic_write

if TYPE_CHECKING:
    from pydicom import Dataset

_COPIED = (  # of patient and study, PS3.3 C.7.1.1 and C.7.2.1
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate",
    "StudyTime", "StudyID", "AccessionNumber", "StudyDescription", "ReferringPhysicianName",
)  # fmt: skip
_MAY_BE_EMPTY = (  # type 2: they must be there
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_OF_PIXELS = (
    "BurnedInAnnotation", "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"
)  # fmt: skip
_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")  # JPEG, of 8 and of 12 bits
_POINTERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_OVERLAY_SERIES = 9902  # far above the numbers of a modality
_OVER_VALUES = (ValueError, TypeError, AttributeError, LookupError)  # of pydicom and highdicom, over a source


class AnswerError(ValueError):
    """An answer that cannot be written; the message says why."""


def write(
    source: bytes,
    score: Score,
    overlay: np.ndarray | None,
    algorithm: Algorithm,
    folder: Path,
    created: datetime | None = None,
) -> list[Path]:
    """Write the report, and the overlay where there is one.

    UIDs follow from source, bundle and answer, so that an archive takes the same answer to the same file once, however
    often it is made; its dates are those of the first. A file that lies there is left alone.

    Args:
        source: the bytes of the DICOM file that was scored.
        score: of it.
        overlay: uint8 (height, width, 3), red, green and blue.
        algorithm: that scored it.
        folder: is made if need be.
        created: when the answer was made; None: now.

    Returns:
        the files, named after their UIDs: the report, and the overlay.

    Raises:
        OverlayError: the overlay is of another shape or kind.
        AnswerError: the score is none, the source lacks UIDs to point to, or highdicom is not installed.
        ImageError: the source cannot be read.
    """
    _check(score)
    created = created or datetime.now().astimezone()
    with dicom_files.keep_quiet():
        evidence = _evidence(dicom_files.read_dataset(source))
    uids = Uids(evidence.SOPInstanceUID, hashlib.sha256(source).hexdigest(), algorithm.digest)
    files = []
    for kind, content, make in _made(evidence, score, overlay, algorithm, uids):
        uid = uids.of(kind, hashlib.sha256(content).hexdigest())
        files.append(folder / f"{uid}.dcm")
        if not files[-1].exists():
            _save(make, uid, files[-1], created)
    return files


def _made(
    evidence: Dataset, score: Score, overlay: np.ndarray | None, algorithm: Algorithm, uids: Uids
) -> Iterator[tuple[str, bytes, Callable[[str], Dataset]]]:
    """What is written: its kind, what decides its UID, and what makes it."""
    said = repr((score.probability, score.calibrated, score.decision, score.unsure, score.flags, algorithm))
    yield "report", said.encode(), lambda uid: dicom_report.report(evidence, score, algorithm, uids, uid)
    if overlay is not None:
        signed = heat_map_overlays.burn_in(overlay, NOTICE)
        yield "overlay", signed.tobytes(), lambda uid: _capture(evidence, signed, algorithm, uids, uid)


def are_whole(folder: Path) -> bool:
    """Whether `write` has come to its end in `folder`: report and overlay are there."""
    return sum(not file.stem.endswith(".part") for file in folder.glob("*.dcm")) >= 2


def _check(score: Score) -> None:
    if score.status != SCORED:
        raise AnswerError(f"status must be {SCORED} for a DICOM answer, got {score.status}")
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise AnswerError("DICOM answers need highdicom: pip install pneumo-utils[dicom]") from error


def _evidence(source: Dataset) -> Dataset:
    """What of the source goes into its answers, with empty values where the standard wants them."""
    from pydicom import Dataset
    from pydicom.uid import UID

    pointers = {name: dicom_header.text(source, name) for name in _POINTERS}
    for name, uid in pointers.items():
        if not UID(uid).is_valid:
            got = "another" if uid else "none"
            raise AnswerError(f"{name} of the source must be a UID for a DICOM answer to point to it, got {got}")
    kept = Dataset()
    for name in _COPIED:
        if name in source and source[name].value is not None and _is_valid(name, str(source[name].value)):
            kept[name] = source[name]
    for name in _MAY_BE_EMPTY:
        if name not in kept:
            setattr(kept, name, "")
    for name, uid in pointers.items():
        setattr(kept, name, uid)
    kept.Modality = dicom_header.text(source, "Modality") or "OT"
    kept.PatientOrientation = source.get("PatientOrientation") or ""
    for name in _OF_PIXELS:
        if name in source and source[name].value is not None:
            kept[name] = source[name]
    if getattr(source, "file_meta", {}).get("TransferSyntaxUID") in _LOSSY and "LossyImageCompression" not in kept:
        kept.LossyImageCompression, kept.LossyImageCompressionMethod = "01", "ISO_10918_1"
    return kept


def _is_valid(name: str, value: str) -> bool:
    """Whether an attribute may be copied: a date, time, age or sex that breaks the standard is refused by readers."""
    from pydicom import config
    from pydicom.valuerep import DA, validate_value

    kinds = {"PatientBirthDate": "DA", "StudyDate": "DA", "StudyTime": "TM", "PatientAge": "AS"}
    if name == "PatientSex":
        return value in ("M", "F", "O", "")
    if name not in kinds:
        return True
    if "-" in value:  # a range: in queries alone (PS3.5 6.2)
        return False
    try:
        validate_value(kinds[name], value, config.RAISE)
        if kinds[name] == "DA":
            DA(value)  # that there is such a day
    except ValueError:
        return False
    return True


def _capture(evidence: Dataset, pixels: np.ndarray, algorithm: Algorithm, uids: Uids, uid: str) -> Dataset:
    from highdicom.sc import SCImage
    from pydicom import Dataset

    made = SCImage(
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        study_instance_uid=evidence.StudyInstanceUID,
        series_instance_uid=uids.of("overlay series"),
        series_number=_OVERLAY_SERIES,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=MAKER,
        series_description=f"Heat map: {NOTICE}",
        specific_character_set="ISO_IR 192",
    )
    for name in _COPIED:
        if name in evidence:
            made[name] = evidence[name]
    made.PatientOrientation = evidence.PatientOrientation  # highdicom wants one, and the source may have none
    # Text that identifies the patient: the notice does not, and where the source is silent nobody knows (type 3).
    if (said := dicom_header.text(evidence, "BurnedInAnnotation")) in ("YES", "NO"):
        made.BurnedInAnnotation = said
    # a picture that was compressed stays one (C.7.6.1.1.5)
    if dicom_header.text(evidence, "LossyImageCompression") == "01":
        for name in _OF_PIXELS[1:]:
            if name in evidence:
                made[name] = evidence[name]
    made.ManufacturerModelName, made.SoftwareVersions = algorithm.name[:64], algorithm.version[:64]
    # whichever engine gave the probability: the others have no gradients
    method = HEAT_MAPS.get(algorithm.heat_map, algorithm.heat_map)
    made.DerivationDescription = f"{method} heat map of the Keras networks over the source image"
    pointed = Dataset()
    pointed.ReferencedSOPClassUID, pointed.ReferencedSOPInstanceUID = evidence.SOPClassUID, evidence.SOPInstanceUID
    made.SourceImageSequence = [pointed]
    return made


def _save(make: Callable[[str], Dataset], uid: str, file: Path, created: datetime) -> None:
    day, moment = created.strftime("%Y%m%d"), created.strftime("%H%M%S")
    with dicom_files.keep_quiet(), atomic_write(file) as part:
        try:
            made = make(uid)
            for name in ("InstanceCreation", "Content"):
                if f"{name}Date" in made or name == "InstanceCreation":
                    setattr(made, f"{name}Date", day)
                    setattr(made, f"{name}Time", moment)
            if "DateOfSecondaryCapture" in made:
                made.DateOfSecondaryCapture, made.TimeOfSecondaryCapture = day, moment
            for item in made.get("ContributingEquipmentSequence", []):
                item.ContributionDateTime = f"{day}{moment}"
            made.save_as(part, enforce_file_format=True)
        except _OVER_VALUES as error:
            raise AnswerError("patient and study of the source must keep to the DICOM standard to be copied") from error
