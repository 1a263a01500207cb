"""The trainings of a study shared out: what there is to do, and one share of it, each in a process of its own."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

from pneumo_utils.networks import training_list
from pneumo_utils.networks.training_list import PERMUTED, TrainingJob
from pneumo_utils.pipeline import run_records, study_lock
from pneumo_utils.pipeline.process_pool import ProcessPool
from pneumo_utils.pipeline.progress_display import ProgressDisplay
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.study_run import StudyRun
from pneumo_utils.pipeline.time_left import TimeLeft
from pneumo_utils.records import progress, shares
from pneumo_utils.records.store import Store
from pneumo_utils.study import expected_space, expected_time, steps

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")  # read by TensorFlow as it is loaded
_LOOK = 5.0  # seconds between two looks whether a training moves
_log = logging.getLogger(__name__)


class WorkError(RuntimeError):
    """A training did not come to its end."""


@dataclass(frozen=True)
class Planned:
    """A training, and what is known of it before it runs."""

    job: TrainingJob
    done: bool
    seconds: float  # expected, on the machine that `expected_time` was measured on
    memory: float  # bytes
    folder: Path  # that its network is written to


def check(share: str, threads: int = 0) -> None:
    """Whether `work` can be asked so.

    Raises:
        ValueError: it cannot.
    """
    shares.take((), share, "job")
    if threads < 0:
        raise ValueError(f"threads must be at least 0, got {threads}")


def plan(line: Pipeline, ready: bool) -> list[Planned]:
    """Every training of a study, the longest first.

    Args:
        line: the study, checked.
        ready: whether it `is_prepared`; if not, nothing is done, and trainings without a series are not known yet.
    """
    listed = _listed(line, ready)
    done = _done(line, [planned.job for planned in listed]) if ready else [False] * len(listed)
    return [replace(one, done=over) for one, over in zip(listed, done, strict=True)]


def is_prepared(line: Pipeline) -> bool:
    """Whether the tables and pictures that all trainings share are there and up to date."""
    listed = steps.before_training(line.steps)
    return all(line.is_fresh(step, run_records.read(line.store, step.page), line.key(step)) for step in listed)


def work(line: Pipeline, share: str, threads: int = 0) -> tuple[int, int]:
    """Do what is left of one share of the trainings; safe beside others that do theirs, or the same.

    Args:
        line: the study, checked.
        share: `i/n`, the i-th of n; see `check`.
        threads: that a training computes with; 0: TensorFlow's own choice. Another number of them gives another last
            digit.

    Returns:
        how many were trained, and how many the share has.

    Raises:
        WorkError: a training failed, stood still for `stalled_minutes`, or its process was killed.
    """
    if not is_prepared(line):
        study_lock.wait(line.name, line.store.work)  # for another that may be preparing it
    if not is_prepared(line):
        with study_lock.hold(line.name, line.store.work):
            StudyRun(line).up_to_training()  # nothing, where another was faster
    with study_lock.train_beside(line.name, line.store.work):
        own = shares.take(_listed(line, ready=True), share, "job")
        left = [one for one, done in zip(own, _done(line, [one.job for one in own]), strict=True) if not done]
        return sum(_train_all(line, left, threads)), len(own)


def _listed(line: Pipeline, ready: bool) -> list[Planned]:
    """The same for every share, whatever is done already."""
    study = line.study
    series = training_list.left_out_series(study.training, line.store) if ready else []
    found = []
    for job in training_list.of_study(study.training, series):
        seconds = expected_time.of_training(job.model, study, line.pictures, permuted=job.splits == PERMUTED)
        folder = job.store(line.store).network_folder(job.model, job.seed)
        found.append(Planned(job, False, seconds, expected_space.memory_of_training(job.model, study), folder))
    return sorted(found, key=lambda one: -one.seconds)


def _done(line: Pipeline, jobs: list[TrainingJob]) -> list[bool]:
    """Which of `jobs` are; asked of another process, which loads TensorFlow and ends."""
    with ProcessPool(1) as pool:
        return _result(pool.submit(_ask, _Given.of(line), jobs), "what is done already") if jobs else []


def _train_all(line: Pipeline, left: list[Planned], threads: int) -> Iterator[bool]:
    """Train one after another, each in a fresh process; whether each was trained now."""
    shown = TimeLeft({one.job.name: one.seconds for one in left})
    with ProcessPool(1, each=1) as pool, ProgressDisplay(shown, lambda _: None) as display:
        for one in left:
            name, told = one.job.name, line.store.progress_file(one.job.name)
            display.begin(name, told)
            running = pool.submit(_train, _Given.of(line), one.job, told, threads)
            _watch(running, told, name, line.study.run.stalled_minutes)
            trained, seconds = _result(running, name)
            display.end(name)
            shown.took[name] = seconds
            _log.info("%-22s %s", name, f"{seconds:.0f} s" if trained else "was trained meanwhile")
            yield trained


def _watch(running: Future, told: Path, name: str, minutes: float) -> None:
    """Wait for a training as long as it tells of something new."""
    seen, since = None, time.monotonic()
    while not wait([running], timeout=_LOOK).done:
        now = progress.read(told)
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > 60 * minutes:
            raise WorkError(f"{name}: something must move within {minutes:g} minutes (stalled_minutes), got nothing")


def _result(running: Future, name: str):  # noqa: ANN202 - whatever was asked for
    try:
        return running.result()
    except BrokenProcessPool as error:
        raise WorkError(f"{name}: the process that works on it must live to the end, got killed") from error
    except Exception as error:
        raise WorkError(f"{name}: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class _Given:
    """What a training process needs to know of a study."""

    store: Store
    parameters: dict  # by name
    start: dict[str, Path | None]  # file that each network starts from

    @classmethod
    def of(cls, line: Pipeline) -> _Given:
        return cls(line.store, line.study.flat(), line.start)

    def recipe(self, model: str):  # noqa: ANN201 - TensorFlow is not loaded for the sake of a type
        from pneumo_utils.networks import training_recipe

        return training_recipe.of_parameters(self.parameters, model, self.start[model])


def _ask(given: _Given, jobs: list[TrainingJob]) -> list[bool]:
    from pneumo_utils.networks import training_jobs

    recipes = {model: given.recipe(model) for model in {job.model for job in jobs}}
    seed = given.parameters["split_seed"]
    return [training_jobs.is_done(job, recipes[job.model], given.store, seed) for job in jobs]


def _train(given: _Given, job: TrainingJob, told: Path, threads: int) -> tuple[bool, float]:
    os.environ |= {progress.VARIABLE: str(told)} | dict.fromkeys(_THREADS if threads else (), str(threads))
    with study_lock.join_trainings(given.store.work):
        from pneumo_utils.networks import training_jobs  # imported here: the pipeline knows no TensorFlow

        made = training_jobs.obtain(job, given.recipe(job.model), given.store, given.parameters["split_seed"])
    return made.trained_now, float(made.facts["seconds"].iloc[0])
