"""How far long work has come, told to whoever waits for it.

A notebook runs in a process of its own, so the pipeline names a file, and what works in the notebook keeps its state
in it. Where nobody names one, a notebook that is open in JupyterLab shows a bar under its cell once that is worth one;
a script or a test shows nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from pneumo_utils.records.atomic import atomic_write

VARIABLE = "PNEUMO_PROGRESS"  # environment variable that names the file
_PAUSE = 0.3  # seconds between two states: whoever reads looks no more often
_WORTH = 0.02  # share of a stage from which its own pace tells its end
_WORTH_A_BAR = 3.0  # seconds after which a cell in JupyterLab shows one
T = TypeVar("T")


@dataclass(frozen=True)
class State:
    """How far one stage has come."""

    stage: str  # what is done, in words
    done: int  # units of it
    total: int  # units in all, at most; 0: not known
    note: str = ""  # the last thing worth telling, as an epoch and its loss
    began: float = 0.0  # seconds since 1970
    before: int = 0  # units that an earlier run has done

    @property
    def share(self) -> float:
        """Of the stage that is done, in [0, 1]."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def pace(self, now: float) -> float | None:
        """Seconds that the whole stage takes, as it goes since it began; None while too little of it is done to tell.

        Args:
            now: seconds since 1970.
        """
        done = min(self.done, self.total) - self.before
        return (now - self.began) * self.total / done if done > _WORTH * self.total else None


def read(file: Path) -> State | None:
    """The state in `file`; None where nothing has been told yet."""
    try:
        return State(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


class Stage:
    """One stage of long work, as its worker sees it.

    Args:
        name: what is done, in words.
        total: units in all, at most.
    """

    def __init__(self, name: str, total: int):
        self._state, self._told = State(name, 0, total, began=time.time()), 0.0
        self._file = os.environ.get(VARIABLE)
        shown = not self._file and _in_jupyter()
        self._bar = tqdm(total=total, desc=name, delay=_WORTH_A_BAR, leave=False) if shown else None
        self._tell()

    def advance(self, units: int = 1) -> None:
        """So many units more are done."""
        self._state = replace(self._state, done=self._state.done + units)
        if self._bar is not None:
            self._bar.update(units)
        if time.monotonic() - self._told > _PAUSE:
            self._tell()

    def skip(self, units: int) -> None:
        """So many units were done by an earlier run."""
        self._state = replace(self._state, before=units)
        self.advance(units)

    def note(self, text: str) -> None:
        """Something worth telling."""
        self._state = replace(self._state, note=text)
        if self._bar is not None:
            self._bar.set_postfix_str(text)
        self._tell()

    def end(self) -> None:
        """The stage is over, whether or not all its units were needed."""
        if self._bar is not None:
            self._bar.close()
        if self._file:
            Path(self._file).unlink(missing_ok=True)

    def _tell(self) -> None:
        self._told = time.monotonic()
        if self._file:
            # how far work has come is a courtesy: a full disk must not end the work for it
            with suppress(OSError), atomic_write(Path(self._file)) as part:
                part.write_text(json.dumps(asdict(self._state)), encoding="utf-8")


def _in_jupyter() -> bool:
    found = sys.modules.get("IPython")
    return found is not None and found.get_ipython() is not None


@contextmanager
def stage(name: str, total: int) -> Iterator[Stage]:
    """A `Stage` that ends with the block."""
    one = Stage(name, total)
    try:
        yield one
    finally:
        one.end()


def track(items: Iterable[T], name: str, total: int) -> Iterator[T]:
    """`items`, one unit each, of a stage `name` with `total` units."""
    with stage(name, total) as one:
        for item in items:
            yield item
            one.advance()
