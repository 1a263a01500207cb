"""A folder that cannot make a study is refused at once, in a sentence that says what to do."""

import re
import shutil

import pytest
from support.radiographs import exported, fill, picture

from pneumo_utils.datasets import folder_layout, manifest
from pneumo_utils.imaging import decoding


@pytest.fixture
def root(tmp_path):
    return fill(tmp_path / "data")


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
