"""Locks of the kernel on files: they die with their process, and a file system that knows none is refused."""

from __future__ import annotations

import uuid
from pathlib import Path

from filelock import FileLock


def of_file(path: Path, timeout: float = -1.0) -> FileLock:
    """A lock on `path` that is not held yet.

    Where the file system has no locks, taking it is an `OSError`. The lock that would stand in, a file that somebody
    has to delete, outlives a killed process and keeps nobody out who looks at the kernel's.

    Args:
        path: of the file; its folder is there.
        timeout: seconds that taking it waits for; below 0: any.
    """
    return FileLock(path, timeout=timeout, fallback_to_soft=False)


def check(folder: Path) -> None:
    """Whether the file system of `folder`, which is there, has locks.

    Raises:
        OSError: it has none.
    """
    file = folder / f".locks-{uuid.uuid4().hex}"  # of a name that nobody else tries at the same moment
    try:
        with of_file(file, timeout=0):
            pass
    finally:
        file.unlink(missing_ok=True)
