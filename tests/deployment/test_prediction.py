"""`predict` as its user meets it: exit codes, one row per file, files beside the table, and going on after a kill."""

import csv
import importlib.util
import io
import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from support import browser_pages, bundles, dicom_samples, judging

from pneumo_utils.__main__ import main
from pneumo_utils.deployment import prediction
from pneumo_utils.deployment.answers import heat_map_overlays
from pneumo_utils.imaging import dicom_files
from pneumo_utils.imaging.image_files import NotReadHereError

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")  # of the samples, while they are made
READ = dicom_files.read


class Hot:
    """Draws the same map for everything."""

    def __init__(self, bundle):
        pass

    def draw_map(self, picture):
        """As `HeatMaps.draw_map`."""
        return np.ones(picture.shape)


def answers_in(folder):
    """All but the lock by which runs take turns."""
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(heat_map_overlays, "HeatMaps", Hot)
    return judging.put(monkeypatch)


@pytest.fixture
def place(tmp_path, monkeypatch, engine):
    """A bundle, and a folder with two radiographs and a letter; the working directory."""
    monkeypatch.chdir(tmp_path)
    bundles.write(tmp_path / "model")
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name, mean in (("a.png", 120), ("deep/b.png", 180)):
        pixels = np.clip(np.random.default_rng(mean).normal(mean, 20, (80, 100)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / name)
    (tmp_path / "in" / "letter.txt").write_text("Dear colleague,")
    return tmp_path


def predict(*given):
    return main(["predict", *given, "--model", "model"])


def test_what_scores_does_not_wait_for_packages_that_only_a_study_needs():
    rooms = "pneumo_utils.deployment.prediction, pneumo_utils.deployment.scoring"
    code = f"import sys, {rooms}; print({{'pandas', 'scipy', 'sklearn', 'tensorflow'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_exit_code_tells_whether_all_some_or_none_were_scored(place, capsys):
    assert predict("in/a.png") == 0
    assert predict("in/letter.txt") == 1
    capsys.readouterr()
    assert predict("in") == 3
    assert [row["status"] for row in rows(capsys.readouterr().out)] == ["scored", "refused", "scored"]


def test_every_file_is_one_row_in_order_and_a_sentence_counts_them(place, capsys, caplog):
    caplog.set_level(logging.INFO, logger="pneumo_utils")
    (place / "in" / ".hidden").touch()
    assert predict("in", "in/a.png", "--out", "out/scores.csv") == 3
    found = rows((place / "out" / "scores.csv").read_text())
    assert [row["path"] for row in found] == ["in/a.png", "in/letter.txt", "in/deep/b.png"]
    assert caplog.messages == ["3 files: 2 scored, 1 refused, 1 hidden file passed over, 1 named twice and scored once"]
    assert capsys.readouterr().out == ""


def test_the_standard_input_may_name_the_files_and_json_is_one_object_a_line(place, capsys, monkeypatch):
    listed = b"\xef\xbb\xbfin/a.png\nin/gone-\xff.png\n"  # of an editor on Windows, and a name that is no UTF-8
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(listed), "ascii"))
    assert predict("-", "--json") == 3
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["status"] == "scored" and second["reason"] == "must be a regular file, got no such file"


def test_rows_on_a_terminal_are_utf8_whatever_its_encoding_is(place, monkeypatch):
    (place / "in" / "a.png").rename(place / "in" / "\N{LATIN SMALL LETTER O WITH DIAERESIS}.png")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))
    assert predict("in") == 3
    assert "in/\N{LATIN SMALL LETTER O WITH DIAERESIS}.png,".encode() in written.getvalue()


def test_whoever_reads_only_some_rows_ends_it_without_a_traceback(place):
    read, write = os.pipe()
    os.close(read)
    code = "from pneumo_utils.deployment import prediction; prediction._show(b'x')"
    done = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert done.returncode and done.stderr.rstrip().endswith("KeyboardInterrupt") and "Broken" not in done.stderr


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["gone"], "path must be a file or folder that is there, got gone"),
        (["in", "--threads", "-1"], "threads must be 0 to 1,024, got -1"),
        (["in", "--shard", "3/2"], "shard must be I/N with I from 1 to N, got 3/2"),
        (["in", "--shard", "half"], "shard must be I/N with I from 1 to N, got half"),
        (["in", "--out", "in/letter.txt"], "out must be a new file or a table of scores as CSV, got in/letter.txt"),
        (["in", "--engine", "onnx"], "engine must be one that the bundle has (keras), got onnx"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(place, capsys, given, sentence):
    before = sorted(place.rglob("*"))
    assert predict(*given) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {sentence}") and said.err.count("\n") == 1 and said.out == ""
    assert sorted(place.rglob("*")) == before


def test_shares_of_the_files_together_are_all_of_them_once(place):
    for number in (1, 2):
        predict("in", "--shard", f"{number}/2", "--out", f"part-{number}.csv")
    predict("in", "--out", "whole.csv")
    parts = [(place / f"part-{number}.csv").read_text().splitlines()[1:] for number in (1, 2)]
    assert sorted(sum(parts, [])) == sorted((place / "whole.csv").read_text().splitlines()[1:])


def test_shares_whose_tables_lie_among_the_files_lose_none(place):
    for number in range(12):
        Image.new("L", (80, 80), 100 + number).save(place / "in" / f"{number}.png")
    for number in (1, 2, 3):
        predict("in", "--shard", f"{number}/3", "--out", f"in/part-{number}.csv")
    held = [row["path"] for number in (1, 2, 3) for row in rows((place / "in" / f"part-{number}.csv").read_text())]
    wanted = [f"in/{number}.png" for number in range(12)] + ["in/a.png", "in/deep/b.png", "in/letter.txt"]
    assert sorted(held) == sorted(wanted), "no table of another share has a row"


def test_files_that_are_all_called_alike_are_shared_out_evenly(place, monkeypatch, capsys):
    for number in range(40):
        (place / f"study{number}").mkdir()
        (place / f"study{number}" / "IM000001").write_text("no picture")

    def sizes(*given):
        found = []
        for number in (1, 2, 3, 4):
            predict(*given, "--shard", f"{number}/4")
            found.append(len(capsys.readouterr().out.splitlines()) - 1)
        return found

    everyone = [f"study{number}" for number in range(40)]
    for given in (["study*/IM000001"], everyone, [f"{one}/IM000001" for one in everyone]):
        assert sum(sizes(*given)) == 40 and max(sizes(*given)) < 25, given
    absolute = [str(place / one) for one in everyone]
    assert sizes(*everyone) == sizes(*absolute)


def test_a_share_is_the_same_wherever_the_folder_lies(place, monkeypatch):
    def own(folder):
        predict(folder, "--shard", "1/2", "--out", "part.csv")
        found = [row["path"].rpartition("in/")[2] for row in rows((place / "part.csv").read_text())]
        (place / "part.csv").unlink()
        return found

    assert own("in") == own("./in") == own(str(place / "in"))


def rows_of_every_file(folder, table):
    """The rows of a folder by path, once it is sure that each of its files has one, scored or refused with a reason."""
    predict(str(folder), "--out", str(table))
    found = rows(table.read_text())
    files = [str(path) for path in Path(folder).rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert Counter(row["path"] for row in found) == Counter(files), "none missing, none doubled, none of another"
    for row in found:
        if row["status"] == "scored":
            assert 0 <= float(row["probability"]) <= 1 and row["decision"] and not row["reason"], row
        else:
            assert row["status"] == "refused" and row["reason"] and not row["probability"], row
    return {Path(row["path"]).name: row for row in found}


def test_every_file_of_a_folder_of_dicom_files_has_one_row(place):
    kinds = {
        "plain": {}, "mirrored": {"PatientOrientation": ["R", "F"]}, "burned-in": {"BurnedInAnnotation": "YES"},
        "words": {"ViewPosition": "AP SUPINE", "BodyPartExamined": "TORAX"}, "tomography": {"Modality": "CT"},
        "hand": {"BodyPartExamined": "HAND"}, "lateral": {"ViewPosition": "LL"}, "adult": {"PatientAge": "050Y"},
        "film": {"NumberOfFrames": 4}, "no-picture": {"PixelData": None}, "no-uid": {"StudyInstanceUID": ""},
        "report": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.22"}, "cut": {"Rows": 70},
    }  # fmt: skip
    scored = {"plain", "mirrored", "burned-in", "words", "no-uid", *dicom_samples.SYNTAXES}
    (place / "cd" / "deep").mkdir(parents=True)
    for name, changed in kinds.items():
        (place / "cd" / name).write_bytes(dicom_samples.saved(dicom_samples.dataset(**changed)))
    for syntax in dicom_samples.SYNTAXES:
        made = dicom_samples.dataset(dicom_samples.stored(bits=8), 8)
        (place / "cd" / "deep" / syntax).write_bytes(dicom_samples.saved(made, syntax))
    (place / "cd" / "DICOMDIR.txt").write_text("no DICOM file")
    found = rows_of_every_file("cd", place / "scores.csv")
    assert {name for name, row in found.items() if row["status"] == "scored"} == scored


def test_every_file_that_pydicom_ships_has_one_row(place):
    found = rows_of_every_file(Path(pydicom.__file__).parent / "data", place / "scores.csv")
    assert len(found) > 100 and "computed tomography" in found["CT_small.dcm"]["reason"]


def test_an_empty_folder_is_told(place, capsys):
    (place / "empty").mkdir()
    assert predict("empty") == 1
    assert "error: path must hold at least one file, got none in empty\n" in capsys.readouterr().err
    (place / "empty" / ".hidden.png").touch()
    assert predict("empty") == 1
    assert "got none in empty, but 1 hidden files" in capsys.readouterr().err


def test_what_only_this_machine_cannot_read_is_looked_at_again(place, monkeypatch):
    def lacking(data):
        raise NotReadHereError("JPEG lossless needs python-gdcm: pip install pneumo-utils[dicom]")

    (place / "in" / "x.dcm").write_bytes(dicom_samples.saved(dicom_samples.dataset()))
    monkeypatch.setattr(dicom_files, "read", lacking)
    predict("in/x.dcm", "--out", "scores.csv")
    (row,) = rows((place / "scores.csv").read_text())
    assert row["status"] == "refused" and "needs python-gdcm" in row["reason"] and not row["sha256"]
    monkeypatch.setattr(dicom_files, "read", READ)
    predict("in/x.dcm", "--out", "scores.csv")
    (row,) = rows((place / "scores.csv").read_text())
    assert "python-gdcm" not in row["reason"] and row["sha256"]


def test_what_was_answered_is_not_judged_again_and_the_file_stays_the_same(place, engine):
    predict("in", "--out", "scores.csv")
    first, seen = (place / "scores.csv").read_bytes(), engine.seen
    predict("in", "--out", "scores.csv")
    assert engine.seen == seen and (place / "scores.csv").read_bytes() == first
    Image.new("L", (80, 80), 200).save(place / "in" / "a.png")
    (place / "in" / "a.png").write_bytes((place / "in" / "deep" / "b.png").read_bytes())
    predict("in", "--out", "scores.csv")
    assert engine.seen == seen + 2 * 2, "two views of the one that changed, which is not judged alone"


def test_a_run_that_dies_goes_on_and_ends_with_the_same_bytes(place, engine, monkeypatch):
    predict("in", "--out", "whole.csv", "--heatmaps", "maps-whole")
    write, count = prediction.AnswerFiles.write, iter(range(9))

    def die(self, score, radiograph):
        if next(count) == 1:
            raise KeyboardInterrupt
        return write(self, score, radiograph)

    monkeypatch.setattr(prediction.AnswerFiles, "write", die)
    assert predict("in", "--out", "cut.csv", "--heatmaps", "maps") == 130
    assert not (place / "cut.csv").exists()
    monkeypatch.undo()
    judging_again = judging.Brightness()
    monkeypatch.setattr("pneumo_utils.deployment.averaged_networks.open_engine", lambda *given: judging_again)
    monkeypatch.setattr(
        "pneumo_utils.deployment.quality_control.gate.Gate.of", lambda arrays, finder: judging.DarkGate()
    )
    monkeypatch.setattr(heat_map_overlays, "HeatMaps", Hot)
    monkeypatch.chdir(place)
    assert predict("in", "--out", "cut.csv", "--heatmaps", "maps") == 3
    assert (place / "cut.csv").read_bytes() == (place / "whole.csv").read_bytes()
    assert judging_again.seen == 2 * 2, "the first file was there already, and the other is not judged alone"
    names = [sorted(path.name for path in answers_in(place / folder)) for folder in ("maps", "maps-whole")]
    assert names[0] == names[1] and len(names[0]) == 2


@pytest.mark.long
@pytest.mark.slow  # a gate is fitted, and three processes start
def test_a_process_that_is_killed_while_it_scores_goes_on_and_ends_with_the_same_bytes(tmp_path):
    browser_pages.write_bundle(tmp_path / "model")
    (tmp_path / "in").mkdir()
    for number, pixels in enumerate(browser_pages.draw_phantoms(2000, 10)):
        for copy in range(20):
            Image.fromarray(pixels).save(tmp_path / "in" / f"{copy}-{number}.png")
    asked = [sys.executable, "-m", "pneumo_utils", "predict", "in", "--model", "model", "--engine", "onnx", "--threads"]

    def start(name):
        given = [*asked, "1", "--out", f"{name}.csv", "--fhir-out", name]
        return subprocess.Popen(given, cwd=tmp_path, stderr=subprocess.DEVNULL)

    whole, cut = start("whole"), start("cut")
    part, lines = tmp_path / "cut.csv.part", 0
    while cut.poll() is None and lines < 40:
        lines = part.read_bytes().count(b"\n") if part.exists() else 0
        time.sleep(0.002)
    cut.kill()
    assert cut.wait() == -9 and not (tmp_path / "cut.csv").exists(), "it was killed before its end"
    assert start("cut").wait() == whole.wait() in (0, 3)
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    found = rows((tmp_path / "whole.csv").read_text())
    assert len(found) == 200 and sum(row["status"] == "scored" for row in found) > 100
    answers = [{path.name: path.read_bytes() for path in answers_in(tmp_path / name)} for name in ("whole", "cut")]
    assert answers[0] == answers[1] and len(answers[0]) == 10


def test_an_overlay_that_is_gone_is_drawn_again(place, engine):
    predict("in/a.png", "--out", "scores.csv", "--heatmaps", "maps")
    (lost,) = answers_in(place / "maps")
    lost.unlink()
    predict("in/a.png", "--out", "scores.csv", "--heatmaps", "maps")
    assert lost.exists() and Image.open(lost).size[0] == 100


def test_a_dicom_file_is_answered_by_a_report_an_overlay_and_fhir(place):
    (place / "x.dcm").write_bytes(dicom_samples.saved(dicom_samples.dataset()))
    assert predict("x.dcm", "in/letter.txt", "--dicom-out", "pacs", "--fhir-out", "fhir", "--out", "scores.csv") == 3
    assert len(list((place / "pacs").rglob("*.dcm"))) == 2
    reports = [json.loads(path.read_text()) for path in answers_in(place / "fhir")]
    assert {report["resourceType"] for report in reports} == {"DiagnosticReport"} and len(reports) == 2


def test_a_dicom_file_that_its_header_refuses_is_answered_with_its_study(place):
    (place / "x.dcm").write_bytes(dicom_samples.saved(dicom_samples.dataset(ViewPosition="LL")))
    assert predict("x.dcm", "--fhir-out", "fhir", "--out", "scores.csv") == 1
    (report,) = (json.loads(path.read_text()) for path in answers_in(place / "fhir"))
    (finding,) = (part for part in report["contained"] if part["resourceType"] == "Observation")
    assert finding["derivedFrom"][0]["identifier"]["value"] == f"urn:oid:{dicom_samples.UID}1"
    assert "must be frontal" in report["conclusion"]


def test_a_picture_with_text_burned_in_has_no_overlay_that_might_name_the_patient(place, engine):
    for name, said in (("named.dcm", "YES"), ("clean.dcm", "NO"), ("silent.dcm", None)):
        (place / "in" / name).write_bytes(dicom_samples.saved(dicom_samples.dataset(BurnedInAnnotation=said)))
    asked = ("in", "--heatmaps", "maps", "--dicom-out", "pacs", "--out")
    assert predict(*asked, "scores.csv") == 3, "there is a letter"
    found = {Path(row["path"]).name: row for row in rows((place / "scores.csv").read_text())}
    drawn = {path.name[:16] for path in answers_in(place / "maps")}
    assert drawn == {found[name]["sha256"][:16] for name in ("clean.dcm", "silent.dcm", "a.png", "b.png")}
    told = "no heat map as PNG: text is burned into the picture, and may tell who the patient is"
    assert [told in found[name]["flags"] for name in ("named.dcm", "clean.dcm", "silent.dcm")] == [True, False, False]
    assert found["named.dcm"]["status"] == "scored"
    assert len(list((place / "pacs").rglob("*.dcm"))) == 6, "a DICOM answer holds the patient's name anyway"
    first, seen = (place / "scores.csv").read_bytes(), engine.seen
    predict(*asked, "scores.csv")
    assert (place / "scores.csv").read_bytes() == first and engine.seen == seen, "nothing is judged again"
    predict(*asked, "scores.jsonl", "--json")
    seen = engine.seen
    predict(*asked, "scores.jsonl", "--json")
    assert engine.seen == seen


def test_answers_of_another_limit_of_age_are_not_taken_for_those_that_are_wanted(place):
    data = dicom_samples.saved(dicom_samples.dataset(PatientAge="040Y"))
    (place / "x.dcm").write_bytes(data)
    predict("x.dcm", "--fhir-out", "fhir")
    predict("x.dcm", "--any-age", "--out", "scores.csv")
    assert predict("x.dcm", "--any-age", "--out", "scores.csv", "--fhir-out", "fhir") == 0
    told = sorted(json.loads(path.read_text())["conclusion"][:6] for path in answers_in(place / "fhir"))
    assert told == ["Called", "Not sc"]


def test_a_dicom_answer_that_was_cut_off_is_written_again(place, monkeypatch):
    (place / "x.dcm").write_bytes(dicom_samples.saved(dicom_samples.dataset()))
    predict("x.dcm", "--out", "scores.csv")

    def die(overlay, notice):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(heat_map_overlays, "burn_in", die)
        (place / "pacs").mkdir()
        assert predict("x.dcm", "--out", "scores.csv", "--dicom-out", "pacs") == 130
    assert predict("x.dcm", "--out", "scores.csv", "--dicom-out", "pacs") == 0
    assert len(list((place / "pacs").rglob("*.dcm"))) == 2


def test_a_damaged_element_that_scoring_never_looks_at_costs_the_dicom_answer_and_nothing_else(place, caplog):
    made = dicom_samples.saved(dicom_samples.dataset(SamplesPerPixelUsed=7))
    number = b"\x28\x00\x03\x00US\x02\x00\x07\x00"
    assert number in made
    (place / "x.dcm").write_bytes(made.replace(number, b"\x28\x00\x03\x00US\x03\x00\x07\x00\x00"))
    for _ in range(2):  # the next run tries again, and has the same answer
        assert predict("x.dcm", "in/a.png", "--dicom-out", "pacs", "--out", "scores.csv") == 3
    assert "1 DICOM answers could not be written; the column flags says why" in caplog.messages
    found = rows((place / "scores.csv").read_text())
    assert not answers_in(place / "pacs"), "no empty folder stays"
    assert "no DICOM answer" in found[0]["flags"] and [row["status"] for row in found] == ["scored", "scored"]


def test_a_table_of_another_shard_is_left_as_it_is(place, capsys):
    predict("in", "--shard", "1/2", "--out", "scores.csv")
    before = (place / "scores.csv").read_bytes()
    capsys.readouterr()
    assert predict("in", "--shard", "2/2", "--out", "scores.csv") == 1
    rule = "out must be a table of its own for shard 2/2, got scores.csv with rows of other files"
    assert capsys.readouterr().err == f"error: {rule}\n"
    assert (place / "scores.csv").read_bytes() == before


@pytest.mark.parametrize("named", ["scores.csv", "link.csv"])
def test_rows_of_another_shard_that_was_killed_are_left_as_they_are(place, capsys, named):
    (place / "link.csv").symlink_to("scores.csv")
    predict("in", "--shard", "1/2", "--out", "scores.csv")
    (place / "scores.csv").rename(place / "scores.csv.part")
    before = (place / "scores.csv.part").read_bytes()
    capsys.readouterr()
    assert predict("in", "--shard", "2/2", "--out", named) == 1
    assert "must be a table of its own for shard 2/2" in capsys.readouterr().err
    assert (place / "scores.csv.part").read_bytes() == before and not (place / "scores.csv").exists()


def test_a_list_in_utf_16_is_refused_in_a_sentence(place, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("in/a.png\n".encode("utf-16"))))
    assert predict("-") == 1
    assert capsys.readouterr().err.startswith("error: list of paths must be UTF-8, got UTF-16")


def test_rows_that_a_shard_does_not_have_any_more_are_counted(place, caplog):
    for number in range(12):
        Image.new("L", (80, 80), 100 + number).save(place / "in" / f"{number}.png")
    predict("in", "--shard", "1/1", "--out", "scores.csv")
    whole = len(rows((place / "scores.csv").read_text()))
    predict("in", "--shard", "1/2", "--out", "scores.csv")
    left = whole - len(rows((place / "scores.csv").read_text()))
    assert 0 < left < whole
    assert f"{left} rows of scores.csv are of files that other shards have now: left out" in caplog.messages


def test_overlays_without_tensorflow_are_refused_before_a_file_is_read(place, capsys, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else there(name))
    assert predict("in", "--heatmaps", "maps") == 1
    asked = "tensorflow must be installed for --heatmaps (pip install 'pneumo-utils[cpu]'), got no such package"
    assert capsys.readouterr().err == f"error: {asked}\n" and not (place / "maps").exists()


@pytest.mark.parametrize("kind", ["heatmaps", "dicom-out", "fhir-out"])
def test_a_file_is_no_folder_for_answers(place, capsys, kind):
    (place / "note.txt").write_text("mine")
    assert predict("in", f"--{kind}", "note.txt") == 1
    assert capsys.readouterr().err == f"error: {kind} must be a folder, got the file note.txt\n"
    assert (place / "note.txt").read_text() == "mine"


@pytest.mark.parametrize("kind", ["heatmaps", "dicom-out", "fhir-out"])
def test_a_folder_for_answers_that_cannot_be_written_to_is_told_before_anything_is_scored(
    place, capsys, monkeypatch, kind
):
    (place / "closed").mkdir()
    monkeypatch.setattr(os, "access", lambda asked, mode: Path(asked).name != "closed")
    assert predict("in", f"--{kind}", "closed/answers") == 1
    said = f"error: {kind} must be a folder that can be written to, got {place / 'closed'}\n"
    assert capsys.readouterr().err == said and not list((place / "closed").iterdir())


def test_nothing_is_written_beside_a_folder_of_answers_which_may_lie_where_nobody_may_write(place):
    (place / "one.dcm").write_bytes(dicom_samples.saved(dicom_samples.dataset()))
    folders = [f"--{kind}=volume/{kind}" for kind in ("heatmaps", "dicom-out", "fhir-out")]
    assert predict("one.dcm", *folders) == 0
    assert sorted(one.name for one in (place / "volume").iterdir()) == ["dicom-out", "fhir-out", "heatmaps"]


def test_a_wrong_bundle_is_told_before_the_standard_input_ends(place, capsys, monkeypatch):
    def never():
        raise AssertionError("read")

    monkeypatch.setattr(prediction, "_lines", never)
    assert main(["predict", "-", "--model", "in"]) == 1
    assert "model must be a folder with bundle.json" in capsys.readouterr().err


def test_whatever_a_decoder_says_of_a_file_is_its_reason_and_stops_no_other(place, monkeypatch):
    def fail(*given):
        raise SyntaxError("not a TIFF file")

    with monkeypatch.context() as odd:
        odd.setattr("pneumo_utils.imaging.decoding.decode_sound", fail)
        predict("in/a.png", "--out", "odd.csv")
    (found,) = rows((place / "odd.csv").read_text())
    assert found["reason"] == "damaged or unsupported: SyntaxError: not a TIFF file"
