"""The networks: flat, fed with grey pixels, cut and copied where asked."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_pictures import SIZE

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


@pytest.mark.parametrize("model", ["cnn", "vgg16", "resnet50"])
def test_a_network_maps_grey_pixels_to_one_probability_and_is_flat(rooms, images, model):
    network = rooms["models"].build(model, SIZE, dropout=0.1, weights=None)
    probability = network.predict(images[:3], verbose=0)
    assert probability.shape == (3, 1) and ((probability > 0) & (probability < 1)).all()
    assert not any(hasattr(layer, "layers") for layer in network.layers), "a nested model breaks Grad-CAM"


def test_features_are_dropped_by_the_share_that_was_asked_for(rooms):
    network = rooms["models"].build("cnn", SIZE, dropout=0.3, weights=None)
    assert network.get_layer("dropout").rate == 0.3


def test_what_is_trained_above_a_frozen_layer_is_counted_without_the_rest(rooms):
    models = rooms["models"]
    network = models.build("vgg16", SIZE, dropout=0.1, weights=None)
    models.train_only_above(network, "block4_pool")
    assert models.count_trained_parameters(network) == 3 * (3 * 3 * 512 + 1) * 512 + 512 + 1, "block 5 and the head"


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


def test_a_twin_at_another_size_says_the_same_where_the_picture_does(rooms):
    models = rooms["models"]
    network = models.build("cnn", SIZE, dropout=0.1, weights=None, precision="bfloat16")
    models.train_only_above(network, "block2_pool")
    twin = models.copied(network, image_size=2 * SIZE)
    assert [layer.trainable for layer in twin.layers[1:]] == [layer.trainable for layer in network.layers[1:]]
    assert [layer.compute_dtype for layer in twin.layers] == [layer.compute_dtype for layer in network.layers]
    for wanted, found in zip(network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(wanted, found)
    assert twin.input.shape == (None, 2 * SIZE, 2 * SIZE) and network.input.shape == (None, SIZE, SIZE)


def test_parts_of_a_network_share_its_layers_and_refuse_an_unknown_one(rooms, images):
    models = rooms["models"]
    network = models.build("cnn", SIZE, dropout=0.1, weights=None)
    lower = models.between(network, None, "block2_pool")
    upper = models.between(network, "block2_pool", "probability")
    through = upper.predict(lower.predict(images[:4], verbose=0), verbose=0)
    np.testing.assert_allclose(through, network.predict(images[:4], verbose=0), atol=1e-6)
    with pytest.raises(ValueError, match="layer must be one of cnn's, got 'block9'"):
        models.between(network, None, "block9")
