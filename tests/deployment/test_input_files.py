"""Which files are scored, each once, and which are passed over with their count."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pneumo_utils.deployment import input_files, score_rows
from pneumo_utils.deployment.answers import fhir_answers, heat_map_overlays
from pneumo_utils.deployment.answers.algorithm import Algorithm
from pneumo_utils.deployment.scores import Score


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.png", "a.jpeg", "deep/er/c.txt", ".DS_Store", "__MACOSX/._a.jpeg", ".cache/d.png", "odd[1].png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_every_file_of_a_folder_is_found_whatever_it_is_called_and_hidden_ones_are_counted(folder):
    found = input_files.find(["."])
    assert found.paths == ("./a.jpeg", "./b.png", "./odd[1].png", "./deep/er/c.txt")
    assert (found.hidden, found.repeated, found.errors) == (3, 0, ())


def test_thumbnails_of_a_network_drive_are_counted_as_hidden(folder):
    for name in ("deep/@eaDir/b.png/SYNOPHOTO_THUMB_M.jpg", "Thumbs.db"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    found = input_files.find(["."])
    assert found.paths == ("./a.jpeg", "./b.png", "./odd[1].png", "./deep/er/c.txt") and found.hidden == 5


def test_a_file_that_is_named_twice_is_scored_once_and_said_so(folder):
    found = input_files.find(["a.jpeg", "*.jpeg", "a.jpeg"])
    assert found.paths == ("a.jpeg",) and found.repeated == 2


def test_answers_are_no_radiographs_unless_one_is_named_itself(folder):
    for name in (
        "b/0a.png",
        "scores.csv",
        "scores.csv.before.part",
        "scores.csv.shard-1-of-2.part.part",
        "scores.csv.png",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "link").symlink_to("b")
    stem = "0123456789abcdef-01234567"
    heat_map_overlays.write(np.zeros((64, 64, 3), np.uint8), folder / "b" / f"{stem}.png")
    (folder / "b" / f"{stem}.part.png").write_bytes(b"")
    answers = [Path("link"), folder / "scores.csv"]
    pictures = ("./a.jpeg", "./b.png", "./odd[1].png", "./scores.csv.png", "./b/0a.png", "./deep/er/c.txt")
    found = input_files.find(["."], answers=answers)
    assert found.paths == pictures and found.answers == 5, "two overlays and three files; a radiograph is none"
    named = input_files.find(["a.jpeg", "b", "b.png", "scores.csv"], answers=answers)
    assert (named.paths, named.answers) == (("a.jpeg", "b/0a.png", "b.png"), 3)
    assert input_files.find([f"b/{stem}.png"], answers=answers).paths == (f"b/{stem}.png",)


def test_radiographs_where_answers_go_are_scored_however_they_are_named(folder):
    wanted = {"a.jpeg", "b.png", "odd[1].png"}
    for given in (["*.jpeg", "*.png"], ["."], [str(folder)]):
        found = input_files.find(given, answers=[Path()])
        assert {Path(one).name for one in found.paths} >= wanted and not found.answers, given


def test_dicom_answers_are_none_by_a_pattern_either(folder):
    for name in ("0123456789abcdef-01234567/1.2.826.0.1.dcm", "study/1.2.3.dcm"):
        (folder / name).parent.mkdir()
        (folder / name).write_bytes(b"made by pneumo-utils")
    found = input_files.find(["*/*.dcm"])
    assert (found.paths, found.answers) == (("study/1.2.3.dcm",), 1)


@pytest.mark.parametrize("given", [["deep"], ["deep", "more"], ["*/er/*"]])
def test_what_names_a_file_stays_whatever_is_named_besides(folder, given):
    before = dict(zip(*(getattr(input_files.find(given[:1]), name) for name in ("paths", "below")), strict=True))
    (folder / "more" / "er").mkdir(parents=True)
    (folder / "more" / "er" / "c.txt").write_bytes(b"x")
    found = input_files.find(given)
    after = dict(zip(found.paths, found.below, strict=True))
    assert before.items() <= after.items() and len(set(after.values())) == len(after)


def test_one_file_in_two_spellings_is_one(folder):
    found = input_files.find(["deep", "./deep", "deep/er/../er", str(folder / "deep")])
    assert found.paths == ("deep/er/c.txt",) and found.repeated == 3


def test_answers_of_an_earlier_run_are_no_radiographs_wherever_they_lie(folder):
    stem = "0123456789abcdef-01234567"
    heat_map_overlays.write(np.zeros((64, 64, 3), np.uint8), folder / "heat" / f"{stem}.png")
    algorithm = Algorithm("VGG16", "1", "ab" * 32, 0.5, "keras", "gradcam")
    fhir_answers.write(Score("a.png", "c" * 64, "refused", reason="blank"), algorithm, folder / "fhir" / f"{stem}.json")
    (folder / stem).mkdir()
    (folder / stem / "1.2.826.0.1.dcm").write_bytes(b"made by pneumo-utils")
    (folder / "old.csv").write_bytes(score_rows.header())
    row = score_rows.render(Score("a.png", "c" * 64, "refused", reason="blank"), {"bundle": "", "engine": ""}, True)
    (folder / "old.jsonl").write_bytes(row)
    found = input_files.find(["."])
    assert found.paths == ("./a.jpeg", "./b.png", "./odd[1].png", "./deep/er/c.txt") and found.answers == 5
    patterns = input_files.find(["*.csv", "*.jsonl", "*.jpeg", "heat/*.png"])
    assert (patterns.paths, patterns.answers) == (("a.jpeg",), 3)


def test_a_radiograph_that_is_called_like_an_answer_is_scored(folder):
    stem = "0123456789abcdef-01234567"
    for name in (f"{stem}.png", f"{stem}.json", f"{stem}.part.png", "fedcba9876543210-76543210/1.2.dcm"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "list.csv").write_text("path,age\n")
    found = input_files.find(["*.png", "*.json", "*/*.dcm", "*.csv"])
    assert len(found.paths) == 7 and found.answers == 0


def test_a_pipe_that_is_called_like_a_table_or_an_answer_is_not_waited_for(folder):
    for name in ("feed.csv", f"{'0' * 16}-{'0' * 8}.png"):
        os.mkfifo(folder / name)
    code = "import sys; from pneumo_utils.deployment import input_files; print(input_files.find(sys.argv[1:]).paths)"
    found = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=20)
    assert "feed.csv" in found.stdout and "00.png" in found.stdout, found.stderr


def test_a_pattern_does_not_walk_out_of_its_folder_through_a_link(folder, tmp_path):
    (folder / "deep" / "parent").symlink_to("..")
    found = input_files.find(["deep/*"])
    assert found.paths == ("deep/er/c.txt",)


def test_a_folder_that_may_not_be_looked_into_is_named(folder):
    closed = folder / "closed"
    closed.mkdir()
    closed.chmod(0)
    said = input_files._blame_permission(str(closed / "*"))
    closed.chmod(0o700)
    assert said == f": the folder {closed} may not be looked into" or os.access(closed, os.R_OK)


def test_characters_that_a_terminal_obeys_are_escapes():
    assert input_files.name_safely("a\x1b[2J\0\u202eb") == "a\\x1b[2J\\x00\\u202eb"


def test_a_pattern_finds_no_answers_of_its_own_run_and_nothing_twice(folder):
    for name in ("heat/0a.png", "scores.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "loop").symlink_to(".")
    stem = "0123456789abcdef-01234567"
    (folder / "heat" / "0a.png").unlink()
    heat_map_overlays.write(np.zeros((64, 64, 3), np.uint8), folder / "heat" / f"{stem}.png")
    found = input_files.find(["**/*.png", "*.csv"], answers=[Path("heat"), Path("scores.csv")])
    assert found.paths == ("b.png", "odd[1].png")
    assert found.answers >= 2 and found.repeated


def test_a_name_with_brackets_is_a_file_before_it_is_a_pattern(folder):
    assert input_files.find(["odd[1].png"]).paths == ("odd[1].png",)


def test_a_hidden_file_that_is_named_itself_is_scored(folder):
    assert input_files.find([".DS_Store"]).paths == (".DS_Store",)


def test_the_standard_input_names_files_one_a_line(folder):
    found = input_files.find(["b.png", "-"], ["a.jpeg\n", "\n", "gone.png\r\n"])
    assert found.paths == ("b.png", "a.jpeg", "gone.png")


def test_spaces_at_the_ends_of_a_line_belong_to_the_name(folder):
    assert input_files.find(["-"], [" a.png \n"]).paths == (" a.png ",)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("gone", "path must be a file or folder that is there, got gone"),
        ("*.dcm", "a pattern must fit a file, got [*].dcm"),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_scored(folder, given, sentence):
    with pytest.raises(input_files.InputError, match=sentence):
        input_files.find([given])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_named(folder):
    (folder / "deep").chmod(0)
    try:
        found = input_files.find(["."])
    finally:
        (folder / "deep").chmod(0o700)
    assert found.errors == (("./deep", "Permission denied"),)


def test_a_link_that_leads_back_does_not_go_round_for_ever(folder):
    (folder / "deep" / "loop").symlink_to(folder)
    assert len(input_files.find(["deep"]).paths) == 1


def test_a_name_that_is_no_text_is_written_as_an_escape():
    assert input_files.name_safely("caf\udce9\nx") == "caf\\xe9\\nx"
    assert input_files.name_safely("caf\\xe9\\nx") == "caf\\\\xe9\\\\nx", "another file"
    for end in "\r\v\f\x1c\x85\u2028":  # whatever else may end a line
        assert len(input_files.name_safely(f"a{end}b").splitlines()) == 1


def test_a_linked_folder_is_looked_into_once_and_a_circle_ends(folder, tmp_path_factory):
    archive = tmp_path_factory.mktemp("archive")
    (archive / "old.png").write_bytes(b"x")
    (folder / "2023").symlink_to(archive)
    (folder / "again").symlink_to(archive)
    (folder / "inner").symlink_to(folder / "deep")
    (folder / "deep" / "round").symlink_to(folder)
    (folder / ".trash").mkdir()
    (folder / ".trash" / "x").symlink_to(archive)
    found = input_files.find(["."])
    assert found.paths == ("./a.jpeg", "./b.png", "./odd[1].png", "./2023/old.png", "./deep/er/c.txt")
    assert found.errors == ()


def test_a_link_to_a_neighbour_whose_name_begins_alike_is_followed(folder):
    for name in ("ward", "ward2"):
        (folder / name).mkdir()
        (folder / name / f"{name}.png").write_bytes(b"x")
    (folder / "ward" / "more").symlink_to(folder / "ward2")
    assert input_files.find(["ward"]).paths == ("ward/ward.png", "ward/more/ward2.png")


def test_a_line_that_is_no_name_of_a_file_stops_no_other(folder):
    lines = ["a.jpeg", "x" * 300, "a\0b", "b.png"]
    assert input_files.find(["-"], lines, answers=[folder / "scores.csv"]).paths == tuple(lines)
