"""Every file of a folder is a row of the manifest, or left out with a reason that its owner understands."""

import errno
import hashlib
import os
import re
import shutil
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from support.radiographs import fill, picture

from pneumo_utils.datasets import acquisition_properties, folder_layout, manifest, passed_over, patients
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


def test_every_unusable_file_is_left_out_with_its_reason(root, capfd):
    folder, good = root / "train" / "NORMAL", picture(1)
    bad = {
        "IM-0900-0001.jpeg": (b"", "empty file (0 bytes)"),
        "IM-0901-0001.jpeg": (good[:-60], "truncated: the JPEG ends early"),
        "IM-0902-0001.jpeg": (b"not found", "not an image (none of JPEG, PNG, TIFF, BMP or WebP)"),
        "IM-0903-0001.png": (picture(1, "PNG")[:-30], "truncated: the PNG ends early"),
        "notes.txt": (b"notes", "its ending is none of .jpeg, .jpg, .jfif, .jpe, .png, .tif, .tiff, .bmp, .webp"),
    }
    for name, (data, _) in bad.items():
        (folder / name).write_bytes(data)
    (folder / "IM-0904-0001.jpeg").symlink_to(folder / "gone.jpeg")
    bad["IM-0904-0001.jpeg"] = (None, "cannot be read: No such file or directory")
    table, exclusions, _ = manifest.build(root)
    assert len(table) == 12
    assert dict(zip(exclusions["path"], exclusions["reason"], strict=True)) == {
        f"train/NORMAL/{name}": reason for name, (_, reason) in bad.items()
    }
    assert capfd.readouterr().err == ""


def test_unusual_but_honest_pictures_are_kept(root):
    folder = root / "train" / "PNEUMONIA"
    deep = cv2.imencode(".png", np.arange(2000, dtype=np.uint16).reshape(40, 50) * 32)[1].tobytes()
    kept = {
        "person90_virus_1.png": (deep, "grey16"),
        "person91_virus_1.png": (picture(1, "PNG", "RGBA"), "RGBA"),
        "person92_virus_1.jpeg": (picture(1, "JPEG", "CMYK"), "CMYK"),
        "person93_virus_1.png": (picture(1, "PNG", "P"), "palette"),
        "PERSON94_VIRUS_1.JPEG": (picture(2), "grey"),
        "person95_virus_1.JPG": (picture(3, "JPEG", "RGB"), "RGB"),
        "person97_virus_1.jfif": (picture(5), "grey"),
        "person98_virus_1.JPE": (picture(6), "grey"),
        "person96_virus_1.jpeg": (picture(4, "PNG"), "grey"),  # a PNG under a wrong ending is still a picture
    }
    for name, (data, _) in kept.items():
        (folder / name).write_bytes(data)
    table, exclusions, _ = manifest.build(root)
    assert exclusions.empty
    modes = table.set_index("path")["mode"]
    assert {name: modes[f"train/PNEUMONIA/{name}"] for name in kept} == {name: mode for name, (_, mode) in kept.items()}
    assert set(table["patient"]) >= {f"virus-{number}" for number in range(90, 99)}


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


def test_a_name_that_is_not_utf8_is_left_out_by_name(root, tmp_path):
    odd = os.fsencode(root / "train" / "NORMAL") + b"/IM-0001-0001-caf\xe9.jpeg"
    os.rename(root / "train" / "NORMAL" / "IM-0000-0001.jpeg", odd)  # noqa: PTH104 - pathlib has no bytes
    table, exclusions, _ = manifest.build(root)
    assert len(table) == 11
    assert exclusions.iloc[0].to_dict() == {
        "path": r"train/NORMAL/IM-0001-0001-caf\xe9.jpeg", "files": 1, "reason": "its name is not UTF-8: rename it"
    }  # fmt: skip
    tables.write("exclusions", exclusions, tmp_path / "exclusions.csv")


def test_a_name_with_a_carriage_return_is_left_out_by_name(root, tmp_path):
    (root / "train" / "NORMAL" / "IM-0999-0001\r.jpeg").write_bytes(picture(1))
    table, exclusions, _ = manifest.build(root)
    assert exclusions["path"].tolist() == [r"train/NORMAL/IM-0999-0001\r.jpeg"]
    assert exclusions["reason"].tolist() == ["its name holds a carriage return: rename it"]
    tables.write("manifest", table, tmp_path / "manifest.csv")
    pd.testing.assert_frame_equal(tables.read("manifest", tmp_path / "manifest.csv"), table)


def test_a_pipe_is_not_waited_for_and_a_link_to_itself_is_no_file(root):
    os.mkfifo(root / "train" / "NORMAL" / "IM-0090-0001.jpeg")
    loop = root / "train" / "NORMAL" / "IM-0091-0001.jpeg"
    loop.symlink_to(loop)
    reasons = manifest.build(root)[1].set_index("path")["reason"]
    assert reasons["train/NORMAL/IM-0090-0001.jpeg"] == "not a file (a pipe, socket or device)"
    assert reasons["train/NORMAL/IM-0091-0001.jpeg"].startswith("cannot be read: Too many levels of symbolic links")


def save(pixels):
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.full((1, 1), 9, np.uint8), "too small: sides must be at least 24 pixels, got 1 x 1"),
        (np.zeros((40, 40), np.uint8), "blank: its grey levels must span at least 8, got 0 of 256"),
        (np.full((40, 40), 200, np.uint8), "blank: its grey levels must span at least 8, got 0 of 256"),
    ],
)
def test_what_is_too_small_or_blank_is_left_out_with_what_was_got(root, pixels, reason):
    (root / "train" / "NORMAL" / "IM-0090-0001.png").write_bytes(save(pixels))
    exclusions = manifest.build(root, smallest_side=24, least_grey_range=8)[1]
    assert exclusions["reason"].tolist() == [reason]
    assert manifest.build(root)[1].empty, "both rules are the caller's"


@pytest.mark.parametrize(
    ("side", "wide", "reason"),
    [(1, 20_000, "too small: sides must be at least 24 pixels, got 20000 x 1"),
     (40, 161, "too narrow: sides may differ by 4 times at most, got 161 x 40"), (40, 160, "")],
)  # fmt: skip
def test_what_no_chest_is_as_narrow_as_is_left_out(root, side, wide, reason):
    grey = np.random.default_rng(0).integers(0, 255, (side, wide)).astype(np.uint8)
    (root / "train" / "NORMAL" / "IM-0090-0001.png").write_bytes(save(grey))
    exclusions = manifest.build(root, smallest_side=24, least_grey_range=8)[1]
    assert exclusions["reason"].tolist() == [reason] * bool(reason)


def test_a_jpeg_damaged_in_its_middle_is_left_out_without_a_word_on_the_terminal(root, capfd):
    data = bytearray(picture(1, quality=95))
    data = data[: len(data) // 2] + bytes(40) + data[len(data) // 2 + 40 :]
    (root / "train" / "NORMAL" / "IM-0090-0001.jpeg").write_bytes(bytes(data))
    assert manifest.build(root)[1]["reason"].str.startswith("damaged JPEG: ").all()
    assert capfd.readouterr().err == ""


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


def exported(root, count):
    """Folders of children in which the same names stand, as viewers of DICOM export them."""
    for child in range(count):
        (root / "train" / "NORMAL" / f"child{child}").mkdir()
        for number in range(1 + child % 2):
            name = f"IM-7777-{number:04}.jpeg"
            (root / "train" / "NORMAL" / f"child{child}" / name).write_bytes(picture(50 + 10 * child + number))


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


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE])
def test_a_fault_of_the_machine_is_not_laid_to_a_radiograph(root, monkeypatch, number):
    def fail(path):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        manifest.build(root)
    assert caught.value.filename.startswith(str(root))


def test_a_radiograph_for_which_memory_is_too_little_is_named_and_not_left_out(root, monkeypatch):
    def fail(data):
        raise MemoryError

    monkeypatch.setattr(decoding, "decode_sound", fail)
    with pytest.raises(MemoryError, match=r"^t.*\.jpeg must fit into the memory that is free, got too little$"):
        manifest.build(root)


def test_a_file_too_large_to_be_a_radiograph_is_left_out_unread(root):
    with (root / "train" / "NORMAL" / "IM-0090-0001.png").open("wb") as file:
        file.truncate(600 << 20)  # takes no space
    assert manifest.build(root)[1]["reason"].tolist() == ["file must have at most 512 MB, got 600"]


def test_what_would_stop_a_study_after_minutes_is_told_at_once(root, tmp_path):
    manifest.check(root)
    given = tmp_path / "patients.csv"
    given.write_text("path,patient\ntrain/NORMAL/gone.jpeg,1\n")
    with pytest.raises(ValueError, match="got 1 that are not there: 'train/NORMAL/gone.jpeg'$"):
        manifest.check(root, patients=given)
    given.write_text("path,patient\n" + "".join(f"{path},1\n" for path in folder_layout.list_files(root)))
    with pytest.raises(ValueError, match="^each class must have at least 2 patients outside test, got 1 that is NORM"):
        manifest.check(root, patients=given)
    with pytest.raises(
        ValueError, match=r"^test/NORMAL must hold a readable image, got 2 unusable files \(IM-0.*small"
    ):
        manifest.check(root, smallest_side=41)
    exported(root, 3)
    for part in ("train", "val"):
        for one in (root / part / "NORMAL").glob("*.jpeg"):
            one.unlink()
    (root / "val" / "NORMAL" / "IM-7777-0000.jpeg").write_bytes(picture(3))
    manifest.check(root)  # names that tell nobody may be of many


def test_a_folder_of_which_most_is_damaged_is_refused_before_anything_is_trained(root, caplog):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    files = [root / "train" / "NORMAL" / f"IM-{number:04}-0001.jpeg" for number in range(100, 200)]
    for file in files:
        file.write_bytes(pointer)
    rule = (
        r"^most pictures of train/NORMAL must be readable, got \d+ of \d+ looked at that cannot be \(IM-01.*: not an im"
    )
    with pytest.raises(ValueError, match=rule):
        manifest.check(root)
    for file in files[:80]:
        file.write_bytes(picture(1))
    manifest.check(root)
    assert re.match(r"\d of \d\d pictures looked at in train/NORMAL cannot be read \(IM-01", caplog.messages[-1])
    (root / "train" / "NORMAL" / "notes.txt").write_text("other kinds of files do not count")


def test_a_table_of_patients_makes_no_two_children_of_one(root, tmp_path):
    folder, given = root / "train" / "NORMAL", tmp_path / "patients.csv"
    (folder / "IM-0001-0001.jpeg").rename(folder / "follow-up.jpeg")
    (folder / "IM-0001-0002.jpeg").write_bytes(picture(7))

    def check(*rows):
        given.write_text("path,patient\n" + "".join(f"train/NORMAL/{path},{patient}\n" for path, patient in rows))
        manifest.check(root, patients=given)

    check(("follow-up.jpeg", "IM-1"))
    check(("follow-up.jpeg", "IM-0001"), ("IM-0001-0002.jpeg", "IM-0001"))
    rule = (
        "must call the patient of train/NORMAL/IM-0001-0002.jpeg 'IM-1', as that name does, or have a row for it, got"
    )
    with pytest.raises(ValueError, match=f"^patients.csv {rule} 'IM-0001' for train/NORMAL/follow-up.jpeg$"):
        check(("follow-up.jpeg", "IM-0001"))
    (folder / "IM-0001-0003.jpeg").write_bytes(picture(8))
    rule = (
        "must have a row for every picture of a child, got train/NORMAL/IM-0001-0002.jpeg and not train/NORMAL/IM-0001"
    )
    with pytest.raises(ValueError, match=f"^patients.csv {rule}-0003.jpeg, by their names of one child$"):
        check(("IM-0001-0002.jpeg", "hospital 7"))
    check(("IM-0001-0002.jpeg", "hospital 7"), ("IM-0001-0003.jpeg", "hospital 8"))


def test_a_path_of_the_table_that_differs_in_accents_is_shown_beside_the_file(root, tmp_path):
    (root / "train" / "NORMAL" / "Zoe\u0308.jpeg").write_bytes(picture(9))
    given = tmp_path / "patients.csv"
    given.write_text("path,patient\ntrain/NORMAL/Zo\u00eb.jpeg,1\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"'train/NORMAL/Zoe\\u0308.jpeg' is there, which differs in capitals or accents"
    ):
        manifest.check(root, patients=given)


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


def test_a_class_whose_files_lie_where_none_are_looked_for_is_not_called_empty(root, tmp_path):
    folder = root / "train" / "NORMAL"
    folder.rename(tmp_path / "elsewhere")
    folder.mkdir()
    shutil.copytree(tmp_path / "elsewhere", folder / "NORMAL")
    rule = "^train/NORMAL must hold images, got none but train/NORMAL/NORMAL/"
    with pytest.raises(ValueError, match=rf"{rule} \(a class or part inside a class\)$"):
        folder_layout.list_files(root)
    shutil.rmtree(folder / "NORMAL")
    (folder / "all").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="got none but train/NORMAL/all/ .a link to a folder, which is not followed.$"):
        folder_layout.list_files(root)


def test_a_class_that_is_a_broken_link_or_a_file_is_called_so(root, tmp_path):
    shutil.rmtree(root / "train" / "NORMAL")
    (root / "train" / "NORMAL").symlink_to(tmp_path / "unmounted")
    rule = "^train must hold NORMAL/ and PNEUMONIA/, got NORMAL"
    with pytest.raises(ValueError, match=rf"{rule} \(a link that leads nowhere\), PNEUMONIA$"):
        folder_layout.list_files(root)
    (root / "train" / "NORMAL").unlink()
    (root / "train" / "NORMAL").touch()
    with pytest.raises(ValueError, match=rf"{rule} \(a file\), PNEUMONIA$"):
        folder_layout.list_files(root)


def test_one_readable_picture_of_a_class_is_enough_at_first(root, monkeypatch):
    read = []
    monkeypatch.setattr(
        decoding, "decode_sound", lambda data, known=decoding.decode_sound: read.append(1) or known(data)
    )
    (root / "test" / "NORMAL" / "IM-0000-0001.jpeg").write_bytes(b"damaged")
    manifest.check(root)
    assert len(read) == 7


def test_val_may_be_missing(tmp_path):
    table, *_ = manifest.build(fill(tmp_path, parts=("train", "test")))
    assert set(table["part"]) == {"train", "test"}


def test_a_folder_that_holds_no_study_is_refused_in_one_sentence(root, tmp_path):
    with pytest.raises(ValueError, match="^data folder must exist, got '.*nowhere'$"):
        manifest.build(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(ValueError, match="^data must be a folder, a .zip or a .npz file, got the file '.*notes.txt'$"):
        manifest.build(tmp_path / "notes.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"^data folder must hold train/ and test/, got nothing in '.*empty'$"):
        manifest.build(tmp_path / "empty")
    (root / "test").rename(root / "exam")
    with pytest.raises(ValueError, match=r"^data folder must hold test/, got exam, train, val in '.*data'$"):
        manifest.build(root)


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (
            ("NORMAL/1.png", "PNEUMONIA/1.png"),
            "train/ and test/ must each hold NORMAL/ and PNEUMONIA/, with no child in",
        ),
        (("Normal/1.png",), "count: Normal must be NORMAL; train/ and test/ must each hold"),
        (("Train/NORMAL/1.png", "TEST/NORMAL/1.png"), "count: TEST must be test, Train must be train$"),
        (("train/NORMAL/1.png", "Test/NORMAL/1.png"), "must hold test/, got .*count: Test must be test$"),
        (("train/Normal/1.png", "test/NORMAL/1.png"), "^train must hold NORMAL/.*count: Normal must be NORMAL$"),
    ],
)
def test_class_folders_alone_and_names_in_other_letters_are_told_what_to_do(tmp_path, names, advice):
    for name in names:
        (tmp_path / "own" / name).parent.mkdir(parents=True)
        (tmp_path / "own" / name).touch()
    with pytest.raises(ValueError, match=advice):
        folder_layout.list_files(folder_layout.locate(tmp_path / "own"))


def test_a_missing_or_empty_class_folder_is_refused(root):
    (root / "val" / "NORMAL").rename(root / "val" / "Healthy")
    with pytest.raises(ValueError, match=r"^val must hold NORMAL/ and PNEUMONIA/, got Healthy, PNEUMONIA$"):
        manifest.build(root)
    (root / "val" / "NORMAL").mkdir()
    (root / "val" / "NORMAL" / ".DS_Store").write_bytes(b"")
    with pytest.raises(ValueError, match="^val/NORMAL must hold images, got an empty folder$"):
        manifest.build(root)


def test_a_class_without_a_readable_image_is_refused(root):
    for path in (root / "test" / "NORMAL").iterdir():
        path.write_bytes(b"")
    first = r"IM-0040-0001.jpeg: empty file \(0 bytes\)"
    rule = rf"^test/NORMAL must hold a readable image, got 2 unusable files \({first}\)$"
    with pytest.raises(ValueError, match=rule):
        manifest.build(root)


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
