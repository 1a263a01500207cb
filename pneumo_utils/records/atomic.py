"""Files and folders that are written whole or not at all, and by one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a `.part` name to write to, and rename it to `path` only when the block ends without an error.

    Args:
        path: of the file; its folder is made if need be.

    Yields:
        the name to write to, beside `path` and with its ending, since some writers go by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Make whoever else makes `path` wait until the block ends.

    The lock is the kernel's own on a hidden file beside `path`, and dies with its process: nothing has to be deleted.

    Args:
        path: of a file or folder; the folder it lies in is made if need be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield
