"""Locks that one process holds while others wait for it, and say that they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pneumo_utils.records import kernel_locks, progress

_LOOK = 30.0  # seconds after which who waits says so again: whoever looks for a standstill sees that something moves


@contextmanager
def hold(lock: Path, doing: str) -> Iterator[None]:
    """Hold `lock` until the block ends; wait while another process does, as a stage of work that moves.

    The lock is the kernel's own on that file, and dies with its process.

    Args:
        lock: the file; its folder is made if need be.
        doing: what is done under the lock, in words.

    Raises:
        OSError: the file system has no locks.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = kernel_locks.of_file(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        _wait(held, doing)
    try:
        yield
    finally:
        held.release()


def _wait(lock: FileLock, doing: str) -> None:
    with progress.stage(f"waiting for another's {doing}", 0) as told:
        looks = 0
        while not lock.is_locked:
            try:
                lock.acquire(timeout=_LOOK)
            except Timeout:
                looks += 1
                told.note(f"for {looks * _LOOK / 60:.1f} min")
