"""Processes that run notebooks side by side, each one at a time, and die with whoever asked them to.

Processes and not threads, since papermill changes the working directory while it runs a notebook.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

from pneumo_utils.pipeline import stall_guard
from pneumo_utils.records import progress

_LOOK = 1.0  # seconds between two looks whether the parent lives


class NotebookWorkers:
    """Up to `at_once` processes, within a `with`; what still runs at its end is killed.

    Args:
        at_once: notebooks that run side by side.
    """

    def __init__(self, at_once: int):
        self.at_once = at_once
        self._pool = ProcessPoolExecutor(at_once, get_context("spawn"), _die_with, (os.getpid(),))

    def __enter__(self) -> NotebookWorkers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            stall_guard.kill_kernels()
            for process in (self._pool._processes or {}).values():  # noqa: SLF001, no public way before Python 3.14
                process.kill()
        self._pool.shutdown(cancel_futures=True)

    def run(self, notebook: Path, parameters: dict, *, told: Path, **given: Any) -> Future[float]:
        """Start a notebook; arguments and result are those of `notebook_execution.run`."""
        return self._pool.submit(_run, notebook, parameters, told=told, **given)


def result(running: Future[float], page: str) -> float:
    """Seconds that a notebook took.

    Raises:
        NotebookError: it did not run to its end, or its process was killed.
    """
    try:
        return running.result()
    except BrokenProcessPool as error:
        from pneumo_utils.pipeline.notebook_execution import NotebookError  # imported here: papermill takes a second

        raise NotebookError(f"{page}: the process that runs it must live to the end, got killed") from error


def _run(notebook: Path, parameters: dict, *, told: Path, **given: Any) -> float:
    from pneumo_utils.pipeline import notebook_execution  # imported here: only where notebooks run

    os.environ[progress.VARIABLE] = str(told)
    return notebook_execution.run(notebook, parameters, told=told, **given)


def _die_with(parent: int) -> None:
    """Have this process, and the kernels it started, end when `parent` does, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent says so and ends the others
    threading.Thread(target=_watch, args=(lambda: os.getppid() == parent,), daemon=True).start()


def _watch(lives: Callable[[], bool]) -> None:
    over = threading.Event()
    while lives():
        over.wait(_LOOK)
    stall_guard.kill_kernels()
    os._exit(1)
