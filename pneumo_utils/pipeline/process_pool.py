"""Processes that do one thing at a time and die with whoever made them, however that ends."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from pneumo_utils.pipeline import stall_guard

_POLL_SECONDS = 1.0  # between two looks whether the parent lives
_LONGEST = 70  # letters of the folder for temporary files


class MemoryLimitError(RuntimeError):
    """Processes hold more memory than they may."""


class ProcessPool:
    """Up to `at_once` processes, within a `with`; what still runs at its end is killed.

    Args:
        at_once: things that are done side by side.
    """

    def __init__(self, at_once: int):
        self.at_once = at_once
        # of a kernel that was killed a thread may still be writing
        self._scratch = tempfile.TemporaryDirectory(prefix="pneumo", dir=_short_place(), ignore_cleanup_errors=True)
        self.scratch = Path(self._scratch.name)  # for what its processes need while they run, and goes with them
        self._pool = ProcessPoolExecutor(at_once, get_context("spawn"), _die_with, (os.getpid(), self.scratch))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            stall_guard.kill_kernels()
            self.kill()
        self._pool.shutdown(cancel_futures=True)
        self._scratch.cleanup()

    def kill(self) -> None:
        """Kill its processes at once, whatever they do, and let no other begin."""
        there = self._pool._processes or {}  # noqa: SLF001, no public way before Python 3.14
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in list(there.values()):
            process.kill()

    def submit(self, work: Callable, *given: Any, **named: Any) -> Future:
        """Start `work`, a function of a module, in one of them."""
        return self._pool.submit(work, *given, **named)

    def check_memory(self, limit: int | None) -> None:
        """Whether its processes, with what they have started, hold no more than `limit` bytes of their own; None: any.

        Pages of mapped files, as pictures and activations are read, are nobody's own.

        Raises:
            MemoryLimitError: they do.
        """
        held = 0
        for process in list((self._pool._processes or {}).values()):  # noqa: SLF001, as above
            try:
                this = psutil.Process(process.pid)
                held += sum(_own_memory(one) for one in [this, *this.children(recursive=True)])
            except psutil.Error:  # gone meanwhile
                continue
        if limit and held > limit:
            raise MemoryLimitError(f"memory must be at most {limit / 1e9:.1f} GB, got {held / 1e9:.1f} GB")


def _own_memory(process: psutil.Process) -> int:
    """Bytes that a process alone holds, without the pages of mapped files: those the kernel takes back itself."""
    try:
        rolled = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
        return 1024 * int(rolled.partition("\nAnonymous:")[2].split()[0])
    except (OSError, IndexError):  # no Linux, an old one, or gone meanwhile, which the next line says
        held = process.memory_info()
    return held.rss - held.shared if hasattr(held, "shared") else process.memory_full_info().uss


def _short_place() -> str | None:
    """Where temporary files go: names of sockets may have about 100 letters, some clusters have a longer TMPDIR."""
    return "/tmp" if len(tempfile.gettempdir()) > _LONGEST and os.access("/tmp", os.W_OK | os.X_OK) else None


def _die_with(parent: int, scratch: Path) -> None:
    """Have this process, the kernels it started, and `scratch`, end when `parent` does, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent says so and ends the others
    threading.Thread(target=_watch, args=(lambda: os.getppid() == parent, scratch), daemon=True).start()


def _watch(lives: Callable[[], bool], scratch: Path) -> None:
    over = threading.Event()
    while lives():
        over.wait(_POLL_SECONDS)
    stall_guard.kill_kernels()
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)
