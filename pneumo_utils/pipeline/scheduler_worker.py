"""What a worker of dask.distributed does with a task: see whether it can, do it, and stop when nobody asks any more."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from pneumo_utils.pipeline import gpus
from pneumo_utils.pipeline.process_pool import ProcessPool
from pneumo_utils.records import fingerprint, provenance

_ENGINES = ("onnxruntime", "ai-edge-litert")
_POLL_SECONDS = 2.0  # between two looks at what runs
_TIMEOUT_SECONDS = 180.0  # for which the sign may stand still: whoever asks touches it every few


class UnfitError(RuntimeError):
    """A worker cannot do what is asked.

    Args:
        rule: what it must, after "must".
        worker: its address.
    """

    def __init__(self, rule: str, worker: str):
        super().__init__(rule, worker)
        self.rule, self.worker = rule, worker


class NotWantedError(RuntimeError):
    """Whoever asked has gone."""


def _versions() -> dict[str, str]:
    there = {one.metadata["Name"]: one.version for one in metadata.distributions() if one.metadata["Name"] in _ENGINES}
    return provenance.versions() | there


@dataclass(frozen=True)
class TaskRequirements:
    """What whoever asks has, and a worker must have, too."""

    sign: Path  # a file that is there, and touched again and again, as long as anybody asks
    room: str  # module that is run
    places: tuple[Path, ...]
    versions: dict[str, str]
    code: str  # fingerprint of the room
    gpus: tuple[str, ...] = ()  # that its workers share, where it has started them; others have their own

    @classmethod
    def of(cls, sign: Path, room: str, places: tuple[Path, ...], own_workers: bool) -> TaskRequirements:
        """What this process asks for, with its packages and code."""
        shared = gpus.visible() if own_workers else ()
        return cls(sign, room, places, _versions(), fingerprint.of_room(room), shared)


def look(asked: TaskRequirements, dask_worker: Any) -> str:
    """What a worker must be, or have, and is not; empty where it can do what is asked.

    Args:
        asked: by a client.
        dask_worker: the `distributed.Worker` that looks at itself.
    """
    missing = [place for place in asked.places if not place.exists()]
    if missing or not asked.sign.is_file():
        return f"see the same files ({(missing or [asked.sign.parent])[0]})"
    if multiprocessing.current_process().daemon:
        return "be allowed to start processes (DASK_DISTRIBUTED__WORKER__DAEMON=False)"
    if dask_worker.state.nthreads != 1:
        return f"do one thing at a time (--nthreads 1, not {dask_worker.state.nthreads})"
    if _versions() != asked.versions:
        return "have the same packages"
    return "" if fingerprint.of_room(asked.room) == asked.code else "have the same code"


def run(asked: TaskRequirements, work: Callable, *given: Any) -> Any:
    """Do a task.

    Raises:
        UnfitError: this worker, which may have come later, cannot.
    """
    from distributed import get_worker

    if unfit := look(asked, get_worker()):
        raise UnfitError(unfit, get_worker().address)
    if asked.gpus:
        os.environ |= gpus.environment(asked.gpus, int(get_worker().name))  # what it starts inherits it
    return work(asked, *given)


def watch(
    asked: TaskRequirements, pool: ProcessPool, running: Future, moves: Callable[[], None] = lambda: None
) -> None:
    """Wait until what runs in `pool` is over.

    Args:
        asked: by a client.
        pool: whose processes may have the memory that the worker has.
        running: in it.
        moves: is called again and again, and raises where nothing moves.

    Raises:
        MemoryLimitError: it takes more memory.
        NotWantedError: nobody asks for it any more.
    """
    from distributed import get_worker

    limit = get_worker().memory_manager.memory_limit
    touched, since = _touched(asked.sign), time.monotonic()
    while not wait([running], timeout=_POLL_SECONDS).done:
        moves()
        pool.check_memory(limit)
        if (now := _touched(asked.sign)) != touched:
            touched, since = now, time.monotonic()  # by this clock alone: two machines differ
        if now is None or time.monotonic() - since > _TIMEOUT_SECONDS:
            raise NotWantedError("somebody must wait for it, got nobody")


def _touched(sign: Path) -> float | None:
    try:
        return sign.stat().st_mtime
    except OSError:
        return None
