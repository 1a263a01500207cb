"""Of every folder it is known whether it was looked into; what was passed over is named with its count."""

import errno
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from support.radiographs import fill, picture

from pneumo_utils.datasets import folder_layout, manifest, passed_over


@pytest.fixture
def root(tmp_path):
    return fill(tmp_path / "data")


def test_litter_of_operating_systems_is_not_kept_and_named_where_it_looks_like_pictures(root):
    before = manifest.build(root)[0]
    folder = root / "train" / "NORMAL"
    for name in (".DS_Store", "._IM-0001-0001.jpeg", "Thumbs.db"):
        (folder / name).write_bytes(b"litter")
    for inside in (folder, root):
        (inside / "__MACOSX").mkdir()
        (inside / "__MACOSX" / "IM-0001-0001.jpeg").write_bytes(picture(9))
    table, exclusions, _ = manifest.build(root)
    assert exclusions[["path", "files"]].to_records(index=False).tolist() == [
        ("__MACOSX/", 1), ("train/NORMAL/._IM-0001-0001.jpeg", 1), ("train/NORMAL/__MACOSX/", 1)
    ]  # fmt: skip
    assert set(exclusions["reason"]) == {"left behind by an operating system"}
    pd.testing.assert_frame_equal(table, before)


def test_the_nested_second_copy_of_the_kaggle_zip_is_named_and_not_counted(tmp_path):
    inner = fill(tmp_path / "data" / "chest_xray")
    before = manifest.build(inner)[0]
    shutil.copytree(inner, tmp_path / "copy")
    shutil.move(tmp_path / "copy", inner / "chest_xray")
    for start in (tmp_path / "data", inner):
        assert folder_layout.locate(start) == inner
        table, exclusions, _ = manifest.build(start)
        pd.testing.assert_frame_equal(table, before)
        assert exclusions.to_dict("records") == [
            {
                "path": "chest_xray/",
                "files": 12,
                "reason": "outside train, val and test: a second copy, or another set",
            }
        ]


@pytest.mark.parametrize(
    "inside", ["", "chest_xray", "chest_xray/chest_xray", "ChestXRay2017/chest_xray", "CellData/chest_xray"]
)
def test_the_set_is_found_wherever_a_zip_puts_it(tmp_path, inside):
    root = fill(tmp_path / "data" / inside)
    assert folder_layout.locate(tmp_path / "data") == root
    assert manifest.build(tmp_path / "data")[0]["path"].str.match(r"(train|val|test)/").all()


def test_another_set_of_the_same_layout_beside_it_is_not_taken_for_it(tmp_path):
    (tmp_path / "CellData" / "OCT" / "train" / "CNV").mkdir(parents=True)
    (tmp_path / "CellData" / "OCT" / "test").mkdir()
    (tmp_path / "CellData" / "OCT" / "train" / "CNV" / "CNV-1-1.jpeg").write_bytes(picture(1))
    (tmp_path / "notes.txt").write_bytes(b"notes")
    root = fill(tmp_path / "CellData" / "chest_xray")
    assert folder_layout.locate(tmp_path) == root
    exclusions = manifest.build(tmp_path)[1]
    assert exclusions[["path", "files"]].to_records(index=False).tolist() == [("../../notes.txt", 1), ("../OCT/", 1)]
    assert exclusions["reason"].str.startswith("beside the radiographs").all()


def test_whatever_lies_beside_the_class_folders_is_named_with_its_count(root):
    for name, count in (("COVID19", 3), ("BACTERIA", 2), ("empty", 0)):
        (root / "train" / name).mkdir()
        for number in range(count):
            (root / "train" / name / f"{number}.jpeg").write_bytes(picture(number))
    (root / "validation").mkdir()
    (root / "validation" / "a.jpeg").write_bytes(picture(1))
    for stray in ("labels.csv", "train/stray.jpeg"):
        (root / stray).write_bytes(b"stray")
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "unseen.jpeg").write_bytes(picture(2))
    (root / "test" / "NORMAL" / "more").symlink_to(elsewhere)
    table, exclusions, _ = manifest.build(root)
    assert len(table) == 12
    assert dict(zip(exclusions["path"], exclusions["files"], strict=True)) == {
        "labels.csv": 1, "test/NORMAL/more/": 1, "train/BACTERIA/": 2, "train/COVID19/": 3, "train/stray.jpeg": 1,
        "validation/": 1,
    }  # fmt: skip
    reasons = exclusions.set_index("path")["reason"]
    assert reasons["train/COVID19/"] == "outside NORMAL and PNEUMONIA"
    assert reasons["validation/"] == "outside train, val and test"
    assert reasons["test/NORMAL/more/"] == "a link to a folder, which is not followed"


def closed(monkeypatch, *folders):
    """As if nobody might list these, which root always may."""
    listed = os.scandir

    def scandir(place="."):
        if Path(place) in folders:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))
        return listed(place)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_that_may_not_be_looked_into_is_named_wherever_it_lies(root, monkeypatch):
    part = root / "train"
    places = (part / "COVID19", part / "OTHER" / "deep", part / "NORMAL" / "child", part / "NORMAL" / "masks")
    for place in places:
        place.mkdir(parents=True)
    (part / "OTHER" / "a.jpeg").write_bytes(picture(1))
    closed(monkeypatch, *places)
    denied = "cannot be looked into: Permission denied"
    assert [tuple(one) for one in passed_over.find(root, root)] == [
        ("train/COVID19/", 0, f"outside NORMAL and PNEUMONIA; it {denied}"),
        ("train/NORMAL/child/", 0, denied),
        ("train/NORMAL/masks/", 0, f"masks, by its name, no radiographs; it {denied}"),
        ("train/OTHER/", 1, f"outside NORMAL and PNEUMONIA; a folder in it {denied}"),
    ]


def test_litter_counts_for_nothing_in_a_folder_that_is_passed_over(root):
    for place in ("COVID19", "NORMAL/masks", "empty"):
        (root / "train" / place).mkdir()
        for name in (".DS_Store", "Thumbs.db"):
            (root / "train" / place / name).write_bytes(b"litter")
    for name in ("a.jpeg", "._a.jpeg"):
        (root / "train" / "COVID19" / name).write_bytes(picture(1))
    found = passed_over.find(root, root)
    assert [(one.path, one.files) for one in found] == [("train/COVID19/", 2)]


def test_pictures_in_a_folder_inside_a_class_folder_count(root):
    inside = root / "test" / "PNEUMONIA" / "more"
    inside.mkdir()
    (inside / "person7_bacteria_1.jpeg").write_bytes(picture(7))
    row = manifest.build(root)[0].set_index("path").loc["test/PNEUMONIA/more/person7_bacteria_1.jpeg"]
    assert (row["label"], row["part"], row["patient"]) == (1, "test", "bacteria-7")


@pytest.mark.parametrize("inside", ["PNEUMONIA", "normal", "Pneumonia ", "child/PNEUMONIA", "test/PNEUMONIA", "Train"])
def test_a_class_or_part_inside_a_class_is_named_with_its_count_and_counts_for_neither(root, inside):
    place = root / "train" / "NORMAL" / inside
    place.mkdir(parents=True)
    for number in range(3):
        (place / f"person9{number}_virus_1.jpeg").write_bytes(picture(number))
    table, exclusions, _ = manifest.build(root)
    assert len(table) == 12
    (left_out,) = exclusions.to_dict("records")
    outermost = inside if inside.startswith("child") else inside.split("/")[0]
    assert left_out["path"] == f"train/NORMAL/{outermost}/"
    assert (left_out["files"], left_out["reason"]) == (3, "a class or part inside a class")


def test_what_its_user_has_hidden_is_not_laid_to_an_operating_system(root):
    for name in (".unsure", ".DS_Store"):
        (root / "train" / "NORMAL" / name).mkdir()
        (root / "train" / "NORMAL" / name / "a.jpeg").write_bytes(picture(1))
    reasons = manifest.build(root)[1].set_index("path")["reason"].to_dict()
    assert reasons == {
        "train/NORMAL/.DS_Store/": "left behind by an operating system",
        "train/NORMAL/.unsure/": "hidden: its name begins with a dot",
    }


@pytest.mark.parametrize("place", [".", "train", "train/NORMAL"])
def test_behind_a_link_only_so_many_folders_are_counted(root, tmp_path, monkeypatch, place):
    monkeypatch.setattr(passed_over, "_FOLDERS_BEHIND_A_LINK", 3)
    for number in range(5):
        (tmp_path / "disk" / f"{number}").mkdir(parents=True)
        (tmp_path / "disk" / f"{number}" / "a.txt").write_bytes(b"a")
    (root / place / "whole disk").symlink_to(tmp_path / "disk")
    (one,) = passed_over.find(root, root)
    assert one.files == 2
    assert one.reason.endswith(" (at least 2 files)")


def test_thumbnails_of_a_network_drive_and_masks_are_no_radiographs(root):
    for name in (
        "@eaDir/IM-0001-0001.jpeg/SYNOPHOTO_THUMB_M.jpg",
        "masks/IM-0001-0001.png",
        "#recycle/IM-0001-0001.jpeg",
    ):
        (root / "train" / "NORMAL" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "train" / "NORMAL" / name).write_bytes(picture(3))
    table, left_out, _ = manifest.build(root)
    assert len(table) == 12
    found = left_out.set_index("path")
    assert found["files"].to_dict() == dict.fromkeys(
        ("train/NORMAL/#recycle/", "train/NORMAL/@eaDir/", "train/NORMAL/masks/"), 1
    )
    assert found["reason"]["train/NORMAL/@eaDir/"] == "left behind by an operating system"
    assert found["reason"]["train/NORMAL/masks/"] == "masks, by its name, no radiographs"


def test_a_whole_set_goes_before_half_of_one_and_a_link_to_it_is_found(tmp_path):
    root = fill(tmp_path / "data", each=1)
    (tmp_path / "data" / "a_more" / "train" / "NORMAL").mkdir(parents=True)
    assert folder_layout.locate(tmp_path / "data") == root
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "chest_xray").symlink_to(root)
    assert folder_layout.locate(tmp_path / "given") == tmp_path / "given" / "chest_xray"


def test_what_is_there_goes_before_what_is_linked_and_a_bad_link_hides_nothing(tmp_path):
    root, other = fill(tmp_path / "data", each=1), fill(tmp_path / "other", each=1)
    (tmp_path / "data" / "backup").symlink_to(other)
    (tmp_path / "data" / "loop").symlink_to("loop")
    assert folder_layout.locate(tmp_path / "data") == root
