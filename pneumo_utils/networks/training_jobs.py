"""A training of a study done, or taken from what is kept: by its notebook, and where trainings are shared out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pneumo_utils.networks import label_permutation, trained_networks
from pneumo_utils.networks.replicates import Recipe
from pneumo_utils.networks.trained_networks import TrainedNetwork
from pneumo_utils.networks.training_list import OWN, PERMUTED, TrainingJob
from pneumo_utils.records import tables
from pneumo_utils.records.atomic import alone
from pneumo_utils.records.store import Store
from pneumo_utils.robustness import leakage


def recipe_of(job: TrainingJob, recipe: Recipe) -> Recipe:
    """How a job trains; `recipe` is that of its model in the study."""
    return label_permutation.memorising_recipe(recipe) if job.splits == PERMUTED else recipe


def look(job: TrainingJob, recipe: Recipe, store: Store, split_seed: int) -> tuple[str, bool]:
    """Key of a job, and whether `obtain` would train nothing; arguments as there.

    Returns:
        64 hex digits, or nothing for splits of its own that are not written yet; and whether it is done.
    """
    own = job.store(store)
    if job.splits != OWN and not _holds(own, *_inputs(job, store, split_seed)):
        return "", False
    return trained_networks.look(recipe_of(job, recipe), job.seed, own)


def obtain(job: TrainingJob, recipe: Recipe, store: Store, split_seed: int) -> TrainedNetwork:
    """Do a job, or take what is kept of it.

    Args:
        job: of `training_list.of_study`.
        recipe: of its model in the study.
        store: of the study.
        split_seed: of other splits.
    """
    own = job.store(store)
    if job.splits != OWN:
        _provide(own, *_inputs(job, store, split_seed))
    made = trained_networks.train_or_load(recipe_of(job, recipe), job.seed, own)
    if job.splits != OWN:
        own.delete_activations(job.model)
    return made


def _inputs(job: TrainingJob, store: Store, split_seed: int) -> tuple[pd.DataFrame, np.ndarray | None]:
    """Contract `splits` of a job that has its own, and its pictures where they are others, uint8 (n, side, side)."""
    parts = store.read("splits")
    if job.splits == PERMUTED:
        chosen = label_permutation.choose_rows(parts, job.seed)
        twice = np.concatenate([chosen, chosen])  # once to train and once to validate on
        return label_permutation.permute_labels(parts, chosen, job.seed), store.read_images()[twice]
    series = job.splits.startswith(leakage.WITHOUT)
    return leakage.draw_splits(store.read("manifest"), parts, split_seed, series=series)[job.splits], None


def _holds(own: Store, parts: pd.DataFrame, pictures: np.ndarray | None) -> bool:
    """Whether a run directory has just these inputs."""
    there = own.images_file.is_file() and tables.holds("splits", parts, own.table_file("splits"))
    return there and (pictures is None or np.array_equal(own.read_images(), pictures))


def _provide(own: Store, parts: pd.DataFrame, pictures: np.ndarray | None) -> None:
    """Write the inputs of a job; not again what is there, since another process may be training from it."""
    with alone(own.folder):
        if not _holds(own, parts, pictures):
            own.write("splits", parts)
            if pictures is not None:
                own.write_images(iter(pictures), len(pictures), pictures.shape[1])
