"""What a notebook is given: its own names, out of the study's parameters and those of this run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pneumo_utils.pipeline import notebook_source
from pneumo_utils.study import steps
from pneumo_utils.study.definition import Study

PATHS = ("folder", "cache", "patients")  # parameters that are paths, relative to the project


class PipelineError(ValueError):
    """A study cannot be run as asked."""


@dataclass(frozen=True)
class NotebookParameters:
    """The parameters of every notebook of one study."""

    name: str  # of the study
    study: Study
    project: Path  # folder that holds `notebooks`
    reports: Path  # folder of all reports

    def of_step(self, step: steps.Step, start: Mapping[str, Path | None]) -> dict:
        """What the notebook of `step` is given.

        Args:
            step: of the study.
            start: file that each network starts from, None for random weights; networks whose file is not known yet
                are given what the study asks for.

        Raises:
            PipelineError: the notebook declares a parameter that no study has.
            NotebookSourceError: it cannot be read.
        """
        known = self.study.flat() | {"study": self.name, "reports": self._from_notebooks(self.reports)} | step.own
        for path in PATHS:
            known[path] = self._from_notebooks(self.place(known[path])) if known[path] else ""
        if step.own:
            known["weights"] = self._weights(step.own["model"], start)
        names = notebook_source.parameters(self.project / "notebooks" / f"{step.notebook}.ipynb")
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise PipelineError(f"{step.notebook} must declare parameters of the study, got {', '.join(unknown)}")
        return {name: known[name] for name in names}

    def of_notebook(self, every: Sequence[steps.Step], notebook: str, model: str = "") -> dict:
        """The same by the name of the notebook, for those who run it themselves.

        Args:
            every: the steps of the study.
            notebook: stem of its file.
            model: which network, where the notebook trains one; empty: the study's first.

        Raises:
            PipelineError: the study has no such notebook, or no such model.
        """
        of_it = [step for step in every if step.notebook == notebook]
        if not of_it:
            there = ", ".join(dict.fromkeys(step.notebook for step in every))
            raise PipelineError(f"notebook must be one of {there}, got {notebook!r}")
        named = [step for step in of_it if model in ("", step.own.get("model"))]
        if not named:
            models = ", ".join(step.own["model"] for step in of_it if step.own) or "left out"
            raise PipelineError(f"model of {notebook} must be {models}, got {model!r}")
        return self.of_step(named[0], {})

    def _weights(self, model: str, start: Mapping[str, Path | None]) -> str:
        if model in start:
            return self._from_notebooks(start[model]) if start[model] else "none"
        given = self.study.training.weights
        return given if given in ("imagenet", "none") else self._from_notebooks(self.place(given))

    def place(self, given: str) -> Path:
        """Where a path of the parameter file lies: relative to the project, `~` being the home folder."""
        return Path(os.path.normpath(self.project / os.path.expanduser(given)))  # noqa: PTH111 - an unknown ~name stays

    def _from_notebooks(self, path: Path) -> str:
        """`path` as a notebook sees it, from its own folder."""
        return Path(os.path.relpath(path, self.project / "notebooks")).as_posix()
