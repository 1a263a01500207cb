"""Two runs of one study: the second waits, is told for whom, and goes on however the first ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.processes import gone

from pneumo_utils.pipeline import study_lock

HOLD = """
import sys, time
from pathlib import Path
from pneumo_utils.pipeline import study_lock
with study_lock.hold("demo", Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the study for so many seconds."""
    started = []

    def begin(seconds):
        one = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), str(seconds)], stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert one.stdout.readline() == "held\n"
        started.append(one)
        return one

    yield begin
    for one in started:
        one.kill()
        one.wait()
        one.stdout.close()


def test_whoever_comes_second_waits_and_is_told_for_whom(holder, tmp_path, caplog):
    caplog.set_level("INFO", logger="pneumo_utils")
    first, begun = holder(1.5), time.monotonic()
    with study_lock.hold("demo", tmp_path):
        assert time.monotonic() - begun > 1
    (said,) = caplog.messages
    assert said.startswith(f"study demo is being run by process {first.pid} on ") and " since 20" in said
    assert said.endswith("; this run waits, and goes on when that one ends")


def test_the_lock_dies_with_its_owner(holder, tmp_path):
    first = holder(600)
    first.send_signal(signal.SIGKILL)
    first.wait()
    with study_lock.hold("demo", tmp_path):
        pass


def test_nobody_waits_where_nobody_runs_and_another_study_runs_beside(holder, tmp_path, caplog):
    caplog.set_level("INFO", logger="pneumo_utils")
    holder(600)
    (tmp_path / "other").mkdir()
    with study_lock.hold("other", tmp_path / "other"):
        pass
    with study_lock.hold("other", tmp_path / "other"):
        pass
    assert caplog.messages == []
    assert not (tmp_path / "other" / "run.json").exists()


LEAVE = """
import os, subprocess, sys
from pathlib import Path
from pneumo_utils.pipeline import study_lock
with study_lock.hold("demo", Path(sys.argv[1])):
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL)
    print(left.pid, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_what_a_killed_run_left_behind_is_gone_before_the_next_begins(tmp_path):
    (tmp_path / "other").mkdir()
    command = [sys.executable, "-c", LEAVE, str(tmp_path)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, cwd=Path(__file__).parents[2])
    left = psutil.Process(int(told.stdout))
    with study_lock.hold("other", tmp_path / "other"):
        assert left.is_running()
    with study_lock.hold("demo", tmp_path):
        assert gone([left], 0)


def test_the_mark_of_a_run_ends_with_it(tmp_path):
    before = dict(os.environ)
    with study_lock.hold("demo", tmp_path):
        assert os.environ != before
    assert dict(os.environ) == before


def test_what_this_process_has_started_itself_is_left_alone(tmp_path):
    with study_lock.hold("demo", tmp_path):
        own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with study_lock.hold("demo", tmp_path):
        assert own.poll() is None
    own.kill()
    own.wait()


TRAIN = """
import sys, time
from pathlib import Path
from pneumo_utils.pipeline import study_lock
with study_lock.train_beside("demo", Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_many_train_beside_each_other_and_a_run_waits_for_all_of_them(tmp_path, caplog):
    caplog.set_level("INFO", logger="pneumo_utils")
    command = [sys.executable, "-c", TRAIN, str(tmp_path)]
    began, trainings = time.monotonic(), []
    for seconds in (1.5, 60):
        trainings.append(
            subprocess.Popen([*command, str(seconds)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        )
        assert trainings[-1].stdout.readline() == b"held\n"
    trainings[1].kill()  # who dies is not waited for
    trainings[1].wait()
    with study_lock.hold("demo", tmp_path):
        assert time.monotonic() - began > 1.5
        trainings[0].wait(timeout=20)  # it has let go, and ends
    assert [line for line in caplog.messages if "are being trained by" in line and "waits for them" in line]
    assert not list((tmp_path / "trainings").iterdir())


def test_who_wants_to_train_waits_for_a_run(holder, tmp_path):
    began = time.monotonic()
    holder(1.5)
    with study_lock.train_beside("demo", tmp_path):
        assert time.monotonic() - began > 1.5
