"""How far long work has come stands in a file that the pipeline names, and nowhere else."""

from __future__ import annotations

import json

import pytest

from pneumo_utils.records import progress


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "work" / "progress.json"
    monkeypatch.setenv(progress.VARIABLE, str(path))
    monkeypatch.setattr(progress, "_PAUSE", 0.0)
    return path


def test_every_unit_is_told_and_items_pass_through_unchanged(file):
    seen = []
    for item in progress.track(["a", "b", "c"], "counting", 3):
        seen.append((item, progress.read(file).done))
    assert seen == [("a", 0), ("b", 1), ("c", 2)]


def test_a_stage_that_is_over_is_told_no_more(file):
    with pytest.raises(ValueError, match="grey"), progress.stage("counting", 3):
        assert progress.read(file).stage == "counting"
        raise ValueError("grey")
    assert progress.read(file) is None


def test_a_note_stands_beside_the_count_and_is_told_at_once(file, monkeypatch):
    monkeypatch.setattr(progress, "_PAUSE", 3600.0)
    with progress.stage("end to end", 10) as stage:
        stage.advance(4)
        assert progress.read(file).done == 0, "states are told every now and then"
        stage.note("epoch 1 of 2 done, loss 0.500")
        state = progress.read(file)
    assert (state.done, state.note, state.share) == (4, "epoch 1 of 2 done, loss 0.500", 0.4)


def test_what_an_earlier_run_has_done_is_no_part_of_the_pace(file):
    with progress.stage("end to end", 100) as stage:
        stage.skip(50)
        state = progress.read(file)
        assert (state.share, state.before, state.pace(state.began + 9)) == (0.5, 50, None)
        stage.advance(10)
        assert progress.read(file).pace(state.began + 20) == 200


def test_a_stage_of_unknown_length_has_no_share_and_one_that_went_too_far_is_over(file):
    with progress.stage("looking", 0):
        assert progress.read(file).share == 0.0
    with progress.stage("more than planned", 2) as stage:
        stage.advance(3)
        assert progress.read(file).share == 1.0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"stage": "a"}', json.dumps({"other": 1})])
def test_a_file_that_is_no_state_is_as_if_nothing_had_been_told(tmp_path, content):
    file = tmp_path / "progress.json"
    assert progress.read(file) is None
    file.write_text(content)
    assert progress.read(file) is None


def test_where_nobody_waits_nothing_is_written_or_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert list(progress.track(range(3), "counting", 3)) == [0, 1, 2]
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr() == ("", "")


def test_an_open_notebook_shows_a_bar(monkeypatch, capsys):
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    monkeypatch.setattr(progress, "_in_jupyter", lambda: True)
    monkeypatch.setattr(progress, "_WORTH_A_BAR", 0.0)
    assert list(progress.track(range(3), "counting", 3)) == [0, 1, 2]
    assert "counting" in capsys.readouterr().err
