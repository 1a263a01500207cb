"""What is shown while a notebook runs: how far it is, and a time left that one can plan with."""

from __future__ import annotations

import io
import json
import re
import time
from dataclasses import asdict

import pytest
from support.processes import until

from pneumo_utils.pipeline import progress_display
from pneumo_utils.pipeline.time_left import TimeLeft
from pneumo_utils.records.progress import State


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(progress_display, "_POLL_SECONDS", 0.01)
    for name in ("_LINE_SECONDS", "_PAGE_SECONDS"):
        monkeypatch.setattr(progress_display, name, 0.05)


def tell(file, stage: str, note: str = "") -> None:
    file.write_text(json.dumps(asdict(State(stage, 10, 40, note, began=time.time()))))


def run(folder, stream, pages, beside: str = "", shown=lambda: True):
    """Show one notebook, and another beside it, until the page, the stream and `shown` say what was told last."""
    last = beside or "seed 0, end to end"

    def everywhere() -> bool:
        drawn = not stream.isatty() or last in stream.getvalue()
        return drawn and bool(pages) and last in pages[-1] and shown()

    left = TimeLeft({"03_finetune-cnn": 60.0, "03_finetune-vgg16": 40.0}, at_once=2)
    with progress_display.ProgressDisplay(left, pages.append, stream) as display:
        display.begin("03_finetune-cnn", folder / "cnn.json")
        tell(folder / "cnn.json", "seed 0, end to end", "epoch 1 of 4 done, loss 0.693")
        if beside:
            display.begin("03_finetune-vgg16", folder / "vgg16.json")
            tell(folder / "vgg16.json", beside)
        assert until(everywhere, 20)
        with display.aside():
            stream.write("02_preprocessing 9 s\n")
        display.end("03_finetune-cnn")


def test_a_terminal_shows_one_line_with_a_bar_and_cleans_it_up(tmp_path, quick, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    stream, pages = Terminal(), []
    run(tmp_path, stream, pages)
    drawn = stream.getvalue()
    assert re.search(r"about \d+ s left; seed 0, end to end, epoch 1 of 4 done, loss 0.693", drawn)
    assert drawn.replace("02_preprocessing 9 s\n", "").strip().count("\n") == 0 and drawn.endswith("\r")
    assert list(tmp_path.iterdir()) == []


def test_two_notebooks_that_run_side_by_side_have_a_bar_each(tmp_path, quick, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    stream, pages = Terminal(), []
    run(tmp_path, stream, pages, beside="judging 144 pictures")
    drawn = stream.getvalue()
    assert re.search(r"03_finetune-cnn +\S* +about \d+ s left; seed 0, end to end", drawn)
    assert re.search(r"\n\r03_finetune-vgg16 +\S* +about \d+ s left; judging 144 pictures", drawn), "a line lower"
    assert pages[-1].count("left") == 1 and "03_finetune-cnn: seed 0" in pages[-1]
    assert pages[-1].endswith("; 03_finetune-vgg16: judging 144 pictures")


def test_elsewhere_plain_lines_say_the_same(tmp_path, quick, caplog):
    caplog.set_level("INFO")
    stream, pages = io.StringIO(), []
    run(tmp_path, stream, pages, shown=lambda: "loss 0.693" in caplog.text)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].startswith("03_finetune-cnn") and "runs, about 60 s left" in lines[0]
    assert any("s left; seed 0, end to end, epoch 1 of 4 done, loss 0.693" in line for line in lines[1:])
    assert stream.getvalue() == "02_preprocessing 9 s\n"
    assert pages and "seed 0, end to end" in pages[-1], "the page lives, too"


def test_a_terminal_that_does_not_know_its_size_shows_it_too(tmp_path, quick, monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")
    stream = Terminal()
    run(tmp_path, stream, [])
    assert "s left; seed 0, end to end" in stream.getvalue()


def test_the_end_of_a_study_that_fails_ends_the_bars_too(tmp_path, quick):
    stream = Terminal()
    with (
        pytest.raises(ValueError, match="grey"),
        progress_display.ProgressDisplay(TimeLeft({"01_eda": 1.0}), lambda _: None, stream) as display,
    ):
        display.begin("01_eda", tmp_path / "progress.json")
        tell(tmp_path / "progress.json", "reading")
        raise ValueError("grey")
    assert stream.getvalue().endswith("\r") and list(tmp_path.iterdir()) == []
