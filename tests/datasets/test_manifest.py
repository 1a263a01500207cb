"""A row of the manifest says what a radiograph is, whose it is, and what of it lies elsewhere, too."""

import hashlib
import shutil
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
from support.radiographs import exported, fill, picture

from pneumo_utils.datasets import acquisition_properties, manifest, patients
from pneumo_utils.imaging import decoding
from pneumo_utils.records import tables
from pneumo_utils.records.vocabulary import LABELS, PARTS

REAL = Path(__file__).parents[2] / ".." / "shared" / "data"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the real radiographs are not beside the project")


@pytest.fixture
def root(tmp_path):
    return fill(tmp_path / "data")


def test_a_row_says_all_that_the_contract_asks(root):
    table, exclusions, _ = manifest.build(root)
    assert list(table.columns) == list(tables.CONTRACTS["manifest"])
    assert len(table) == 12
    assert exclusions.empty
    row = table.set_index("path").loc["train/NORMAL/IM-0001-0001.jpeg"]
    data = (root / row.name).read_bytes()
    expected = {
        "patient": "IM-1",
        "label": 0,
        "etiology": "normal",
        "part": "train",
        "series": "IM",
        "number": 1,
    }
    expected |= {"width": 50, "height": 40, "mode": "grey", "bytes": len(data)}
    expected |= {"sha256": hashlib.sha256(data).hexdigest()}
    assert row.to_dict() == expected
    assert (table["label"] == table["path"].str.contains("PNEUMONIA")).all()


def test_it_is_equal_each_time_sorted_and_survives_its_file(root, tmp_path):
    first, second = manifest.build(root)[0], manifest.build(root)[0]
    pd.testing.assert_frame_equal(first, second)
    assert first["path"].is_monotonic_increasing
    tables.write("manifest", first, tmp_path / "manifest.csv")
    pd.testing.assert_frame_equal(tables.read("manifest", tmp_path / "manifest.csv"), first)


def test_how_each_file_was_taken_and_saved_stands_in_the_order_of_the_manifest(root, tmp_path):
    (root / "train" / "NORMAL" / "IM-0001-0001.jpeg").write_bytes(picture(5, quality=95))
    (root / "train" / "NORMAL" / "IM-0000-0001.jpeg").write_bytes(b"not readable")
    (root / "test" / "NORMAL" / "IM-0900-0001.png").write_bytes(picture(6, "PNG"))
    table, exclusions, taken = manifest.build(root)
    assert len(exclusions) == 1
    assert taken["path"].tolist() == table["path"].tolist()
    by_path = taken.set_index("path")
    for path in ("train/NORMAL/IM-0001-0001.jpeg", "val/PNEUMONIA/person30_virus_1.jpeg"):
        data = (root / path).read_bytes()
        assert by_path.loc[path].to_dict() == acquisition_properties.measure(data, decoding.decode(data))
    assert by_path["jpeg_quality"].value_counts().to_dict() == {75: 10, 95: 1}
    assert by_path["jpeg_quality"].isna()["test/NORMAL/IM-0900-0001.png"]
    tables.write("acquisition", taken, tmp_path / "acquisition.csv")
    pd.testing.assert_frame_equal(tables.read("acquisition", tmp_path / "acquisition.csv"), taken)


def test_one_name_in_the_folders_of_several_children_tells_nobody(root, tmp_path):
    exported(root, 4)
    table, *_ = manifest.build(root)
    mine = table[table["path"].str.contains("/child")]
    assert len(mine) == 6
    assert not patients.known(mine).any() and mine["number"].isna().all()
    assert patients.known(table).sum() == 12
    assert "The names of 6 tell nobody: other pictures of those names lie in other folders." in patients.explain(table)
    given = tmp_path / "patients.csv"
    given.write_text("path,patient\n" + "".join(f"{path},{path.split('/')[2]}\n" for path in mine["path"]))
    table, *_ = manifest.build(root, patients=given)
    assert patients.known(table).all() and table["patient"].str.startswith("child").sum() == 6


def test_a_copy_of_the_same_bytes_in_another_folder_stays_with_its_patient(root):
    (root / "train" / "NORMAL" / "copy").mkdir()
    shutil.copy(root / "train" / "NORMAL" / "IM-0001-0001.jpeg", root / "train" / "NORMAL" / "copy")
    table, *_ = manifest.build(root)
    assert patients.known(table).all() and (table["patient"] == "IM-1").sum() == 2


def counted(counts):
    rows = [(part, LABELS[name], f"{part}{name}{k}") for (part, name), n in counts.items() for k in range(n)]
    return pd.DataFrame(rows, columns=["part", "label", "path"])


def test_the_published_set_is_recognised_with_and_without_val():
    assert manifest.published_counts(counted(manifest.PUBLISHED)) == [
        "there are as many images as were published, 5,856"
    ]
    merged = {
        ("train", "NORMAL"): 1349,
        ("train", "PNEUMONIA"): 3883,
        ("test", "NORMAL"): 234,
        ("test", "PNEUMONIA"): 390,
    }
    (sentence,) = manifest.published_counts(counted(merged))
    assert sentence.startswith("there are as many images as were published, 5,856 (the 16 of val are in train")


def test_what_is_missing_and_what_is_surplus_is_said_in_words():
    counts = manifest.PUBLISHED | {("train", "PNEUMONIA"): 3870, ("test", "NORMAL"): 235}
    assert manifest.published_counts(counted(counts)) == [
        "train/PNEUMONIA has 3,870 images, 5 fewer than the 3,875 published",
        "test/NORMAL has 235 images, 1 more than the 234 published",
    ]
    del counts["val", "NORMAL"]
    assert "val/NORMAL has 0 images, 8 fewer than the 8 published" in manifest.published_counts(counted(counts))


def test_byte_identical_files_are_grouped(root):
    assert manifest.duplicate_groups(manifest.build(root)[0]).empty
    one = (root / "train" / "NORMAL" / "IM-0000-0001.jpeg").read_bytes()
    two = (root / "train" / "PNEUMONIA" / "person10_virus_1.jpeg").read_bytes()
    (root / "train" / "NORMAL" / "IM-0800-0001.jpeg").write_bytes(one)
    (root / "test" / "PNEUMONIA" / "person800_virus_1.jpeg").write_bytes(two)
    (root / "val" / "NORMAL" / "IM-0801-0001.jpeg").write_bytes(two)
    groups = manifest.duplicate_groups(manifest.build(root)[0])
    assert groups["sha256"].tolist() == [hashlib.sha256(data).hexdigest() for data in (two, one)]
    assert groups.drop(columns="sha256").to_dict("records") == [
        {
            "n": 3,
            "parts": "test, train, val",
            "classes": "NORMAL, PNEUMONIA",
            "patients": 3,
            "crosses_part": True,
            "crosses_class": True,
        },
        {
            "n": 2,
            "parts": "train",
            "classes": "NORMAL",
            "patients": 2,
            "crosses_part": False,
            "crosses_class": False,
        },
    ]


def test_patients_overlap_by_number_but_not_by_number_etiology_and_series(tmp_path):
    root = fill(tmp_path, each=1)
    for path in ("train/PNEUMONIA/person77_bacteria_1.jpeg", "test/PNEUMONIA/person77_virus_1.jpeg"):
        (root / path).write_bytes(picture(len(path)))
    for path in (
        "train/NORMAL/IM-0078-0001.jpeg",
        "test/NORMAL/NORMAL2-IM-0078-0001.jpeg",
        "test/NORMAL/x.png",
    ):
        (root / path).write_bytes(picture(len(path), "PNG"))
    found = patients.overlap(manifest.build(root)[0])
    assert found["reading"].tolist() == [
        "number", "number and series", "number, etiology and series", "as the study groups"
    ]  # fmt: skip
    assert found["shared"].tolist() == [2, 1, 0, 0]
    assert found["images"].tolist() == [2, 1, 0, 0]
    # 6 of `fill`, and 2, 3 or 4 of the numbers 77 and 78; nobody counts x.png
    assert found["patients"].tolist() == [8, 9, 10, 10]


def test_a_patient_of_val_is_trained_on(tmp_path):
    root = fill(tmp_path, each=1)
    for path in ("val/PNEUMONIA/person77_virus_1.jpeg", "test/PNEUMONIA/person77_virus_2.jpeg"):
        (root / path).write_bytes(picture(len(path)))
    assert patients.overlap(manifest.build(root)[0])["shared"].tolist() == [1, 1, 1, 1]


def test_numbers_that_an_export_begins_anew_in_every_folder_tell_nobody(tmp_path):
    root, shades = tmp_path / "flat", iter(range(99))
    for part, name in product(("train", "test"), ("NORMAL", "PNEUMONIA")):
        (root / part / name).mkdir(parents=True)
        for child in range(1, 4):
            (root / part / name / f"IM-{child:04}-0001.jpeg").write_bytes(picture(next(shades)))
    manifest.check(root)
    found, _, _ = manifest.build(root)
    assert not patients.known(found).any() and found["number"].isna().all()
    assert "The names of 12 tell nobody" in patients.explain(found)


def test_a_picture_saved_again_into_another_part_still_shares_its_patient(tmp_path):
    root = fill(tmp_path, each=1)
    for part, quality in (("train", 95), ("test", 60)):
        (root / part / "PNEUMONIA" / "person77_virus_1.jpeg").write_bytes(picture(7, quality=quality))
    assert patients.overlap(manifest.build(root)[0])["shared"].iloc[-1] == 1


def test_patients_that_a_table_puts_in_both_parts_are_counted(tmp_path):
    root = fill(tmp_path, each=1)
    paths = [f"{part}/PNEUMONIA/scan{number}.png" for part in ("train", "test") for number in range(3)]
    for number, path in enumerate(paths):
        (root / path).write_bytes(picture(20 + number, "PNG"))
    table = tmp_path / "patients.csv"
    table.write_text("path,patient\n" + "".join(f"{path},child {path[-5]}\n" for path in paths))
    found = patients.overlap(manifest.build(root, patients=table)[0]).set_index("reading")
    assert found.loc["number, etiology and series", "shared"] == 0, "names tell nothing"
    assert found.loc["as the study groups", ["shared", "images"]].tolist() == [3, 3]


def test_what_a_mac_leaves_and_names_with_a_carriage_return_do_not_break_the_table(tmp_path):
    root = fill(tmp_path, each=1)
    (root / "Icon\r").write_bytes(b"")
    (root / "odd\rfolder").mkdir()
    (root / "odd\rfolder" / "a.txt").write_bytes(b"x")
    _, exclusions, _ = manifest.build(root)
    tables.write("exclusions", exclusions, tmp_path / "exclusions.csv")
    assert tables.read("exclusions", tmp_path / "exclusions.csv")["path"].tolist() == ["odd\\rfolder/"]


@pytest.fixture(scope="module")
def real():
    return manifest.build(REAL)


@needs_real_data
def test_the_real_radiographs_are_all_read(real):
    table, exclusions, _ = real
    assert len(table) == 5232
    beside = dict(zip(exclusions["path"], exclusions["files"], strict=True))
    assert beside == {"../acquisition.csv": 1, "../originals/": 198}
    found = table.groupby(["part", "label"]).size().to_dict()
    classes = {(part, label): name for part in PARTS for name, label in LABELS.items()}
    assert found == {key: len(list((REAL / "chest_xray" / key[0] / name).iterdir())) for key, name in classes.items()}
    assert found == {
        ("train", 0): 1179,
        ("train", 1): 3407,
        ("val", 0): 8,
        ("val", 1): 8,
        ("test", 0): 162,
        ("test", 1): 468,
    }
    assert "unknown" not in set(table["series"]) | set(table["etiology"])


@needs_real_data
def test_real_patients_are_shared_by_number_but_by_the_last_reading_none(real):
    shared = patients.overlap(real[0])["shared"].tolist()
    assert shared[0] > shared[1] > shared[2] == 0


@needs_real_data
def test_real_duplicates_cross_neither_part_nor_class(real):
    groups = manifest.duplicate_groups(real[0])
    assert len(groups) > 0
    assert not groups["crosses_part"].any()
    assert not groups["crosses_class"].any()
