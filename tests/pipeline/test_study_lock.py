"""Two runs of one study: the second waits, is told for whom, and goes on however the first ends."""

import logging
import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from support.processes import gone

from pneumo_utils.pipeline import study_lock

HOLD = """
import sys
from pathlib import Path
from pneumo_utils.pipeline import study_lock
with getattr(study_lock, sys.argv[1])("demo", Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
    print("lets go", flush=True)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the study, or trains in it, until its input is closed."""
    started = []

    def begin(how="hold"):
        one = subprocess.Popen(
            [sys.executable, "-c", HOLD, how, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert one.stdout.readline() == "held\n"
        started.append(one)
        return one

    yield begin
    for one in started:
        one.kill()
        one.wait()
        one.stdin.close()
        one.stdout.close()


def has_let_go(one):
    """Whether a holder has already said that it lets go: it says so while it holds the lock."""
    return bool(select.select([one.stdout], [], [], 0)[0])


@contextmanager
def let_go_once_told(one):
    """Let a holder end as soon as whoever waits for it says so; yields what had been said by then."""
    said = []

    class Listener(logging.Handler):
        def emit(self, record):
            said.append(record.getMessage())
            one.stdin.close()

    listener = Listener()
    logging.getLogger("pneumo_utils").addHandler(listener)
    try:
        yield said
    finally:
        logging.getLogger("pneumo_utils").removeHandler(listener)


def test_whoever_comes_second_waits_and_is_told_for_whom(holder, tmp_path, caplog):
    caplog.set_level("INFO", logger="pneumo_utils")
    first = holder()
    with let_go_once_told(first), study_lock.hold("demo", tmp_path):
        assert has_let_go(first)
    (said,) = caplog.messages
    assert said.startswith(f"study demo is being run by process {first.pid} on ") and " since 20" in said
    assert said.endswith("; this run waits, and goes on when that one ends")


def test_the_lock_dies_with_its_owner(holder, tmp_path):
    first = holder()
    first.send_signal(signal.SIGKILL)
    first.wait()
    with study_lock.hold("demo", tmp_path):
        pass


def test_nobody_waits_where_nobody_runs_and_another_study_runs_beside(holder, tmp_path, caplog):
    caplog.set_level("INFO", logger="pneumo_utils")
    holder()
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


def test_many_train_beside_each_other_and_a_run_waits_for_all_of_them(holder, tmp_path, caplog):
    caplog.set_level("INFO", logger="pneumo_utils")
    living, killed = holder("train_beside"), holder("train_beside")
    killed.kill()  # who dies is not waited for
    killed.wait()
    with let_go_once_told(living), study_lock.hold("demo", tmp_path):
        assert has_let_go(living)
    assert [line for line in caplog.messages if "are being trained by" in line and "waits for them" in line]
    assert not list((tmp_path / "trainings").iterdir())


def test_who_finds_nothing_to_do_does_not_wait_for_those_who_train(holder, tmp_path):
    holder("train_beside")
    with study_lock.hold("demo", tmp_path, unless=lambda: True) as held:
        assert not held
    assert study_lock.is_trained_in(tmp_path)
    with study_lock.hold_if_free(tmp_path) as free:
        assert free, "and keeps nobody else waiting"


def test_who_wants_to_train_waits_for_a_run(holder, tmp_path, caplog):
    caplog.set_level("INFO", logger="pneumo_utils")
    first = holder()
    with let_go_once_told(first) as said, study_lock.train_beside("demo", tmp_path):
        assert has_let_go(first)
    assert len(said) == 1
