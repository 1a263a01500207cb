"""Statistics of batch normalisation are those of what was shown."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_pictures import SIZE

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


def test_statistics_are_young_until_their_start_is_forgotten(rooms):
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    statistics = rooms["normalisation_statistics"]
    assert statistics.are_young(network, 65) and not statistics.are_young(network, 66), "0.9 ** 66 is below 0.001"
    network.trainable = False
    assert not statistics.are_young(network, 1)


def test_statistics_are_the_plain_mean_over_batches_and_nothing_else_changes(rooms, images):
    statistics, network = (
        rooms["normalisation_statistics"],
        rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None),
    )
    first, *_ = norms = statistics.normalisations(network)
    learned, momentum = [one.numpy() for one in network.trainable_variables], first.momentum
    found = []
    for shown in ([images[:10]], [images[10:20]], [images[:10], images[10:20]]):
        statistics.settle(network, shown)
        found.append([first.moving_mean.numpy(), first.moving_variance.numpy()])
    np.testing.assert_allclose(found[2], np.mean(found[:2], axis=0), rtol=1e-5)
    statistics.settle(network, [images[:10], images[10:15]])
    half = first.moving_mean.numpy()
    statistics.settle(network, [images[10:15]])
    wanted = (2 * found[0][0] + first.moving_mean.numpy()) / 3
    np.testing.assert_allclose(half, wanted, rtol=1e-4, err_msg="a last batch counts by its pictures")
    statistics.settle(network, [images[:10], images[10:20]])
    assert not np.allclose(found[0], found[1])
    for one, before in zip(network.trainable_variables, learned, strict=True):
        np.testing.assert_array_equal(one.numpy(), before)
    first.trainable = False
    statistics.settle(network, [images[:10]])
    np.testing.assert_array_equal(first.moving_mean.numpy(), found[2][0], "what is frozen keeps its statistics")
    assert all(norm.momentum == momentum for norm in norms)
