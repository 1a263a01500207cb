"""The trainings of a study as a list: each network and seed, and one network on other splits and permuted labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pneumo_utils.datasets import splits
from pneumo_utils.records.store import Store
from pneumo_utils.robustness import leakage
from pneumo_utils.study.training_parameters import Training

OWN, PERMUTED = "study", "permuted labels"


@dataclass(frozen=True)
class TrainingJob:
    """One training."""

    model: str
    seed: int
    splits: str = OWN  # of the study; a draw of `leakage.draw_splits`; or of few pictures whose labels are permuted

    @property
    def name(self) -> str:
        """As it is shown, and a file called."""
        other = "" if self.splits == OWN else f"-{self.splits.replace(' ', '-')}"
        return f"{self.model}-seed-{self.seed}{other}"

    def store(self, store: Store) -> Store:
        """The run directory that its network is kept in.

        Args:
            store: of the study.
        """
        if self.splits == PERMUTED:
            return store.label_permutation
        return store if self.splits == OWN else store.for_splits(self.splits.replace(" ", "-"))


def of_study(given: Training, series: Iterable[str]) -> list[TrainingJob]:
    """All trainings of a study.

    Args:
        given: its parameters.
        series: numbering series that are left out of training once each; of `left_out_series`.
    """
    jobs = [TrainingJob(model, seed) for model in given.models for seed in given.seeds]
    if given.retrained_model in given.models:
        others = [*leakage.POOLED, *(leakage.WITHOUT + name for name in series), PERMUTED]
        jobs += [TrainingJob(given.retrained_model, given.seeds[0], other) for other in others]
    return jobs


def left_out_series(given: Training, store: Store) -> list[str]:
    """Numbering series that a study leaves out once each; `store` has the tables of `02_preprocessing`."""
    if not given.left_out_series or given.retrained_model not in given.models:
        return []
    return list(splits.leave_series_out(store.read("manifest"), store.read("splits")))
