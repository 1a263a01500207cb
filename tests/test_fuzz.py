"""Whatever bytes and words come in, what goes out is an answer or a sentence; `make fuzz` tries many more."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.bad_images import GREY, PICTURE, saved

from pneumo_utils.datasets import filenames, patient_table
from pneumo_utils.imaging import decoding
from pneumo_utils.imaging.image_files import ImageError
from pneumo_utils.records import tables
from pneumo_utils.reporting.display import table_html
from pneumo_utils.study import definition

ALL_DAY = settings(
    max_examples=int(os.environ.get("FUZZ", "100")), derandomize="FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
WHOLE = [
    saved(PICTURE, kind, **options)
    for kind, options in (
        ("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}), ("WEBP", {}),
    )
]  # fmt: skip
PARAMS = Path(__file__).parent.parent / "params"
SMOKE = (PARAMS / "smoke.yaml").read_text(encoding="utf-8")


@st.composite
def damaged(draw) -> bytes:
    """A whole file with some bytes changed, a piece cut out, or a piece put twice."""
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 8))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        kind = draw(st.sampled_from(["double"] if not data else ["change", "cut", "double", "end"]))
        length = draw(st.integers(1, 64))
        if kind == "change":
            data[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del data[at : at + length]
        elif kind == "double":
            data[at:at] = data[at : at + length]
        else:
            del data[max(at, 1) :]
    return bytes(data)


@ALL_DAY
@given(st.one_of(damaged(), st.binary(max_size=400)))
def test_any_bytes_are_a_picture_or_a_reason(data):
    for decode in (decoding.decode_sound, decoding.decode, lambda given: decoding.decode_square(given, 32)):
        try:
            found = decode(data)
        except ImageError as error:
            assert str(error) and "\n" not in str(error)
            continue
        pixels = found[0] if isinstance(found, tuple) else found
        assert pixels.dtype == np.uint8 and pixels.ndim == 2 and pixels.size


@ALL_DAY
@given(st.text(max_size=80), st.sampled_from(["NORMAL", "PNEUMONIA"]))
@example("person٣_virus_1.jpeg", "PNEUMONIA")
@example("IM-" + "9" * 40 + "-1.jpeg", "NORMAL")
def test_any_file_name_is_read_and_names_one_patient(name, folder):
    read = filenames.parse(f"train/{folder}/{name}", folder)
    assert read.patient and read.etiology in ("normal", "bacterial", "viral", "unknown")
    assert (read.number is None) == (read.series == filenames.UNKNOWN)


@st.composite
def edited(draw) -> str:
    """The smoke study with some of its lines changed, left out, doubled or indented otherwise."""
    lines = SMOKE.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["value", "gone", "twice", "indent", "noise"]))
        if kind == "value":
            lines[at] = lines[at].split(":")[0] + ": " + draw(st.sampled_from(VALUES))
        elif kind == "gone":
            del lines[at]
        elif kind == "twice":
            lines.insert(at, lines[at])
        elif kind == "indent":
            lines[at] = " " * draw(st.integers(0, 5)) + lines[at].lstrip()
        else:
            lines[at] = draw(st.text(max_size=30))
    return "\n".join(lines)


VALUES = [
    "",
    "-1",
    "0",
    "1e400",
    ".nan",
    "[]",
    "{}",
    "null",
    "yes",
    "'x'",
    "[[1]]",
    "2026-11-26",
    "0x1F",
    "*a",
    "&a 1",
    "!x 1",
]


@ALL_DAY
@given(text=st.one_of(edited(), st.text(max_size=200)))
def test_any_parameter_file_is_a_study_or_a_sentence(text):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mine.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            definition.load("mine", Path(folder))
        except definition.StudyError as error:
            assert str(error).startswith("mine.yaml") and "\n" not in str(error)


@ALL_DAY
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: ("path,patient\n" + text).encode())
    )
)
def test_any_table_of_patients_is_read_or_refused_in_a_sentence(content):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "patients.csv"
        file.write_bytes(content)
        try:
            found = patient_table.read_table(file)
        except patient_table.PatientTableError as error:
            assert "\n" not in str(error)
        else:
            assert all(path and patient for path, patient in found.items())


@ALL_DAY
@given(
    content=st.one_of(
        st.text(max_size=300),
        st.from_regex(r"a,-?([0-9]{1,30}|1e[0-9]{1,3}|inf|nan|[0-9]+\\.[0-9]),b\\n", fullmatch=True),
    )
)
def test_any_edit_of_a_table_is_read_within_its_contract_or_refused(content):
    head = "path,files,reason\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "exclusions.csv"
        file.write_bytes((head + content).encode("utf-8", "surrogatepass"))
        try:
            found = tables.read("exclusions", file)
        except tables.TableError as error:
            assert "\n" not in str(error).rstrip()
            return
        assert list(found) == ["path", "files", "reason"] and (found["files"] >= 0).all()


@ALL_DAY
@given(st.text(max_size=60))
@example("<script>alert(1)</script>")
@example('" onmouseover="alert(1)')
def test_any_word_from_the_data_is_text_on_a_page(word):
    shown = table_html(pd.DataFrame({"path": [word]}), "Words (n = 1)")
    assert "<script" not in shown and 'onmouseover="' not in shown


def test_a_picture_that_nobody_touched_is_read():
    for data in WHOLE:
        assert np.abs(decoding.decode(data).astype(int) - GREY).mean() < 3


@pytest.mark.parametrize("name", ["person1_bacteria_1.jpeg", "BACTERIA-1-1.jpeg"])
def test_names_of_the_publishers_name_a_patient(name):
    assert filenames.parse(f"train/PNEUMONIA/{name}", "PNEUMONIA").number == 1
