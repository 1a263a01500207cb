"""Shows what runs: bars on a terminal, a line every half minute elsewhere, and the page of progress."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

from pneumo_utils.pipeline.time_left import Running, TimeLeft
from pneumo_utils.records import progress
from pneumo_utils.records.durations import in_words

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.5  # between two looks at what notebooks tell
_LINE_SECONDS = 30.0  # between two lines where there is no terminal
_PAGE_SECONDS = 10.0  # between two versions of the page, which loads itself anew as often
_BAR = "{unit:<22} {bar:16} {desc}"


def describe(state: progress.State | None) -> str:
    """What a notebook does, in words; nothing where it has not told."""
    if state is None:
        return ""
    return ", ".join(text for text in (state.stage, state.note) if text)


@dataclass
class _Shown:
    """A page that runs, as it is shown."""

    file: Path  # where its notebook tells how far it is
    began: float
    line: float  # when its last line was written
    bar: tqdm


class ProgressDisplay:
    """What is seen of the notebooks that run, within a `with`.

    Args:
        left: of the study.
        write_page: writes the page of progress with a sentence on what runs.
        stream: a terminal or not; None: standard error.
    """

    def __init__(self, left: TimeLeft, write_page: Callable[[str], None], stream: TextIO | None = None):
        self._left, self._write_page, self._stream = left, write_page, stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._running: dict[str, _Shown] = {}
        self._page, self._over, self._lock = time.monotonic(), threading.Event(), threading.RLock()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ProgressDisplay:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._watcher.join()
        for page in list(self._running):
            self.end(page)

    def begin(self, page: str, file: Path) -> None:
        """Show `page` from now on, whose notebook tells in `file` how far it is."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        with self._lock:
            now = time.monotonic()
            bar = tqdm(
                total=1.0, file=self._stream, disable=not self._terminal, leave=False, ncols=80, nrows=20, unit=page,
                bar_format=_BAR, position=self._free_line(),
            )  # fmt: skip
            self._running[page] = _Shown(file, now, now, bar)
            if not self._terminal:
                _log.info("%-22s runs, %s", page, self._look()[0])

    def end(self, page: str) -> None:
        """Show `page` no longer."""
        with self._lock:
            shown = self._running.pop(page)
            shown.bar.close()
            shown.file.unlink(missing_ok=True)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Lines that are written within stand above the bars."""
        with self._lock, tqdm.external_write_mode(self._stream):
            yield

    def _free_line(self) -> int:
        """Number of the lowest line without a bar."""
        taken = {shown.bar.pos if self._terminal else None for shown in self._running.values()}
        return next(line for line in range(len(taken) + 1) if -line not in taken)

    def _watch(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            with self._lock:
                if self._running:
                    self._show(*self._look(), time.monotonic())

    def _show(self, left: str, seen: dict[str, tuple[float, str]], now: float) -> None:
        for page, (share, doing) in seen.items():
            shown, text = self._running[page], _joined(left, doing)  # first what a narrow terminal must not cut off
            if self._terminal:
                shown.bar.n, shown.bar.ncols = share, shutil.get_terminal_size().columns  # some say they have none
                shown.bar.set_description_str(text)
            elif now - shown.line >= _LINE_SECONDS:
                shown.line = now
                _log.info("%-22s %s", page, text)
        if now - self._page >= _PAGE_SECONDS:
            self._page = now
            told = {page: doing for page, (_, doing) in seen.items() if doing}
            alone = len(seen) == 1
            with suppress(OSError):  # a full disk stops the study where it writes what is needed, not here
                self._write_page(
                    _joined(left, *(doing if alone else f"{page}: {doing}" for page, doing in told.items()))
                )

    def _look(self) -> tuple[str, dict[str, tuple[float, str]]]:
        """Time left of the study in words; of every notebook the share that is done, and what it does."""
        now = time.monotonic()
        running = {page: Running(now - shown.began, progress.read(shown.file)) for page, shown in self._running.items()}
        left, everything = self._left.of(running, time.time())
        seen = {
            page: (one.elapsed / max(one.elapsed + left[page], 1e-9), describe(one.state))
            for page, one in running.items()
        }
        return f"about {in_words(everything)} left", seen


def _joined(*texts: str) -> str:
    return "; ".join(text for text in texts if text)
