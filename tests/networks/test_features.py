"""What a network is fed: pictures, and activations that were kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pytest
from filelock import FileLock
from support.tiny_pictures import N_TRAIN, SIZE, N, feed

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


def test_a_picture_drawn_again_in_an_epoch_is_varied_anew(rooms, images):
    pixels = feed(images, rotation=20.0)
    seen = pixels.training(np.array([3, 3, 5]), np.array([0, 1, 1]))
    np.testing.assert_array_equal(seen[0], pixels.training(np.array([3]), 0)[0])
    assert not np.array_equal(seen[0], seen[1])


def test_the_first_turn_of_a_training_is_the_first_variation_and_not_the_picture_itself(rooms, images):
    pixels, positions = feed(images, rotation=20.0), np.array([3, 5])
    np.testing.assert_array_equal(pixels.training(positions, 0), pixels.view(positions, 1))
    assert (pixels.training(positions, 0) != pixels.plain(pixels.train_rows[positions])).any(axis=(1, 2)).all()


def test_pictures_stored_larger_are_fed_at_the_size_asked_for(rooms, images):
    from pneumo_utils.imaging.augmentation import Augmentation

    pixels = rooms["features"].Pixels(images, np.arange(N_TRAIN), Augmentation(crop_area_min=0.3), 0, SIZE // 2)
    rows = np.array([0, 3])
    halved = images[rows].reshape(2, SIZE // 2, 2, SIZE // 2, 2).mean(axis=(2, 4))
    assert np.abs(pixels.plain(rows) - halved).max() <= 0.5
    for seen in (pixels.view(rows, 3), pixels.training(rows, 0), pixels.test_view(rows, 4)):
        assert seen.shape == (2, SIZE // 2, SIZE // 2) and seen.dtype == np.float32
    assert (pixels.with_seed(1).view(rows, 3) != pixels.view(rows, 3)).any()


def test_kept_activations_are_those_of_the_trunk_view_by_view(rooms, images, tmp_path):
    models = rooms["models"]
    network = models.build("vgg16", SIZE, dropout=0.1, weights=None)
    trunk = models.between(network, None, "block2_pool")
    pixels = feed(images, rotation=20.0)
    kept = rooms["features"].run_trunk(trunk, pixels, views=3, batch_size=7, folder=tmp_path)
    positions = np.array([0, 5, 39])
    for number in range(3):
        wanted = trunk.predict(pixels.view(positions, number), verbose=0)
        np.testing.assert_allclose(kept.view(positions, number), wanted, atol=1e-5 * wanted.max())
    mixed = kept.training(positions, turn=1)
    for row, position in enumerate(positions):
        np.testing.assert_array_equal(mixed[row], kept.view(np.array([position]), (1 + position) % 3)[0])


@pytest.mark.parametrize("views", [2, 3, 4, 8])
@pytest.mark.parametrize("every", [1, 2, 3])
def test_no_view_of_a_picture_is_left_out_whichever_of_its_turns_it_has(rooms, views, every):
    rows = np.arange(views)[:, None]  # of the one picture, a row each view
    kept = rooms["features"].Activations(np.arange(views), rows[0], rows[1:], np.array([0]))
    taken = [int(kept.training(np.array([0]), turn)[0]) for turn in range(0, 6 * views * every, every)]
    assert np.bincount(taken, minlength=views).min() >= 3, "half of what an even share would be"


def test_of_two_trainings_that_share_a_trunk_one_runs_it_and_the_other_waits(rooms, images, tmp_path):
    trunk = rooms["models"].between(rooms["models"].build("cnn", SIZE, dropout=0.1, weights=None), None, "block2_pool")
    run = {"views": 1, "batch_size": 8, "folder": tmp_path}
    with ThreadPoolExecutor() as pool, FileLock(tmp_path / f"{trunk.name}.lock"):
        waiting = pool.submit(rooms["features"].run_trunk, trunk, feed(images), **run)
        assert not wait([waiting], timeout=1).done
    assert len(waiting.result().kept) == N


def test_only_pictures_that_changed_are_run_through_the_trunk_again(rooms, images, tmp_path, monkeypatch):
    from pneumo_utils.networks import activation_cache

    trunk = rooms["models"].between(rooms["models"].build("cnn", SIZE, dropout=0.1, weights=None), None, "block2_pool")
    run = {"views": 1, "batch_size": 7, "folder": tmp_path}
    rooms["features"].run_trunk(trunk, feed(images), **run)
    computed, append = [], activation_cache.ActivationCache.append
    monkeypatch.setattr(
        activation_cache.ActivationCache, "append", lambda kept, k, r: computed.extend(k) or append(kept, k, r)
    )
    changed = images.copy()
    changed[[3, 50]] //= 2
    kept = rooms["features"].run_trunk(trunk, feed(changed), **run)
    assert len(computed) == 2
    wanted = trunk.predict(changed.astype(np.float32), verbose=0)
    np.testing.assert_allclose(kept.plain(np.arange(N)), wanted, atol=1e-5 * wanted.max())
    trunk.set_weights([weight * 2 for weight in trunk.get_weights()])
    rooms["features"].run_trunk(trunk, feed(changed), **run)
    assert len(computed) == 2 + N, "another trunk computes everything anew"


def test_activations_that_do_not_fit_are_refused_and_not_kept(rooms, images, tmp_path):
    from pneumo_utils.networks.backend import keras, layers

    pixels_in = keras.Input((SIZE, SIZE))
    loud = keras.Model(pixels_in, layers.Rescaling(1e38, name="loud")(pixels_in), name="loud")
    with pytest.raises(ValueError, match="activations must be finite, got inf"):
        rooms["features"].run_trunk(loud, feed(images), views=1, batch_size=8, folder=tmp_path)
    assert (tmp_path / "loud" / "rows.u16c").stat().st_size == 0
