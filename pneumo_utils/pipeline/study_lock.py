"""One run of a study at a time: whoever comes second waits, and is told for whom. Many may train for one beside."""

from __future__ import annotations

import json
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from pneumo_utils.records import kernel_locks
from pneumo_utils.records.atomic import atomic_write

_MARK = "PNEUMO_RUN"  # names the folder of the study to every process that a run starts
_TRAININGS = "trainings"  # folder with a lock of everybody who trains
_KILL_TIMEOUT_SECONDS = 30  # that a killed process may take to go

_log = logging.getLogger(__name__)


@contextmanager
def hold(name: str, folder: Path, unless: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Hold the study `name` until the block ends; wait while another process does.

    The lock is the kernel's own on a file in `folder`. It dies with its process, however that ends: there is no file
    that somebody has to delete. The notebooks of a run that was killed live on for a second: they are ended first,
    since they would write beside this one.

    Args:
        name: of the study.
        folder: of its run directory; it must be there.
        unless: asked when nobody else runs the study any more; where it is true, nobody who trains is waited for.

    Yields:
        whether it is held: not where `unless` is true.
    """
    told, before = folder / "run.json", os.environ.get(_MARK)
    lock = _wait(name, folder)
    if unless():
        lock.release()
        yield False
        return
    try:
        who = {"process": os.getpid(), "machine": socket.gethostname()}
        with atomic_write(told) as part:
            part.write_text(json.dumps(who | {"since": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}), encoding="utf-8")
        _wait_for_trainings(name, folder)
        _end_what_is_left(folder)
        os.environ[_MARK] = str(folder.resolve())
        yield True
    finally:
        told.unlink(missing_ok=True)
        os.environ.pop(_MARK, None)
        if before is not None:
            os.environ[_MARK] = before
        lock.release()


@contextmanager
def hold_if_free(folder: Path) -> Iterator[bool]:
    """Hold the study until the block ends, if nobody else does; whether it is held.

    Args:
        folder: of its run directory; it must be there.
    """
    lock = kernel_locks.of_file(folder / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def is_trained_in(folder: Path) -> bool:
    """Whether anybody trains networks of the study beside; arguments as `hold_if_free`."""
    for file in (folder / _TRAININGS).glob("*.lock"):
        try:
            kernel_locks.of_file(file).acquire(timeout=0).lock.release()
        except Timeout:
            return True
    return False


@contextmanager
def train_beside(name: str, folder: Path) -> Iterator[None]:
    """Train networks of the study `name` until the block ends, beside others that do; a run waits for all of them.

    Args:
        name: of the study.
        folder: of its run directory; it must be there.
    """
    with ExitStack() as held:
        lock = _wait(name, folder)
        try:
            held.enter_context(join_trainings(folder))
        finally:
            lock.release()
        yield


@contextmanager
def join_trainings(folder: Path) -> Iterator[None]:
    """Keep a run of the study waiting until the block ends; for processes that one in `train_beside` has started."""
    (folder / _TRAININGS).mkdir(exist_ok=True)
    lock = kernel_locks.of_file(folder / _TRAININGS / f"{socket.gethostname()}-{os.getpid()}.lock")
    try:
        with lock:
            yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)


def _wait(name: str, folder: Path) -> FileLock:
    lock = kernel_locks.of_file(folder / "run.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = _holder(folder / "run.json")
        _log.info("study %s is being run by %s; this run waits, and goes on when that one ends", name, holder)
        lock.acquire()
    return lock


def _wait_for_trainings(name: str, folder: Path) -> None:
    """Wait until nobody trains beside; who trains already may start another, so it is looked until none is left."""
    while files := sorted((folder / _TRAININGS).glob("*.lock")):
        for file in files:
            lock = kernel_locks.of_file(file)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                _log.info("networks of study %s are being trained by %s; this run waits for them", name, file.stem)
                lock.acquire()
            lock.release()
            file.unlink(missing_ok=True)


def _end_what_is_left(folder: Path) -> None:
    """Kill what an earlier run of the study in `folder` has started and left behind, and wait until it is gone."""
    this = psutil.Process()
    own = {this.pid, *(one.pid for one in [*this.parents(), *this.children(recursive=True)])}
    left = []
    for one in psutil.process_iter():
        try:
            if one.pid not in own and one.environ().get(_MARK) == str(folder.resolve()):
                one.kill()
                left.append(one)
        except psutil.Error:  # somebody else's, or gone meanwhile
            continue
    psutil.wait_procs(left, timeout=_KILL_TIMEOUT_SECONDS)


def _holder(told: Path) -> str:
    try:
        who = json.loads(told.read_text(encoding="utf-8"))
        return f"process {who['process']} on {who['machine']} since {who['since']}"
    except (OSError, ValueError, KeyError):  # it has only just begun
        return "another process"
