"""How far scoring has come: a bar on a terminal, a line every half minute where there is none."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager
from types import TracebackType

from tqdm import tqdm

from pneumo_utils.deployment.scores import REFUSED
from pneumo_utils.records.durations import in_words

_PAUSE = 30.0  # seconds between two lines

_log = logging.getLogger(__name__)


class ScoringProgress(AbstractContextManager):
    """Tells on the standard error how many files are done and how long the rest will take.

    Args:
        total: files in all.
    """

    def __init__(self, total: int):
        self._total, self._counts = total, Counter()
        self._told = time.monotonic()
        self._first: tuple[float, int] | None = None  # when files were first told to be done, and how many
        # nothing is shown where all is done within a second
        self._bar = tqdm(total=total, unit=" files", leave=False, delay=1, disable=not sys.stderr.isatty())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, counts: Counter) -> None:
        """So many files are done, by their status."""
        self._counts = counts
        self._first = self._first or (time.monotonic(), counts.total())
        self._bar.update(counts.total() - self._bar.n)
        if counts[REFUSED]:
            self._bar.set_postfix(refused=counts[REFUSED], refresh=False)
        if self._bar.disable and time.monotonic() - self._told > _PAUSE:
            self._told = time.monotonic()
            _log.info("%s", self.sentence(self._told))

    def sentence(self, now: float) -> str:
        """How far it has come, and how long the rest takes by what was done since the first: a start takes long.

        Args:
            now: of `time.monotonic`.
        """
        done, (began, before) = self._counts.total(), self._first or (now, 0)
        told = f"{done:,} of {self._total:,} files, {self._counts[REFUSED]:,} refused"
        if done <= before:
            return told
        return f"{told}, about {in_words((now - began) / (done - before) * (self._total - done))} left"
