"""A study that stops says so in one sentence, whatever stopped it, and nothing of it runs on."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import resource_tracker
from types import SimpleNamespace

import pytest
from support.examples import example
from support.pages import soup_of
from support.processes import below, gone, until

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.pipeline import training_process
from pneumo_utils.pipeline.study_run import StudyRun
from pneumo_utils.records.notebook_store import open_store
from pneumo_utils.records.store import Store


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("end", [os.killpg, os.kill])
def test_ctrl_c_and_a_polite_kill_end_a_study_in_one_sentence_and_leave_nothing_running(tmp_path, end):
    shutil.copytree(PROJECT / "params", tmp_path / "params")
    smoke = tmp_path / "params" / "smoke.yaml"
    smoke.write_text(smoke.read_text().replace("cache: data", f"cache: {tmp_path / 'cache'}"))
    line = [sys.executable, "-m", "pneumo_utils", "report", "smoke", "--params", str(tmp_path / "params")]
    started = subprocess.Popen(
        [*line, "--reports", str(tmp_path / "reports")], cwd=PROJECT, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    # a test that runs in the background inherits that interrupts are ignored
    assert until(lambda: bool(below(started.pid, "ipykernel")), 150)
    children = below(started.pid)
    # as a terminal does, to all that run in it; as `kill` and Slurm do, to one
    end(started.pid, signal.SIGINT if end is os.killpg else signal.SIGTERM)
    told = started.communicate(timeout=60)[1]
    assert started.returncode == 130 and told.splitlines()[-1] == "interrupted; what was finished is kept"
    assert "Traceback" not in told and gone(children)
    page = soup_of(tmp_path / "reports" / "smoke" / "index.html")
    assert "It was interrupted." in page.get_text() and page.select(".pages .time")[0].get_text() == "stopped"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("epochs must be at least 1, got 0"), "epochs must be at least 1, got 0."),
        (KeyError("epochs"), "The program has a fault, KeyError: 'epochs'."),
        (ZeroDivisionError("division by zero"), "The program has a fault, ZeroDivisionError: division by zero."),
    ],
)
def test_whatever_stops_a_study_its_front_page_says_so(error, said):
    told = []
    pages = SimpleNamespace(write_progress=lambda done, running, **why: told.append(why))
    asked = SimpleNamespace(run=SimpleNamespace(notebooks_at_once=1))
    run = StudyRun(SimpleNamespace(store=None, steps=[], pages=pages, study=asked))
    with pytest.raises(type(error)), run._telling_why():
        raise error
    (why,) = told
    assert why["stopped"] == said
    assert ("Traceback" in why["details"]) == (type(error) is not ValueError)


def test_a_page_that_runs_again_deletes_what_was_explored_by_hand_on_the_study_before(tmp_path):
    store, step = Store("smoke", tmp_path), SimpleNamespace(page="04_evaluation", own=None)
    store.parameters_file.parent.mkdir()
    store.parameters_file.touch()
    explored = open_store("smoke", tmp_path)
    explored.write("splits", example("splits", 2))
    asked = SimpleNamespace(run=SimpleNamespace(notebooks_at_once=1, stalled_minutes=1))
    pages = SimpleNamespace(write_progress=lambda *_, **__: None)
    given = {"notebook": lambda _: tmp_path / "04.ipynb", "parameters": lambda _: {}}
    run = StudyRun(SimpleNamespace(store=store, steps=[], pages=pages, study=asked, **given))
    run._display, run._workers = SimpleNamespace(begin=print), SimpleNamespace(run=lambda *_, **__: "running")
    run._begin(step, {})
    assert not explored.folder.exists()
    assert open_store("smoke", tmp_path).folder == store.folder, "the pipeline's own notebook writes to the study"


def test_a_full_disk_hides_no_fault():
    def write(*_, **__):
        raise OSError(errno.ENOSPC, "full")

    asked = SimpleNamespace(run=SimpleNamespace(notebooks_at_once=1))
    line = SimpleNamespace(store=None, steps=[], pages=SimpleNamespace(write_progress=write), study=asked)
    with pytest.raises(KeyError, match="epochs"), StudyRun(line)._telling_why():
        raise KeyError("epochs")


def test_who_asks_what_is_trained_already_is_ended_with_the_run(monkeypatch):
    asked = threading.Event()

    def find_done(given, jobs, pool):
        with pool:
            asleep = pool.submit(time.sleep, 60)
            asked.set()
            return asleep.result()

    monkeypatch.setattr(training_process, "find_done", find_done)
    monkeypatch.setattr(training_process.TrainingInputs, "of", lambda _: None)
    training = SimpleNamespace(seeds=[0], networks=[])
    study = SimpleNamespace(run=SimpleNamespace(notebooks_at_once=1), training=training)
    run = StudyRun(SimpleNamespace(store=None, steps=[], study=study))
    resource_tracker.ensure_running()  # a process of Python's own, which stays
    before, began = set(below(os.getpid())), time.monotonic()
    with pytest.raises(KeyboardInterrupt), run._stack:
        run._look_for_trained()
        assert asked.wait(10)
        raise KeyboardInterrupt
    assert gone(set(below(os.getpid())) - before) and time.monotonic() - began < 30
