"""Lung fields are found on phantoms never seen, and numpy says what Keras would."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import lung_fields


def test_the_fields_of_new_phantoms_overlap_the_true_ones():
    dice = []
    for n in range(20):
        one = radiograph.draw(radiograph.ETIOLOGIES[n % 3], n, n, height=256, width=256)
        true = one.lungs.reshape(64, 4, 64, 4).mean(axis=(1, 3)) > 0.5
        found = lung_fields.lung_probability(one.pixels) > 0.5
        dice.append(2 * (true & found).sum() / (true.sum() + found.sum()))
    assert np.mean(dice) > 0.95 and min(dice) > 0.9, dice


def test_exposure_and_shape_of_the_picture_make_little_difference():
    one = radiograph.draw("normal", 1, 1, height=240, width=320).pixels
    dark = (one * 0.5 + 20).astype(np.uint8)
    assert np.abs(lung_fields.lung_probability(one) - lung_fields.lung_probability(dark)).max() < 0.3
    squashed = np.ascontiguousarray(one[:, ::2])
    assert np.abs(lung_fields.lung_probability(one) - lung_fields.lung_probability(squashed)).mean() < 0.02


def test_a_white_lung_is_still_found_by_the_ribs_around_it():
    one = radiograph.draw("normal", 3, 3, height=256, width=256)
    left = one.lungs & (np.arange(256) > 128)
    white = np.where(left, (0.3 * one.pixels + 0.7 * 170), one.pixels).astype(np.uint8)
    found = lung_fields.lung_probability(white).repeat(4, axis=0).repeat(4, axis=1) > 0.5
    assert (found & left).sum() > 0.8 * left.sum()


def test_a_mask_covers_the_lungs_and_a_little_more():
    one = radiograph.draw("normal", 2, 2, height=200, width=240)
    found = lung_fields.lung_mask(one.pixels)
    assert found.shape == one.pixels.shape and found.dtype == bool
    assert found[one.lungs].mean() > 0.97 and one.lungs.sum() < found.sum() < 1.6 * one.lungs.sum()


def test_opencv_keeps_to_one_core_and_numpy_stays_as_it_was():
    from threadpoolctl import ThreadpoolController

    def threads(name):
        return [one.num_threads for one in ThreadpoolController().lib_controllers if name in one.filepath]

    before = threads("numpy")
    lung_fields.lung_probability(np.zeros((64, 64), np.uint8))
    assert set(threads("opencv")) <= {1} and threads("numpy") == before


def test_a_stack_and_a_single_picture_are_standardised_alike():
    stack = np.random.default_rng(0).integers(0, 256, (3, 16, 16)).astype(np.uint8)
    every = lung_fields.standardise(stack)
    np.testing.assert_allclose(every[1], lung_fields.standardise(stack[1]), atol=1e-6)
    np.testing.assert_allclose(every, lung_fields.standardise(stack[..., None])[..., 0], atol=1e-6)
    np.testing.assert_allclose([every.mean((1, 2)), every.std((1, 2))], [[0] * 3, [1] * 3], atol=1e-3)


@pytest.mark.slow
def test_numpy_runs_the_network_that_keras_trained():
    from pneumo_utils.networks import lung_field_training as training

    network = training.network()
    stored = lung_fields.read(lung_fields.WEIGHTS)
    for layer in network.layers:
        if layer.weights:
            layer.set_weights(stored[layer.name])
    pixels = radiograph.draw("viral", 5, 5, height=64, width=64).pixels
    wanted = network.predict(lung_fields.standardise(pixels)[None, ..., None], verbose=0)[0, ..., 0]
    np.testing.assert_allclose(lung_fields.lung_probability(pixels), wanted, atol=1e-4)
    with np.load(lung_fields.WEIGHTS) as file:
        again = training.arrays(network)
        assert set(again) == set(file)
        for name in file:
            np.testing.assert_array_equal(again[name], file[name])


@pytest.mark.long
@pytest.mark.slow
def test_what_it_learns_from_is_varied_together_with_its_truth():
    from pneumo_utils.networks import lung_field_training as training

    pixels, fields = training.draw(training.FIRST_SEED)
    for seed in range(6):
        seen, truth = training.vary(pixels, fields, seed)
        assert seen.shape == truth.shape == (lung_fields.SIZE, lung_fields.SIZE) and 0.02 < (truth > 127).mean() < 0.8
        again = training.vary(pixels, fields, seed)
        np.testing.assert_array_equal(seen, again[0])
    plan = training.Plan(phantoms=8, epochs=2, batch_size=4)
    assert training.train(plan).output.shape == (None, lung_fields.SIZE, lung_fields.SIZE, 1)


def test_specks_beside_the_lungs_are_no_lungs(monkeypatch):
    field = np.zeros((lung_fields.SIZE, lung_fields.SIZE), np.float32)
    field[10:40, 5:25] = field[10:40, 40:60] = 1.0
    speckled = field.copy()
    speckled[50:56, 30:36] = 1.0
    seen = []
    for found in (field, speckled, np.zeros_like(field)):
        monkeypatch.setattr(lung_fields, "lung_probability", lambda _, found=found: found)
        seen.append(lung_fields.visible_lung(np.zeros((128, 128), np.uint8)))
    np.testing.assert_array_equal(seen[0], seen[1])
    assert seen[0].any() and not seen[2].any()


def test_other_weights_find_other_lungs_and_none_are_kept_for_the_next_picture():
    pixels = radiograph.draw("viral", 5, 5, height=64, width=64).pixels
    before = lung_fields.lung_probability(pixels)
    dark = {name: (0 * kernel, bias - 9) for name, (kernel, bias) in lung_fields.read(lung_fields.WEIGHTS).items()}
    assert lung_fields.lung_probability(pixels, dark).max() < 0.01
    np.testing.assert_array_equal(lung_fields.lung_probability(pixels), before)
