"""A study that is killed again and again at seeded moments, and then left alone."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from support.processes import below, gone

_EPOCH = re.compile(r"epoch (\d+) of \d+ done")
_LONGEST = 240  # seconds that a moment is waited for


@dataclass
class Kills:
    """What happened."""

    moments: Counter = field(default_factory=Counter)  # where the study was killed
    orphans: int = 0  # processes that outlived their parent
    repeated: list[str] = field(default_factory=list)  # epochs that were kept and run again
    finished: list[Path] = field(default_factory=list)  # reports that were whole before the next moment came


def _progress(work: Path) -> dict[str, tuple[str, int]]:
    """By page the stage, and the epochs of it that are over."""
    found = {}
    for file in work.glob("progress/*.json"):
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        epoch = _EPOCH.search(told["note"])
        found[file.stem] = told["stage"], int(epoch[1]) if epoch else 0
    return found


def _kept(work: Path) -> dict[str, tuple[int, int]]:
    """By the folder of a network the phase and the epochs of it that its state holds."""
    found = {}
    for file in work.rglob("training-state.npz"):
        try:
            with np.load(file) as state:
                told = json.loads(str(state["told"]))
        except (OSError, ValueError, KeyError):
            continue
        found[str(file.parent)] = told["phase"], told["epoch"]
    return found


def _moments(work: Path) -> dict[str, Callable[[], bool]]:
    """Kinds of moments, each as a question that is asked until it is true."""
    return {
        "inside an epoch": lambda: any(epoch for _, epoch in _progress(work).values()),
        "inside a write": lambda: any(work.parent.rglob("*.part.*")),
        "inside a render": lambda: any(work.parent.glob("0*.part.html")),
        "while something else is told": lambda: any("epoch" not in one for one, _ in _progress(work).values()),
    }


def run(command: list[str], reports: Path, count: int, aside: Path, seed: int = 0) -> Kills:
    """Run a study and kill it `count` times; each run begins the moment the one before it is dead.

    A fast machine ends the study before it was killed so often: its report is laid aside then, and all begins anew.

    Args:
        command: that runs it.
        reports: folder of its report.
        count: how often.
        aside: folder for reports that were finished.
        seed: of the moments, and of who is killed: all its processes, the parent alone, or a kernel alone.

    Raises:
        subprocess.CalledProcessError: a run ended with a fault of its own.
    """
    chance, work, happened, whole = random.Random(seed), reports / "work", Kills(), []
    while (turn := happened.moments.total()) < count and len(happened.finished) <= count:
        started = subprocess.Popen(
            command, start_new_session=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        kind, true = list(_moments(work).items())[turn % 4]
        # where there are many, moments that do not come soon are not waited for
        due = time.monotonic() + (chance.uniform(5, 25) if count > len(_moments(work)) else _LONGEST)
        while started.poll() is None and not (reached := true()) and time.monotonic() < due:
            time.sleep(0.01)
        if started.poll() is not None:
            _lay_aside(started, reports, aside, happened)
            continue
        whole += below(started.pid)
        _kill(started, chance.choice(("all", "parent", "kernel")))
        started.wait()
        happened.moments[kind if reached else "anywhere"] += 1
        kept = _kept(work)
        if kept and turn + 1 < count:
            happened.repeated += _repeated(command, work, kept)
    happened.orphans = sum(not gone([one], 20) for one in whole)
    return happened


def _lay_aside(ended: subprocess.Popen, reports: Path, aside: Path, happened: Kills) -> None:
    if ended.returncode:
        raise subprocess.CalledProcessError(ended.returncode, ended.args)
    happened.finished.append(aside / str(len(happened.finished)))
    aside.mkdir(exist_ok=True)
    reports.rename(happened.finished[-1])


def _kill(started: subprocess.Popen, whom: str) -> None:
    if whom == "all":
        os.killpg(started.pid, signal.SIGKILL)
        for one in below(started.pid) if psutil.pid_exists(started.pid) else ():
            one.kill()
    elif whom == "parent":
        started.kill()
    elif kernels := below(started.pid, "ipykernel_launcher"):
        kernels[0].kill()
    else:  # none is there just now
        started.kill()


def _repeated(command: list[str], work: Path, kept: dict[str, tuple[int, int]]) -> list[str]:
    """Go on until a state has moved, and name what it does not go on from."""
    started = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    end, worse = time.monotonic() + _LONGEST, []
    while started.poll() is None and time.monotonic() < end:
        now = _kept(work)
        worse = [name for name, at in kept.items() if name in now and now[name] < at]
        if worse or any(now.get(name) != at for name, at in kept.items()):
            break
        time.sleep(0.02)
    started.kill()
    started.wait()
    return worse
