"""Processes that a test starts, and whether they are gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import psutil


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is true; whether it was within `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def below(pid: int, named: str = "") -> list[psutil.Process]:
    """Everything that a process has started, and what that has; only those whose command line holds `named`."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if named in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:  # gone meanwhile
            continue
    return found


def gone(processes: Iterable[psutil.Process], seconds: float = 15) -> bool:
    """Whether all of them end within `seconds`."""
    return not psutil.wait_procs(list(processes), timeout=seconds)[1]
