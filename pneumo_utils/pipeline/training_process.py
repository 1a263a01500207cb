"""One training of a study in a process of its own, which ends with it, so that memory does not grow."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pneumo_utils.networks.training_list import TrainingJob
from pneumo_utils.pipeline import scheduler_worker, study_lock
from pneumo_utils.pipeline.process_pool import MemoryLimitError, ProcessPool
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.scheduler_worker import NotWantedError, TaskRequirements
from pneumo_utils.pipeline.stall_guard import Standstill
from pneumo_utils.records import progress
from pneumo_utils.records.store import Store

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")  # read by TensorFlow as it is loaded
_POLL_SECONDS = 5.0  # between two looks whether a training moves
_STALE_SECONDS = 24 * 3600  # after which a file of progress is that of a process that was killed


class WorkError(RuntimeError):
    """A training did not come to its end."""


class StalledError(RuntimeError):
    """A training stands still."""


@dataclass(frozen=True)
class TrainingInputs:
    """What a training process needs to know of a study."""

    store: Store
    parameters: dict  # by name
    start: dict[str, Path | None]  # file that each network starts from

    @classmethod
    def of(cls, pipeline: Pipeline) -> TrainingInputs:
        """That of a study which is checked."""
        return cls(pipeline.store, pipeline.study.flat(), pipeline.start)

    def recipe(self, model: str, trains: bool):  # noqa: ANN201 - TensorFlow is not loaded for the sake of a type
        """The `Recipe` of a network; `trains`: this process is about to train it."""
        from pneumo_utils.networks import precision, training_recipe

        asked = self.parameters["precision"]
        chosen = precision.of_study(asked, self.store.precision_file, trains)
        return training_recipe.of_parameters(self.parameters | {"precision": chosen}, model, self.start[model])


@dataclass(frozen=True)
class TrainingResult:
    """What became of a training."""

    now: bool  # or it had been done before
    seconds: float  # that it took, whenever that was


def find_keys(
    given: TrainingInputs, jobs: list[TrainingJob], asked: ProcessPool | None = None
) -> list[tuple[str, bool]]:
    """Key of each job, and whether it is done; asked of another process, which loads TensorFlow and ends.

    Args:
        given: of the study.
        jobs: of its list.
        asked: the process, which somebody else may kill; None: one of its own.

    Raises:
        WorkError: it failed or was killed.
    """
    if not jobs:
        return []
    with asked or ProcessPool(1) as pool:
        told = pool.submit(_ask, given, jobs)
        wait([told])
    return _result(told, "what is done already")  # outside, or what failed here would end notebooks that run beside


def find_done(given: TrainingInputs, jobs: list[TrainingJob], asked: ProcessPool | None = None) -> list[bool]:
    """Which of `jobs` are; asked likewise."""
    return [done for _, done in find_keys(given, jobs, asked)]


def progress_file(store: Store, job: TrainingJob) -> Path:
    """Where a training that this process asks for tells how far it is.

    Others may ask for the same one, and whoever waits for it says so again and again: told in one file, that would be
    taken for a move of the one that trains.
    """
    return store.progress_file(f"{job.name}-{socket.gethostname()}-{os.getpid()}")


def delete_stale_progress(store: Store) -> None:
    """Delete what processes that were killed have told."""
    for file in store.progress_file("any").parent.glob("*.json"):
        with suppress(OSError):  # gone meanwhile
            if time.time() - file.stat().st_mtime > _STALE_SECONDS:
                file.unlink(missing_ok=True)


def train(
    given: TrainingInputs, job: TrainingJob, told: Path, threads: int = 0, asked: TaskRequirements | None = None
) -> TrainingResult:
    """Do one training, and wait for it as long as it tells of something new.

    Args:
        given: of the study.
        job: of its list.
        told: where it tells how far it is; of `progress_file`, of the process that asks.
        threads: to compute with; 0: TensorFlow's own choice.
        asked: by the client of a scheduler, where this is a worker's task.

    Raises:
        WorkError: it failed, its process was killed, it took more memory than its worker has, nobody waits for it any
            more, or it stood still for `stalled_minutes`.
    """
    moves = _Moves(told, given.parameters["stalled_minutes"])
    with ProcessPool(1) as pool:
        running = pool.submit(_train, given, job, told, threads)
        try:
            if asked:
                scheduler_worker.watch(asked, pool, running, moves.check)
            while not wait([running], timeout=_POLL_SECONDS).done:
                moves.check()
        except (MemoryLimitError, StalledError, NotWantedError) as error:
            raise WorkError(f"{job.name}: {error}") from error
        return _result(running, job.name)


class _Moves:
    """Whether a training tells of something new."""

    def __init__(self, told: Path, minutes: float):
        self._told, self._minutes, self._seen, self._still = told, minutes, None, Standstill()

    def check(self) -> None:
        now = progress.read(self._told)
        if now != self._seen:
            self._seen = now
            self._still.end()
        elif self._still.grow(_POLL_SECONDS) > 60 * self._minutes:
            rule = f"something must move within {self._minutes:g} minutes (stalled_minutes)"
            raise StalledError(f"{rule}, got nothing")


def _result(running: Future, name: str):  # noqa: ANN202 - whatever was asked for
    try:
        return running.result()
    except BrokenProcessPool as error:
        raise WorkError(f"{name}: the process that works on it must live to the end, got killed") from error
    except Exception as error:
        raise WorkError(f"{name}: {type(error).__name__}: {error}") from error


def _ask(given: TrainingInputs, jobs: list[TrainingJob]) -> list[tuple[str, bool]]:
    from pneumo_utils.networks import training_jobs

    recipes = {model: given.recipe(model, trains=False) for model in {job.model for job in jobs}}
    seed = given.parameters["split_seed"]
    return [training_jobs.look(job, recipes[job.model], given.store, seed) for job in jobs]


def _train(given: TrainingInputs, job: TrainingJob, told: Path, threads: int) -> TrainingResult:
    os.environ |= {progress.VARIABLE: str(told)} | dict.fromkeys(_THREADS if threads else (), str(threads))
    with study_lock.join_trainings(given.store.work):
        from pneumo_utils.networks import training_jobs  # imported here: the pipeline knows no TensorFlow

        recipe = given.recipe(job.model, trains=True)
        made = training_jobs.obtain(job, recipe, given.store, given.parameters["split_seed"])
    return TrainingResult(made.trained_now, float(made.facts["seconds"].iloc[0]))
