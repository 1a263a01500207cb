"""Radiographs scored in shards, each a task of a scheduler; the table at the end is that of one process."""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pneumo_utils.deployment import input_files, prediction, score_rows, score_table
from pneumo_utils.deployment.bundle import Bundle
from pneumo_utils.deployment.growing_table import GrowingTable
from pneumo_utils.deployment.input_files import InputFiles
from pneumo_utils.deployment.prediction import PredictionError
from pneumo_utils.deployment.score_table import ScoreTable
from pneumo_utils.deployment.scores import TERMINAL
from pneumo_utils.deployment.scoring import engine_label
from pneumo_utils.deployment.scoring_progress import ScoringProgress
from pneumo_utils.pipeline import scheduler_worker, task_scheduler
from pneumo_utils.pipeline.process_pool import MemoryLimitError, ProcessPool
from pneumo_utils.pipeline.scheduler_worker import NotWantedError, TaskRequirements
from pneumo_utils.pipeline.task_scheduler import TaskScheduler
from pneumo_utils.records import shares
from pneumo_utils.records.atomic import alone

_POLL_SECONDS = 0.5  # between two looks at the shards


class ShardError(RuntimeError):
    """A shard did not come to its end."""


def run(given: argparse.Namespace) -> int:
    """Score what was asked for, one shard per worker, and join the shards; arguments and result as `prediction.run`.

    Raises:
        ValueError: an argument, a path, the bundle or the scheduler is wrong; nothing has been written then.
        ShardError: a shard failed; its rows are kept, and the next run goes on from them.
    """
    task_scheduler.check(given.scheduler)
    if given.out == TERMINAL:
        raise PredictionError("out must name a file where a scheduler shares the files out, got none")
    if given.shard != "1/1":
        raise PredictionError(f"shard must be left out where a scheduler shares the files out, got {given.shard}")
    bundle = prediction.check(given)
    found = prediction.find(given)
    table = Path(given.out)
    table.parent.mkdir(parents=True, exist_ok=True)
    counts: Counter = Counter()
    seen = [path for path in (found.paths[0], found.paths[-1]) if os.path.exists(path)]  # noqa: PTH110 - never raises
    places = [Path.cwd(), given.model, *map(Path, seen)]
    with (
        TaskScheduler(given.scheduler, table.parent, "pipeline.scheduled_scoring", places) as tasks,
        ScoreTable(table, bundle.digest, engine_label(given.engine, given.any_age), given.json) as joined,
    ):
        count = min(max(tasks.workers, 1), len(found.paths))
        missing = _wait([*_submit(tasks, given, found, joined, count)], tasks, len(found.paths))
        for status in joined.take_up(map(input_files.name_safely, found.paths), count):
            counts[status] += 1
    return prediction.conclude(found, counts, missing)


@dataclass
class _Shard:
    """One shard, and how far it is."""

    name: str
    table: GrowingTable
    task: Any


def _submit(
    tasks: TaskScheduler, given: argparse.Namespace, found: InputFiles, joined: ScoreTable, count: int
) -> Iterator[_Shard]:
    for number in range(1, count + 1):
        name, table = f"shard {number} of {count}", score_table.shard_of(joined.path, number, count)
        own = argparse.Namespace(**vars(given) | {"out": str(table)})
        files = replace(found, paths=shares.take(found.paths, f"{number}/{count}", "shard"))
        told = own, files, joined.bundle, joined.rows, Path.cwd()
        task = tasks.submit(_score_shard, *told, name=f"predict-{number}-of-{count}")
        yield _Shard(name, GrowingTable(table, given.json), task)


def _wait(shards: Sequence[_Shard], tasks: TaskScheduler, total: int) -> int:
    """DICOM answers that could not be written."""
    left, missing = list(shards), 0
    with ScoringProgress(total) as progress:
        while left:
            for shard in [one for one in left if one.task.done()]:
                missing += tasks.result(shard.task, shard.name)
                shard.task = None  # or it would be done again when its worker dies
                left.remove(shard)
            tasks.check_alive()
            progress.show(sum((shard.table.count() for shard in shards), Counter()))
            time.sleep(_POLL_SECONDS)
    return missing


def _score_shard(
    asked: TaskRequirements, given: argparse.Namespace, found: InputFiles, digest: str, rows: tuple[Path, ...], at: Path
) -> int:
    """What a worker does: a process of its own scores, and may have the memory that the worker has.

    Returns:
        DICOM answers that could not be written.
    """
    try:
        with ProcessPool(1) as pool:
            running = pool.submit(_score, given, found, digest, rows, at)
            scheduler_worker.watch(asked, pool, running)
            return running.result()
    except BrokenProcessPool as error:
        raise ShardError("the process that scores must live to the end, got killed") from error
    except (MemoryLimitError, NotWantedError) as error:
        raise ShardError(str(error)) from error


def _score(given: argparse.Namespace, found: InputFiles, digest: str, rows: tuple[Path, ...], at: Path) -> int:
    os.chdir(at)  # paths are those of where the command was typed
    with alone(Path(given.out)):  # a shard of an earlier run, whose client was killed, may still be at work
        bundle = Bundle(given.model)
        if bundle.digest != digest:  # written anew meanwhile, or this machine has a copy of its own
            rule = f"bundle must be the one that scoring began with ({digest[: score_rows.DIGITS]}) on every worker"
            raise ShardError(f"{rule}, got {bundle.digest[: score_rows.DIGITS]} in {given.model}")
        answers = prediction.open_answers(given, bundle)
        for _ in prediction.score(given, bundle, found, answers, rows):
            pass
    return answers.missing
