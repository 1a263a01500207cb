"""How much memory a process holds of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from pneumo_utils.pipeline import process_pool, stall_guard, training_process
from pneumo_utils.pipeline.process_pool import MemoryLimitError, ProcessPool

SIZE = 200 * 2**20
HOLD = """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    seen = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
sum(seen[place] for place in range(0, len(seen), 4096))
own = b"1" * int(sys.argv[2])
print("there", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hold(tmp_path):
    """A process that has read a mapped file of 200 MiB, and holds so many bytes besides."""
    with (tmp_path / "file").open("wb") as file:
        for _ in range(SIZE // 2**20):
            file.write(os.urandom(2**20))
    started = []

    def begin(own):
        command = [sys.executable, "-c", HOLD, str(tmp_path / "file"), str(own)]
        one = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(one)
        assert one.stdout.readline() == "there\n"
        return psutil.Process(one.pid)

    yield begin
    for one in started:
        one.kill()
        one.communicate()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others tell no more than uss")
def test_pages_of_a_mapped_file_are_nobodys_own_and_what_a_process_has_made_is(hold):
    without, with_own = hold(0), hold(SIZE)
    assert without.memory_info().rss > SIZE, "it has read the file"
    assert process_pool._own_memory(without) < SIZE / 2 < SIZE < process_pool._own_memory(with_own)


def test_who_holds_more_than_he_may_is_told(monkeypatch):
    with ProcessPool(1) as pool:
        pool.submit(abs, 1).result()
        monkeypatch.setattr(process_pool, "_own_memory", lambda process: 3_000_000_000)
        pool.check_memory(4_000_000_000)
        pool.check_memory(None)
        with pytest.raises(MemoryLimitError, match=r"memory must be at most 2.0 GB, got 3.0 GB"):
            pool.check_memory(2_000_000_000)


def test_sockets_have_short_names_wherever_temporary_files_lie(monkeypatch, tmp_path):
    monkeypatch.setattr(process_pool.tempfile, "gettempdir", lambda: str(tmp_path / ("x" * 90)))
    with process_pool.ProcessPool(1) as pool:
        assert pool.scratch.parent == Path("/tmp")


def test_a_pool_that_is_killed_ends_what_it_does_at_once_and_begins_nothing_more():
    began = time.monotonic()
    with ProcessPool(1) as pool:
        asleep = pool.submit(time.sleep, 60)
        pool.kill()
        with pytest.raises(BrokenProcessPool):
            asleep.result()
        with pytest.raises(RuntimeError):
            pool.submit(abs, 1)
    assert time.monotonic() - began < 30 and not pool.scratch.exists()


def test_a_look_at_what_is_done_that_fails_ends_no_notebook_beside(monkeypatch):
    monkeypatch.setattr(stall_guard, "kill_kernels", lambda: pytest.fail("a notebook that runs is ended"))
    with pytest.raises(training_process.WorkError, match="what is done already"):
        training_process.find_keys(None, ["no training"])
