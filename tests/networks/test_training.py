"""Phase by phase, and what a finished network says of pictures, in as many views as asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.tiny_pictures import N_TRAIN, SIZE, N, feed, settings

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


@pytest.mark.long
@pytest.mark.parametrize("model", ["vgg16", "resnet50"])
def test_two_phases_leave_trunk_and_batch_normalisation_as_they_were(rooms, images, splits, tmp_path, model):
    optimisation, models, training = rooms["optimisation"], rooms["models"], rooms["training"]
    training.make_reproducible(0)
    network = models.build(model, SIZE, dropout=0.1, weights=None)
    rooms["normalisation_statistics"].settle(network, [images[:N_TRAIN]])
    before = {layer.name: [w.copy() for w in layer.get_weights()] for layer in network.layers}
    pixels = feed(images, rotation=5.0)
    for phase in (
        optimisation.Phase("head", 2, 1e-2),
        optimisation.Phase("top", 1, 1e-4),
    ):  # apart: each keeps what it learned
        fed, part, history = training.train(network, pixels, splits, [phase], settings(views=2), 0, tmp_path)
        assert set(history["phase"]) == {phase.name} and len(history) == phase.epochs
    changed = {
        layer.name
        for layer in network.layers
        if any((a != b).any() for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
    }
    frozen = models.CUT_POINTS[model].frozen_to
    names = [layer.name for layer in network.layers]
    assert changed and all(names.index(name) > names.index(frozen) for name in changed)
    assert not any("bn" in name for name in changed)
    assert "logit" in changed and any("conv" in name for name in changed)
    # what is predicted from kept activations is what the whole network says
    predicted = rooms["inference"].predict(part, fed, splits)["probability"]
    whole = network.predict(images[N_TRAIN:], verbose=0)[:, 0]
    np.testing.assert_allclose(predicted, whole, atol=2e-3)


@pytest.mark.long
def test_end_to_end_everything_above_the_lowest_blocks_learns(rooms, images, splits, tmp_path):
    optimisation, models, training = rooms["optimisation"], rooms["models"], rooms["training"]
    training.make_reproducible(0)
    network = models.build("vgg16", SIZE, dropout=0.1, weights=None)
    before = {layer.name: [w.copy() for w in layer.get_weights()] for layer in network.layers}
    asked = optimisation.Settings(8, 50, frozen_blocks=2, weight_decay=0.01, label_smoothing=0.1)
    phases, pixels = [optimisation.Phase("end_to_end", 1, 1e-4)], feed(images, crop_area_min=0.5)
    fed, part, history = training.train(network, pixels, splits, phases, asked, 0, tmp_path)
    border = [layer.name for layer in network.layers].index(models.lowest_blocks(network, 2))
    for layer in (layer for layer in network.layers if layer.weights):
        same = all(np.array_equal(a, b) for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
        assert same == (network.layers.index(layer) <= border), layer.name
    assert part is network and list(history["phase"]) == ["end_to_end"] and not list(tmp_path.iterdir())
    wanted = network.predict(images[N_TRAIN:], verbose=0)[:, 0]
    np.testing.assert_allclose(rooms["inference"].predict(part, fed, splits)["probability"], wanted, atol=1e-5)


@pytest.mark.long
def test_smaller_pictures_come_first_and_hand_their_weights_on(rooms, images, splits, tmp_path):
    optimisation, models, training = rooms["optimisation"], rooms["models"], rooms["training"]
    training.make_reproducible(0)
    network = models.build("vgg16", 2 * SIZE, dropout=0.1, weights=None)
    pixels = rooms["features"].Pixels(
        np.kron(images, np.ones((1, 2, 2), np.uint8)), np.arange(N_TRAIN), feed(images).augmentation, 0
    )
    asked, before = optimisation.Settings(8, 50, frozen_blocks=2), network.get_layer("logit").get_weights()[0].copy()
    small = optimisation.Phase("progressive", 1, 1e-3, SIZE)
    never = optimisation.Phase("end_to_end", 1, 1e-30)
    fed, part, history = training.train(network, pixels, splits, [small, never], asked, 0, tmp_path)
    assert list(history["phase"]) == ["progressive", "end_to_end"] and part is network and history["kept"].all()
    assert (network.get_layer("logit").get_weights()[0] != before).any(), "the second phase alone changes nothing"
    assert fed.plain(np.array([0])).shape == (1, 2 * SIZE, 2 * SIZE)


def test_no_phase_meets_the_variations_of_another_phase_or_seed(rooms, images, splits, tmp_path, monkeypatch):
    optimisation, met = rooms["optimisation"], []

    def fit(part, fed, *_, **__):
        met.append(fed.seed)
        return pd.DataFrame({"val_loss": [1.0], "kept": [True]})

    monkeypatch.setattr(optimisation, "fit", fit)
    phases = [optimisation.Phase("progressive", 1, 1e-3, SIZE), optimisation.Phase("end_to_end", 1, 1e-3)]
    for seed in (0, 1):
        network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
        rooms["training"].train(network, feed(images), splits, phases, settings(), seed, tmp_path)
    assert len(met) == len(set(met)) == 4


class Asked(Exception):
    """In place of a training."""


@pytest.mark.parametrize(("weights", "frozen"), [(None, 0), (Path("vgg16.h5"), 3)])
def test_blocks_that_begin_at_random_are_never_left_frozen(
    rooms, images, splits, tmp_path, monkeypatch, weights, frozen
):
    from pneumo_utils.imaging.augmentation import Augmentation
    from pneumo_utils.networks import replicates

    optimisation, seen, shown = rooms["optimisation"], [], []

    def train(network, pixels, parts, phases, settings, *_):
        seen.append(settings.frozen_blocks)
        raise Asked

    monkeypatch.setattr(rooms["models"], "build", lambda *_, **__: None)
    monkeypatch.setattr(rooms["random_start"], "prepare", lambda _, pictures: shown.append(pictures))
    monkeypatch.setattr(rooms["training"], "train", train)
    phases, asked = (optimisation.Phase("end_to_end", 1, 1e-4),), optimisation.Settings(8, 5, frozen_blocks=3)
    recipe = replicates.Recipe("vgg16", weights, SIZE, 0.1, phases, asked, Augmentation())
    with pytest.raises(Asked):
        replicates.train(recipe, 0, images, splits, tmp_path)
    assert seen == [frozen]
    assert [pictures.shape for pictures in shown] == ([] if weights else [(N_TRAIN, SIZE, SIZE)])


@pytest.mark.long
def test_training_twice_from_one_seed_gives_the_same_numbers(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]

    def once(seed):
        training.make_reproducible(seed)
        network = rooms["models"].build("cnn", SIZE, dropout=0.3, weights=None)
        pixels = feed(images, rotation=10.0, contrast=0.3)
        phases = [optimisation.Phase("end_to_end", 2, 1e-3)]
        trained = training.train(network, pixels, splits, phases, settings(), seed, tmp_path)
        return rooms["inference"].predict(trained[1], trained[0], splits)["probability"].to_numpy()

    first = once(0)
    np.testing.assert_array_equal(first, once(0))
    assert (first != once(1)).any()


def test_views_of_a_picture_are_judged_one_by_one_and_averaged(rooms, images, splits):
    from pneumo_utils.imaging.augmentation import test_view

    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    asked = rooms["optimisation"].Settings(8, 1, test_views=10)
    mean = rooms["inference"].predict_test_views(network, images, splits, asked)
    assert list(mean["path"]) == list(splits["path"][N_TRAIN:])
    views = [np.stack([test_view(image, number) for image in images[N_TRAIN:]]) for number in range(2, 12)]
    answers = np.array([network.predict(seen, verbose=0)[:, 0] for seen in views])
    np.testing.assert_allclose(mean["probability"], answers.mean(axis=0), atol=1e-5)
    of_logits = rooms["inference"].predict_images(network, images[N_TRAIN:], replace(asked, test_average="logit"))
    wanted = 1 / (1 + np.exp(-np.log(answers / (1 - answers)).mean(axis=0)))
    np.testing.assert_allclose(of_logits, wanted, atol=1e-5)


def test_one_view_is_to_the_bit_what_the_network_says_of_the_picture(rooms, images, splits):
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    pixels, asked = feed(images), rooms["optimisation"].Settings(8, 1)
    plain = rooms["inference"].predict(network, pixels, splits)
    pd.testing.assert_frame_equal(rooms["inference"].predict_test_views(network, images, splits, asked), plain)


@pytest.mark.long
def test_a_finished_network_may_see_larger_pictures_than_it_was_trained_on(rooms, splits, tmp_path):
    from pneumo_utils.imaging.augmentation import Augmentation, unaugmented
    from pneumo_utils.networks import replicates

    stored = np.random.default_rng(0).integers(0, 256, (N, 64, 64), dtype=np.uint8)
    asked = rooms["optimisation"].Settings(8, 5, test_image_size=48)
    phases = (rooms["optimisation"].Phase("end_to_end", 1, 1e-3),)
    recipe = replicates.Recipe("cnn", None, SIZE, 0.0, phases, asked, Augmentation())
    made = replicates.train(recipe, 0, stored, splits, tmp_path)
    assert made.network.input.shape[1] == 48
    seen = np.stack([unaugmented(image, 48) for image in stored[N_TRAIN:]])
    wanted = made.network.predict(seen, verbose=0)[:, 0]
    np.testing.assert_allclose(made.predictions["probability"], wanted, atol=1e-5)


def test_validation_is_judged_once_more_as_training_shows_it(rooms, images, splits):
    from pneumo_utils.imaging.augmentation import Augmentation, view

    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    asked, varied = rooms["optimisation"].Settings(8, 1), Augmentation(crop_area_min=0.3, gamma=1.5)
    found = rooms["inference"].predict_varied(network, images, splits, asked, varied, seed=4)
    assert list(found["path"]) == list(splits.loc[splits["split"] == "validation", "path"])
    seen = np.stack([view(images[row], varied, seed=4, row=row, number=1) for row in range(N_TRAIN, N_TRAIN + 10)])
    np.testing.assert_allclose(found["probability"], network.predict(seen, verbose=0)[:, 0], atol=1e-6)
