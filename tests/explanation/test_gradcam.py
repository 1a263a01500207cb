"""Grad-CAM says what the paper and tf-keras-vis say, from pixels and from kept activations alike."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from support.squares import SIZE

from pneumo_utils.explanation import heat_maps
from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import activation_cache

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load

BACKBONES = ["vgg16", "resnet50"]


@pytest.fixture(scope="module")
def networks(trained, images):
    """The trained CNN, and the backbones with random weights whose statistics fit the pictures."""
    from pneumo_utils.networks import models, normalisation_statistics, training

    training.make_reproducible(0)
    found = {"cnn": trained}
    for model in BACKBONES:
        found[model] = models.build(model, SIZE, dropout=0.1, weights=None)
        normalisation_statistics.settle(found[model], [images])
    return found


@pytest.fixture(params=BACKBONES)
def halves(request, networks):
    """A network, the border of its frozen trunk, and the trunk."""
    from pneumo_utils.networks import models

    network, border = networks[request.param], models.CUT_POINTS[request.param].frozen_to
    return network, border, models.between(network, None, border)


def keep(trunk, images, folder):
    """Run `trunk` as training does."""
    from pneumo_utils.networks import features

    fed = features.Pixels(images, np.arange(0), Augmentation(), 0, trunk.input.shape[1])
    return features.run_trunk(trunk, fed, views=1, batch_size=8, folder=folder)


def finished(coarse, side=SIZE):
    """Maps as small as the grid -> enlarged by OpenCV, one by one, each scaled to its own maximum."""
    fine = np.stack([cv2.resize(np.float32(one), (side, side), interpolation=cv2.INTER_LINEAR) for one in coarse])
    return fine / np.maximum(fine.max(axis=(1, 2), keepdims=True), 1e-30)


def by_tape(network, layer, images):
    """The definition in plain Keras, one picture after another, no larger than the grid."""
    from pneumo_utils.networks.backend import keras, tf

    both = keras.Model(network.input, [network.get_layer(layer).output, network.get_layer("logit").output])
    for image in images:
        with tf.GradientTape() as tape:
            explained, logit = both(image[None].astype(np.float32), training=False)
        weights = tape.gradient(logit, explained).numpy().mean(axis=(0, 1, 2))
        yield np.maximum((explained.numpy()[0] * weights).sum(axis=-1), 0)


def by_tf_keras_vis(network, layer, images, method=None):
    """Maps of the package that people use, no larger than the grid: its own enlargement moves them to the corners."""
    from tf_keras_vis.gradcam import Gradcam

    from pneumo_utils.networks.backend import keras

    cut = keras.Model(network.input, network.get_layer("logit").output)
    asked = {"penultimate_layer": layer, "seek_penultimate_conv_layer": False}
    plain = {"expand_cam": False, "normalize_cam": False}
    return (method or Gradcam)(cut, clone=False)(lambda logit: logit[:, 0], images.astype(np.float32), **asked, **plain)


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "layer"), [("cnn", "block5_relu2"), ("vgg16", "block5_conv3"), ("resnet50", "conv5_block3_out")]
)
def test_the_last_layer_with_a_grid_is_asked(gradcam, networks, model, layer):
    assert gradcam.Explainer(networks[model]).layer == layer


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # tf-keras-vis imports from SciPy's old place
@pytest.mark.parametrize("model", ["cnn", *BACKBONES])
def test_maps_are_those_of_tf_keras_vis(gradcam, networks, images, model):
    explainer = gradcam.Explainer(networks[model])
    theirs = finished(np.asarray(by_tf_keras_vis(networks[model], explainer.layer, images[:6])))
    ours = heat_maps.enlarge(explainer.coarse(images[:6])["gradcam"], SIZE)  # as theirs, wherever the cells look
    assert ((theirs > 0.1) & (theirs < 0.9)).mean() > 0.2, "maps that are dark but for one cell compare nothing"
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "layer"), [("cnn", ""), ("cnn", "block2_relu1"), ("vgg16", ""), ("vgg16", "block4_conv3")]
)
def test_maps_are_the_definition_enlarged_by_opencv_without_a_shift(gradcam, networks, images, model, layer):
    explainer = gradcam.Explainer(networks[model], layer)
    wanted = finished(by_tape(networks[model], explainer.layer, images[:4]))
    assert wanted.max() == 1
    np.testing.assert_allclose(explainer.maps(images[:4]), wanted, atol=1e-5)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("model", ["cnn", *BACKBONES])
def test_maps_of_grad_cam_plus_plus_are_those_of_tf_keras_vis(gradcam, networks, images, model):
    from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus

    explainer = gradcam.Explainer(networks[model], methods=["gradcam++"])
    theirs = finished(np.asarray(by_tf_keras_vis(networks[model], explainer.layer, images[:6], GradcamPlusPlus)))
    ours = heat_maps.enlarge(explainer.coarse(images[:6])["gradcam++"], SIZE)
    ours, theirs = (maps - maps.min(axis=(1, 2), keepdims=True) for maps in (ours, theirs))  # positive weights alone
    np.testing.assert_allclose(finished(ours), finished(theirs), atol=5e-3)


def test_channels_are_weighed_by_the_places_that_would_raise_the_answer_alone(gradcam):
    """Equation 19 by hand, with gradients of both signs, as they are below the last layers."""
    from pneumo_utils.networks.backend import tf

    rng = np.random.default_rng(0)
    explained, gradient = (
        rng.random((2, 4, 4, 3)).astype(np.float32),
        rng.normal(0, 0.1, (2, 4, 4, 3)).astype(np.float32),
    )
    wanted = np.zeros((2, 3))
    for n, k in np.ndindex(2, 3):
        a, g = explained[n, ..., k].astype(float), gradient[n, ..., k].astype(float)
        share = np.where(g > 0, g**2 / (2 * g**2 + g**3 * a.sum()), 0)
        wanted[n, k] = (share / share.sum() * np.maximum(g, 0)).sum()
    found = gradcam.gradcam_plus_plus_weights(tf.constant(explained), tf.constant(gradient)).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    assert (found > 0).all()


def test_both_methods_come_from_one_run_and_the_first_is_drawn(gradcam, networks, images):
    both = gradcam.Explainer(networks["vgg16"], methods=["gradcam++", "gradcam"])
    found = both.maps_by_method(images[:5])
    assert list(found) == ["gradcam++", "gradcam"]
    np.testing.assert_array_equal(both.maps(images[:5]), found["gradcam++"])
    np.testing.assert_allclose(found["gradcam"], gradcam.Explainer(networks["vgg16"]).maps(images[:5]), atol=1e-6)
    assert np.abs(found["gradcam"] - found["gradcam++"]).max() > 0.05


@pytest.mark.parametrize(("methods", "got"), [(["cam"], "cam"), ([], "none")])
def test_an_unknown_method_is_told(gradcam, trained, methods, got):
    with pytest.raises(ValueError, match=rf"methods must be some of gradcam, gradcam\+\+, got {got}"):
        gradcam.Explainer(trained, methods=methods)


def test_weights_are_mean_gradients_of_the_logit_by_finite_steps(gradcam, images, trained):
    from pneumo_utils.networks import models
    from pneumo_utils.networks.backend import tf

    explainer = gradcam.Explainer(trained)
    score = models.between(trained, explainer.layer, "logit")
    explained = models.between(trained, None, explainer.layer)(images[:1].astype(np.float32))
    step, cells = 1e-2, np.prod(explainer.grid)
    bumps = step * np.eye(explained.shape[-1], dtype=np.float32)[:, None, None, :]  # one channel each, everywhere
    weights = (score(explained + tf.constant(bumps)) - score(explained)).numpy()[:, 0] / step / cells
    coarse = np.maximum((explained.numpy() * weights).sum(axis=-1), 0)
    np.testing.assert_allclose(explainer.maps(images[:1]), finished(coarse), atol=2e-2)


def test_maps_find_the_square_that_makes_the_difference(gradcam, images, trained):
    maps = gradcam.Explainer(trained, "block4_relu2").maps(images[::2])  # of block 5 four places are left
    centre = [np.unravel_index(one.argmax(), one.shape) for one in maps]
    assert np.mean([row < SIZE / 2 and column < SIZE / 2 for row, column in centre]) > 0.9


def test_maps_are_as_large_as_the_pictures_and_between_0_and_1(gradcam, images, trained):
    maps = gradcam.Explainer(trained).maps(images)
    assert maps.shape == images.shape and maps.dtype == np.float32
    assert maps.min() >= 0 and maps.max() == 1


def test_pictures_stored_larger_are_fed_at_the_size_the_network_sees(gradcam, images, trained):
    explainer = gradcam.Explainer(trained)
    large = images[:3].repeat(2, axis=1).repeat(2, axis=2)
    wanted = finished(by_tape(trained, explainer.layer, images[:3]), 2 * SIZE)
    np.testing.assert_allclose(explainer.maps(large), wanted, atol=1e-5)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 33])
def test_filling_up_the_last_batch_changes_nothing(gradcam, images, trained, count):
    explainer = gradcam.Explainer(trained)
    np.testing.assert_array_equal(explainer.maps(images[:count]), explainer.maps(images)[:count])


@pytest.mark.long
@pytest.mark.parametrize("count", [0, 5, 17])
def test_answers_are_those_of_the_network(gradcam, networks, images, count):
    network = networks["resnet50"]
    wanted = network(images[:count].astype(np.float32), training=False).numpy()[:, 0] if count else []
    np.testing.assert_allclose(gradcam.Explainer(network).predict(images[:count]), wanted, atol=1e-4)
    through_trunk = gradcam.Explainer(network, below="conv4_block6_out").predict(images[:count])
    np.testing.assert_allclose(through_trunk, wanted, atol=1e-3)


def test_of_no_picture_there_is_no_map(gradcam, images, networks, tmp_path):
    from pneumo_utils.networks import features, models

    explainer = gradcam.Explainer(networks["vgg16"], below="block4_pool")
    assert explainer.maps(images[:0]).shape == (0, SIZE, SIZE)
    assert explainer.maps_of([]).shape == (0, SIZE, SIZE)
    trunk = models.between(networks["vgg16"], None, "block4_pool")
    activation_cache.ActivationCache(
        tmp_path / trunk.name, features.identity(trunk), trunk.output.shape[1:]
    )  # nothing kept yet
    assert explainer.maps(images[:0], tmp_path).shape == (0, SIZE, SIZE)


def test_a_map_is_dark_where_nothing_speaks_for_pneumonia(gradcam, images):
    from pneumo_utils.networks import models

    network = models.build("cnn", SIZE, dropout=0.0, weights=None)
    kernel, bias = network.get_layer("logit").get_weights()
    network.get_layer("logit").set_weights([-np.abs(kernel), bias])
    assert (gradcam.Explainer(network).maps(images[:2]) == 0).all()


def test_a_network_that_was_saved_and_reloaded_gives_the_same_maps(gradcam, images, trained, tmp_path):
    from pneumo_utils.networks import models

    trained.save(tmp_path / "n.keras")
    first, second = (gradcam.Explainer(one).maps(images) for one in (trained, models.load(tmp_path / "n.keras")))
    np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.long
def test_a_reloaded_network_finds_what_was_kept_before_it_was_saved(gradcam, halves, images, tmp_path):
    from pneumo_utils.networks import models

    network, border, trunk = halves
    kept = keep(trunk, images[:6], tmp_path)
    network.save(tmp_path / "n.keras")
    explainer = gradcam.Explainer(models.load(tmp_path / "n.keras"), below=border)
    explainer._of_pixels = None  # running from the pixels breaks
    wanted = gradcam.Explainer(network, below=border).maps_of(kept.plain(np.arange(6)))
    np.testing.assert_allclose(explainer.maps(images[:6], tmp_path), wanted, atol=1e-6)


@pytest.mark.long
def test_maps_from_activations_are_those_from_pixels(gradcam, halves, images, tmp_path):
    from pneumo_utils.networks import batchnorm_folding

    network, border, trunk = halves
    explainer = gradcam.Explainer(network, below=border)
    maps = explainer.maps(images)
    given = batchnorm_folding.fold_batch_normalisation(trunk).predict(images.astype(np.float32), verbose=0)
    np.testing.assert_allclose(explainer.maps_of(given), maps, atol=1e-4)
    np.testing.assert_array_equal(explainer.maps_of(row for row in given), explainer.maps_of(given))
    keep(trunk, images, tmp_path)
    np.testing.assert_allclose(explainer.maps(images, tmp_path), maps, atol=1e-3)


@pytest.mark.long
def test_kept_activations_are_found_by_picture_and_the_trunk_is_not_run(gradcam, halves, images, tmp_path):
    network, border, trunk = halves
    kept = keep(trunk, images, tmp_path)
    explainer, order = gradcam.Explainer(network, below=border), np.array([7, 0, 30])
    wanted = explainer.maps_of(kept.plain(order), 2 * SIZE)
    explainer._of_pixels = None  # running from the pixels breaks
    np.testing.assert_array_equal(explainer.maps(images[order].repeat(2, axis=1).repeat(2, axis=2), tmp_path), wanted)


@pytest.mark.long
def test_a_picture_that_was_not_kept_sends_all_to_the_pixels(gradcam, halves, images, tmp_path):
    network, border, trunk = halves
    keep(trunk, images[:5], tmp_path)
    explainer = gradcam.Explainer(network, below=border)
    np.testing.assert_array_equal(explainer.maps(images[:6], tmp_path), explainer.maps(images[:6]))
    np.testing.assert_array_equal(explainer.maps(images[:6], tmp_path / "none"), explainer.maps(images[:6]))
    np.testing.assert_allclose(
        gradcam.Explainer(network).maps(images[:5], tmp_path), explainer.maps(images[:5]), atol=1e-3
    )


def test_activations_of_another_trunk_are_neither_used_nor_lost(gradcam, images, networks, tmp_path):
    from pneumo_utils.networks import models

    network = networks["vgg16"]
    explainer = gradcam.Explainer(network, below="block4_pool")
    folder = tmp_path / models.between(network, None, "block4_pool").name
    other = activation_cache.ActivationCache(folder, "another", explainer._trunk.output.shape[1:])
    other.append([activation_cache.digest(images[0].astype(np.float32))], np.ones((1, *other.shape)))
    np.testing.assert_array_equal(explainer.maps(images[:1], tmp_path), explainer.maps(images[:1]))
    assert activation_cache.ActivationCache(folder, "another", other.shape).count == 1


@pytest.mark.parametrize(
    ("model", "layer"), [("cnn", "block3_relu1"), ("vgg16", "block3_conv1"), ("resnet50", "conv2_block1_out")]
)
def test_a_cell_is_drawn_where_it_looks(gradcam, networks, images, model, layer):
    from pneumo_utils.networks import models
    from pneumo_utils.networks.backend import tf

    explainer = gradcam.Explainer(networks[model], layer)
    lower, (rows, columns) = models.between(networks[model], None, layer), explainer.grid
    seen = tf.constant(np.random.default_rng(0).normal(128, 30, (16, SIZE, SIZE)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(seen)
        cell = tf.reduce_sum(lower(seen, training=False)[:, rows // 2, columns // 2] ** 2)
    felt = np.square(tape.gradient(cell, seen).numpy()).mean(axis=0)
    lit = np.zeros((1, rows, columns))
    lit[0, rows // 2, columns // 2] = 1
    drawn = heat_maps.enlarge(lit, SIZE, explainer.places)[0]
    middles = [(np.arange(SIZE) * one.sum(axis=0)).sum() / one.sum() for one in (felt, drawn)]
    assert abs(middles[0] - middles[1]) < 0.3 * SIZE / rows, middles


@pytest.mark.long
def test_maps_of_a_network_that_computes_in_bfloat16_are_summed_in_float32(gradcam, networks, images):
    from pneumo_utils.networks import models

    half = models.build("resnet50", SIZE, dropout=0.1, weights=None, precision="bfloat16")
    half.set_weights(networks["resnet50"].get_weights())
    below = "conv5_block3_add"  # a mere ReLU below the explained layer
    rows = models.between(half, None, below).predict(images[:16].astype(np.float32), verbose=0).astype(np.float32)
    kernel = half.get_layer("logit").get_weights()[0][:, 0]  # the weights of Grad-CAM, above a mean and a linear layer
    explainer = gradcam.Explainer(half, below=below)
    wanted = heat_maps.enlarge(np.maximum(np.maximum(rows, 0) @ kernel, 0), SIZE, explainer.places)
    np.testing.assert_allclose(explainer.maps_of(rows), wanted, atol=5e-3)  # the gradient is rounded


def test_a_network_that_is_sure_beyond_float32_is_still_explained(gradcam, images, trained):
    from pneumo_utils.networks import models
    from pneumo_utils.networks.backend import keras

    sure = keras.models.clone_model(trained)
    sure.set_weights(trained.get_weights())
    kernel, bias = sure.get_layer("logit").get_weights()
    sure.get_layer("logit").set_weights([kernel, bias + 200])
    assert models.between(sure, None, "probability").predict(images[:2], verbose=0).min() == 1
    maps = [gradcam.Explainer(network).maps(images[:2]) for network in (sure, trained)]
    np.testing.assert_allclose(*maps, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"layer": "block9"}, "layer must be one of vgg16's, got 'block9'"),
        ({"below": "block9"}, "layer must be one of vgg16's, got 'block9'"),
        ({"layer": "pooled"}, "layer must have height and width, got 'pooled'"),
        ({"below": "block5_pool"}, "layer 'block5_conv3' must be reached through 'block5_pool' alone, got another way"),
    ],
)
def test_a_layer_that_is_not_there_or_not_below_is_told(gradcam, networks, given, told):
    with pytest.raises(ValueError, match=told):
        gradcam.Explainer(networks["vgg16"], **given)
