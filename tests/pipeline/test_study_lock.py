"""Two runs of one study: the second waits, is told for whom, and goes on however the first ends."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
