import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fhir.resources.diagnosticreport import DiagnosticReport as R5
from fhir.resources.R4B.diagnosticreport import DiagnosticReport as R4B

from pneumo_utils.deployment.answers import fhir_answers
from pneumo_utils.deployment.answers.algorithm import Algorithm
from pneumo_utils.deployment.scores import Score

ALGORITHM = Algorithm("VGG16, one network", "2026-01-02", "ab" * 32, 0.4, "keras", "gradcam")
FOUND = Score("ward/Secret-Name.dcm", "c" * 64, "scored", 0.9, 0.8, "pneumonia", False, ("age is not stated",))
UNSURE = Score("b.png", "d" * 64, "scored", 0.39, 0.3, "normal", True)
REFUSED = Score("c.png", "e" * 64, "refused", reason="blank: its grey levels must span at least 8, got 2 of 256")
UNREAD = Score("gone.png", "", "refused", reason="must be a regular file, got no such file")
WHERE = {"view": "AP", "study_uid": "1.2.3"}


def finding(made):
    return next(part for part in made["contained"] if part["resourceType"] == "Observation")


@pytest.mark.parametrize("model", [R4B, R5], ids=["R4B", "R5"])
@pytest.mark.parametrize("score", [FOUND, UNSURE, REFUSED, UNREAD], ids=["found", "unsure", "refused", "unread"])
@pytest.mark.parametrize("where", [{}, WHERE], ids=["bare", "full"])
def test_a_report_is_valid_fhir_by_the_models_of_others(model, score, where):
    made = fhir_answers.report(score, ALGORITHM, **where)
    back = model.model_validate_json(json.dumps(made))
    assert back.status == "preliminary"
    assert len(back.contained) == 2


def test_the_models_of_others_refuse_what_is_no_report():
    made = fhir_answers.report(FOUND, ALGORITHM)
    finding(made)["valueQuantity"] = {"value": 1}  # a second value
    with pytest.raises(ValueError, match="valueQuantity|value"):
        R5.model_validate_json(json.dumps(made))


def test_decision_probability_and_doubt_are_told_in_codes():
    made = finding(fhir_answers.report(FOUND, ALGORITHM))
    assert made["code"]["coding"][0]["code"] == "233604007"
    assert made["valueCodeableConcept"]["coding"][0]["display"] == "Present"
    assert made["interpretation"][0]["coding"][0]["code"] == "POS"
    values = [part.get("valueQuantity", {}).get("value", part.get("valueBoolean")) for part in made["component"]]
    assert values == [0.9, 0.8, 0.4, False]
    other = finding(fhir_answers.report(UNSURE, ALGORITHM))
    assert other["valueCodeableConcept"]["coding"][0]["display"] == "Absent"
    assert other["component"][-1]["valueBoolean"] is True
    assert "unsure: leave it to a human" in fhir_answers.report(UNSURE, ALGORITHM)["conclusion"]


def test_a_refused_picture_has_a_reason_in_place_of_a_value():
    made = finding(fhir_answers.report(REFUSED, ALGORITHM))
    assert made["dataAbsentReason"]["text"] == REFUSED.reason
    assert not any(key.startswith("value") for key in made)
    assert "component" not in made


def test_every_remark_and_the_notice_are_notes():
    made = fhir_answers.report(FOUND, ALGORITHM)
    assert [note["text"] for note in finding(made)["note"]] == ["Research, not for diagnosis.", "age is not stated"]
    assert "not for diagnosis" in made["conclusion"]


@pytest.mark.parametrize(
    ("view", "code", "display"),
    [
        ("AP", "36572-6", "XR Chest AP"),
        ("PA", "30745-4", "XR Chest Views"),  # 24648-8 is "XR Chest PA upright", which no header says
        ("FRONTAL", "30745-4", "XR Chest Views"),
        ("", "30745-4", "XR Chest Views"),
    ],
)
def test_the_examination_is_named_by_its_view(view, code, display):
    named = {"system": "http://loinc.org", "code": code, "display": display}
    assert fhir_answers.report(FOUND, ALGORITHM, view=view)["code"]["coding"] == [named]


def identifier(score=FOUND, **changed):
    (found,) = fhir_answers.report(score, replace(ALGORITHM, **changed))["identifier"]
    return found["value"]


def test_a_report_is_known_by_its_file_and_by_what_answered():
    found = {
        identifier(), identifier(digest="cd" * 32), identifier(how="onnx"), identifier(how="keras, any age"),
        identifier(replace(FOUND, sha256="f" * 64)),
    }  # fmt: skip
    assert len(found) == 5 and all(
        re.fullmatch(r"hash://sha256/\w{64}\?bundle=\w{64}&engine=[\w%-]+", one) for one in found
    )
    assert identifier(replace(FOUND, path="elsewhere.dcm")) == identifier() in found
    assert "identifier" not in fhir_answers.report(UNREAD, ALGORITHM)


def test_the_study_is_pointed_to_only_where_it_is_given_and_the_patient_never():
    bare, full = fhir_answers.report(FOUND, ALGORITHM), fhir_answers.report(FOUND, ALGORITHM, **WHERE)
    assert "derivedFrom" not in json.dumps(bare) and "subject" not in json.dumps([bare, full])
    assert finding(full)["derivedFrom"][0]["identifier"] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}


def test_the_name_of_the_file_is_told_nowhere(tmp_path: Path):
    fhir_answers.write(FOUND, ALGORITHM, tmp_path / "answers" / "one.json")
    assert "Secret" not in (tmp_path / "answers" / "one.json").read_text(encoding="utf-8")


def test_writing_twice_gives_the_same_bytes(tmp_path: Path):
    for name in "ab":
        fhir_answers.write(FOUND, ALGORITHM, tmp_path / name, **WHERE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
