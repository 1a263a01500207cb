"""A study that has a result, as pages read it that set it beside others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from pneumo_utils.evaluation import operating_points
from pneumo_utils.records.store import Store
from pneumo_utils.reporting.notices import notices
from pneumo_utils.study import definition

SHOWN = {"auc_roc": "AUC-ROC", "accuracy": "accuracy", "recall": "sensitivity", "specificity": "specificity"}
SIGNIFICANT = 0.05  # p after Holm's correction, below which two are told apart


class ComparisonError(ValueError):
    """Studies cannot be compared."""


@dataclass(frozen=True)
class FinishedStudy:
    """One finished study; its tables are read once."""

    name: str
    store: Store
    sections: Mapping  # of its parameters

    @property
    def href(self) -> str:
        """Its front page, as seen from the folder `compare`."""
        return quote(f"../{self.name}/index.html")

    @cached_property
    def test(self) -> pd.DataFrame:
        """Contract `predictions`: the test part, of the first seed."""
        every = self.store.read("predictions")
        first = self.sections["training"]["seeds"][0]
        return every[(every["split"] == "test") & (every["seed"] == first)]

    @cached_property
    def tested(self) -> pd.DataFrame:
        """Contract `manifest`: the radiographs of the test part."""
        manifest = self.store.read("manifest")
        return manifest[manifest["path"].isin(self.test["path"])]

    @cached_property
    def notices(self) -> list[str]:
        """What its own pages say before their numbers."""
        return notices(self.store, self.sections["data"]["source"], tuple(self.test["model"].unique()))

    @cached_property
    def points(self) -> Mapping[tuple[str, int], float]:
        """Its frozen operating points by model and seed."""
        rule = self.sections["evaluation"]["threshold_rule"]
        return operating_points.of_rule(self.store.read("operating_points"), rule)


def is_finished(name: str, reports: Path) -> bool:
    """Whether study `name` has a result, and all of it is of one run: until then its tables are of two.

    Args:
        name: of the study.
        reports: folder of all reports.
    """
    store = Store(name, reports)
    inside = Path(name).as_posix() == name and ".." not in Path(name).parts and not Path(name).is_absolute()
    return inside and store.parameters_file.is_file() and store.table_file("seed_spread").is_file()


def find(name: str, reports: Path, who: str) -> FinishedStudy:
    """The finished study `name`.

    Args:
        name: of the study.
        reports: folder of all reports.
        who: what the error calls those that are named.

    Raises:
        ComparisonError: it has no result, or lies elsewhere.
    """
    if not is_finished(name, reports):
        done = sorted(file.parent.relative_to(reports).as_posix() for file in reports.rglob("parameters.yaml"))
        there = f"one of: {', '.join(done)}" if done else "none yet"
        raise ComparisonError(f"{who} must be finished studies in {reports}, {there}, got {name!r}")
    store = Store(name, reports)
    return FinishedStudy(name, store, definition.read_sections(store.parameters_file, f"{name}/parameters.yaml"))


def notices_of(studies: Sequence[FinishedStudy]) -> list[str]:
    """What the pages of `studies` say before their numbers, each sentence once and with the studies that it is of."""
    said: dict[str, list[str]] = {}
    for study in studies:
        for sentence in study.notices:
            said.setdefault(sentence, []).append(study.name)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in said.items()]
