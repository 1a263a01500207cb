"""A file that is no usable radiograph is left out with a reason that its owner understands."""

import errno
import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from support.radiographs import fill, picture

from pneumo_utils.datasets import manifest
from pneumo_utils.imaging import decoding
from pneumo_utils.records import tables


@pytest.fixture
def root(tmp_path):
    return fill(tmp_path / "data")


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
