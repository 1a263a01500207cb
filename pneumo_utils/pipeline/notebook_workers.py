"""Processes that run notebooks side by side, each one at a time, and die with whoever asked them to.

Processes and not threads, since papermill changes the working directory while it runs a notebook.
"""

from __future__ import annotations

import os
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from pneumo_utils.pipeline.process_pool import ProcessPool
from pneumo_utils.records import progress


class NotebookWorkers(ProcessPool):
    """Up to `at_once` notebooks side by side, within a `with`; arguments as `ProcessPool`."""

    def run(self, notebook: Path, parameters: dict, *, told: Path, **given: Any) -> Future[float]:
        """Start a notebook; arguments and result are those of `notebook_execution.run`."""
        return self.submit(_run, notebook, parameters, told=told, scratch=self.scratch, **given)


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
