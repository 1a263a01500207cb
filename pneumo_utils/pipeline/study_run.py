"""One run of a study: every page that is not up to date, as many side by side as may, until all are."""

from __future__ import annotations

import logging
import shutil
import traceback
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import cached_property
from threading import Lock, Thread

from pneumo_utils.networks.training_list import TrainingJob
from pneumo_utils.pipeline import notebook_workers, run_records
from pneumo_utils.pipeline.notebook_workers import NotebookWorkers
from pneumo_utils.pipeline.process_pool import ProcessPool
from pneumo_utils.pipeline.progress_display import ProgressDisplay
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.time_left import TimeLeft
from pneumo_utils.records import provenance
from pneumo_utils.study import steps

_log = logging.getLogger(__name__)


class StudyRun:
    """A run that has not begun.

    Args:
        pipeline: the study, checked.
    """

    def __init__(self, pipeline: Pipeline):
        self._pipeline, self._store, self._at_once = pipeline, pipeline.store, pipeline.study.run.notebooks_at_once
        self._after = steps.prerequisites(pipeline.steps, pipeline.store)
        self._steps, self._waiting = pipeline.steps, list(pipeline.steps)
        self._running: dict[Future[float], tuple[steps.Step, dict[str, str]]] = {}
        self._since: dict[str, datetime] = {}  # of what runs, or was running when the study stopped
        self._done: list[str] = []
        self._unchanged: set[str] = set()
        self._stack, self._telling, self._looked = ExitStack(), Lock(), False

    def up_to_training(self) -> None:
        """Run what changed before the first network is trained: tables and pictures that all trainings share.

        Raises:
            as `to_the_end`.
        """
        self._steps = steps.before_training(self._steps)
        self._waiting = list(self._steps)
        self._store.delete_unfinished()
        self._run_waiting()
        self._tell(stopped="Its networks are trained one by one; the next run goes on from them.")

    def to_the_end(self) -> int:
        """Run what changed, render it, and write the front page; stop at the first failure.

        Returns:
            how many notebooks ran.

        Raises:
            NotebookError: a notebook did not run to its end.
            PageError: a page cannot be rendered.
        """
        training = self._pipeline.study.training
        self._store.delete_unfinished()
        if aside := self._store.set_aside_networks_except(training.networks):
            told = "%s are not trained by the study any more, set aside in work/set-aside, and come back when they are"
            _log.info(told, ", ".join(aside))
        for file in steps.outdated(self._steps, self._store):
            file.unlink()
            _log.info("%s is of parameters that are gone, and was deleted", file.relative_to(self._store.folder))
        with self._telling_why():
            self._store.join_network_tables(training.ensemble, training.seeds)  # what a hand has changed or lost
        self._run_waiting()
        with self._telling_why():
            self._pipeline.pages.write_front_page()
        return len(self._done) - len(self._unchanged)

    def _run_waiting(self) -> None:
        with self._telling_why(), self._stack:  # at whose end nothing runs, and nobody else writes the page of progress
            while self._waiting or self._running:
                self._begin_what_can()
                self._end_what_did()

    @contextmanager
    def _telling_why(self) -> Iterator[None]:
        """Have the front page say why the study stops, or it would say for ever that it runs."""
        try:
            yield
        except KeyboardInterrupt:
            self._tell(stopped="It was interrupted.")
            raise
        except Exception as error:
            said, details = f"{error}.", getattr(error, "details", "")
            if not isinstance(
                error, RuntimeError | ValueError | OSError
            ):  # no sentence for readers, but a fault of ours
                said = f"The program has a fault, {type(error).__name__}: {error}."
                details = "".join(traceback.format_exception(error))
            with suppress(OSError):  # the disk may be full
                self._tell(stopped=said, details=details)
            raise

    def _begin_what_can(self) -> None:
        while len(self._running) < self._at_once and (step := self._next()):
            self._waiting.remove(step)
            record, key = run_records.read(self._store, step.page), self._pipeline.key(step)
            if self._pipeline.is_fresh(step, record, key):
                self._unchanged.add(step.page)
                self._say("%-22s unchanged", step.page)
                self._render(step, record)
            else:
                # the commit of now: another may be checked out while a network trains
                self._begin(step, {"key": key, "commit": provenance.git_state(self._pipeline.project)})

    def _next(self) -> steps.Step | None:
        """A page that can begin; side by side the longest, so that none is left to run alone at the end."""
        under_way = {one.page for one in self._waiting} | {one.page for one, _ in self._running.values()}
        ready = [step for step in self._waiting if not self._after[step.page] & under_way]
        if self._at_once > 1:
            ready.sort(key=lambda step: -self._pipeline.expected[step.page])
        return ready[0] if ready else None

    def _begin(self, step: steps.Step, begun: dict[str, str]) -> None:
        for stale in (self._store.page_file(step.page), self._store.record_file(step.page)):
            stale.unlink(missing_ok=True)
        self._since[step.page] = datetime.now().astimezone()
        shutil.rmtree(self._store.by_hand_folder, ignore_errors=True)  # of the study as it was
        self._store.parameters_file.unlink(missing_ok=True)  # until all is done, the tables are of two studies
        self._tell()
        told = self._store.progress_file(step.page)
        self._display.begin(step.page, told)
        if step.own and not self._looked:  # earlier, the tables by which networks are known might change yet
            self._look_for_trained()
        future = self._workers.run(
            self._pipeline.notebook(step), self._pipeline.parameters(step),
            executed=self._store.executed_notebook(step.page), broken=self._store.broken_notebook(step.page),
            minutes=self._pipeline.study.run.stalled_minutes, told=told,
        )  # fmt: skip
        self._running[future] = step, begun

    def _end_what_did(self) -> None:
        for future in wait(self._running, return_when=FIRST_COMPLETED).done:
            step, begun = self._running.pop(future)
            self._display.end(step.page)
            seconds = notebook_workers.result(future, step.page)
            record = self._pipeline.finish(step, begun, seconds)
            self._left.took[step.page] = seconds
            self._say("%-22s %.0f s", step.page, seconds)
            self._render(step, record)
            del self._since[step.page]

    def _render(self, step: steps.Step, record: dict) -> None:
        self._pipeline.pages.render(step, record)
        self._done.append(step.page)

    def _say(self, text: str, *given: object) -> None:
        if self._running:
            with self._display.aside():
                _log.info(text, *given)
        else:
            _log.info(text, *given)

    def _tell(self, **why: str) -> None:
        with self._telling:  # the display tells, too, from a thread of its own
            self._pipeline.pages.write_progress(list(self._done), dict(self._since), **why)

    @cached_property
    def _workers(self) -> NotebookWorkers:
        return self._stack.enter_context(NotebookWorkers(self._at_once))

    @cached_property
    def _display(self) -> ProgressDisplay:
        return self._stack.enter_context(ProgressDisplay(self._left, lambda text: self._tell(doing=text)))

    @cached_property
    def _left(self) -> TimeLeft:
        """Of the pages that will run, as it seems when the first of them does."""
        going: list[steps.Step] = []
        for step in self._steps:
            waits = self._after[step.page] & {one.page for one in going}
            record = run_records.read(self._store, step.page)
            if waits or not self._pipeline.is_fresh(step, record, self._pipeline.key(step)):
                going.append(step)
        expected = {step.page: self._pipeline.expected[step.page] for step in going}
        seeds, networks = self._pipeline.study.training.seeds, [step for step in going if step.own]
        stages = {step.page: self._pipeline.expected_stages(step.own["model"], seeds) for step in networks}
        return TimeLeft(expected, unchanged=self._unchanged, after=self._after, at_once=self._at_once, stages=stages)

    def _look_for_trained(self) -> None:
        self._looked = True
        networks = [step for step in self._steps if step.own and step.page in self._left.expected]
        asked = ProcessPool(1)
        self._stack.callback(asked.kill)  # or a run that is over would wait until it has loaded TensorFlow
        Thread(target=self._leave_out_trained, args=(self._left, networks, asked), daemon=True).start()

    def _leave_out_trained(self, left: TimeLeft, networks: list[steps.Step], asked: ProcessPool) -> None:
        """Take what is trained already, as by `make work`, out of the time left: it takes seconds to find out."""
        from pneumo_utils.pipeline import training_process  # imported here: seldom needed

        pages = {step.own["model"]: step.page for step in networks}
        jobs = [TrainingJob(*one) for one in self._pipeline.study.training.networks if one[0] in pages]
        jobs = [job for job in jobs if self._store.run_file(job.model, job.seed).is_file()]
        with suppress(RuntimeError):  # a `WorkError`, or the run is over before it is asked
            done = training_process.find_done(training_process.TrainingInputs.of(self._pipeline), jobs, asked)
            for model, page in pages.items():
                kept = [job.seed for job, over in zip(jobs, done, strict=True) if over and job.model == model]
                if kept:
                    left.leave_out(page, kept)
