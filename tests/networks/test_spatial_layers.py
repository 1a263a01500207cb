"""The layers with height and width are known without TensorFlow, and are those of the networks."""

import pytest

from pneumo_utils.networks import spatial_layers


@pytest.mark.parametrize("model", ["cnn", "vgg16", "resnet50"])
def test_the_names_are_those_of_the_network_as_it_is_built(rooms, model):
    network = rooms["models"].build(model, 64, dropout=0.1, weights=None)
    spatial = {layer.name for layer in network.layers if len(layer.output.shape) == 4}
    assert set(spatial_layers.names(model)) == spatial
