"""The trainings of a study shared out: what there is to do, and one share of it, each in a process of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from pneumo_utils.networks import training_list
from pneumo_utils.networks.training_list import PERMUTED, TrainingJob
from pneumo_utils.pipeline import run_records, scheduled_training, study_lock, task_scheduler, training_process
from pneumo_utils.pipeline.progress_display import ProgressDisplay
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.study_run import StudyRun
from pneumo_utils.pipeline.task_scheduler import TaskScheduler
from pneumo_utils.pipeline.time_left import TimeLeft
from pneumo_utils.pipeline.training_process import TrainingInputs, TrainingResult, find_done, find_keys
from pneumo_utils.records import shares
from pneumo_utils.study import expected_space, expected_time, steps

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PlannedTraining:
    """A training, and what is known of it before it runs."""

    job: TrainingJob
    done: bool
    seconds: float  # expected, on the machine that `expected_time` was measured on
    memory: float  # bytes
    folder: Path  # that its network is written to
    weights: Path | None  # file it starts from; None: random weights
    key: str = ""  # that its network is kept by; empty: its pictures or splits are not written yet


def check(share: str, threads: int = 0, scheduler: str = "") -> None:
    """Whether `work` can be asked so.

    Raises:
        ValueError: it cannot.
    """
    shares.take((), share, "job")
    shares.check_threads(threads)
    if scheduler:
        task_scheduler.check(scheduler)


def plan(pipeline: Pipeline, ready: bool) -> list[PlannedTraining]:
    """Every training of a study, the longest first.

    Args:
        pipeline: the study, checked.
        ready: whether it `is_prepared`; if not, nothing is done, and trainings without a series are not known yet.
    """
    listed = _listed(pipeline, ready)
    if not ready:
        return listed
    found = find_keys(TrainingInputs.of(pipeline), [one.job for one in listed])
    return [replace(one, key=key, done=done) for one, (key, done) in zip(listed, found, strict=True)]


def is_prepared(pipeline: Pipeline) -> bool:
    """Whether the tables and pictures that all trainings share are there and up to date."""
    listed = steps.before_training(pipeline.steps)
    return all(
        pipeline.is_fresh(step, run_records.read(pipeline.store, step.page), pipeline.key(step)) for step in listed
    )


def work(pipeline: Pipeline, share: str, threads: int = 0, scheduler: str = "") -> tuple[int, int]:
    """Do what is left of one share of the trainings; safe beside others that do theirs, or the same.

    Args:
        pipeline: the study, checked.
        share: `i/n`, the i-th of n; see `check`.
        threads: that a training computes with; 0: TensorFlow's own choice. With another number of them trainings differ
            about as those of two seeds do.
        scheduler: whose workers train, side by side; see `task_scheduler.check`. None: one after another, here.

    Returns:
        how many were trained, and how many the share has.

    Raises:
        WorkError: a training failed, stood still for `stalled_minutes`, or its process was killed.
        SchedulerError: the scheduler or its workers cannot do it.
    """
    if scheduler and not is_prepared(pipeline):
        with _open(scheduler, pipeline):  # what is wrong with it is told before the first pages, which take minutes
            pass
    _prepare(pipeline)
    with ExitStack() as opened:
        tasks = opened.enter_context(_open(scheduler, pipeline)) if scheduler else None
        opened.enter_context(study_lock.train_beside(pipeline.name, pipeline.store.work))
        pipeline.store.bring_back_networks(pipeline.study.training.networks)
        own = shares.take(_listed(pipeline, ready=True), share, "job")
        done = find_done(TrainingInputs.of(pipeline), [one.job for one in own])
        left = [one for one, over in zip(own, done, strict=True) if not over]
        if tasks and left:
            scheduled_training.check_memory(tasks, max(one.memory for one in left))
        return sum(_train_all(pipeline, left, threads, tasks)), len(own)


def _open(scheduler: str, pipeline: Pipeline) -> TaskScheduler:
    """A scheduler whose workers see the run directory of the study, and the weights that its networks start from."""
    weights = [file for file in pipeline.start.values() if file]
    return TaskScheduler(scheduler, pipeline.store.work, "pipeline.scheduled_training", weights)


def _prepare(pipeline: Pipeline) -> None:
    """Run the pages that all trainings need, unless they have run."""
    if is_prepared(pipeline):
        return
    with study_lock.hold(pipeline.name, pipeline.store.work, unless=lambda: is_prepared(pipeline)) as held:
        if held:  # nobody was faster
            StudyRun(pipeline).up_to_training()


def _train_all(
    pipeline: Pipeline, left: list[PlannedTraining], threads: int, tasks: TaskScheduler | None
) -> Iterator[bool]:
    """Train what is left, and say so; whether each was trained now."""
    given, jobs = TrainingInputs.of(pipeline), [one.job for one in left]
    training_process.delete_stale_progress(given.store)
    expected = {one.job.name: one.seconds for one in left}
    stages = {job.name: pipeline.expected_stages(job.model, [job.seed]) for job in jobs if job.splits != PERMUTED}
    shown = TimeLeft(expected, at_once=max(tasks.workers, 1) if tasks else 1, stages=stages)
    with ProgressDisplay(shown, lambda _: None) as display:
        if tasks:
            trainings = scheduled_training.train_all(tasks, given, jobs, threads, display)
        else:
            trainings = _train_one_by_one(given, jobs, threads, display)
        for job, trained in trainings:
            shown.took[job.name] = trained.seconds
            with display.aside():
                _log.info("%-22s %s", job.name, f"{trained.seconds:.0f} s" if trained.now else "was trained meanwhile")
            yield trained.now


def _train_one_by_one(
    given: TrainingInputs, jobs: list[TrainingJob], threads: int, display: ProgressDisplay
) -> Iterator[tuple[TrainingJob, TrainingResult]]:
    for job in jobs:
        told = training_process.progress_file(given.store, job)
        display.begin(job.name, told)
        trained = training_process.train(given, job, told, threads)
        display.end(job.name)
        yield job, trained


def _listed(pipeline: Pipeline, ready: bool) -> list[PlannedTraining]:
    """The same for every share, whatever is done already."""
    study = pipeline.study
    series = training_list.left_out_series(study.training, pipeline.store) if ready else []
    found = []
    for job in training_list.of_study(study.training, series):
        seconds = expected_time.of_training(job.model, study, pipeline.pictures, permuted=job.splits == PERMUTED)
        folder = job.store(pipeline.store).network_folder(job.model, job.seed)
        memory, start = expected_space.memory_of_training(job.model, study), pipeline.start[job.model]
        found.append(PlannedTraining(job, False, seconds, memory, folder, start))
    return sorted(found, key=lambda one: -one.seconds)
