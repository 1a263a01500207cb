"""The trainings of a study shared out to processes, killed, and taken up by the study."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from types import SimpleNamespace

import pandas as pd
import pytest
from support.processes import below, gone, until
from support.timed_columns import without_times

from pneumo_utils.__main__ import PROJECT, main
from pneumo_utils.networks import pretrained_weights
from pneumo_utils.networks.training_list import TrainingJob
from pneumo_utils.pipeline import study_lock, training_command, training_process, training_work
from pneumo_utils.pipeline.training_work import PlannedTraining
from pneumo_utils.records.store import Store

PROGRAM = [sys.executable, "-m", "pneumo_utils"]


def write_study(folder):
    """Arguments of a study of one network, two seeds and what it is trained on besides, after the name of a command."""
    text = (PROJECT / "params" / "smoke.yaml").read_text().replace("[cnn, vgg16, resnet50]", "[cnn]", 1)
    text = text.replace("ensemble: [cnn, vgg16, resnet50]", "ensemble: []").replace("seeds: [0]", "seeds: [0, 1]")
    (folder / "params").mkdir()
    (folder / "params" / "small.yaml").write_text(text.replace("cache: data", f"cache: {folder / 'cache'}"))
    return ["small", "--params", str(folder / "params"), "--reports", str(folder / "reports")]


@pytest.fixture
def command(tmp_path):
    return write_study(tmp_path)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The tables of a run by itself."""
    folder = tmp_path_factory.mktemp("alone")
    assert main(["report", *write_study(folder)]) == 0
    return folder / "reports" / "small" / "tables"


def assert_equal_tables(tables, others):
    for table in sorted(others.glob("*.csv")):
        frames = (without_times(pd.read_csv(file)) for file in (tables / table.name, table))
        pd.testing.assert_frame_equal(*frames, check_exact=True)


@pytest.fixture
def start():
    """Start a command; what is left of it ends with the test."""
    running = []
    yield lambda command, **given: running.append(subprocess.Popen(command, **given)) or running[-1]
    for one in running:
        for process in [*below(one.pid), one] if one.poll() is None else ():
            process.kill()
        one.wait()


def until_it_trains(running, work):
    """Wait until a training has kept its first epoch."""
    while not list(work.rglob("training-state.npz")):
        time.sleep(0.05)
        assert running.poll() is None, "it ended before it could be killed"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--job", "3/2"], "job must be I/N with I from 1 to N, got 3/2"),
        (["--threads", "-1"], "threads must be 0 to 1,024, got -1"),
        (["--threads", "two"], "threads must be 0 to 1,024, got two"),
    ],
)
def test_a_share_that_is_none_is_refused_before_anything_runs(command, tmp_path, capsys, given, said):
    assert main(["work", *command, *given]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"error: {said}"
    assert not list((tmp_path / "reports").rglob("*.html"))


@pytest.mark.parametrize("name", ["report", "reports"])
def test_threads_without_a_scheduler_are_refused_where_notebooks_train(command, capsys, name):
    assert main([name, *command, "--threads", "2"]) == 1
    said = "threads must be left out where no scheduler trains, got 2: train with work"
    assert capsys.readouterr().err == f"error: {said}\n"


def test_before_anything_has_run_the_plan_names_every_training_and_what_comes_first(command, capsys):
    assert main(["plan", *command]) == 0
    told = capsys.readouterr().out
    names = ["cnn-seed-0", "cnn-seed-1", "cnn-seed-0-patients", "cnn-seed-0-pictures", "cnn-seed-0-permuted-labels"]
    listed = [line for line in told.splitlines() if " to do " in line]
    assert sorted(line.split()[1] for line in listed) == sorted(names)
    assert all(line.split()[4] == "later" and "  images  " in line for line in listed)
    assert "images: work/images.npy, of 02_preprocessing" in told and "weights of" not in told
    assert "5 trainings, 0 of them done; the others take about" in told and "01_eda and 02_preprocessing run" in told


def test_a_plan_downloads_nothing_and_goes_by_the_published_set(monkeypatch, tmp_path, capsys):
    import kagglehub

    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(kagglehub, "dataset_download", lambda name: pytest.fail("downloads"))
    monkeypatch.setattr(pretrained_weights, "_download", lambda model: pytest.fail("downloads"))
    assert main(["plan", "kermany", "--reports", str(tmp_path / "reports")]) == 0
    *_, cnn, vgg16, resnet50, last = capsys.readouterr().out.splitlines()
    assert vgg16 == f"weights of vgg16: {pretrained_weights.keras_file('vgg16')}" and "resnet50" in resnet50
    assert cnn.startswith("images: ") and "3 trainings, 0 of them done" in last
    assert last.endswith(
        "; 5,856 radiographs are foreseen; a run first downloads radiographs (Kaggle, Chest X-Ray Images (Pneumonia), "
        "version 2), weights of VGG16 (ImageNet), weights of ResNet50 (ImageNet)"
    )


def test_a_plan_names_the_key_of_a_training_and_the_weights_that_it_starts_from(command, capsys, monkeypatch):
    file = PROJECT / "weights" / "vgg16.h5"
    planned = [
        PlannedTraining(TrainingJob("vgg16", 0), True, 90.0, 2e9, PROJECT, file, key="0123456789abcdef"),
        PlannedTraining(TrainingJob("vgg16", 0, "patients"), False, 90.0, 2e9, PROJECT, file),
    ]
    store = SimpleNamespace(folder=PROJECT, images_file=PROJECT / "work" / "images.npy", work=PROJECT)
    pipeline = SimpleNamespace(store=store)
    monkeypatch.setattr(training_work, "is_prepared", lambda pipeline: True)
    monkeypatch.setattr(training_work, "plan", lambda pipeline, ready: planned)
    monkeypatch.setattr(study_lock, "hold_if_free", lambda folder: nullcontext(False))
    head, first, second, images, weights, _ = training_command.tell_plan(pipeline, "1/1").splitlines()
    assert head.split() == ["training", "key", "about", "memory", "needs", "writes"]
    assert first.split()[:4] == ["1", "vgg16-seed-0", "done", "01234567"] and "  images, weights  " in first
    assert second.split()[4] == "later" and weights == f"weights of vgg16: {file}"
    assert head.index("needs") == first.index("images") and max(map(len, (head, first, second))) <= 120


def test_whoever_asks_for_a_training_is_told_of_it_in_a_file_of_his_own(tmp_path, monkeypatch):
    store, job = Store("small", tmp_path), TrainingJob("cnn", 0)
    own = training_process.progress_file(store, job)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    other = training_process.progress_file(store, job)
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    assert len({own, other, training_process.progress_file(store, job)}) == 3, "one that waits is no move of another"
    own.parent.mkdir(parents=True)
    for file in (own, other):
        file.touch()
    os.utime(own, (0, 0))
    training_process.delete_stale_progress(store)
    assert other.exists() and not own.exists()


def test_workers_must_see_the_weights_that_networks_start_from_and_pages_run_before_they_are_asked(
    tmp_path, monkeypatch
):
    done, weights = [], tmp_path / "vgg16.h5"

    class Tasks(nullcontext):
        def __init__(self, scheduler, folder, room, places):
            done.append((scheduler, folder, room, places))
            super().__init__()

    store = SimpleNamespace(work=tmp_path, bring_back_networks=lambda networks: None)
    study = SimpleNamespace(training=SimpleNamespace(networks=[]))
    pipeline = SimpleNamespace(name="small", store=store, study=study, start={"cnn": None, "vgg16": weights})
    monkeypatch.setattr(training_work, "TaskScheduler", Tasks)
    monkeypatch.setattr(training_work, "is_prepared", lambda pipeline: False)
    monkeypatch.setattr(training_work, "_prepare", lambda pipeline: done.append("prepared"))
    monkeypatch.setattr(training_work, "_listed", lambda pipeline, ready: [])
    monkeypatch.setattr(training_work, "_train_all", lambda *_: [])
    monkeypatch.setattr(training_work.TrainingInputs, "of", lambda pipeline: None)
    assert training_work.work(pipeline, "1/1", scheduler="local:2") == (0, 0)
    asked = ("local:2", tmp_path, "pipeline.scheduled_training", [weights])
    assert done == [asked, "prepared", asked], "a wrong one is told first, and one that dies meanwhile is asked anew"


@pytest.mark.slow
@pytest.mark.long
def test_two_shares_killed_and_taken_up_give_the_tables_of_a_run_by_itself(command, tmp_path, capsys, alone, start):
    first = start([*PROGRAM, "work", *command], start_new_session=True, stderr=subprocess.DEVNULL)
    until_it_trains(first, tmp_path / "reports" / "small" / "work")
    started = below(first.pid)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert gone(started, 20), "who trains for somebody ends with him"
    shares = [[*PROGRAM, "work", *command, "--job", f"{number}/2"] for number in (1, 2)]
    both = [start(share, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for share in shares]
    told = [one.communicate(timeout=1800) for one in both]
    counted = [re.search(r"(\d+) of (\d) trainings done now, (\d) were there", out) for out, _ in told]
    assert all(counted), told
    assert sum(int(one[1]) + int(one[3]) for one in counted) == sum(int(one[2]) for one in counted) == 5
    assert main(["plan", *command]) == 0
    assert "5 trainings, 5 of them done" in capsys.readouterr().out
    assert main(["report", *command]) == 0
    assert_equal_tables(tmp_path / "reports" / "small" / "tables", alone)


@pytest.mark.slow
@pytest.mark.long
def test_a_scheduler_whose_worker_and_client_are_killed_loses_and_doubles_no_training(
    command, tmp_path, capsys, alone, start
):
    asked, work = [*PROGRAM, "report", *command, "--scheduler", "local:2"], tmp_path / "reports" / "small" / "work"
    logs = tmp_path / "first", tmp_path / "second"
    with logs[0].open("w") as stream:
        first = start(asked, start_new_session=True, stderr=stream)
        until_it_trains(first, work)
        worker = next(one for one in below(first.pid) if any("spawn" in " ".join(c.cmdline()) for c in one.children()))
        worker.kill()
        assert until(lambda: len(trained(logs[0])) >= 2, 900), logs[0].read_text()
        started = below(first.pid)
        first.kill()
        first.wait()
        assert gone(started, 20), "workers end with who asked for them"
    assert main(["plan", *command]) == 0
    there = int(re.search(r"5 trainings, (\d) of them done", capsys.readouterr().out)[1])  # told or not
    with logs[1].open("w") as stream:
        done = subprocess.run(asked, stderr=stream, stdout=stream, timeout=1800, check=False)
    before, after = map(trained, logs)
    assert done.returncode == 0 and there + len(after) == 5, logs[1].read_text()
    assert len(before) <= there and len({*before, *after}) == len(before) + len(after), (before, after)
    assert_equal_tables(tmp_path / "reports" / "small" / "tables", alone)


def trained(log):
    """Names of the trainings that a run has told of as done now."""
    return re.findall(r"^(cnn-seed\S+) +\d+ s$", log.read_text(), re.M)
