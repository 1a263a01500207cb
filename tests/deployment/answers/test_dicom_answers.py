import io
import re
from dataclasses import replace
from datetime import datetime

import highdicom
import numpy as np
import pydicom
import pytest
from highdicom import _standard_utils
from support.dicom_samples import GREY, SECRETS, UID, dataset, saved, stored

from pneumo_utils.deployment.answers import dicom_answers, heat_map_overlays
from pneumo_utils.deployment.answers.algorithm import Algorithm
from pneumo_utils.deployment.answers.dicom_answers import AnswerError
from pneumo_utils.deployment.answers.heat_map_overlays import OverlayError
from pneumo_utils.deployment.scores import Score
from pneumo_utils.imaging import dicom_files
from pneumo_utils.imaging.image_files import ImageError

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")  # of the samples, while they are made

ALGORITHM = Algorithm("VGG16, one network", "2026-01-02", "ab" * 32, 0.4, "keras", "gradcam")
SCORE = Score("x.dcm", "c" * 64, "scored", 0.87654321, 0.91, "pneumonia", True, ("age is not stated",))
OVERLAY = np.dstack([GREY, GREY // 2, 255 - GREY])
WHEN = datetime(2026, 1, 2, 3, 4, 5)


def written(folder, score=SCORE, overlay=OVERLAY, algorithm=ALGORITHM, **changed):
    return dicom_answers.write(saved(dataset(**changed)), score, overlay, algorithm, folder, WHEN)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    return written(tmp_path_factory.mktemp("answers"))


def group(report):
    return report.content.get_image_measurement_groups()[0]


def test_the_report_says_finding_probability_and_doubt_to_another_reader(answers):
    report = highdicom.sr.srread(answers[0])
    assert isinstance(report, highdicom.sr.Comprehensive3DSR)
    found = group(report)
    assert found.finding_type.value == "233604007"
    values = {part.name.meaning: part.value for part in found.get_measurements()}
    assert values == pytest.approx({"Probability": 0.87654321, "Calibrated probability": 0.91})
    evaluations = {part.name.meaning: part.value.meaning for part in found.get_qualitative_evaluations()}
    assert evaluations == {"Pneumonia": "Present", "Inside the referral band": "Yes"}
    assert report.PreliminaryFlag == "PRELIMINARY" and report.VerificationFlag == "UNVERIFIED"


def items(parent):
    """The content items right below one: relationship, kind, code of the concept, value."""
    for item in parent.ContentSequence:
        concept = item.ConceptNameCodeSequence[0]
        value = {
            "CODE": lambda item: item.ConceptCodeSequence[0].CodeValue,
            "TEXT": lambda item: item.TextValue,
            "UIDREF": lambda item: item.UID,
            "NUM": lambda item: (
                float(item.MeasuredValueSequence[0].NumericValue),
                item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
            ),
            "IMAGE": lambda item: item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID,
            "CONTAINER": lambda item: item.ContinuityOfContent,
        }[item.ValueType](item)
        code = f"{concept.CodeValue} {concept.CodingSchemeDesignator} {concept.CodeMeaning}"
        yield (item.RelationshipType, item.ValueType, code), value, item


def rows(parent):
    return {row: value for row, value, _ in items(parent)}


MOD, CONTEXT, CONTAINS = "HAS CONCEPT MOD", "HAS OBS CONTEXT", "CONTAINS"


def test_the_report_holds_the_rows_of_its_template_read_without_highdicom(answers):
    """TID 1500 with TID 1204 and 1001, TID 1501 with TID 4019 and 300, of PS3.16."""
    report = pydicom.dcmread(answers[0])
    assert report.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.34" and report.Modality == "SR"
    assert (report.ValueType, report.ContinuityOfContent, report.CompletionFlag) == (
        "CONTAINER",
        "CONTINUOUS",
        "COMPLETE",
    )
    assert report.ConceptNameCodeSequence[0].CodeValue == "126000"
    template = report.ContentTemplateSequence[0]
    assert (template.MappingResource, template.TemplateIdentifier) == ("DCMR", "1500")
    found = rows(report)
    observer = found.pop((CONTEXT, "UIDREF", "121012 DCM Device Observer UID"))
    assert pydicom.uid.UID(observer).is_valid
    assert found == {
        (MOD, "CODE", "121049 DCM Language of Content Item and Descendants"): "en-US",
        (CONTEXT, "CODE", "121005 DCM Observer Type"): "121007",  # a device
        (CONTEXT, "TEXT", "121013 DCM Device Observer Name"): ALGORITHM.name,
        (MOD, "CODE", "121058 DCM Procedure reported"): "399208008",
        (CONTAINS, "CONTAINER", "126010 DCM Imaging Measurements"): "CONTINUOUS",
    }
    (measurements,) = (item for row, _, item in items(report) if "126010" in row[2])
    (((relation, kind, code), _, group),) = items(measurements)
    assert (relation, kind, code) == (CONTAINS, "CONTAINER", "125007 DCM Measurement Group")
    assert group.ContentTemplateSequence[0].TemplateIdentifier == "1501"
    found = rows(group)
    tracked = found.pop((CONTEXT, "UIDREF", "112040 DCM Tracking Unique Identifier"))
    assert pydicom.uid.UID(tracked).is_valid and tracked != observer
    assert found == {
        (CONTEXT, "TEXT", "112039 DCM Tracking Identifier"): "pneumonia",
        (CONTAINS, "CODE", "121071 DCM Finding"): "233604007",
        (MOD, "CODE", "363698007 SCT Finding Site"): "39607008",
        (MOD, "TEXT", "111001 DCM Algorithm Name"): ALGORITHM.name,
        (MOD, "TEXT", "111003 DCM Algorithm Version"): ALGORITHM.version,
        (MOD, "TEXT", "111002 DCM Algorithm Parameters"): "RESEARCH - NOT FOR DIAGNOSIS",  # the last of several
        (CONTAINS, "NUM", "122157 DCM Probability"): (pytest.approx(SCORE.probability), "1"),
        (CONTAINS, "NUM", "calibrated 99PNEUMO Calibrated probability"): (pytest.approx(SCORE.calibrated), "1"),
        (CONTAINS, "CODE", "233604007 SCT Pneumonia"): "52101004",  # present
        (CONTAINS, "CODE", "unsure 99PNEUMO Inside the referral band"): "373066001",  # yes
        (CONTAINS, "IMAGE", "121112 DCM Source of Measurement"): UID + "3",
        (CONTAINS, "TEXT", "121106 DCM Comment"): "age is not stated",
    }


def test_the_report_says_which_algorithm_answered(answers):
    text = str(highdicom.sr.srread(answers[0]).to_json())
    for part in (ALGORITHM.name, ALGORITHM.version, f"bundle {ALGORITHM.digest}", "threshold 0.4", "age is not stated"):
        assert part in text
    assert "NOT FOR DIAGNOSIS" in text


def test_report_and_overlay_point_to_the_image(answers):
    report, overlay = (pydicom.dcmread(path) for path in answers)
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    assert evidence.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == UID + "3"
    assert group(highdicom.sr.srread(answers[0])).source_images[0].referenced_sop_instance_uid == UID + "3"
    assert overlay.SourceImageSequence[0].ReferencedSOPInstanceUID == UID + "3"
    assert report.StudyInstanceUID == overlay.StudyInstanceUID == UID + "1"
    assert len({UID + "2", report.SeriesInstanceUID, overlay.SeriesInstanceUID}) == 3


def test_patient_and_study_are_those_of_the_source_and_nothing_else_is_copied(answers):
    for answer in map(pydicom.dcmread, answers):
        assert (answer.PatientName, answer.PatientID, answer.PatientBirthDate) == (
            "Geheim^Kind", "KENNUNG-4711", "20170305",
        )  # fmt: skip
        assert answer.AccessionNumber == "ZUGANG-0815"
        text = str(answer)
        assert not any(secret in text for secret in ("Verborgen", "Nirgendwo", "Unbekannt", "XIII"))


def test_the_overlay_is_a_picture_in_colour_with_the_notice_below(answers):
    pixels = pydicom.dcmread(answers[1]).pixel_array
    assert pixels.dtype == np.uint8
    assert (pixels[: GREY.shape[0]] == OVERLAY).all()
    bar = pixels[GREY.shape[0] :]
    assert len(bar) > 4 and bar[..., 0].max() > 150 and bar[..., 2].max() == 0


@pytest.mark.parametrize("width", [60, 500, 1024, 3000])
def test_the_notice_fits_whatever_the_width(width):
    pixels = heat_map_overlays.burn_in(np.zeros((width, width, 3), np.uint8))
    seen = np.flatnonzero(pixels[width:].any(axis=(0, 2)))
    assert seen.min() > 0 and seen.max() < width - 1
    assert seen.max() - seen.min() > 0.3 * width
    assert not pixels[:width].any()


def test_an_overlay_is_not_taken_for_a_radiograph(answers):
    for answer, words in zip(answers, ("a structured report", r"OT \(other\)"), strict=True):
        with pytest.raises(ImageError, match=words):
            dicom_files.read(answer.read_bytes())


def test_writing_twice_gives_the_same_files(answers, tmp_path):
    again = written(tmp_path)
    assert [path.name for path in again] == [path.name for path in answers]
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in answers]


def test_an_answer_that_lies_there_is_left_as_it_is(tmp_path):
    first = written(tmp_path)
    before = [path.read_bytes() for path in first]
    again = dicom_answers.write(saved(dataset()), SCORE, OVERLAY, ALGORITHM, tmp_path)  # at another time
    assert again == first
    assert [path.read_bytes() for path in again] == before


def test_another_answer_source_or_bundle_has_other_uids(answers, tmp_path):
    other = Score(**(vars(SCORE) | {"probability": 0.5}))
    changed = [
        written(tmp_path, other)[0],
        written(tmp_path, SOPInstanceUID=UID + "4")[0],
        written(tmp_path, algorithm=replace(ALGORITHM, digest="cd" * 32))[0],
        written(tmp_path, algorithm=replace(ALGORITHM, how="litert-int8"))[0],
        written(tmp_path, overlay=OVERLAY[::-1])[1],
        written(tmp_path, PatientName="Other^Person")[0],
    ]
    assert len({path.name for path in (*changed, *answers)}) == 8


@pytest.mark.parametrize(("stated", "told"), [("YES", "YES"), ("NO", "NO"), (None, None), ("PERHAPS", None)])
def test_the_overlay_says_of_text_that_identifies_somebody_what_its_source_says(tmp_path, stated, told):
    overlay = pydicom.dcmread(written(tmp_path, BurnedInAnnotation=stated)[1])
    assert overlay.get("BurnedInAnnotation") == told


@pytest.mark.parametrize(("method", "name"), [("gradcam", "Grad-CAM"), ("gradcam++", "Grad-CAM++")])
def test_the_overlay_says_how_it_was_drawn_and_by_what(tmp_path, method, name):
    overlay = pydicom.dcmread(written(tmp_path, algorithm=replace(ALGORITHM, heat_map=method, how="onnx"))[1])
    assert overlay.DerivationDescription == f"{name} heat map of the Keras networks over the source image"


def test_what_was_compressed_with_loss_stays_so(tmp_path):
    lossy = {"LossyImageCompression": "01", "LossyImageCompressionRatio": "12.5"}
    overlay = pydicom.dcmread(written(tmp_path, **lossy)[1])
    assert (overlay.LossyImageCompression, float(overlay.LossyImageCompressionRatio)) == ("01", 12.5)


def test_the_overlay_of_a_picture_that_was_compressed_says_so_though_the_source_does_not(tmp_path):
    made = dataset(stored(bits=8), 8)
    assert "LossyImageCompression" not in made
    files = dicom_answers.write(saved(made, "JPEG baseline"), SCORE, OVERLAY, ALGORITHM, tmp_path, WHEN)
    overlay = pydicom.dcmread(files[1])
    assert (overlay.LossyImageCompression, overlay.LossyImageCompressionMethod) == ("01", "ISO_10918_1")


def test_one_algorithm_is_one_device_whatever_it_looks_at(answers, tmp_path):
    def device(file):
        return next(item.UID for item in pydicom.dcmread(file).ContentSequence if "UID" in item)

    others = [written(tmp_path, SOPInstanceUID=UID + "4")[0], written(tmp_path, PatientName="Other^Person")[0]]
    assert {device(file) for file in others} == {device(answers[0])}
    engine = written(tmp_path, algorithm=replace(ALGORITHM, how="litert-int8"))[0]
    assert device(engine) != device(answers[0])


def test_a_range_of_dates_and_an_age_against_the_standard_are_not_copied(tmp_path):
    odd = {"PatientBirthDate": "20170101-20180101", "StudyTime": "10-11", "PatientAge": "5Y"}
    for file in written(tmp_path, **odd):
        answer = pydicom.dcmread(file)
        assert not any((answer.PatientBirthDate, answer.StudyTime, answer.get("PatientAge")))


def test_a_day_that_does_not_exist_is_not_copied(tmp_path):
    for file in written(tmp_path, PatientBirthDate="20200230"):
        assert pydicom.dcmread(file).PatientBirthDate == ""


def test_without_an_overlay_there_is_a_report_alone(tmp_path):
    assert len(written(tmp_path, overlay=None)) == 1


@pytest.mark.parametrize("name", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
@pytest.mark.parametrize(("value", "said"), [(None, "none"), ("Geheim", "another")])
def test_a_source_without_uids_is_refused_by_name(name, value, said, tmp_path):
    data = saved(dataset())
    found = pydicom.dcmread(io.BytesIO(data))
    if value is None:
        delattr(found, name)
    else:
        setattr(found, name, value)
    with io.BytesIO() as file:
        found.save_as(file)
        data = file.getvalue()
    with pytest.raises(AnswerError, match=f"^{name} of the source must be a UID .*, got {said}$"):
        dicom_answers.write(data, SCORE, None, ALGORITHM, tmp_path)
    assert not list(tmp_path.iterdir())


BARE = dict.fromkeys((
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName", "StudyDescription", "SpecificCharacterSet",
))  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        BARE,
        {"PatientSex": "GEHEIM", "StudyDate": "Geheim", "StudyTime": "noon", "PatientBirthDate": "Geheim"},
        {"PatientName": "Geheim Kind without carets", "ReferringPhysicianName": "A=B=C=D"},
    ],
    ids=["nothing", "against the standard", "odd names"],
)
def test_a_source_that_lacks_what_the_standard_wants_is_answered_with_empty_values(changed, tmp_path, caplog, capfd):
    source = saved(dataset(**changed))
    caplog.clear()
    files = dicom_answers.write(source, SCORE, OVERLAY, ALGORITHM, tmp_path, WHEN)
    assert not any(secret in text for secret in SECRETS for text in (*caplog.messages, *capfd.readouterr()))
    for path in files:
        answer = pydicom.dcmread(path)
        assert all(name in answer for name in ("PatientName", "PatientID", "StudyDate", "AccessionNumber"))
        if "PatientSex" in changed:
            assert not any((answer.PatientSex, answer.StudyDate, answer.StudyTime, answer.PatientBirthDate))
    assert highdicom.sr.srread(files[0])


def test_names_in_other_scripts_are_kept(tmp_path):
    for kind, name in (("ISO_IR 100", "Müller^Zoë"), ("ISO_IR 192", "山田^太郎"), ("ISO_IR 144", "Иванов^Иван")):
        for path in written(tmp_path / kind, SpecificCharacterSet=kind, PatientName=name):
            assert pydicom.dcmread(path).PatientName == name


def test_a_score_that_is_none_is_refused(tmp_path):
    refused = Score("x.dcm", "c" * 64, "refused", reason="blank")
    with pytest.raises(AnswerError, match="^status must be scored for a DICOM answer, got refused$"):
        written(tmp_path, refused)


def test_an_overlay_of_another_kind_is_refused(tmp_path):
    with pytest.raises(OverlayError, match=re.escape("overlay must be uint8 (height, width, 3), got uint8 (64, 80)")):
        written(tmp_path, overlay=GREY)


def test_every_attribute_that_the_standard_wants_is_there(answers):
    """By the tables of PS3.3 that highdicom ships: type 1 with a value, type 2 at least empty."""
    missing = []
    for answer in map(pydicom.dcmread, answers):
        modules = _standard_utils.get_iod_module_map()[_standard_utils.get_sop_class_iod_map()[str(answer.SOPClassUID)]]
        wanted = {part["key"] for part in modules if part["usage"] == "M"}
        for module in wanted - {"sr-document-content"}:  # which lists what the kinds of content items have
            for attribute in _standard_utils.get_module_attribute_map()[module]:
                name, kind = attribute["keyword"], attribute["type"]
                if attribute["path"] or kind not in ("1", "2"):
                    continue
                if name not in answer or (kind == "1" and answer[name].value in ("", None)):
                    missing.append((module, name))
    assert missing == []
