"""What can be told before any work is done: all of it in one go, each a sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from pneumo_utils.pipeline.notebook_parameters import PipelineError
from pneumo_utils.records.atomic import atomic_write

_LEAST_FREE = 1.0  # GB: pictures, networks and pages of a study


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
        PreflightError: one of them raised a `ValueError` or an `OSError`.
    """
    told = []
    for check in checks:
        try:
            check()
        except (ValueError, OSError) as error:
            told.append(str(error))
    if told:
        raise PreflightError(list(dict.fromkeys(told)))


def check_folder(folder: Path, name: str, shown: Path) -> None:
    """Make `folder` if need be, and see that it can be written and that its disk has room.

    Args:
        folder: that is written to.
        name: what it is, in words.
        shown: the folder as its user knows it.

    Raises:
        PipelineError: it cannot be written, or less than a gigabyte is free.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / "probe") as part:
            part.write_bytes(b"")
        (folder / "probe").unlink()
    except OSError as error:
        raise PipelineError(f"{name} {shown} must be writable, got {error.strerror}") from error
    free = shutil.disk_usage(folder).free / 1e9
    if free < _LEAST_FREE:
        raise PipelineError(f"{name} {shown} must have {_LEAST_FREE:g} GB free, got {free:.2f}: make room")
