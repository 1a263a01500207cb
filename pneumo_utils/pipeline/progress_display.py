"""Shows what runs: a bar on a terminal, a line every half minute elsewhere, and the page of progress."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from pneumo_utils.records import progress

_log = logging.getLogger(__name__)
_LOOK = 0.5  # seconds between two looks at what the notebook tells
_LINE = 30.0  # seconds between two lines where there is no terminal
_PAGE = 10.0  # seconds between two versions of the page, which loads itself anew as often
_DOUBT = 20.0  # seconds that speak for the reference machine: a first page of few seconds says little
_WORTH = 0.02  # share of a stage from which its own speed tells its end


@dataclass
class TimeLeft:
    """How long a study will still take, from what its pages should take and what they took.

    Args:
        expected: seconds on the reference machine, of every page that will run.
    """

    expected: Mapping[str, float]
    took: dict[str, float] = field(default_factory=dict)  # seconds, of the pages that ran

    def of(self, page: str, elapsed: float, state: progress.State | None, now: float) -> tuple[float, float]:
        """Seconds left of the page that runs, and of the study.

        Args:
            page: that runs.
            elapsed: seconds since it began.
            state: what its notebook told last.
            now: seconds since 1970.
        """
        planned = self.expected.get(page, 0.0)  # none where nobody foresaw that it runs
        done = sum(self.expected.get(other, 0.0) for other in self.took)
        spent = sum(self.took.values())
        left = max(planned * (spent + _DOUBT) / (done + _DOUBT) - elapsed, 0.0)
        if state is not None and state.share > _WORTH:
            left = max(left, (now - state.began) * (1 - state.share) / state.share)
        speed = (spent + elapsed + left + _DOUBT) / (done + planned + _DOUBT)
        waiting = sum(seconds for other, seconds in self.expected.items() if other not in self.took and other != page)
        return left, left + speed * waiting


def in_words(seconds: float) -> str:
    """A length of time, as exact as it is known."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def describe(state: progress.State | None) -> str:
    """What the notebook does, in words; nothing where it has not told."""
    if state is None:
        return ""
    return ", ".join(text for text in (state.stage, state.note) if text)


@contextmanager
def shown(
    page: str, file: Path, left: TimeLeft, write_page: Callable[[str], None], stream: TextIO | None = None
) -> Iterator[None]:
    """Show how far a notebook is while the block runs it.

    Args:
        page: that it makes.
        file: where its process tells how far it is; named to it by the environment, and deleted at the end.
        left: of the study.
        write_page: writes the page of progress with a sentence on what runs.
        stream: a terminal or not; None: standard error.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    view = _View(page, file, left, write_page, stream or sys.stderr)
    os.environ[progress.VARIABLE] = str(file)
    watcher = threading.Thread(target=view.watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        view.over.set()
        watcher.join()
        del os.environ[progress.VARIABLE]
        file.unlink(missing_ok=True)


class _View:
    """What is seen of one notebook; arguments as `shown`."""

    def __init__(self, page: str, file: Path, left: TimeLeft, write_page: Callable[[str], None], stream: TextIO):
        self._page, self._file, self._left, self._write_page, self._stream = page, file, left, write_page, stream
        self.over, self._began = threading.Event(), time.monotonic()

    def watch(self) -> None:
        """Look every now and then, until it is over."""
        terminal = self._stream.isatty()
        line = page = self._began
        if not terminal:
            _log.info("%-22s runs, %s", self._page, self._look()[1])
        bar = tqdm(
            total=1.0, file=self._stream, disable=not terminal, leave=False, ncols=80, nrows=20,
            unit=self._page, bar_format="{unit:<22} {bar:16} {desc}",
        )  # fmt: skip
        with bar:
            while not self.over.wait(_LOOK):
                share, text = self._look()
                now = time.monotonic()
                if terminal:
                    bar.n, bar.ncols = share, shutil.get_terminal_size().columns  # some terminals say they have none
                    bar.set_description_str(text)
                elif now - line >= _LINE:
                    line = now
                    _log.info("%-22s %s", self._page, text)
                if now - page >= _PAGE:
                    page = now
                    self._write_page(text)

    def _look(self) -> tuple[float, str]:
        """Share of the notebook that is done, and what it does in words."""
        state, elapsed = progress.read(self._file), time.monotonic() - self._began
        here, everything = self._left.of(self._page, elapsed, state, time.time())
        told = [f"about {in_words(everything)} left", describe(state)]  # first what a narrow terminal must not cut off
        return elapsed / (elapsed + here), "; ".join(text for text in told if text)
