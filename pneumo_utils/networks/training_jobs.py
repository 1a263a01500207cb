"""A training of a study done, or taken from what is kept: by its notebook, and where trainings are shared out."""

from __future__ import annotations

from pneumo_utils.networks import label_permutation, trained_networks
from pneumo_utils.networks.replicates import Recipe
from pneumo_utils.networks.trained_networks import TrainedNetwork
from pneumo_utils.networks.training_list import OWN, PERMUTED, TrainingJob
from pneumo_utils.records.store import Store
from pneumo_utils.robustness import leakage


def recipe_of(job: TrainingJob, recipe: Recipe) -> Recipe:
    """How a job trains; `recipe` is that of its model in the study."""
    return label_permutation.memorising_recipe(recipe) if job.splits == PERMUTED else recipe


def is_done(job: TrainingJob, recipe: Recipe, store: Store) -> bool:
    """Whether nothing is left of a job; `store` is that of the study."""
    own = job.store(store)
    there = own.images_file.is_file() and own.table_file("splits").is_file()
    return there and trained_networks.is_kept(recipe_of(job, recipe), job.seed, own)


def obtain(job: TrainingJob, recipe: Recipe, store: Store, split_seed: int) -> TrainedNetwork:
    """Do a job, or take what is kept of it.

    Args:
        job: of `of_study`.
        recipe: of its model in the study.
        store: of the study.
        split_seed: of other splits.
    """
    own = job.store(store)
    if job.splits == PERMUTED:
        _write_permuted(own, store, job.seed)
    elif job.splits != OWN:
        series = job.splits.startswith(leakage.WITHOUT)
        draws = leakage.draw_splits(store.read("manifest"), store.read("splits"), split_seed, series=series)
        own.write("splits", draws[job.splits])
    made = trained_networks.train_or_load(recipe_of(job, recipe), job.seed, own)
    if job.splits != OWN:
        own.delete_activations(job.model)
    return made


def _write_permuted(own: Store, store: Store, seed: int) -> None:
    """Few pictures, once to train and once to validate on, and their permuted labels."""
    parts, pictures = store.read("splits"), store.read_images()
    chosen = label_permutation.choose_rows(parts, seed)
    own.write("splits", label_permutation.permute_labels(parts, chosen, seed))
    own.write_images((pictures[row] for row in [*chosen, *chosen]), 2 * len(chosen), pictures.shape[1])
