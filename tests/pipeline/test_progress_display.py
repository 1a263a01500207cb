"""What is shown while a notebook runs: how far it is, and a time left that one can plan with."""

from __future__ import annotations

import io
import os
import re
import time

import pytest

from pneumo_utils.pipeline import progress_display
from pneumo_utils.pipeline.progress_display import TimeLeft
from pneumo_utils.records import progress
from pneumo_utils.records.progress import State


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_time_left_is_that_of_the_reference_machine_before_anything_is_known():
    here, everything = TimeLeft({"a": 100.0, "b": 50.0}).of("a", 0.0, None, 0.0)
    assert (here, everything) == (100.0, 150.0)


def test_a_machine_of_half_the_speed_is_found_out_from_the_pages_that_ran():
    left = TimeLeft({"a": 200.0, "b": 100.0, "c": 300.0}, {"a": 400.0})
    here, everything = left.of("b", 0.0, None, 0.0)
    assert here == pytest.approx(200, rel=0.05) and everything == pytest.approx(800, rel=0.05)


def test_a_stage_that_is_slower_than_planned_tells_its_own_end_and_slows_what_waits():
    left = TimeLeft({"a": 100.0, "b": 100.0})
    here, everything = left.of("a", 100.0, State("end to end", 25, 100, began=0.0), now=100.0)
    assert here == pytest.approx(300) and 600 < everything < 700, (
        "of 400 s, and 100 s planned that take 3.5 times as long"
    )


def test_a_page_that_nobody_foresaw_is_told_without_a_plan():
    here, everything = TimeLeft({"a": 10.0}).of("b", 5.0, None, 0.0)
    assert here == 0.0 and everything > 10.0


def test_a_page_that_takes_longer_than_planned_has_no_less_than_nothing_left():
    assert TimeLeft({"a": 10.0}).of("a", 60.0, None, 0.0) == (0.0, 0.0)


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min")])
def test_a_length_of_time_is_told_as_exactly_as_it_is_known(seconds, words):
    assert progress_display.in_words(seconds) == words


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(progress_display, "_LOOK", 0.01)
    for name in ("_LINE", "_PAGE"):
        monkeypatch.setattr(progress_display, name, 0.05)


def run(file, stream, pages):
    with progress_display.shown("03_finetune-cnn", file, TimeLeft({"03_finetune-cnn": 60.0}), pages.append, stream):
        assert os.environ[progress.VARIABLE] == str(file)
        with progress.stage("seed 0, end to end", 40) as stage:
            stage.advance(10)
            stage.note("epoch 1 of 4 done, loss 0.693")
            time.sleep(0.4)


def test_a_terminal_shows_one_line_with_a_bar_and_cleans_it_up(tmp_path, quick, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    stream, pages = Terminal(), []
    run(tmp_path / "progress.json", stream, pages)
    drawn = stream.getvalue()
    assert re.search(r"about \d+ s left; seed 0, end to end, epoch 1 of 4 done, loss 0.693", drawn)
    assert "\n" not in drawn.strip() and drawn.endswith("\r")
    assert progress.VARIABLE not in os.environ and list(tmp_path.iterdir()) == []


def test_elsewhere_plain_lines_say_the_same(tmp_path, quick, caplog):
    caplog.set_level("INFO")
    stream, pages = io.StringIO(), []
    run(tmp_path / "progress.json", stream, pages)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("03_finetune-cnn") and "runs, about 60 s left" in lines[0]
    assert any("s left; seed 0, end to end, epoch 1 of 4 done, loss 0.693" in line for line in lines[1:])
    assert stream.getvalue() == ""
    assert pages and "seed 0, end to end" in pages[-1], "the page lives, too"


def test_a_terminal_that_does_not_know_its_size_shows_it_too(tmp_path, quick, monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")
    stream = Terminal()
    run(tmp_path / "progress.json", stream, [])
    assert "s left; seed 0, end to end" in stream.getvalue()


def test_the_end_of_a_notebook_that_fails_ends_the_bar_too(tmp_path, quick):
    with (
        pytest.raises(ValueError, match="grey"),
        progress_display.shown(
            "01_eda", tmp_path / "progress.json", TimeLeft({"01_eda": 1.0}), lambda _: None, Terminal()
        ),
    ):
        raise ValueError("grey")
    assert progress.VARIABLE not in os.environ
