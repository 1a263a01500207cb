"""Folded into convolutions, batch normalisation is gone and the answer is the same."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


@pytest.fixture(scope="module")
def rooms():
    from pneumo_utils.networks import batchnorm_folding, models, normalisation_statistics
    from pneumo_utils.networks.backend import keras, layers

    return SimpleNamespace(
        folding=batchnorm_folding,
        models=models,
        normalisation_statistics=normalisation_statistics,
        keras=keras,
        layers=layers,
    )


@pytest.fixture(scope="module")
def network(rooms):
    """ResNet50, with statistics, scales and shifts that are not 1 and 0."""
    rooms.keras.utils.set_random_seed(0)
    network = rooms.models.build("resnet50", 32, dropout=0.0, weights=None)
    rooms.normalisation_statistics.settle(network, [pixels().astype(np.uint8)])
    generator = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, rooms.layers.BatchNormalization):
            gamma, beta, *statistics = layer.get_weights()
            given = [gamma * generator.uniform(0.7, 1.3, gamma.shape), beta + generator.uniform(-0.2, 0.2, beta.shape)]
            layer.set_weights([*given, *statistics])
    return network


def pixels(count=6):
    return np.random.default_rng(1).integers(0, 256, (count, 32, 32)).astype(np.float32)


def norms(rooms, network):
    return [layer.name for layer in network.layers if isinstance(layer, rooms.layers.BatchNormalization)]


@pytest.mark.long
@pytest.mark.parametrize("cut", [(None, "conv4_block6_out"), ("conv4_block6_out", "pooled")])
def test_a_folded_part_says_the_same_without_any_normalisation(rooms, network, cut):
    part = rooms.models.between(network, *cut)
    eaten = pixels() if cut[0] is None else np.random.default_rng(2).uniform(0, 1, (4, *part.input.shape[1:]))
    before = part(eaten, training=False).numpy()
    twin = rooms.folding.fold_batch_normalisation(part)
    after = twin(eaten, training=False).numpy()
    assert norms(rooms, part) and not norms(rooms, twin)
    np.testing.assert_allclose(after, before, atol=2e-4 * np.abs(before).max())
    np.testing.assert_array_equal(part(eaten, training=False).numpy(), before)


def test_a_trunk_without_normalisation_is_left_alone(rooms):
    network = rooms.models.build("vgg16", 32, dropout=0.0, weights=None)
    trunk = rooms.models.between(network, None, "block4_pool")
    assert rooms.folding.fold_batch_normalisation(trunk) is trunk


@pytest.mark.parametrize("kind", ["not linear", "of a sum", "shared"])
def test_normalisation_that_is_not_the_only_reader_of_a_linear_convolution_stays(rooms, kind):
    layers, keras = rooms.layers, rooms.keras
    eaten = keras.Input((8, 8, 3))
    seen = layers.Conv2D(4, 3, padding="same", activation="relu" if kind == "not linear" else None)(eaten)
    given = layers.Add()([seen, layers.Conv2D(4, 1)(eaten)]) if kind == "of a sum" else seen
    said = layers.BatchNormalization()(given)
    network = keras.Model(eaten, layers.Add()([said, seen]) if kind == "shared" else said)
    assert rooms.folding.fold_batch_normalisation(network) is network
