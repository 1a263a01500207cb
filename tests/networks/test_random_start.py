"""What random weights leave open is set so that answers differ between pictures, and learning can begin."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_pictures import SIZE

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


def started(rooms, model: str, images: np.ndarray, prepared: bool):
    rooms["training"].make_reproducible(0)
    network = rooms["models"].build(model, SIZE, dropout=0.0, weights=None)
    if prepared:
        rooms["random_start"].prepare(network, images)
    return network


@pytest.mark.long
def test_what_kernels_of_vgg16_give_before_their_relu_has_mean_0_and_deviation_1(rooms, images):
    network = started(rooms, "vgg16", images, True)
    keras, layer = rooms["models"].keras, network.get_layer("block3_conv2")
    below = keras.Model(network.input, layer.input)(images.astype(np.float32))
    kernel, bias = layer.get_weights()
    given = keras.ops.convert_to_numpy(keras.ops.conv(below, kernel, padding="same")) + bias
    np.testing.assert_allclose(given.mean(axis=(0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(given.std(axis=(0, 1, 2)), 1, atol=1e-3)


@pytest.mark.long
def test_residual_blocks_begin_as_their_shortcuts_and_statistics_follow_soon(rooms, images):
    network = started(rooms, "resnet50", images, True)
    through = rooms["models"].between(network, None, "conv3_block2_out")(images.astype(np.float32)).numpy()
    before = rooms["models"].between(network, None, "conv3_block1_out")(images.astype(np.float32)).numpy()
    np.testing.assert_array_equal(through, before)
    norms = [layer for layer in network.layers if layer.name.endswith("_bn")]
    assert len(norms) == 53 and {norm.momentum for norm in norms} == {0.9}


@pytest.mark.long
@pytest.mark.parametrize("model", ["vgg16", "resnet50"])
def test_features_of_two_pictures_are_less_alike_than_those_of_keras_weights(rooms, images, model):
    alike = {}
    for prepared in (False, True):
        network = started(rooms, model, images, prepared)
        features = rooms["models"].between(network, None, "pooled")(images.astype(np.float32)).numpy()
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        alike[prepared] = (features @ features.T)[np.triu_indices(len(features), 1)].mean()
    assert alike[True] < alike[False]


def test_the_small_cnn_has_nothing_to_set_but_statistics(rooms, images):
    plain, prepared = (started(rooms, "cnn", images, one) for one in (False, True))
    for before, after in zip(plain.trainable_weights, prepared.trainable_weights, strict=True):
        np.testing.assert_array_equal(before.numpy(), after.numpy())


@pytest.mark.long
def test_a_picture_reaches_the_last_layer_of_a_prepared_vgg16_as_strong_as_the_middle_one(rooms, images):
    network = started(rooms, "vgg16", images, True)
    spread = [
        float(rooms["models"].between(network, None, layer).predict(images, verbose=0).std())
        for layer in ("block3_conv3", "block5_conv3")
    ]
    assert 0.5 < spread[1] / spread[0] < 2, "a signal that fades cannot be learned from"
