"""Tasks given to dask.distributed: to workers of this machine, or to a scheduler that is there already.

A task whose worker dies is done again by another; one that fails says why. What a task needs it reads from files, and
what it makes it writes to files, so workers must see the same ones and run the same code.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import time
import uuid
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pneumo_utils.pipeline import scheduler_worker
from pneumo_utils.pipeline.scheduled_task import Task
from pneumo_utils.pipeline.scheduler_worker import TaskRequirements, UnfitError

if TYPE_CHECKING:
    from distributed import Future

_TIMEOUT_SECONDS = 15  # within which a scheduler answers and a worker is there
_NO_WORKER_SECONDS = 120  # for which nothing is done without a worker
_POLL_SECONDS = 5.0  # between two looks whether there are any
_SIGN = ".asked-"  # name of the sign that somebody waits
_STALE_SECONDS = 24 * 3600  # after which a sign is that of a client that was killed
_SETTINGS = {  # a user's own would change what a study does
    "distributed.worker.daemon": False,  # a training is a process of its own, which a daemon may not start
    "distributed.worker.preload": ["import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"],  # who asks ends them
    "distributed.nanny.pre-spawn-environ": {},  # no number of threads
    "distributed.scheduler.allowed-failures": 3,  # workers that a task may lose
    "distributed.comm.timeouts.connect": f"{_TIMEOUT_SECONDS}s",
}
_log = logging.getLogger(__name__)


class SchedulerError(ValueError):
    """The scheduler that was asked for, or its workers, cannot do the work."""


def check(named: str) -> None:
    """Whether a scheduler is named as one can be; nothing is imported or connected.

    Args:
        named: `local:N`, N workers of this machine, or the address of a scheduler, `tcp://host:port`.

    Raises:
        SchedulerError: it is not, or the extra is not installed.
    """
    if not re.fullmatch(r"local:[1-9][0-9]*|tcp://\S+:[0-9]+", named):
        raise SchedulerError(f"scheduler must be local:N with N from 1, or tcp://HOST:PORT, got {named}")
    if importlib.util.find_spec("distributed") is None:
        rule = "extra dask must be installed for a scheduler (pip install 'pneumo-utils[dask]')"
        raise SchedulerError(f"{rule}, got none")


class TaskScheduler(AbstractContextManager):
    """Takes tasks, within a `with`; at its end workers of this machine are gone, and tasks of others stop.

    Args:
        named: see `check`.
        folder: that every worker must see; it is there.
        room: module whose code every worker must have, with all it needs, as `pipeline.scheduled_training`.
        places: further files and folders that every worker must see.

    Raises:
        SchedulerError: it does not answer, or its workers cannot do what is asked.
    """

    def __init__(self, named: str, folder: Path, room: str, places: Iterable[Path] = ()):
        check(named)
        self.named, self._open = named, ExitStack()
        sign = folder.resolve() / f"{_SIGN}{uuid.uuid4().hex}"  # no `.part`: a run clears those away
        every = (sign.parent, *(place.absolute() for place in places))
        self._asked = TaskRequirements.of(sign, room, every, own_workers=named.startswith("local:"))
        self._seen = self._looked = 0.0
        self._unfit: set[str] = set()  # workers that came later and cannot do what is asked

    def __enter__(self) -> TaskScheduler:
        with ExitStack() as opened:
            before = dict(os.environ)  # dask sets what its workers shall start with, here and when one starts anew
            opened.callback(_put_back, before)
            self._connect(opened)
            _put_back(before)
            opened.callback(self._asked.sign.unlink, missing_ok=True)  # before workers go: tasks look for it
            _sweep(self._asked.sign.parent)
            self._asked.sign.touch()
            self._check_workers()
            self._open = opened.pop_all()
        _log.info("%s workers of %s; dask's dashboard: %s", self.workers, self.named, self._client.dashboard_link)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def workers(self) -> int:
        """How many there are now that can do what is asked."""
        return len(self.fit())

    @property
    def memory(self) -> int | None:
        """Bytes that the smallest worker may have; None: any."""
        return min((one["memory_limit"] for one in self._of_workers().values() if one["memory_limit"]), default=None)

    def fit(self) -> list[str]:
        """Addresses of the workers that are there now, but those that could not do a task."""
        return [address for address in self._of_workers() if address not in self._unfit]

    def _of_workers(self) -> dict[str, dict]:
        return self._client.scheduler_info(n_workers=-1)["workers"]

    def submit(self, work: Callable, *given: Any, name: str) -> Task:
        """Have a worker call `work`, a function of a module, with the requirements of this client and `given`.

        Raises:
            SchedulerError: the scheduler is gone.
        """

        def start(workers: list[str] | None) -> Future:
            from distributed.client import ClosedClientError

            key = f"{name}-{uuid.uuid4().hex[:8]}"
            given_all = (scheduler_worker.run, self._asked, work, *given)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # the paths of a million files are large, and needed
                try:
                    return self._client.submit(*given_all, key=key, pure=False, workers=workers)
                except ClosedClientError as error:
                    raise self._gone(name) from error

        return Task(self, start, self.fit() if self._unfit else [])

    def leave_out(self, error: UnfitError) -> list[str]:
        """Ask a worker that cannot do what is asked for nothing more; the others."""
        if error.worker not in self._unfit:
            self._unfit.add(error.worker)
            told = "workers of %s must %s, got %s that does not: others do what it was asked for"
            _log.warning(told, self.named, error.rule, error.worker)
        return self.fit()

    def _gone(self, name: str) -> SchedulerError:
        return SchedulerError(f"{name}: {self.named} must be there to the end, got no answer any more")

    def check_alive(self) -> None:
        """Whether there is anybody to work.

        Raises:
            SchedulerError: no worker has been there for minutes.
        """
        now = time.monotonic()
        if now - self._looked < _POLL_SECONDS:
            return
        self._looked = now
        with suppress(OSError):  # a folder that is away for a moment; workers are patient, too
            self._asked.sign.touch()
        if self.workers or not self._seen:
            self._seen = now
        elif now - self._seen > _NO_WORKER_SECONDS:
            raise SchedulerError(
                f"scheduler {self.named} must have a worker, got none for {_NO_WORKER_SECONDS // 60} min"
            )

    def result(self, task: Task, name: str) -> Any:
        """What became of a task; waits until it is over.

        Raises:
            SchedulerError: its workers died, or the scheduler did, or no worker can do what is asked.
            Exception: what the task itself has raised.
        """
        from distributed.client import ClosedClientError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            return task.result()
        except KilledWorker as error:
            raise SchedulerError(
                f"{name}: a worker must live to its end, got {error.allowed_failures + 1} killed"
            ) from error
        except (CancelledError, CommClosedError, ClosedClientError) as error:
            raise self._gone(name) from error
        except UnfitError as error:
            raise SchedulerError(f"{name}: a worker of {self.named} must {error.rule}, got none that does") from error

    def _connect(self, opened: ExitStack) -> None:
        import dask
        from distributed import Client, LocalCluster

        for name in ("distributed", "tornado"):  # what matters is told in sentences
            logging.getLogger(name).setLevel(logging.CRITICAL)
        opened.enter_context(dask.config.set(_SETTINGS))
        place, _, count = self.named.partition(":")
        try:
            address: Any = self.named
            if place == "local":
                address = opened.enter_context(
                    LocalCluster(
                        n_workers=int(count), threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
                        silence_logs=logging.CRITICAL,
                    )
                )  # fmt: skip
            self._client = opened.enter_context(Client(address, timeout=_TIMEOUT_SECONDS, set_as_default=False))
        except (OSError, TimeoutError) as error:
            rule = f"scheduler {self.named} must answer within {_TIMEOUT_SECONDS} s"
            raise SchedulerError(f"{rule}, got {type(error).__name__}: {error}") from error
        wanted = int(count) if place == "local" else 1
        try:
            self._client.wait_for_workers(wanted, timeout=_TIMEOUT_SECONDS)
        except TimeoutError as error:
            rule = f"must have {wanted} worker{'s' * (wanted > 1)} within {_TIMEOUT_SECONDS} s"
            advice = "" if place == "local" else " (an adaptive cluster: minimum=1)"
            raise SchedulerError(f"scheduler {self.named} {rule}{advice}, got {self.workers or 'none'}") from error

    def _check_workers(self) -> None:
        """Whether every worker can do what is asked, before anything is."""
        told = self._client.run(scheduler_worker.look, self._asked, on_error="return")
        for address, unfit in told.items():
            if unfit:
                what = unfit if isinstance(unfit, str) else f"know this program ({type(unfit).__name__}: {unfit})"
                raise SchedulerError(f"workers of {self.named} must {what}, got {address} that does not")


def _sweep(folder: Path) -> None:
    """Delete the signs of clients that were killed."""
    for sign in folder.glob(f"{_SIGN}*"):
        with suppress(OSError):
            if time.time() - sign.stat().st_mtime > _STALE_SECONDS:
                sign.unlink(missing_ok=True)


def _put_back(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ |= environment
