"""A task of a scheduler, given to another worker where the one that was to do it turns out to be unfit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from pneumo_utils.pipeline.scheduler_worker import UnfitError

if TYPE_CHECKING:
    from distributed import Future


class Workers(Protocol):
    """Whom a task may be given to."""

    def fit(self) -> list[str]:
        """Addresses of those that are there now, but those that could not do a task."""

    def leave_out(self, error: UnfitError) -> list[str]:
        """The same, once the worker that raised `error` is one of the latter."""


class Task:
    """A task that a worker does, and others where it turns out to be unfit.

    Args:
        workers: whom it may be given to.
        start: gives it to any worker, or to one of those named.
        asked: addresses of those that may do it; none: any.
    """

    def __init__(self, workers: Workers, start: Callable[[list[str] | None], Future], asked: list[str]):
        self._there, self._start, self._asked = workers, start, set(asked)
        self._future = start(asked or None)

    def done(self) -> bool:
        """Whether it is over."""
        if not self._future.done():
            if self._asked and (there := self._there.fit()) and not self._asked & set(there):
                self._give(there)  # those it was given to have gone, and others have come
            return False
        error = self._future.exception() if self._future.status == "error" else None
        return not (isinstance(error, UnfitError) and self._give(self._there.leave_out(error)))

    def result(self) -> Any:
        """What it gave, or raised; waits for it."""
        while True:
            try:
                return self._future.result()
            except UnfitError as error:
                if not self._give(self._there.leave_out(error)):
                    raise

    def _give(self, workers: list[str]) -> bool:
        """Give it to `workers`; whether there are any."""
        if workers:
            self._asked, self._future = set(workers), self._start(workers)
        return bool(workers)
