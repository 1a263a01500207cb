"""Stops a notebook that hangs. Work that goes on is never stopped, however long it takes."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType

import psutil

_POLL_SECONDS = 1.0  # between two looks


class Standstill:
    """For how long nothing has moved, of the time in which this process was not suspended itself.

    A job that is halted, by a cluster's scheduler or by Ctrl-Z, halts whoever watches it, too, and has not hung.
    """

    def __init__(self) -> None:
        self._seconds, self._looked = 0.0, time.monotonic()

    def grow(self, poll: float) -> float:
        """Count the time since the last look, at most twice of what lies between two looks, `poll` seconds."""
        now = time.monotonic()
        self._seconds, self._looked = self._seconds + min(now - self._looked, 2 * poll), now
        return self._seconds

    def end(self) -> None:
        """Something has moved."""
        self._seconds, self._looked = 0.0, time.monotonic()


class StallGuard:
    """Watches one notebook, within a `with`, and kills its kernel when nothing has moved for too long.

    A cell that begins is a move, and so is whatever its process tells in the file of `records.progress`: an epoch, a
    batch, a picture.

    Args:
        minutes: without a move.
        file: where the notebook tells how far it is; None: only cells count.
    """

    def __init__(self, minutes: float, file: Path | None = None):
        self._limit, self._file = 60 * minutes, file
        self.stalled, self._over = False, threading.Event()
        self._still, self._told = Standstill(), self._when_told()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> StallGuard:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._watcher.join()

    def move(self) -> None:
        """Something has moved."""
        self._still.end()

    def _when_told(self) -> int:
        try:
            return self._file.stat().st_mtime_ns if self._file else 0
        except OSError:  # nothing told yet, or a stage that is over
            return 0

    def _watch(self) -> None:
        poll = min(_POLL_SECONDS, self._limit / 4)
        while not self._over.wait(poll):
            told = self._when_told()
            if told != self._told:
                self._told = told
                self.move()
            if self._still.grow(poll) > self._limit:
                self.stalled = True
                kill_kernels()
                return


def kill_kernels() -> None:
    """Kill the kernels that this process and its workers have started: one that hangs hears no other signal."""
    for child in psutil.Process().children(recursive=True):
        try:
            if "ipykernel_launcher" in child.cmdline():
                child.kill()
        except psutil.Error:  # gone meanwhile
            continue
