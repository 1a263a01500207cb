"""The trainings of a study as tasks of a scheduler: one process each, done again where a worker dies."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pneumo_utils.networks.training_list import TrainingJob
from pneumo_utils.pipeline import training_process
from pneumo_utils.pipeline.progress_display import ProgressDisplay
from pneumo_utils.pipeline.scheduler_worker import TaskRequirements
from pneumo_utils.pipeline.task_scheduler import SchedulerError, TaskScheduler
from pneumo_utils.pipeline.training_process import TrainingInputs, TrainingResult

_POLL_SECONDS = 0.5  # between two looks at the tasks


def train_all(
    scheduler: TaskScheduler, given: TrainingInputs, jobs: Sequence[TrainingJob], threads: int, display: ProgressDisplay
) -> Iterator[tuple[TrainingJob, TrainingResult]]:
    """Train as many side by side as there are workers; each as it is done.

    Args:
        scheduler: that is open.
        given: of the study.
        jobs: in the order in which they are begun.
        threads: that a training computes with; 0: TensorFlow's own choice.
        display: shows each while it runs.

    Raises:
        WorkError: a training failed; others that have begun stop as soon as the scheduler is left.
        SchedulerError: workers or scheduler died, or cannot do it.
    """
    told = {job: training_process.progress_file(given.store, job) for job in jobs}
    tasks = {job: scheduler.submit(_train, given, job, told[job], threads, name=job.name) for job in jobs}
    shown: set[TrainingJob] = set()
    while tasks:
        for job in [job for job in tasks if job not in shown and (told[job].is_file() or tasks[job].done())]:
            display.begin(job.name, told[job])
            shown.add(job)
        for job in [job for job, task in tasks.items() if task.done()]:
            trained = scheduler.result(tasks.pop(job), job.name)
            display.end(job.name)
            yield job, trained
        scheduler.check_alive()
        time.sleep(_POLL_SECONDS)


def check_memory(scheduler: TaskScheduler, most: float) -> None:
    """Whether every worker may have the memory that the largest training is expected to need.

    Raises:
        SchedulerError: one may not.
    """
    if scheduler.memory is not None and scheduler.memory < most:
        rule = f"workers of {scheduler.named} must be allowed {most / 1e9:.1f} GB, which the largest training may need"
        raise SchedulerError(f"{rule}, got {scheduler.memory / 1e9:.1f} GB (fewer workers, or --memory-limit)")


def _train(
    asked: TaskRequirements, given: TrainingInputs, job: TrainingJob, told: Path, threads: int
) -> TrainingResult:
    """What a worker does: a process of its own trains, and may have the memory that the worker has."""
    return training_process.train(given, job, told, threads, asked)
