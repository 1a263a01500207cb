"""A name tells patient, etiology and picture as the published set means it, and odd ones stop nothing."""

import subprocess
import sys

import pytest

from pneumo_utils.datasets import filenames


@pytest.mark.parametrize(
    ("name", "folder", "expected"),
    [
        ("person1000_bacteria_2931.jpeg", "PNEUMONIA", ("person", 1000, "bacterial", "bacteria-1000")),
        ("person12_virus_48.jpeg", "PNEUMONIA", ("person", 12, "viral", "virus-12")),
        ("person447_virus_921_1.jpeg", "PNEUMONIA", ("person", 447, "viral", "virus-447")),
        ("BACTERIA-1008087-0001.jpeg", "PNEUMONIA", ("version 3", 1008087, "bacterial", "child-1008087")),
        ("VIRUS-1005281-0002.jpeg", "PNEUMONIA", ("version 3", 1005281, "viral", "child-1005281")),
        ("NORMAL-1003233-0001.jpeg", "NORMAL", ("version 3", 1003233, "normal", "child-1003233")),
        ("IM-0115-0001.jpeg", "NORMAL", ("IM", 115, "normal", "IM-115")),
        ("IM-0660-0001-0001.jpeg", "NORMAL", ("IM", 660, "normal", "IM-660")),
        ("NORMAL2-IM-1427-0001.jpeg", "NORMAL", ("NORMAL2-IM", 1427, "normal", "NORMAL2-IM-1427")),
    ],
)
def test_each_published_pattern_is_read(name, folder, expected):
    read = filenames.parse(f"train/{folder}/{name}", folder)
    assert (read.series, read.number, read.etiology, read.patient) == expected


@pytest.mark.parametrize(
    "name",
    ["PERSON5_BACTERIA_6.JPEG", "person5_Bacteria_6.jpg", "person5_bacteria_6.PnG", "Person5_bacteria_6.JPG"],
)
def test_capital_letters_and_other_endings_make_no_difference(name):
    assert filenames.parse(name, "PNEUMONIA") == filenames.parse("person5_bacteria_6.jpeg", "PNEUMONIA")
    assert filenames.parse("normal2-im-0007-0001.PNG", "NORMAL").patient == "NORMAL2-IM-7"


@pytest.mark.parametrize(
    "name",
    [
        "person1_virus_6 (1).jpeg",
        "person1_virus_6 - Copy.jpeg",
        "person1_virus_6-2.jpeg",
        "Copy of person1_virus_6.jpeg",
        "aug_person1_virus_6.jpeg",
    ],
)
def test_a_copy_stays_with_its_patient(name):
    assert filenames.parse(name, "PNEUMONIA").patient == "virus-1"


def test_a_copy_of_a_healthy_child_stays_with_it():
    names = ("Copy of IM-0115-0001.jpeg", "Copy of NORMAL2-IM-0115-0001.jpeg", "Copy of NORMAL-115-0001.jpeg")
    assert [filenames.parse(name, "NORMAL").patient for name in names] == ["IM-115", "NORMAL2-IM-115", "child-115"]
    assert filenames.parse("superperson1_virus_6.jpeg", "PNEUMONIA").number is None


def test_a_number_of_version_3_is_one_child_whatever_the_kind():
    names = [f"{kind}-5660566-{picture}.jpeg" for kind, picture in (("BACTERIA", "0008"), ("VIRUS", "0009"))]
    first, second = (filenames.parse(name, "PNEUMONIA") for name in names)
    assert first.patient == second.patient and (first.etiology, second.etiology) == ("bacterial", "viral")


def test_the_class_folder_decides_who_is_healthy():
    read = filenames.parse("person12_virus_48.jpeg", "NORMAL")
    assert read.etiology == "normal"
    read = filenames.parse("IM-0115-0001.jpeg", "PNEUMONIA")
    assert read.etiology == "unknown"


@pytest.mark.parametrize("name", ["person12_virus_48.jpeg", "IM-0115-0001.jpeg", "BACTERIA-7-0001.jpeg"])
def test_a_picture_in_another_class_folder_stays_with_its_patient(name):
    assert filenames.parse(name, "NORMAL").patient == filenames.parse(name, "PNEUMONIA").patient
    assert filenames.parse("person12_bacteria_48.jpeg", "NORMAL").patient == "bacteria-12", "and joins no other"


@pytest.mark.parametrize(
    "name",
    [
        "x.png",
        "train-00012.png",
        "person_bacteria_1.jpeg",
        "person1_fungus_2.jpeg",
        "IM-0115.jpeg",
        "IM-1-1.gif",
    ]
    + ["person12345678901234567890_virus_1.jpeg", "aperson1_virus_2.jpeg"],
)
def test_a_name_that_fits_no_pattern_is_its_own_patient(name):
    for folder, etiology in (("NORMAL", "normal"), ("PNEUMONIA", "unknown")):
        path = f"train/{folder}/{name}"
        assert filenames.parse(path, folder) == filenames.Name("unknown", None, etiology, path)


def test_bacterial_and_viral_children_of_one_number_are_two():
    names = ["person12_bacteria_1.jpeg", "person12_virus_1.jpeg", "person12_virus_2.jpeg"]
    assert len({filenames.parse(name, "PNEUMONIA").patient for name in names}) == 2
    normal = ["IM-0012-0001.jpeg", "NORMAL2-IM-0012-0001.jpeg"]
    assert len({filenames.parse(name, "NORMAL").patient for name in normal}) == 2


def test_names_and_sources_load_without_pandas():
    rooms = "filenames, folder_layout, sources"
    code = f"import sys; from pneumo_utils.datasets import {rooms}; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
