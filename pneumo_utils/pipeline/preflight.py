"""What can be told before any work is done: all of it in one go, each a sentence."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import psutil

from pneumo_utils.pipeline.notebook_parameters import PipelineError
from pneumo_utils.records import kernel_locks, unforeseen
from pneumo_utils.study.expected_space import Space

_log = logging.getLogger(__name__)
_EXPORTS = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",), "litert-int8": ("ai_edge_litert",)}


class PreflightError(PipelineError):
    """Something would stop a study.

    Args:
        sentences: one a fault.
    """

    def __init__(self, sentences: list[str]):
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def run(checks: Iterable[Callable[[], object]]) -> None:
    """Call all `checks`, and tell together what they raised.

    Raises:
        PreflightError: one of them raised something.
    """
    told = []
    for check in checks:
        try:
            check()
        except Exception as error:
            if os.environ.get("PNEUMO_DEBUG") and not isinstance(error, (ValueError, OSError)):
                raise
            told += unforeseen.sentences(error)
    if told:
        raise PreflightError(list(dict.fromkeys(told)))


def check_packages(engines: Iterable[str]) -> None:
    """Whether what a study needs is installed: TensorFlow, and what writes and runs its exports; nothing is imported.

    Args:
        engines: that networks are exported for.

    Raises:
        PipelineError: a package is not there.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise PipelineError("tensorflow must be installed (pip install 'pneumo-utils[cpu]'), got no such package")
    for engine in engines:
        missing = [name for name in _EXPORTS.get(engine, ()) if importlib.util.find_spec(name) is None]
        if missing:
            rule = f"{missing[0]} must be installed for the engine {engine} of deployment.exported_engines"
            asked = f"pip install 'pneumo-utils[export,{engine.partition('-')[0]}]'"
            raise PipelineError(f"{rule} ({asked}), got no such package")


def check_size(train: int, outside: int, validation_fraction: float, fewest: int) -> None:
    """See that enough radiographs are left to train on, of which the gate of the last notebook learns, too.

    Args:
        train: radiographs to train on.
        outside: radiographs outside test, from which validation is cut.
        validation_fraction: of the study, in (0, 1).
        fewest: that must be trained on.

    Raises:
        PipelineError: there are fewer.
    """
    if train < fewest:
        needed = math.ceil(round(fewest / (1 - validation_fraction), 6))
        raise PipelineError(
            f"at least {fewest} radiographs must be left to train on, got {train} of the {outside} outside test: "
            f"with a validation_fraction of {validation_fraction:g} there must be about {needed} or more outside test"
        )


def check_disk(needed: Mapping[Path, float], shown: Path) -> None:
    """See that the disk has what studies will take together; what earlier runs of each left there counts as room.

    Args:
        needed: bytes by the folder that each is written to; all of them are there, on one disk.
        shown: a folder of that disk as its user knows it.

    Raises:
        PipelineError: the disk is too small.
    """
    kept = sum(min(sum(_size(path) for path in folder.rglob("*")), disk) for folder, disk in needed.items())
    free, disk = (shutil.disk_usage(next(iter(needed))).free + kept) / 1e9, sum(needed.values()) / 1e9
    if free < disk:
        whose = "this study" if len(needed) == 1 else f"these {len(needed)} studies"
        raise PipelineError(f"disk of {shown} must have about {disk:.1f} GB for {whose}, got {free:.1f}: make room")


def tell_space(needed: Space) -> None:
    """Tell what a study will take, and warn where memory is short: more may be free once it runs."""
    memory, disk, wanted = psutil.virtual_memory().available / 1e9, needed.disk / 1e9, needed.memory / 1e9
    if memory < wanted:
        _log.warning(
            "needs about %.1f GB of memory, and %.1f are free: a smaller batch_size or notebooks_at_once needs less",
            wanted, memory,
        )  # fmt: skip
    else:
        _log.info("needs about %.1f GB of disk and %.1f GB of memory", disk, wanted)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # renamed meanwhile by somebody who trains beside
        return 0


def check_folder(folder: Path, name: str, shown: Path) -> None:
    """Make `folder` if need be, and see that it can be written, and locked for one process.

    Args:
        folder: that is written to.
        name: what it is, in words.
        shown: the folder as its user knows it.

    Raises:
        PipelineError: it cannot be written, or its file system has no locks.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):  # of a name that nobody else tries at the same moment
            pass
    except OSError as error:
        raise PipelineError(f"{name} {shown} must be writable, got {error.strerror}") from error
    try:
        kernel_locks.check(folder)
    except OSError as error:
        raise PipelineError(f"{name} {shown} must lie on a file system with locks, got {error.strerror}") from error
