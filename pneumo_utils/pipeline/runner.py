"""Carries a study from parameters to pages: runs what changed, renders it, and writes the front page.

A step runs again when its notebook, its parameters, the rooms it uses or the files it reads have changed, or when
something it wrote is missing or altered; all are told by content, not by time.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path

from pneumo_utils.datasets import sources
from pneumo_utils.networks import pretrained_weights
from pneumo_utils.pipeline import preflight, progress_display, run_records
from pneumo_utils.pipeline.notebook_parameters import PATHS, NotebookParameters, PipelineError
from pneumo_utils.pipeline.page_renderer import PageRenderer
from pneumo_utils.records import fingerprint, provenance
from pneumo_utils.records.store import Store
from pneumo_utils.study import expected_time, steps
from pneumo_utils.study.definition import Study

_log = logging.getLogger(__name__)


class Pipeline:
    """One study, ready to run.

    Args:
        name: of the study.
        study: its checked parameters.
        project: folder that holds `notebooks` and `pneumo_utils`.
        reports: folder of all reports.
    """

    def __init__(self, name: str, study: Study, project: Path, reports: Path):
        self.name, self.study, self.project = name, study, project
        self.notebooks = project / "notebooks"
        self.store = Store(name, reports)
        self.steps = steps.of_study(study.training.models, study.training.seeds, study.training.retrained_model)
        self.given = NotebookParameters(name, study, project, reports)
        self.pages = PageRenderer(study, self.steps, self.store, project, reports)
        self.start: dict[str, Path | None] = {}

    def check(self) -> None:
        """Find out everything that can go wrong before the first notebook runs: first what needs no work, all at once.

        Raises:
            PreflightError: reports cannot be written, the disk is full, a notebook, the data or weights are not there.
            ValueError: weights or data cannot be downloaded, unpacked or drawn.
        """
        models = self.study.training.models
        at_hand = models if self.study.training.weights != "imagenet" else []  # others are downloaded
        checks = [self._check_writable, self._check_notebooks, self._check_data]
        preflight.run([*checks, *(partial(self._find_start, model) for model in at_hand)])
        for model in models:
            self._find_start(model)
        self.data = self.obtain()

    def _check_notebooks(self) -> None:
        missing = sorted({step.notebook for step in self.steps if not self._notebook(step).is_file()})
        if missing:
            raise PipelineError(f"notebooks must hold {', '.join(missing)} (.ipynb), got none in {self.notebooks}")

    def _check_data(self) -> None:
        given = self.study.data
        sources.check(given.source, str(self.project / given.folder) if given.folder else "")

    def _check_writable(self) -> None:
        preflight.check_folder(self.store.work, "reports folder", self.store.folder)

    def _find_start(self, model: str) -> None:
        if model not in self.start:
            self.start[model] = self._start_of(model)

    def _start_of(self, model: str) -> Path | None:
        settings = self.study.training
        given = settings.weights
        path = given if given in ("imagenet", "none") else str(self.project / given)
        try:
            found = pretrained_weights.resolve(model, path)
        except pretrained_weights.WeightsError as error:
            if model not in settings.random_weights_allowed:
                raise
            _log.warning("%s; it starts from random weights, as the study allows", error)
            return None
        if found is None and model in pretrained_weights.PRETRAINED and model not in settings.random_weights_allowed:
            raise PipelineError(
                f"weights none must be allowed for {model} in training.random_weights_allowed, "
                f"got {settings.random_weights_allowed}"
            )
        if found is not None:
            pretrained_weights.check_file(model, found)
        return found

    def obtain(self) -> Path:
        """Provide the radiographs; see `sources.obtain`."""
        data = self.study.data.model_dump()
        source = data.pop("source")
        for path in PATHS:
            data[path] = Path(self.project / data[path]) if data[path] else ""
        return sources.obtain(source, **data | {"folder": str(data["folder"])})

    def run(self) -> int:
        """Run what changed, in order; stop at the first failure.

        Returns:
            how many notebooks ran.

        Raises:
            NotebookError: a notebook did not run to its end.
            PageError: a page cannot be rendered.
        """
        self.store.delete_networks_except(
            [(m, s) for m in self.study.training.models for s in self.study.training.seeds]
        )
        ran = sum(self._bring_up_to_date(step) for step in self.steps)
        self.pages.write_front_page()
        return ran

    def _bring_up_to_date(self, step: steps.Step) -> bool:
        record, key = run_records.read(self.store, step.page), self._key(step)
        fresh = self._is_fresh(step, record, key)
        if fresh:
            _log.info("%-22s unchanged", step.page)
        else:
            record = self._execute(step, key)
        self.pages.render(step, record)
        return not fresh

    def _is_fresh(self, step: steps.Step, record: dict, key: str) -> bool:
        return record.get("key") == key and record["written"] == self._output_hashes(step)

    @cached_property
    def _time_left(self) -> progress_display.TimeLeft:
        """Of the pages that will run, as it seems when the first of them does."""
        running: list[steps.Step] = []
        for step in self.steps:
            written = {path for other in running for path in other.writes(self.store)}
            joined = any(other.own for other in running) and not step.own  # reads what all networks wrote
            record = run_records.read(self.store, step.page)
            if joined or written & set(step.reads(self.store)) or not self._is_fresh(step, record, self._key(step)):
                running.append(step)
        pictures = sum(path.is_file() for path in self.data.rglob("*"))
        return progress_display.TimeLeft(expected_time.of_steps(running, self.study, pictures))

    def _execute(self, step: steps.Step, key: str) -> dict:
        for stale in (self.store.page_file(step.page), self.store.record_file(step.page)):
            stale.unlink(missing_ok=True)
        seconds = self._run_notebook(step)
        self._time_left.took[step.page] = seconds
        if step.own:
            self.store.join_network_tables(self.study.training.ensemble, self.study.training.seeds)
        missing = [path.name for path in step.writes(self.store) if not path.is_file()]
        if missing:
            raise PipelineError(f"{step.page} must write {', '.join(missing)}, got none")
        record = {
            "key": key, "seconds": round(seconds, 1), "commit": provenance.git_state(self.project),
            "written": self._output_hashes(step),
        }  # fmt: skip
        run_records.write(self.store, step.page, record)
        _log.info("%-22s %.0f s", step.page, seconds)
        return record

    def _run_notebook(self, step: steps.Step) -> float:
        """Run the notebook of `step` and show how far it is; seconds it took."""
        from pneumo_utils.pipeline import (
            notebook_execution,  # imported here: a run in which nothing changed needs no papermill
        )

        tell = partial(self.pages.write_progress, step, datetime.now().astimezone())
        tell()
        try:
            with progress_display.shown(
                step.page, self.store.progress_file, self._time_left, lambda text: tell(doing=text)
            ):
                return notebook_execution.run(
                    self._notebook(step), self.parameters(step),
                    executed=self.store.executed_notebook(step.page), broken=self.store.broken_notebook(step.page),
                    minutes=self.study.run.stalled_minutes, told=self.store.progress_file,
                )  # fmt: skip
        except notebook_execution.NotebookError as error:
            tell(stopped=f"{error}.", details=error.details)
            raise
        except KeyboardInterrupt:
            tell(stopped="It was interrupted.")
            raise

    def _notebook(self, step: steps.Step) -> Path:
        return self.notebooks / f"{step.notebook}.ipynb"

    def parameters(self, step: steps.Step) -> dict:
        """What the notebook of `step` is given; see `NotebookParameters.of_step`."""
        return self.given.of_step(step, self.start)

    def _key(self, step: steps.Step) -> str:
        notebook = self._notebook(step)
        return fingerprint.of(
            fingerprint.cells(notebook),
            self.parameters(step),
            fingerprint.of_rooms(fingerprint.code(notebook), self.project / "pneumo_utils"),
            [fingerprint.of_file(path) for path in step.reads(self.store)],
            fingerprint.of_folder(self.data) if step.page == "01_eda" else "",
            pretrained_weights.digest(self.start[step.own["model"]]) if step.own else "",
            provenance.versions(),
        )

    def _output_hashes(self, step: steps.Step) -> list[str]:
        paths = [*step.writes(self.store), self.store.executed_notebook(step.page)]
        return [fingerprint.of_file(path) for path in paths]
