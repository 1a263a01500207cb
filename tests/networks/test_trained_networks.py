"""A network is trained once for the same pictures, recipe and code, and again when one of them changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.records.store import Store

pytestmark = pytest.mark.slow
SIZE, N = 32, 24


@pytest.fixture
def store(tmp_path):
    store = Store("tiny", tmp_path)
    label = np.arange(N) % 2
    frame = pd.DataFrame({"path": [f"{i}.jpeg" for i in range(N)], "patient": [f"p{i}" for i in range(N)]})
    frame = frame.assign(label=label, etiology=np.where(label, "viral", "normal"), part="train")
    store.write("splits", frame.assign(split=["train"] * 12 + ["validation"] * 6 + ["test"] * 6))
    pictures = np.random.default_rng(0).integers(0, 256, (N, SIZE, SIZE)).astype(np.uint8)
    store.write_images(iter(pictures), N, SIZE)
    return store


@pytest.fixture
def recipe():
    from pneumo_utils.networks import optimisation, replicates

    phases = (optimisation.Phase("end_to_end", 1, 1e-3),)
    return replicates.Recipe("cnn", None, SIZE, 0.1, phases, optimisation.Settings(4, 3), Augmentation(rotation=5.0))


def obtain(recipe, store, seed=0):
    from pneumo_utils.networks import trained_networks

    return trained_networks.train_or_load(recipe, seed, store)


@pytest.mark.parametrize(
    ("more", "cycles"), [({"logit_penalty": 0.01}, 1), ({"ema_momentum": 0.9, "weight_decay": 0.01}, 2)]
)
def test_whatever_a_network_was_trained_by_it_can_be_judged_at_another_side_and_kept(recipe, store, more, cycles):
    from pneumo_utils.networks import models, optimisation

    settings = replace(recipe.settings, test_image_size=SIZE + 8, **more)
    phases = (optimisation.Phase("end_to_end", 2, 1e-3, cycles=cycles),)
    assert obtain(replace(recipe, settings=settings, phases=phases), store).trained_now
    assert models.load(store.network_file("cnn", 0)).input.shape[1] == SIZE + 8


@pytest.mark.parametrize("views", [1, 2])
def test_a_network_trained_in_bfloat16_answers_in_float32(store, recipe, views):
    from pneumo_utils.networks import inference, models

    settings = replace(recipe.settings, test_views=views)
    said = obtain(replace(recipe, precision="bfloat16", settings=settings), store).predictions
    kept = models.load(store.network_file("cnn", 0))
    assert {layer.compute_dtype for layer in kept.layers} == {"float32"}
    rows = np.flatnonzero(store.read("splits")["split"] != "train")
    again = inference.predict_images(kept, store.read_images(), settings, rows)
    np.testing.assert_array_equal(said["probability"], again)


def test_the_same_network_is_trained_once_and_comes_back_as_it_was(store, recipe):
    first, second = obtain(recipe, store), obtain(recipe, store)
    assert first.trained_now and not second.trained_now
    pd.testing.assert_frame_equal(second.predictions, first.predictions)
    pd.testing.assert_frame_equal(second.facts, first.facts)


@pytest.mark.long
def test_judging_perturbed_pictures_goes_on_where_it_was_killed_and_ends_with_the_same_bits(store, recipe, monkeypatch):
    from pneumo_utils.networks import inference, models, trained_networks

    obtain(recipe, store)
    network = models.load(store.network_file("cnn", 0))
    pictures = np.random.default_rng(1).integers(0, 256, (150, SIZE, SIZE), np.uint8)
    store.write_perturbed(iter(pictures), len(pictures), SIZE)
    whole = inference.predict_images(network, pictures, recipe.settings)
    monkeypatch.setattr(inference, "PART", 64)
    real, asked = inference._predict_rows, []

    def predict(judge, rows_of, rows, told):
        asked.append(len(rows))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(judge, rows_of, rows, told)

    monkeypatch.setattr(inference, "_predict_rows", predict)
    with pytest.raises(KeyboardInterrupt):
        trained_networks.predict_perturbed(network, "cnn", 0, store, recipe.settings)
    found = trained_networks.predict_perturbed(network, "cnn", 0, store, recipe.settings)
    assert asked == [64, 64, 64, 22], "the first part is asked once"
    np.testing.assert_array_equal(found, whole)
    assert len(trained_networks.predict_perturbed(network, "cnn", 0, store, recipe.settings)) == 150
    assert len(asked) == 4, "and nothing again"
    file = store.perturbed_answers_file("cnn", 0)
    file.write_bytes(file.read_bytes()[:-30])
    np.testing.assert_array_equal(
        trained_networks.predict_perturbed(network, "cnn", 0, store, recipe.settings), whole, "a damaged file"
    )


@pytest.mark.long
def test_another_recipe_seed_split_or_picture_trains_anew(store, recipe):
    assert obtain(recipe, store).trained_now
    assert obtain(replace(recipe, dropout=0.2), store).trained_now
    assert obtain(replace(recipe, dropout=0.2), store, seed=1).trained_now
    assert not obtain(replace(recipe, dropout=0.2), store).trained_now, "a second seed costs the first nothing"
    splits = store.read("splits")
    splits.loc[0, "split"] = "test"
    store.write("splits", splits)
    assert obtain(replace(recipe, dropout=0.2), store, seed=1).trained_now
    store.write_images(iter(np.zeros((N, SIZE, SIZE), np.uint8)), N, SIZE)
    assert obtain(replace(recipe, dropout=0.2), store, seed=1).trained_now


@pytest.mark.long
def test_a_network_or_table_that_was_touched_is_not_taken_for_the_kept_one(store, recipe):
    obtain(recipe, store)
    store.network_file("cnn", 0).write_bytes(b"half")
    assert obtain(recipe, store).trained_now
    store.network_table_file("predictions", "cnn", 0).unlink()
    assert obtain(recipe, store).trained_now


WITHOUT_THE_PACKAGE = """
import sys
import keras, numpy as np

network = keras.models.load_model(sys.argv[1])
pictures = np.load(sys.argv[2]).astype(np.float32)
np.save(sys.argv[3], network(pictures, training=False).numpy())
assert "pneumo_utils" not in sys.modules
"""


@pytest.mark.parametrize("more", [{}, {"ema_momentum": 0.9, "weight_decay": 0.01, "logit_penalty": 0.01}])
def test_whoever_has_keras_reloads_a_kept_network_without_this_package_and_gets_its_answers(
    store, recipe, more, tmp_path
):
    import os
    import subprocess
    import sys

    from pneumo_utils.networks import inference, models

    given = replace(recipe, settings=replace(recipe.settings, **more))
    told = obtain(given, store).predictions["probability"]
    kept, asked, answers = store.network_file("cnn", 0), tmp_path / "pictures.npy", tmp_path / "answers.npy"
    np.save(asked, store.read_images())
    words = [sys.executable, "-c", WITHOUT_THE_PACKAGE, str(kept), str(asked), str(answers)]
    # it, too, computes with oneDNN's kernels: others round in another way
    environment = os.environ | {"KERAS_BACKEND": "tensorflow", "TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    here = models.load(kept)(store.read_images().astype(np.float32), training=False).numpy()
    np.testing.assert_array_equal(np.load(answers), here)
    held_out = np.flatnonzero(store.read("splits")["split"] != "train")
    again = inference.predict_images(models.load(kept), store.read_images(), given.settings, held_out)
    np.testing.assert_array_equal(again, told, "to the bit those of the network before it was saved")


@pytest.mark.long
def test_a_kept_network_is_its_weights_and_no_more(store, recipe):
    from pneumo_utils.networks import models

    obtain(recipe, store)
    kept = store.network_file("cnn", 0)
    weights = sum(array.nbytes for array in models.load(kept).get_weights())
    assert weights < kept.stat().st_size < 1.5 * weights


def test_where_a_network_starts_is_told_apart(recipe, tmp_path):
    assert recipe.start == "scratch"
    assert replace(recipe, model="vgg16").start == "random"
    assert replace(recipe, model="vgg16", weights=tmp_path).start == "pretrained"


@pytest.mark.long
def test_a_second_seed_of_a_backbone_runs_its_trunk_no_second_time(store, recipe, monkeypatch):
    from pneumo_utils.networks import activation_cache, optimisation

    phases = (optimisation.Phase("head", 1, 1e-3),)
    backbone = replace(recipe, model="vgg16", phases=phases, settings=replace(recipe.settings, cached_views=2))
    counted, append = [], activation_cache.ActivationCache.append
    monkeypatch.setattr(
        activation_cache.ActivationCache, "append", lambda kept, *rows: counted.append(rows) or append(kept, *rows)
    )
    first = obtain(backbone, store)
    ran = len(counted)
    second = obtain(backbone, store, seed=1)
    assert ran > 0 and len(counted) == ran and second.trained_now
    assert (first.predictions["probability"] != second.predictions["probability"]).any()


@pytest.mark.long
def test_a_network_trained_from_kept_activations_is_the_same_as_one_trained_from_none(store, recipe):
    import shutil

    from pneumo_utils.networks import optimisation

    backbone = replace(
        recipe, model="vgg16", phases=(optimisation.Phase("head", 1, 1e-3), optimisation.Phase("top", 1, 1e-4))
    )
    first = obtain(backbone, store)
    store.run_file("vgg16", 0).unlink()
    again = obtain(backbone, store)
    shutil.rmtree(store.activations_folder("vgg16"))
    store.run_file("vgg16", 0).unlink()
    anew = obtain(backbone, store)
    for other in (again, anew):
        assert other.trained_now
        pd.testing.assert_frame_equal(other.predictions, first.predictions)
