"""Tasks for a scheduler, in a module that its workers can import."""

from __future__ import annotations

import os
import time
from pathlib import Path


def note(asked: object, folder: str, seconds: float) -> int:
    """Say which process does it, and take its time."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(seconds)
    return os.getpid()


def fail(asked: object) -> None:
    """What cannot be done."""
    raise ValueError("labels must be 0 or 1, got 2")


def tell_gpus(asked: object, folder: str, wanted: int) -> str:
    """Names of the GPUs that this worker sees; when others tell, too."""
    seen = os.environ["CUDA_VISIBLE_DEVICES"]
    (Path(folder) / str(os.getpid())).touch()
    while sum(file.name.isdigit() for file in Path(folder).iterdir()) < wanted:
        time.sleep(0.1)
    return seen


def train(asked: object, given: object, job: object, told: Path, threads: int) -> object:
    """A training without a network: notes on disk who begins and who ends it, and waits for a sign between."""
    from pneumo_utils.pipeline.training_process import TrainingResult

    folder = given.store.work / "noted"
    (folder / f"{job.name} begun by {os.getpid()}").touch()
    while not (folder / "go on").exists():
        time.sleep(0.1)
    (folder / f"{job.name} ended by {os.getpid()}").touch()
    return TrainingResult(True, 0.0)


def unfit_at(asked: object, address: str) -> str:
    """A task that one worker cannot do; who did it."""
    from distributed import get_worker

    from pneumo_utils.pipeline.scheduler_worker import UnfitError

    own = get_worker().address
    if own == address:
        raise UnfitError("have the same code", own)
    return own
