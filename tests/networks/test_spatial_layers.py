"""The layers with height and width are known without TensorFlow, and are those of the networks."""

import pytest

from pneumo_utils.networks import spatial_layers


@pytest.mark.parametrize("model", ["cnn", "vgg16", "resnet50"])
def test_the_names_are_those_of_the_network_as_it_is_built(rooms, model):
    network = rooms["models"].build(model, 64, dropout=0.1, weights=None)
    spatial = {layer.name for layer in network.layers if len(layer.output.shape) == 4}
    assert set(spatial_layers.names(model)) == spatial


def test_of_a_residual_block_only_what_all_of_the_answer_passes_can_be_explained(rooms):
    network = rooms["models"].build("resnet50", 64, dropout=0.1, weights=None)
    known = spatial_layers.explainable("resnet50")
    assert "conv4_block6_out" in known and "conv5_block3_3_bn" not in known
    for layer in known:
        rooms["models"].between(network, layer, "logit")
    with pytest.raises(rooms["models"].ModelError, match="must be reached through 'conv5_block3_3_bn' alone"):
        rooms["models"].between(network, "conv5_block3_3_bn", "logit")
