"""Trained networks that are kept: nothing is trained twice from the same pictures, recipe and code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from pneumo_utils.networks import inference, models, optimisation, pretrained_weights, replicates, training
from pneumo_utils.networks.backend import keras
from pneumo_utils.networks.training_state import TrainingState
from pneumo_utils.records import fingerprint, kept_arrays, provenance, waiting
from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.run_directory import NETWORK_TABLES
from pneumo_utils.records.store import Store

# Taken once, when this process reads them: what is edited while it trains is not what trains.
_ROOMS = {room: fingerprint.of_room(room) for room in ("networks.replicates", "networks.inference")}


@dataclass(frozen=True)
class TrainedNetwork:
    """What is known of a trained network."""

    history: pd.DataFrame  # contract `history`
    predictions: pd.DataFrame  # contract `predictions`
    facts: pd.DataFrame  # contract `models`, one row
    trained_now: bool


def train_or_load(recipe: replicates.Recipe, seed: int, store: Store) -> TrainedNetwork:
    """Train a network and keep it, or take the one that is kept; wait while another process trains it.

    The kept one is taken only if recipe, seed, pictures, split, package versions and the text of every room that
    trains are the same: a change to a figure or a sentence trains nothing. A training that was killed goes on after its
    last whole epoch.

    Args:
        recipe: what makes the network but its seed.
        seed: at least 0.
        store: the run directory; the network and its shares of the tables are written to it, the key last.
    """
    with waiting.hold(store.training_lock(recipe.model, seed), f"training of {recipe.model}, seed {seed}"):
        fresh = is_kept(recipe, seed, store)
        if not fresh:
            _train_and_keep(recipe, seed, store)
    return TrainedNetwork(
        *(store.read_network_table(name, recipe.model, seed) for name in NETWORK_TABLES), trained_now=not fresh
    )


def is_kept(recipe: replicates.Recipe, seed: int, store: Store) -> bool:
    """Whether `train_or_load` would train nothing; arguments as there."""
    return look(recipe, seed, store)[1]


def look(recipe: replicates.Recipe, seed: int, store: Store) -> tuple[str, bool]:
    """Key of a network, 64 hex digits, and whether it is kept; arguments as `train_or_load`."""
    key = _key(recipe, seed, store)
    return key, _is_kept_with(key, recipe.model, seed, store)


def _is_kept_with(key: str, model: str, seed: int, store: Store) -> bool:
    try:
        kept = json.loads(store.run_file(model, seed).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there, or damaged: a power cut, say
        return False
    same = isinstance(kept, dict) and kept.get("key") == key
    return same and kept.get("written") == _output_hashes(store, model, seed)


def predict_perturbed(
    network: keras.Model, model: str, seed: int, store: Store, settings: optimisation.Settings
) -> np.ndarray:
    """What a kept network says of the perturbed pictures; it goes on where it was killed, after every 512 of them.

    Args:
        network: of `store`, reloaded.
        model: which it is.
        seed: it was trained from.
        store: the run directory; answers are kept in it, beside the network.
        settings: test views and what of them is averaged.

    Returns:
        float (n,) in [0, 1], in the order of the table `perturbations`.
    """
    file = store.perturbed_answers_file(model, seed)
    made_of = [fingerprint.of_file(one) for one in (store.network_file(model, seed), store.perturbed_file)]
    key = fingerprint.of(made_of, asdict(settings), _ROOMS["networks.inference"], provenance.versions())

    known = (kept_arrays.read(file, key) or {}).get("answers")

    def keep(answers: np.ndarray) -> None:
        kept_arrays.write(file, key, {"answers": answers})

    return inference.predict_images(network, store.read_perturbed(), settings, keep=keep, known=known)


def _train_and_keep(recipe: replicates.Recipe, seed: int, store: Store) -> None:
    file, key = store.run_file(recipe.model, seed), _key(recipe, seed, store)
    file.unlink(missing_ok=True)
    state = TrainingState(store.training_state_file(recipe.model, seed), key)
    _train(recipe, seed, store, state)
    with atomic_write(file) as part:
        written = _output_hashes(store, recipe.model, seed)
        part.write_text(json.dumps({"key": key, "written": written}), encoding="utf-8")
    state.delete()


def _train(recipe: replicates.Recipe, seed: int, store: Store, state: TrainingState) -> None:
    folder = store.activations_folder(recipe.model)
    made = replicates.train(recipe, seed, store.read_images(), store.read("splits"), folder, state)
    counts = models.count_parameters(made.network)
    facts = {
        "model": recipe.model,
        "seed": seed,
        "start": recipe.start,
        "weights_sha256": pretrained_weights.digest(recipe.weights) or None,
        "image_size": recipe.image_size,
        "parameters": sum(counts.values()),
        "trained_parameters": models.count_trained_parameters(made.network),
        "seconds": made.seconds,
        "device": training.device(),
        "threads": training.threads(),
        "precision": recipe.precision,
        "peak_memory": provenance.peak_memory(),
    }
    for name, share in zip(NETWORK_TABLES, (made.history, made.predictions, pd.DataFrame([facts])), strict=True):
        store.write_network_table(name, recipe.model, seed, share)
    # what an optimiser remembers makes the file three times as large; a training goes on from its own state
    store.write_network(recipe.model, seed, models.uncompiled(made.network).save)


def _key(recipe: replicates.Recipe, seed: int, store: Store) -> str:
    settings = asdict(recipe) | {"weights": pretrained_weights.digest(recipe.weights), "seed": seed}
    read = [fingerprint.of_file(store.images_file), fingerprint.of_file(store.table_file("splits"))]
    return fingerprint.of(settings, read, _ROOMS["networks.replicates"], provenance.versions())


def _output_hashes(store: Store, model: str, seed: int) -> list[str]:
    return [fingerprint.of_file(file) for file in store.network_files(model, seed)]
