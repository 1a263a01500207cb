"""Trained networks that are kept: nothing is trained twice from the same pictures, recipe and code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from pneumo_utils import fingerprint, replicates, tables, training, weights
from pneumo_utils.atomic import whole
from pneumo_utils.store import Store

_SHARES = ("history", "predictions")


@dataclass(frozen=True)
class Run:
    """What is known of a trained network."""

    history: pd.DataFrame  # contract `history`
    predictions: pd.DataFrame  # contract `predictions`
    seconds: float  # of training and prediction, when it was trained
    device: str  # that it was trained on
    trained_now: bool


def obtain(recipe: replicates.Recipe, seed: int, store: Store) -> Run:
    """Train a network and keep it, or take the one that is kept.

    The kept one is taken only if recipe, seed, pictures, split and the text of every room that trains are the same:
    a change to a figure or a sentence trains nothing.

    Args:
        recipe: what makes the network but its seed.
        seed: at least 0.
        store: the run directory; network, history and predictions are written to it, the key last.
    """
    file, key = store.run_file(recipe.model), _key(recipe, seed, store)
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if kept.get("key") == key and kept["written"] == _written(store, recipe.model):
        shares = [tables.read(name, store.model_table_file(name, recipe.model)) for name in _SHARES]
        return Run(*shares, kept["seconds"], kept["device"], trained_now=False)
    file.unlink(missing_ok=True)
    with store.scratch() as scratch:
        made = replicates.train(recipe, seed, store.read_images(), store.read("splits"), scratch)
    store.write_share("history", recipe.model, made.history)
    store.write_share("predictions", recipe.model, made.predictions)
    store.write_network(recipe.model, made.network.save)
    facts = {"key": key, "written": _written(store, recipe.model), "seconds": made.seconds, "device": training.device()}
    with whole(file) as part:
        part.write_text(json.dumps(facts), encoding="utf-8")
    return Run(made.history, made.predictions, made.seconds, facts["device"], trained_now=True)


def _key(recipe: replicates.Recipe, seed: int, store: Store) -> str:
    said = asdict(recipe) | {"weights": weights.digest(recipe.weights), "seed": seed}
    read = [fingerprint.of_file(store.images_file), fingerprint.of_file(store.table_file("splits"))]
    return fingerprint.of(
        said, read, fingerprint.of_rooms("from pneumo_utils import replicates", Path(__file__).parent)
    )


def _written(store: Store, model: str) -> list[str]:
    files = [store.network_file(model), *(store.model_table_file(name, model) for name in _SHARES)]
    return [fingerprint.of_file(file) for file in files]
