"""A training that is killed after any epoch goes on and ends with the bits of one that never was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.records.store import Store

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load
SIZE, N = 32, 40
SMALLER_LATER = "head, smaller pictures, then end to end"
LONGER = ("averaged weights", "early stopping", "head, then top", "smaller pictures first")


def long(*kinds: str) -> list:
    """Kinds that `make test-long` tries besides."""
    return [pytest.param(kind, marks=pytest.mark.long) for kind in kinds]


class Killed(BaseException):
    """What a kill leaves no time to handle."""


@pytest.fixture
def store(tmp_path):
    def make(name: str) -> Store:
        store = Store(name, tmp_path)
        label = np.arange(N) % 2
        frame = pd.DataFrame({"path": [f"{i}.jpeg" for i in range(N)], "patient": [f"p{i}" for i in range(N)]})
        frame = frame.assign(label=label, etiology=np.where(label, "viral", "normal"), part="train")
        store.write("splits", frame.assign(split=["train"] * 20 + ["validation"] * 10 + ["test"] * 10))
        pictures = np.random.default_rng(0).integers(0, 256, (N, SIZE, SIZE)).astype(np.uint8)
        pictures[::2, :8] //= 2
        store.write_images(iter(pictures), N, SIZE)
        return store

    return make


def recipe(kind: str):
    """Recipes that differ in what must be remembered."""
    from pneumo_utils.networks import optimisation, replicates

    phase, averaged = optimisation.Phase, {"ema_momentum": 0.8, "weight_decay": 0.02, "class_balance": "sampling"}
    model, phases, more = {
        "two epochs": ("cnn", (phase("end_to_end", 2, 1e-3),), averaged),
        "averaged weights": ("cnn", (phase("end_to_end", 3, 1e-3),), averaged),
        "cycles": ("cnn", (phase("end_to_end", 4, 1e-3, cycles=2),), averaged),
        "early stopping": ("cnn", (phase("end_to_end", 6, 3e-2),), {"patience": 1}),
        "head, then top": ("vgg16", (phase("head", 3, 1e-2), phase("top", 2, 1e-4)), {"cached_views": 2}),
        SMALLER_LATER: (
            "vgg16",
            (phase("head", 1, 1e-2), phase("progressive", 2, 1e-3, SIZE), phase("end_to_end", 1, 1e-3)),
            averaged,
        ),
        "smaller pictures first": ("cnn", (phase("progressive", 2, 1e-3, 16), phase("end_to_end", 2, 1e-3)), averaged),
    }[kind]
    settings = replace(optimisation.Settings(8, 50), **more)
    return replicates.Recipe(model, None, SIZE, 0.3, phases, settings, Augmentation(rotation=9.0, flip=True))


def narrow_backbone(model, grey, weights):
    """The layers of VGG16 by name, a few channels wide."""
    from pneumo_utils.networks.backend import layers

    found = layers.Rescaling(1 / 127.5, offset=-1, name="scaled")(grey)
    for block in range(1, 6):
        found = layers.Conv2D(8, 3, padding="same", activation="relu", name=f"block{block}_conv1")(found)
        found = layers.MaxPooling2D(name=f"block{block}_pool")(found)
    return found


def result(store: Store, given):
    """Weights, history but for its seconds, and answers."""
    from pneumo_utils.networks import models, trained_networks

    found = trained_networks.train_or_load(given, 0, store)
    weights = models.load(store.network_file(given.model, 0)).get_weights()
    return weights, found.history.drop(columns="seconds"), found.predictions["probability"].to_numpy()


@pytest.mark.parametrize("kind", ["two epochs", "cycles", SMALLER_LATER, *long(*LONGER)])
def test_killed_after_every_epoch_it_ends_with_the_bits_of_an_uninterrupted_one(store, kind, monkeypatch):
    from pneumo_utils.networks import models, training_state

    if kind == SMALLER_LATER:
        monkeypatch.setattr(models, "_backbone", narrow_backbone)
    given, saved = recipe(kind), []
    wanted = result(store("whole"), given)
    save, place = training_state.TrainingState.save, store("killed")

    def save_and_die(self, now):
        save(self, now)
        saved.append((now.phase, now.epoch))
        raise Killed

    monkeypatch.setattr(training_state.TrainingState, "save", save_and_die)
    for _ in range(20):
        try:
            weights, history, answers = result(place, given)
            break
        except Killed:
            continue
    assert len(saved) == len(set(saved)) == len(wanted[1]), "every epoch ran once"
    for found, whole in zip(weights, wanted[0], strict=True):
        np.testing.assert_array_equal(found, whole)
    pd.testing.assert_frame_equal(history, wanted[1])
    np.testing.assert_array_equal(answers, wanted[2])
    assert not place.training_state_file(given.model, 0).exists(), "what is over needs no state"
    spent = place.read_network_table("history", given.model, 0)["seconds"].sum()
    assert place.read_network_table("models", given.model, 0)["seconds"].item() > spent, "killed runs count, too"


@pytest.mark.long
@pytest.mark.parametrize("harm", ["flipped", *long("cut", "foreign", "another recipe")])
def test_a_state_that_is_damaged_or_of_another_training_is_not_gone_on_from(store, harm, monkeypatch):
    from pneumo_utils.networks import training_state

    place, given, save = store("killed"), recipe("averaged weights"), training_state.TrainingState.save

    def save_and_die(self, now):
        save(self, now)
        raise Killed

    with monkeypatch.context() as killed, pytest.raises(Killed):
        killed.setattr(training_state.TrainingState, "save", save_and_die)
        result(place, given)
    file = place.training_state_file("cnn", 0)
    content = bytearray(file.read_bytes())
    if harm == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "flipped":
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif harm == "foreign":
        file.write_text("no state")
    else:
        given = replace(given, dropout=0.2)
    begun = []
    monkeypatch.setattr(
        training_state.TrainingState, "save", lambda self, now: (begun.append(now.epoch), save(self, now))
    )
    result(place, given)
    assert begun == [1, 2, 3], "from its beginning"
