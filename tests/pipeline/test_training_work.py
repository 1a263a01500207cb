"""The trainings of a study shared out to processes, killed, and taken up by the study."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from support.processes import below, gone
from support.timed_columns import without_times

from pneumo_utils.__main__ import PROJECT, main

PROGRAM = [sys.executable, "-m", "pneumo_utils"]


@pytest.fixture
def command(tmp_path):
    """Arguments of a study of one network, two seeds and what it is trained on besides, after the name of a command."""
    text = (PROJECT / "params" / "smoke.yaml").read_text().replace("[cnn, vgg16, resnet50]", "[cnn]", 1)
    text = text.replace("ensemble: [cnn, vgg16, resnet50]", "ensemble: []").replace("seeds: [0]", "seeds: [0, 1]")
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "small.yaml").write_text(text.replace("cache: data", f"cache: {tmp_path / 'cache'}"))
    return ["small", "--params", str(tmp_path / "params"), "--reports", str(tmp_path / "reports")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--job", "3/2"], "job must be I/N with I from 1 to N, got 3/2"),
        (["--threads", "-1"], "threads must be at least 0, got -1"),
    ],
)
def test_a_share_that_is_none_is_refused_before_anything_runs(command, tmp_path, capsys, given, said):
    assert main(["work", *command, *given]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {said}"
    assert not list((tmp_path / "reports").rglob("*.html"))


def test_before_anything_has_run_the_plan_names_every_training_and_what_comes_first(command, capsys):
    assert main(["plan", *command]) == 0
    told = capsys.readouterr().out
    names = ["cnn-seed-0", "cnn-seed-1", "cnn-seed-0-patients", "cnn-seed-0-pictures", "cnn-seed-0-permuted-labels"]
    assert sorted(line.split()[1] for line in told.splitlines() if " to do " in line) == sorted(names)
    assert "5 trainings, 0 of them done; the others take about" in told and "01_eda and 02_preprocessing run" in told


@pytest.mark.slow
@pytest.mark.long
def test_two_shares_killed_and_taken_up_give_the_tables_of_a_run_by_itself(command, tmp_path, capsys):
    first = subprocess.Popen([*PROGRAM, "work", *command], start_new_session=True, stderr=subprocess.DEVNULL)
    work = tmp_path / "reports" / "small" / "work"
    while not list(work.rglob("training-state.npz")):
        time.sleep(0.05)
        assert first.poll() is None, "it ended before it could be killed"
    started = below(first.pid)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert gone(started, 20), "who trains for somebody ends with him"
    shares = [[*PROGRAM, "work", *command, "--job", f"{number}/2"] for number in (1, 2)]
    both = [subprocess.Popen(share, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for share in shares]
    told = [one.communicate(timeout=300) for one in both]
    counted = [re.search(r"(\d+) of (\d) trainings done now, (\d) were there", out) for out, _ in told]
    assert all(counted), told
    assert sum(int(one[1]) + int(one[3]) for one in counted) == sum(int(one[2]) for one in counted) == 5
    assert main(["plan", *command]) == 0
    assert "5 trainings, 5 of them done" in capsys.readouterr().out
    assert main(["report", *command]) == 0
    alone = [*command[:-1], str(tmp_path / "alone")]
    assert main(["report", *alone]) == 0
    for table in sorted((tmp_path / "alone" / "small" / "tables").glob("*.csv")):
        shared = tmp_path / "reports" / "small" / "tables" / table.name
        frames = (without_times(pd.read_csv(file)) for file in (shared, table))
        pd.testing.assert_frame_equal(*frames, check_exact=True)
