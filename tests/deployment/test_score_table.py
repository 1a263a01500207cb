"""The table of scores: in order, whole, and it goes on where it was cut off, to the byte."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pneumo_utils.deployment import score_rows, score_table, score_table_checks
from pneumo_utils.deployment.growing_table import GrowingTable
from pneumo_utils.deployment.score_table import ScoreTable
from pneumo_utils.deployment.score_table_checks import ScoreFileError
from pneumo_utils.deployment.scores import SCORED, Score, refuse

BUNDLE = "b" * 64
SCORES = [
    Score("a, b.png", "1" * 64, SCORED, 0.123456789, 0.2, "normal", False, ("dark", "low contrast")),
    refuse("c\\nd.png", 'empty file ("0" bytes)\nor so', "2" * 64),
    Score("e.png", "3" * 64, SCORED, 1.0, 0.99, "pneumonia", True),
]


class Killed(BaseException):
    pass


def write(path, scores, engine="keras", as_json=False, stop=None):
    """Write as `predict` does; how many were made anew."""
    made = 0
    with ScoreTable(path, BUNDLE, engine, as_json) as table:
        for number, score in enumerate(scores):
            if number == stop:
                raise Killed
            if table.find(score.path, score.sha256):
                table.keep(score.path, score.sha256)
            else:
                table.write(score)
                made += 1
    return made


@pytest.mark.parametrize("as_json", [False, True])
def test_a_run_that_is_killed_twice_goes_on_and_ends_with_the_same_bytes(tmp_path, as_json):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert write(whole, SCORES, as_json=as_json) == 3
    for stop in (1, 2):
        with pytest.raises(Killed):
            write(cut, SCORES, as_json=as_json, stop=stop)
        assert not cut.exists()
    part = tmp_path / "cut.part"
    part.write_bytes(part.read_bytes() + b'"half a row')  # a write that was cut off
    assert write(cut, SCORES, as_json=as_json) == 1
    assert cut.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]


def test_what_has_not_changed_is_kept_and_what_has_is_made_anew(tmp_path):
    path = tmp_path / "scores.csv"
    write(path, SCORES)
    changed = refuse("e.png", "empty file (0 bytes)", "4" * 64)
    assert write(path, [SCORES[1], changed, SCORES[0]]) == 1
    assert [row["path"] for row in csv.DictReader(path.open())] == ["c\\nd.png", "e.png", "a, b.png"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_line_that_is_no_row_is_told_and_left_out_and_its_file_is_scored_again(tmp_path, caplog, as_json):
    path = tmp_path / "scores.csv"
    write(path, SCORES, as_json=as_json)
    text = path.read_text()
    path.write_text("refusing".join(text.rsplit("refused", 1)) + "Sum of it: 3\n")
    assert write(path, SCORES, as_json=as_json) == 1 and path.read_text() == text
    assert "2 lines of scores.csv were no rows of scores and are left out" in caplog.text


def test_another_engine_or_bundle_answers_anew_and_what_it_replaces_is_told(tmp_path, caplog):
    path = tmp_path / "scores.csv"
    write(path, SCORES)
    write(path, SCORES)
    assert "replaced" not in caplog.text
    assert write(path, SCORES[:2], engine="onnx") == 2
    told = "2 rows of scores.csv were by another bundle, engine or limit of age: replaced"
    assert told in caplog.text and [row["engine"] for row in csv.DictReader(path.open())] == ["onnx", "onnx", "keras"]
    with ScoreTable(path, "c" * 64, "onnx") as table:
        assert table.find(SCORES[0].path, SCORES[0].sha256) is None


def test_a_row_holds_every_column_on_one_line_and_numbers_are_numbers(tmp_path):
    path = tmp_path / "scores.csv"
    write(path, SCORES)
    rows = list(csv.DictReader(path.open()))
    assert tuple(rows[0]) == score_rows.COLUMNS and path.read_text().count("\n") == 4
    assert (rows[0]["probability"], rows[0]["unsure"], rows[0]["flags"]) == (
        "0.123456789",
        "false",
        "dark; low contrast",
    )
    assert (rows[1]["status"], rows[1]["reason"]) == ("refused", 'empty file ("0" bytes) or so')


def test_a_json_line_has_numbers_booleans_and_null(tmp_path):
    path = tmp_path / "scores.jsonl"
    write(path, SCORES, as_json=True)
    first, second, _ = map(json.loads, path.read_text().splitlines())
    assert (first["probability"], first["unsure"], first["flags"]) == (0.123456789, False, ["dark", "low contrast"])
    assert (second["probability"], second["decision"], second["unsure"]) == (None, None, None)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_file_that_is_something_else_is_left_as_it_is(tmp_path, as_json):
    path = tmp_path / "letter.txt"
    path.write_text("Dear colleague,\n")
    with pytest.raises(ScoreFileError, match="out must be a new file or a table of scores"):
        ScoreTable(path, BUNDLE, "keras", as_json)
    assert path.read_text() == "Dear colleague,\n"


def fill_shards(table, scores, count):
    """What the workers of a scheduler do."""
    for number in range(1, count + 1):
        write(score_table.shard_of(table.path, number, count), scores[number - 1 :: count])


@pytest.mark.parametrize("count", [1, 2, 3])
def test_shards_are_taken_up_in_order_and_are_gone_afterwards(tmp_path, count):
    whole, path = tmp_path / "whole", tmp_path / "scores.csv"
    write(whole, SCORES)
    with ScoreTable(path, BUNDLE, "keras") as table:
        fill_shards(table, SCORES, count)
        statuses = list(table.take_up(["a, b.png", "c\\nd.png", "e.png"], count))
    assert statuses == [score.status for score in SCORES]
    assert path.read_bytes() == whole.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["scores.csv", "whole"]


@pytest.mark.parametrize("paths", [["a, b.png", "e.png", "c\\nd.png"], ["a, b.png", "c\\nd.png", "e.png", "f.png"]])
def test_a_shard_without_the_row_that_is_due_is_told_and_nothing_is_lost(tmp_path, paths):
    path = tmp_path / "scores.csv"
    with pytest.raises(ScoreFileError, match="must have a row for"), ScoreTable(path, BUNDLE, "keras") as table:
        fill_shards(table, SCORES, 2)
        list(table.take_up(paths, 2))
    assert not path.exists()
    assert write(path, SCORES) == 0  # the next run finds all of them


def test_rows_of_shards_whose_run_was_killed_are_kept_by_any_number_of_workers(tmp_path):
    path = tmp_path / "scores.csv"
    with pytest.raises(Killed), ScoreTable(path, BUNDLE, "keras") as table:
        with pytest.raises(Killed):
            write(score_table.shard_of(path, 1, 2), SCORES[::2], stop=1)
        write(score_table.shard_of(path, 2, 2), SCORES[1::2])
        raise Killed
    with ScoreTable(path, BUNDLE, "keras") as table:
        shard = ScoreTable(score_table.shard_of(path, 1, 1), BUNDLE, "keras", others=table.rows)
        found = [shard.find(score.path, score.sha256) for score in SCORES]
        assert [row and row["status"] for row in found] == ["scored", "refused", None]


def test_a_growing_table_is_counted_row_by_row_and_anew_where_it_is_written_anew(tmp_path):
    path = tmp_path / "scores.csv"
    growing = GrowingTable(path)
    assert growing.count() == {}
    with pytest.raises(Killed), ScoreTable(path, BUNDLE, "keras") as table:
        for number, score in enumerate(SCORES, 1):
            table.write(score)
            assert growing.count().total() == number
        with (tmp_path / "scores.csv.part").open("ab") as stream:
            stream.write(b"half a row")
        assert growing.count() == {"scored": 2, "refused": 1}
        raise Killed
    with ScoreTable(path, BUNDLE, "keras") as table:
        table.write(SCORES[0])
        assert growing.count() == {"scored": 1}
    assert growing.count() == {"scored": 2, "refused": 1}, "rows of other files are kept"


def test_rows_of_files_that_are_not_asked_for_stay_and_none_is_there_twice(tmp_path, caplog):
    path = tmp_path / "scores.csv"
    write(path, SCORES)
    before = pd.read_csv(path)
    changed = replace(SCORES[1], sha256="f" * 64)
    with caplog.at_level("INFO"), ScoreTable(path, BUNDLE, "keras") as table:
        table.write(changed)
    after = pd.read_csv(path)
    assert list(after["path"]) == [changed.path, *before["path"].drop(1)]
    assert after["sha256"][0] == changed.sha256
    assert "2 rows of other files were in scores.csv already and are kept" in caplog.text


def test_of_two_killed_runs_the_newer_row_stays(tmp_path):
    path = tmp_path / "scores.csv"
    for sha256 in ("4" * 64, "5" * 64):
        with pytest.raises(Killed):
            write(path, [replace(SCORES[0], sha256=sha256), SCORES[1]], stop=1)
    write(path, SCORES[2:])
    found = pd.read_csv(path, dtype=str).set_index("path")["sha256"]
    assert found.to_dict() == {SCORES[2].path: SCORES[2].sha256, SCORES[0].path: "5" * 64}


def test_a_row_of_a_killed_run_is_newer_than_that_of_the_table(tmp_path):
    path = tmp_path / "scores.csv"
    write(path, SCORES[:1])
    with pytest.raises(Killed):
        write(path, [replace(SCORES[0], sha256="5" * 64), SCORES[1]], stop=1)
    write(path, SCORES[2:])
    assert pd.read_csv(path, dtype=str).set_index("path")["sha256"][SCORES[0].path] == "5" * 64


def test_a_kill_at_the_very_end_loses_nothing_and_brings_no_older_row_back(tmp_path, monkeypatch):
    path = tmp_path / "scores.csv"
    with pytest.raises(Killed):
        write(path, [replace(SCORES[0], sha256="4" * 64), SCORES[1]], stop=1)
    for name in ("unlink", "replace"):
        own, real = [], getattr(Path, name)

        def die(self, *given, own=own, real=real, **named):
            if self.name.startswith("scores.csv") and not own:
                own.append(self)
                raise Killed
            return real(self, *given, **named)

        monkeypatch.setattr(Path, name, die)
        with pytest.raises(Killed):
            write(path, SCORES[:2])
        assert own
        monkeypatch.undo()
    write(path, SCORES[2:])
    found = pd.read_csv(path, dtype=str).set_index("path")["sha256"]
    assert found.to_dict() == {"c\\nd.png": SCORES[1].sha256} | {one.path: one.sha256 for one in (SCORES[0], SCORES[2])}


def test_the_table_of_a_share_holds_no_row_of_another_share(tmp_path):
    path = tmp_path / "scores.csv"
    write(path, SCORES)
    with ScoreTable(path, BUNDLE, "keras", share=True) as table:
        table.write(SCORES[1])
    assert len(pd.read_csv(path)) == 1


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("as_json", [False, True])
def test_rows_of_a_killed_run_in_the_other_format_are_refused_and_left(tmp_path, as_json, linked):
    path = tmp_path / "table"
    if linked:
        (tmp_path / "links").mkdir()
        path = tmp_path / "links" / "scores.csv"
        path.symlink_to("../table")
    with pytest.raises(Killed):
        write(path, SCORES, as_json=as_json, stop=2)
    left = (tmp_path / "table.part").read_bytes()
    with pytest.raises(
        ScoreFileError, match=r"rows of a killed run must be .*, too, got .*table\.part: finish that run"
    ):
        ScoreTable(path, BUNDLE, "keras", as_json=not as_json)
    assert (tmp_path / "table.part").read_bytes() == left
    assert write(path, SCORES, as_json=as_json) == 1


def test_a_row_of_the_same_path_with_other_content_is_told_to_be_replaced(tmp_path, caplog):
    path = tmp_path / "table.csv"
    write(path, SCORES)
    write(path, [replace(SCORES[0], sha256="9" * 64), SCORES[1]])
    assert "1 rows of table.csv had the path of a file with other content: replaced" in caplog.text
    caplog.clear()
    write(path, [replace(SCORES[0], sha256="9" * 64)])
    assert "other content" not in caplog.text and len(pd.read_csv(path)) == 3


@pytest.mark.parametrize("text", ["[]\n", "null\n", "5\n", '{"path": 1}\n', "{}\n", "[" * 60000 + "]" * 60000 + "\n"])
def test_json_that_is_no_row_is_left_as_it_is(tmp_path, text):
    path = tmp_path / "notes.json"
    path.write_text(text)
    with pytest.raises(ScoreFileError, match="it is left as it is"):
        ScoreTable(path, BUNDLE, "keras", as_json=True)
    assert path.read_text() == text


def test_a_second_run_does_not_touch_the_table_that_another_writes(tmp_path):
    path = tmp_path / "scores.csv"
    with ScoreTable(path, BUNDLE, "keras") as table:
        table.write(SCORES[0])
        with pytest.raises(ScoreFileError, match=r"out must be written by one run at a time, got \S+scores.csv"):
            ScoreTable(path, BUNDLE, "keras")
        table.write(SCORES[1])
    assert len(pd.read_csv(path)) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["scores.csv"]


def test_what_is_no_file_is_refused_and_a_link_stays_a_link(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link.csv"
    os.mkfifo(pipe)
    for odd in (pipe, tmp_path, Path("/dev/null")):
        with pytest.raises(ScoreFileError, match="which is no file"):
            ScoreTable(odd, BUNDLE, "keras")
    link.symlink_to("target.csv")
    with ScoreTable(link, BUNDLE, "keras") as table:
        table.write(SCORES[0])
    assert link.is_symlink() and len(pd.read_csv(tmp_path / "target.csv")) == 1


def test_a_row_that_a_full_disk_has_cut_is_not_glued_to_the_next_and_takes_no_whole_one_with_it(tmp_path):
    path, other = tmp_path / "scores.csv", tmp_path / "other.csv"
    write(other, SCORES)
    with pytest.raises(Killed):
        write(path, SCORES, stop=2)
    (tmp_path / "scores.csv.before.part").write_bytes(b'"a, b.png",half a r')
    assert write(path, SCORES) == 1 and path.read_bytes() == other.read_bytes()


def test_a_start_that_fails_leaves_no_lock(tmp_path):
    path = tmp_path / "scores.csv"
    (tmp_path / "scores.csv.before.part").mkdir()
    (tmp_path / "scores.csv.part").write_bytes(b"")
    with pytest.raises(OSError):
        write(path, SCORES)
    assert not list(tmp_path.glob(".*.lock"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write to every folder")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ScoreFileError, match="out must lie in a folder that can be written to, got"):
            score_table_checks.check(tmp_path / "deep" / "scores.csv", False)
    finally:
        tmp_path.chmod(0o700)
