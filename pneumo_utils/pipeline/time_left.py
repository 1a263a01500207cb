"""How long a study will still take, from what its pages should take and what they took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from pneumo_utils.records import progress

_DOUBT = 20.0  # seconds that speak for the reference machine: a first page, or a stage, of few seconds says little


@dataclass(frozen=True)
class Running:
    """A page that runs."""

    elapsed: float  # seconds since it began
    state: progress.State | None = None  # what its notebook told last


@dataclass
class TimeLeft:
    """How long a study will still take.

    Args:
        expected: seconds on the reference machine, of every page that will run, in running order.
        took: seconds, of the pages that ran; grows.
        unchanged: pages that turned out not to run; grows.
        after: pages that each page waits for.
        at_once: pages that run side by side.
        stages: seconds on the reference machine of the stages of a page in which a network learns, in running order, by
            what is told of them: one that runs shows how fast this machine is at what is left of its page, and one that
            does not run, or goes on, was learned by an earlier run.
    """

    expected: Mapping[str, float]
    took: dict[str, float] = field(default_factory=dict)
    unchanged: set[str] = field(default_factory=set)
    after: Mapping[str, Set[str]] = field(default_factory=dict)
    at_once: int = 1
    stages: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    _times: dict[str, float] = field(default_factory=dict)  # by page, how many times as long its last stage took
    _learned: dict[str, dict[str, float]] = field(default_factory=dict)  # by page, share of a stage that ran here

    def leave_out(self, page: str, seeds: Iterable[int]) -> None:
        """Plan a page without the stages of seeds that an earlier run has trained."""
        begins = tuple(f"seed {seed}, " for seed in seeds)
        kept = {stage: seconds for stage, seconds in self.stages.get(page, {}).items() if stage.startswith(begins)}
        stages = {stage: seconds for stage, seconds in self.stages.get(page, {}).items() if stage not in kept}
        self.stages = {**self.stages, page: stages}
        self.expected = {**self.expected, page: max(self.expected.get(page, 0.0) - sum(kept.values()), 0.0)}

    def of(self, running: Mapping[str, Running], now: float) -> tuple[dict[str, float], float]:
        """Seconds left of every page that runs, and of the study.

        Args:
            running: the pages that run.
            now: seconds since 1970.
        """
        for page, one in running.items():
            self._see(page, one.state)
        # a page whose network an earlier run has trained says nothing of this machine
        whole = [page for page in self.took if not self._kept(page, list(self.stages.get(page, {})))]
        done, spent = sum(self.expected.get(page, 0.0) for page in whole), sum(self.took[page] for page in whole)
        left = {
            page: self._of_page(page, one, (spent + _DOUBT) / (done + _DOUBT), now) for page, one in running.items()
        }
        planned = sum(self._planned(page) for page in running)
        elapsed = sum(one.elapsed for one in running.values())
        speed = (spent + elapsed + sum(left.values()) + _DOUBT) / (done + planned + _DOUBT)
        over = {*running, *self.took, *self.unchanged}
        waiting = {page: speed * seconds for page, seconds in self.expected.items() if page not in over}
        return left, self._until_the_end(left, waiting)

    def _see(self, page: str, state: progress.State | None) -> None:
        """Keep how much of the stage that runs is learned here."""
        if state is not None and state.stage in self.stages.get(page, {}):
            self._learned.setdefault(page, {})[state.stage] = 1 - state.before / max(state.total, 1)

    def _kept(self, page: str, stages: Iterable[str]) -> float:
        """Seconds, on the reference machine, of what earlier runs have learned of stages that are over or run."""
        learned = self._learned.get(page, {})
        return sum(self.stages[page][stage] * (1 - learned.get(stage, 0.0)) for stage in stages)

    def _planned(self, page: str) -> float:
        """Seconds, on the reference machine, of a page that runs, less what earlier runs are known to have learned."""
        stages, learned = list(self.stages.get(page, {})), self._learned.get(page, {})
        last = max((stages.index(stage) + 1 for stage in learned if stage in stages), default=0)
        return self.expected.get(page, 0.0) - self._kept(page, stages[:last])  # none where nobody foresaw that it runs

    def _of_page(self, page: str, one: Running, times: float, now: float) -> float:
        """Seconds left of a page that runs, where the pages before took so many times as long as planned."""
        planned, told = self._planned(page), 0.0
        if one.state is not None and (whole := one.state.pace(now)) is not None:
            told = whole * (1 - one.state.share)
            if (stage := self.stages.get(page, {}).get(one.state.stage, 0.0)) >= _DOUBT:
                self._times[page] = whole / stage
        return max(self._times.get(page, times) * planned - one.elapsed, told, 0.0)

    def _until_the_end(self, running: Mapping[str, float], waiting: Mapping[str, float]) -> float:
        """Seconds until all pages are done, when as many run side by side as may."""
        running, waiting, clock = dict(running), dict(waiting), 0.0
        while running or waiting:
            for page in sorted(waiting, key=lambda one: -waiting[one]):  # as pages are begun
                if len(running) < self.at_once and not self.after.get(page, set()) & {*running, *waiting}:
                    running[page] = waiting.pop(page)
            passed = min(running.values())
            clock += passed
            running = {page: seconds - passed for page, seconds in running.items() if seconds > passed}
        return clock
