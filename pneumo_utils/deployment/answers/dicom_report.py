"""The answer for one radiograph as a DICOM structured report, after TID 1500 of PS3.16."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pneumo_utils.deployment.answers.algorithm import FINDINGS, MAKER, PNEUMONIA, Algorithm
from pneumo_utils.deployment.scores import Score

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept, MeasurementReport
    from pydicom import Dataset

NOTICE = "RESEARCH - NOT FOR DIAGNOSIS"
_SERIES = 9901  # far above the numbers of a modality
_REVIEW = ("unsure", "99PNEUMO", "Inside the referral band")
_ANSWERS = {True: ("373066001", "SCT", "Yes"), False: ("373067005", "SCT", "No")}


class Uids:
    """UIDs that are always the same for the same source and bundle (PS3.5 B.2, from a hash).

    Args:
        source: UID of the picture.
        content: SHA-256 of its file: patient and study are copied from it, and may have been corrected.
        digest: of the bundle.
    """

    def __init__(self, source: str, content: str, digest: str):
        self._entropy = [source, content, digest]

    def of(self, kind: str, content: str = "") -> str:
        """The UID of a `kind` of object with a `content`."""
        from pydicom.uid import generate_uid

        return generate_uid(entropy_srcs=[*self._entropy, kind, content])


def _code(code: Sequence[str]) -> CodedConcept:
    from highdicom.sr import CodedConcept

    return CodedConcept(*code)


def _snomed(term: tuple[str, str]) -> CodedConcept:
    code, meaning = term
    return _code((code, "SCT", meaning))


def report(evidence: Dataset, score: Score, algorithm: Algorithm, uids: Uids, uid: str) -> Dataset:
    """Make the report.

    Args:
        evidence: patient, study and UIDs of the source.
        score: of it.
        algorithm: that scored it.
        uids: of its answers.
        uid: of the report.
    """
    from highdicom.sr import Comprehensive3DSR

    return Comprehensive3DSR(
        evidence=[evidence],
        content=_content(evidence, score, algorithm, uids)[0],
        series_instance_uid=uids.of("report series"),
        series_number=_SERIES,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        series_description=f"Pneumonia: {NOTICE}",
        specific_character_set="ISO_IR 192",
    )


def _content(evidence: Dataset, score: Score, algorithm: Algorithm, uids: Uids) -> MeasurementReport:
    from highdicom import sr
    from pydicom.uid import generate_uid

    same = generate_uid(entropy_srcs=["device", algorithm.digest, algorithm.how])  # whatever it looked at
    device = sr.DeviceObserverIdentifyingAttributes(uid=same, name=algorithm.name[:64])
    observer = sr.ObserverContext(_code(("121007", "DCM", "Device")), device)
    parameters = [
        f"threshold {algorithm.threshold:.9g}",
        f"bundle {algorithm.digest}",
        f"engine {algorithm.how}",
        NOTICE,
    ]
    identified = sr.AlgorithmIdentification(algorithm.name, algorithm.version, parameters)
    source = sr.SourceImageForMeasurementGroup(evidence.SOPClassUID, evidence.SOPInstanceUID)
    found = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=uids.of("finding"), identifier="pneumonia"),
        finding_type=_snomed(PNEUMONIA),
        algorithm_id=identified,
        finding_sites=[sr.FindingSite(_code(("39607008", "SCT", "Lung structure")))],
        measurements=[
            sr.Measurement(_code(name), value, _code(("1", "UCUM", "no units")))
            for name, value in (
                (("122157", "DCM", "Probability"), score.probability),
                (("calibrated", "99PNEUMO", "Calibrated probability"), score.calibrated),
            )
            if value is not None
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(_snomed(PNEUMONIA), _snomed(FINDINGS[score.decision])),
            sr.QualitativeEvaluation(_code(_REVIEW), _code(_ANSWERS[bool(score.unsure)])),
        ],
        source_images=[source],
    )
    for flag in score.flags:  # TID 1501, which highdicom gives no words to
        comment = sr.TextContentItem(_code(("121106", "DCM", "Comment")), flag, sr.RelationshipTypeValues.CONTAINS)
        found[0].ContentSequence.append(comment)
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=_code(("399208008", "SCT", "Plain chest X-ray")),
        imaging_measurements=[found],
        title=_code(("126000", "DCM", "Imaging Measurement Report")),
    )
