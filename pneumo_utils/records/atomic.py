"""Files and folders that are written whole or not at all, and by one process at a time."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import Timeout

from pneumo_utils.records import kernel_locks

_PATIENCE = 3.0  # seconds of waiting for another process before a word is said
_log = logging.getLogger(__name__)


@contextmanager
def name_file(path: Path) -> Iterator[None]:
    """Make errors of the system within the block name the file: a full disk does not say which file it stopped."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a `.part` name to write to, and rename it to `path` only when the block ends without an error.

    What was written is on the disk before it has its name: after a power cut, too, that is whole or not there.

    Args:
        path: of the file; its folder is made if need be.

    Yields:
        the name to write to, beside `path` and with its ending, since some writers go by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        with name_file(path):
            yield part
        _force_to_disk(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of `path` only when the block ends without an error.

    What was there is moved out of the way and deleted last, so that no moment has half of each. A link stays one.

    Args:
        path: of the folder; the one it lies in is made if need be.

    Yields:
        the folder to fill, `<name>.part` beside `path`.

    Raises:
        OSError: it cannot be made, or what is there cannot be moved.
    """
    restore(path)
    path = path.resolve()
    part, old = (path.with_name(f"{path.name}.{end}") for end in ("part", "old"))
    for left in (part, old):
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        if path.exists():
            path.replace(old)
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def restore(path: Path) -> None:
    """Put back the folder at `path` that a run left beside it which was killed while `atomic_folder` exchanged it."""
    path = path.resolve()
    old = path.with_name(f"{path.name}.old")
    if old.exists() and not path.exists():
        old.replace(path)


def _force_to_disk(path: Path) -> None:
    with path.open("rb+") as file:  # Windows wants one that may be written
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # of file systems that cannot be told to
                raise


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Make whoever else makes `path` wait until the block ends.

    The lock is the kernel's own on a hidden file beside `path`, and dies with its process: nothing has to be deleted.

    Args:
        path: of a file or folder; the folder it lies in is made if need be.

    Raises:
        OSError: the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = kernel_locks.of_file(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        _log.info("%s is being made by another process; this one waits", path)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
