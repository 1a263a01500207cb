"""Statistics of batch normalisation are those of what was shown."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_pictures import SIZE

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


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
    assert not np.allclose(found[0], found[1])
    for one, before in zip(network.trainable_variables, learned, strict=True):
        np.testing.assert_array_equal(one.numpy(), before)
    first.trainable = False
    statistics.settle(network, [images[:10]])
    np.testing.assert_array_equal(first.moving_mean.numpy(), found[2][0], "what is frozen keeps its statistics")
    assert all(norm.momentum == momentum for norm in norms)
