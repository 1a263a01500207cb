"""Networks, feeds and training on pictures so small that a second is enough."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load

SIZE = 32
N, N_TRAIN = 60, 40


@pytest.fixture(scope="module")
def rooms():
    """The TensorFlow rooms, imported when first needed."""
    from pneumo_utils.networks import batches, features, models, optimisation, training

    return {
        "batches": batches,
        "features": features,
        "optimisation": optimisation,
        "models": models,
        "training": training,
    }


@pytest.fixture(scope="module")
def images():
    """Dark noise; half of the pictures have a bright square in the upper left quarter."""
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 60, (N, SIZE, SIZE)).astype(np.uint8)
    pictures[::2, 4:12, 4:12] += 120
    return pictures


@pytest.fixture(scope="module")
def splits():
    label = (np.arange(N) % 2 == 0).astype(int)
    split = ["train"] * N_TRAIN + ["validation"] * 10 + ["test"] * 10
    frame = pd.DataFrame({"path": [f"{i}.jpeg" for i in range(N)], "patient": [f"p{i}" for i in range(N)]})
    return frame.assign(label=label, etiology=np.where(label, "viral", "normal"), part="train", split=split)


def feed(rooms, images, **more):
    from pneumo_utils.imaging.augmentation import Augmentation

    return rooms["features"].Pixels(images, np.arange(N_TRAIN), Augmentation(**more), seed=0)


def settings(rooms, views=1):
    return rooms["optimisation"].Settings(batch_size=8, patience=50, cached_views=views)


@pytest.mark.parametrize("model", ["cnn", "vgg16", "resnet50"])
def test_a_network_maps_grey_pixels_to_one_probability_and_is_flat(rooms, images, model):
    network = rooms["models"].build(model, SIZE, dropout=0.1, weights=None)
    probability = network.predict(images[:3], verbose=0)
    assert probability.shape == (3, 1) and ((probability > 0) & (probability < 1)).all()
    assert not any(hasattr(layer, "layers") for layer in network.layers), "a nested model breaks Grad-CAM"


def test_an_unknown_network_is_told(rooms):
    with pytest.raises(ValueError, match="model must be one of cnn, vgg16, resnet50, got 'vgg19'"):
        rooms["models"].build("vgg19", SIZE, dropout=0.1, weights=None)


@pytest.mark.parametrize("model", ["vgg16", "resnet50"])
def test_pixels_are_prepared_as_the_backbone_was_trained(rooms, model):
    from keras import applications

    network = rooms["models"].build(model, SIZE, dropout=0.1, weights=None)
    grey = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE)).astype(np.float32)
    seen = rooms["models"].between(network, None, "scaled").predict(grey, verbose=0)
    wanted = getattr(applications, model).preprocess_input(np.repeat(grey[..., None], 3, axis=-1))
    np.testing.assert_allclose(seen, wanted, atol=1e-4)


def test_weights_from_a_file_reach_every_layer_of_the_backbone(rooms, tmp_path):
    from keras import applications

    plain = applications.VGG16(include_top=False, weights=None)
    plain.save_weights(tmp_path / "vgg16.weights.h5")
    network = rooms["models"].build("vgg16", SIZE, dropout=0.1, weights=tmp_path / "vgg16.weights.h5")
    for layer in (layer for layer in plain.layers if layer.weights):
        for wanted, found in zip(layer.get_weights(), network.get_layer(layer.name).get_weights(), strict=True):
            np.testing.assert_array_equal(wanted, found)


@pytest.mark.filterwarnings("ignore:Skipping")  # Keras names each layer it cannot fill
def test_weights_of_another_network_are_refused_by_name(rooms, tmp_path):
    network = rooms["models"].build("cnn", SIZE, dropout=0.1, weights=None)
    network.save_weights(tmp_path / "vgg16.weights.h5")
    with pytest.raises(ValueError, match=r"weights of vgg16 must fit it, got vgg16\.weights\.h5"):
        rooms["models"].build("vgg16", SIZE, dropout=0.1, weights=tmp_path / "vgg16.weights.h5")


@pytest.mark.parametrize("model", ["vgg16", "resnet50"])
def test_two_phases_leave_trunk_and_batch_normalisation_as_they_were(rooms, images, splits, tmp_path, model):
    optimisation, models, training = rooms["optimisation"], rooms["models"], rooms["training"]
    training.make_reproducible(0)
    network = models.build(model, SIZE, dropout=0.1, weights=None)
    models.settle_normalisation(network, images[:N_TRAIN])
    before = {layer.name: [w.copy() for w in layer.get_weights()] for layer in network.layers}
    pixels = feed(rooms, images, rotation=5.0)
    for phase in (
        optimisation.Phase("head", 2, 1e-2),
        optimisation.Phase("top", 1, 1e-4),
    ):  # apart: each keeps what it learned
        fed, part, history = training.train(network, pixels, splits, [phase], settings(rooms, views=2), 0, tmp_path)
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
    predicted = training.predict(part, fed, splits, 8)["probability"]
    whole = network.predict(images[N_TRAIN:], verbose=0)[:, 0]
    np.testing.assert_allclose(predicted, whole, atol=2e-3)


def test_the_kept_weights_are_those_of_the_lowest_validation_loss(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]
    training.make_reproducible(0)
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    phases = [optimisation.Phase("end_to_end", 6, 1e-2)]
    fed, part, history = training.train(network, feed(rooms, images), splits, phases, settings(rooms), 0, tmp_path)
    assert history["kept"].sum() == 1 and history.loc[history["kept"], "val_loss"].item() == history["val_loss"].min()
    predicted = training.predict(part, fed, splits, 8)
    rows = predicted[predicted["split"] == "validation"]
    p = rows["probability"].clip(1e-7, 1 - 1e-7)
    loss = -np.where(rows["label"] == 1, np.log(p), np.log(1 - p)).mean()
    assert loss == pytest.approx(history["val_loss"].min(), rel=1e-3)


def test_end_to_end_everything_above_the_lowest_blocks_learns(rooms, images, splits, tmp_path):
    optimisation, models, training = rooms["optimisation"], rooms["models"], rooms["training"]
    training.make_reproducible(0)
    network = models.build("vgg16", SIZE, dropout=0.1, weights=None)
    before = {layer.name: [w.copy() for w in layer.get_weights()] for layer in network.layers}
    asked = optimisation.Settings(8, 50, frozen_blocks=2, weight_decay=0.01, label_smoothing=0.1)
    phases, pixels = [optimisation.Phase("end_to_end", 1, 1e-4)], feed(rooms, images, crop_area_min=0.5)
    fed, part, history = training.train(network, pixels, splits, phases, asked, 0, tmp_path)
    border = [layer.name for layer in network.layers].index(models.lowest_blocks(network, 2))
    for layer in (layer for layer in network.layers if layer.weights):
        same = all(np.array_equal(a, b) for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
        assert same == (network.layers.index(layer) <= border), layer.name
    assert part is network and list(history["phase"]) == ["end_to_end"] and not list(tmp_path.iterdir())
    wanted = network.predict(images[N_TRAIN:], verbose=0)[:, 0]
    np.testing.assert_allclose(training.predict(part, fed, splits, 8)["probability"], wanted, atol=1e-5)


def test_smaller_pictures_come_first_and_hand_their_weights_on(rooms, images, splits, tmp_path):
    optimisation, models, training = rooms["optimisation"], rooms["models"], rooms["training"]
    training.make_reproducible(0)
    network = models.build("vgg16", 2 * SIZE, dropout=0.1, weights=None)
    pixels = rooms["features"].Pixels(
        np.kron(images, np.ones((1, 2, 2), np.uint8)), np.arange(N_TRAIN), feed(rooms, images).augmentation, 0
    )
    asked, before = optimisation.Settings(8, 50, frozen_blocks=2), network.get_layer("logit").get_weights()[0].copy()
    small = optimisation.Phase("progressive", 1, 1e-3, SIZE)
    never = optimisation.Phase("end_to_end", 1, 1e-30)
    fed, part, history = training.train(network, pixels, splits, [small, never], asked, 0, tmp_path)
    assert list(history["phase"]) == ["progressive", "end_to_end"] and part is network and history["kept"].all()
    assert (network.get_layer("logit").get_weights()[0] != before).any(), "the second phase alone changes nothing"
    assert fed.plain(np.array([0])).shape == (1, 2 * SIZE, 2 * SIZE)


def test_a_twin_at_another_size_says_the_same_where_the_picture_does(rooms):
    models = rooms["models"]
    network = models.build("cnn", SIZE, dropout=0.1, weights=None, precision="bfloat16")
    models.train_only_above(network, "block2_pool")
    twin = models.at_size(network, 2 * SIZE)
    assert [layer.trainable for layer in twin.layers[1:]] == [layer.trainable for layer in network.layers[1:]]
    assert [layer.compute_dtype for layer in twin.layers] == [layer.compute_dtype for layer in network.layers]
    for wanted, found in zip(network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(wanted, found)
    assert twin.input.shape == (None, 2 * SIZE, 2 * SIZE) and network.input.shape == (None, SIZE, SIZE)


def test_the_average_of_weights_is_what_is_judged_and_kept(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]
    training.make_reproducible(0)
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    asked = optimisation.Settings(8, 50, label_smoothing=0.1, ema_momentum=0.8)
    phases = [optimisation.Phase("end_to_end", 4, 1e-2)]
    fed, part, history = training.train(network, feed(rooms, images), splits, phases, asked, 0, tmp_path)
    rows = training.predict(part, fed, splits, 8).query("split == 'validation'")
    p = rows["probability"].clip(1e-7, 1 - 1e-7)
    loss = -np.where(rows["label"] == 1, np.log(p), np.log(1 - p)).mean()
    assert loss == pytest.approx(history["val_loss"].iloc[-1], rel=1e-3), "of plain labels, and of the kept weights"


def test_of_averaged_weights_no_epoch_is_picked_and_none_is_left_out(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]
    swapped = splits.assign(label=splits["label"].where(splits["split"] == "train", 1 - splits["label"]))
    phases = [optimisation.Phase("end_to_end", 4, 1e-2)]
    kept = {}
    for averaging in (0.0, 0.8):
        training.make_reproducible(0)
        network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
        asked = optimisation.Settings(8, patience=1, ema_momentum=averaging)
        _, _, history = training.train(network, feed(rooms, images), swapped, phases, asked, 0, tmp_path)
        assert history["val_loss"].iloc[-1] > history["val_loss"].iloc[0], "validation says the opposite"
        kept[averaging] = list(history["kept"])
    assert kept == {0.0: [True, False], 0.8: [False, False, False, True]}


def test_views_of_a_picture_are_judged_one_by_one_and_averaged(rooms, images, splits):
    from pneumo_utils.imaging.augmentation import test_view

    training = rooms["training"]
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    asked = rooms["optimisation"].Settings(8, 1, test_views=10)
    mean = training.predict_test_views(network, images, splits, asked)
    assert list(mean["path"]) == list(splits["path"][N_TRAIN:])
    views = [np.stack([test_view(image, number) for image in images[N_TRAIN:]]) for number in range(2, 12)]
    answers = np.array([network.predict(seen, verbose=0)[:, 0] for seen in views])
    np.testing.assert_allclose(mean["probability"], answers.mean(axis=0), atol=1e-5)
    of_logits = training.predict_images(network, images[N_TRAIN:], replace(asked, test_average="logit"))
    wanted = 1 / (1 + np.exp(-np.log(answers / (1 - answers)).mean(axis=0)))
    np.testing.assert_allclose(of_logits, wanted, atol=1e-5)


def test_one_view_is_to_the_bit_what_the_network_says_of_the_picture(rooms, images, splits):
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    pixels, asked = feed(rooms, images), rooms["optimisation"].Settings(8, 1)
    plain = rooms["training"].predict(network, pixels, splits, 8)
    pd.testing.assert_frame_equal(rooms["training"].predict_test_views(network, images, splits, asked), plain)


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


def test_both_classes_are_drawn_equally_often_and_no_picture_has_a_turn_twice(rooms):
    label, seen = np.array([0] * 7 + [1] * 30), []
    for epoch in range(3):
        order, turns = rooms["batches"].balanced_order(label, epoch, np.random.default_rng(epoch))
        assert len(order) == len(label) and np.bincount(label[order]).tolist() == [18, 19]
        times = np.bincount(order[label[order] == 0], minlength=7)[:7]
        assert set(times) <= {2, 3} and len(set(order[label[order] == 1])) == 19
        seen += list(zip(order.tolist(), turns.tolist(), strict=True))
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("views", [2, 3, 4])
def test_balanced_drawing_meets_every_kept_view_of_both_classes(rooms, views):
    label, met = np.array([0] * 26 + [1] * 74), {0: set(), 1: set()}
    for epoch in range(4 * views):
        order, turns = rooms["batches"].balanced_order(label, epoch, np.random.default_rng(epoch))
        for position, turn in zip(order.tolist(), turns.tolist(), strict=True):
            met[label[position]].add((position, (turn + position) % views))
    for one, positions in ((0, 26), (1, 74)):
        assert len(met[one]) > 0.9 * positions * views


def test_a_picture_drawn_again_in_an_epoch_is_varied_anew(rooms, images):
    pixels = feed(rooms, images, rotation=20.0)
    seen = pixels.training(np.array([3, 3, 5]), np.array([0, 1, 1]))
    np.testing.assert_array_equal(seen[0], pixels.training(np.array([3]), 0)[0])
    assert not np.array_equal(seen[0], seen[1])


def test_a_penalty_on_logits_keeps_answers_less_sure(rooms, images, splits, tmp_path):
    training, spread = rooms["training"], []
    for penalty in (0.0, 0.5):
        training.make_reproducible(0)
        network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
        asked = rooms["optimisation"].Settings(8, 50, class_balance="sampling", logit_penalty=penalty)
        phases = [rooms["optimisation"].Phase("end_to_end", 6, 3e-3)]
        fed, part, _ = training.train(network, feed(rooms, images), splits, phases, asked, 0, tmp_path)
        answers = training.predict(part, fed, splits, 8)["probability"]
        spread.append(np.abs(np.log(answers / (1 - answers))).mean())
    assert spread[1] < 0.8 * spread[0]


def test_the_loss_is_cross_entropy_and_half_the_mean_square_of_the_logits(rooms):
    loss = rooms["optimisation"].PenalisedCrossentropy(0.0, 0.2)
    logit = np.array([[-2.0], [0.5]])
    likely = 1 / (1 + np.exp(-logit))
    plain = -np.mean([np.log(1 - likely[0, 0]), np.log(likely[1, 0])])
    assert float(loss(np.array([[0.0], [1.0]]), likely)) == pytest.approx(plain + 0.1 * np.mean(logit**2), rel=1e-5)


def test_pictures_stored_larger_are_fed_at_the_size_asked_for(rooms, images):
    from pneumo_utils.imaging.augmentation import Augmentation

    pixels = rooms["features"].Pixels(images, np.arange(N_TRAIN), Augmentation(crop_area_min=0.3), 0, SIZE // 2)
    rows = np.array([0, 3])
    halved = images[rows].reshape(2, SIZE // 2, 2, SIZE // 2, 2).mean(axis=(2, 4))
    assert np.abs(pixels.plain(rows) - halved).max() <= 0.5
    for seen in (pixels.view(rows, 3), pixels.training(rows, 0), pixels.test_view(rows, 4)):
        assert seen.shape == (2, SIZE // 2, SIZE // 2) and seen.dtype == np.float32
    assert (pixels.with_seed(1).view(rows, 3) != pixels.view(rows, 3)).any()


def test_a_second_phase_that_is_never_better_changes_nothing(rooms, images, splits, tmp_path):
    optimisation, training, models = rooms["optimisation"], rooms["training"], rooms["models"]
    training.make_reproducible(0)
    network = models.build("cnn", SIZE, dropout=0.0, weights=None)
    before = [weight.copy() for weight in network.get_weights()]
    phase = optimisation.Phase("end_to_end", 2, 1e-2)
    history = optimisation.fit(network, feed(rooms, images), splits, phase, settings(rooms), 0, to_beat=0.0)
    assert not history["kept"].any()
    for wanted, found in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(wanted, found)


def test_training_twice_from_one_seed_gives_the_same_numbers(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]

    def once(seed):
        training.make_reproducible(seed)
        network = rooms["models"].build("cnn", SIZE, dropout=0.3, weights=None)
        pixels = feed(rooms, images, rotation=10.0, contrast=0.3)
        phases = [optimisation.Phase("end_to_end", 2, 1e-3)]
        trained = training.train(network, pixels, splits, phases, settings(rooms), seed, tmp_path)
        return training.predict(trained[1], trained[0], splits, 8)["probability"].to_numpy()

    first = once(0)
    np.testing.assert_array_equal(first, once(0))
    assert (first != once(1)).any()


def test_class_weights_give_both_classes_the_same_say(rooms):
    weights = rooms["batches"].class_weights(np.array([0, 1, 1, 1]))
    assert weights == {0: 2.0, 1: pytest.approx(2 / 3)}
    with pytest.raises(ValueError, match="label must hold both classes, got 0 normal and 2 pneumonia"):
        rooms["batches"].class_weights(np.array([1, 1]))


def test_an_epoch_shows_every_training_picture_once_and_in_a_new_order(rooms, images):
    batches = rooms["batches"].Batches(feed(rooms, images).training, np.arange(N_TRAIN) % 2, 8, seed=0)
    orders = []
    for _ in range(2):
        orders.append(batches.order.copy())
        assert sorted(batches.order) == list(range(N_TRAIN))
        assert sum(len(batches[i][1]) for i in range(len(batches))) == N_TRAIN
        batches.on_epoch_end()
    assert (orders[0] != orders[1]).any()


def test_kept_activations_are_those_of_the_trunk_view_by_view(rooms, images, tmp_path):
    models = rooms["models"]
    network = models.build("vgg16", SIZE, dropout=0.1, weights=None)
    trunk = models.between(network, None, "block2_pool")
    pixels = feed(rooms, images, rotation=20.0)
    kept = rooms["features"].run_trunk(trunk, pixels, views=3, batch_size=7, folder=tmp_path)
    positions = np.array([0, 5, 39])
    for number in range(3):
        wanted = trunk.predict(pixels.view(positions, number), verbose=0)
        np.testing.assert_allclose(kept.view(positions, number), wanted, atol=1e-5 * wanted.max())
    mixed = kept.training(positions, turn=1)
    for row, position in enumerate(positions):
        np.testing.assert_array_equal(mixed[row], kept.view(np.array([position]), (1 + position) % 3)[0])


def test_only_pictures_that_changed_are_run_through_the_trunk_again(rooms, images, tmp_path, monkeypatch):
    from pneumo_utils.networks import activation_cache

    trunk = rooms["models"].between(rooms["models"].build("cnn", SIZE, dropout=0.1, weights=None), None, "block2_pool")
    run = {"views": 1, "batch_size": 7, "folder": tmp_path}
    rooms["features"].run_trunk(trunk, feed(rooms, images), **run)
    computed, append = [], activation_cache.ActivationCache.append
    monkeypatch.setattr(
        activation_cache.ActivationCache, "append", lambda kept, k, r: computed.extend(k) or append(kept, k, r)
    )
    changed = images.copy()
    changed[[3, 50]] //= 2
    kept = rooms["features"].run_trunk(trunk, feed(rooms, changed), **run)
    assert len(computed) == 2
    wanted = trunk.predict(changed.astype(np.float32), verbose=0)
    np.testing.assert_allclose(kept.plain(np.arange(N)), wanted, atol=1e-5 * wanted.max())
    trunk.set_weights([weight * 2 for weight in trunk.get_weights()])
    rooms["features"].run_trunk(trunk, feed(rooms, changed), **run)
    assert len(computed) == 2 + N, "another trunk computes everything anew"


def test_activations_that_do_not_fit_are_refused_and_not_kept(rooms, images, tmp_path):
    from pneumo_utils.networks.backend import keras, layers

    pixels_in = keras.Input((SIZE, SIZE))
    loud = keras.Model(pixels_in, layers.Rescaling(1e38, name="loud")(pixels_in), name="loud")
    with pytest.raises(ValueError, match="activations must be finite, got inf"):
        rooms["features"].run_trunk(loud, feed(rooms, images), views=1, batch_size=8, folder=tmp_path)
    assert (tmp_path / "loud" / "rows.u16").stat().st_size == 0


def test_parts_of_a_network_share_its_layers_and_refuse_an_unknown_one(rooms, images):
    models = rooms["models"]
    network = models.build("cnn", SIZE, dropout=0.1, weights=None)
    lower = models.between(network, None, "block2_pool")
    upper = models.between(network, "block2_pool", "probability")
    through = upper.predict(lower.predict(images[:4], verbose=0), verbose=0)
    np.testing.assert_allclose(through, network.predict(images[:4], verbose=0), atol=1e-6)
    with pytest.raises(ValueError, match="layer must be one of cnn's, got 'block9'"):
        models.between(network, None, "block9")


def test_random_weights_of_vgg16_let_the_picture_through_to_the_last_layer(rooms, images):
    models, training = rooms["models"], rooms["training"]
    training.make_reproducible(0)
    network = models.build("vgg16", SIZE, dropout=0.1, weights=None)
    spread = {
        layer: float(models.between(network, None, layer).predict(images[:8], verbose=0).std())
        for layer in ("scaled", "block3_conv3", "block5_conv3")
    }
    assert 0.1 < spread["block5_conv3"] / spread["block3_conv3"] < 10, "a signal that fades cannot be learned from"
