"""Batch normalisation that no longer learns is a scale and a shift of each channel: folded into the convolution below.

Left where it is, it costs a pass over every activation, in float32 even where all else is bfloat16.
"""

from __future__ import annotations

import numpy as np

from pneumo_utils.networks.backend import keras, layers


def fold_batch_normalisation(network: keras.Model) -> keras.Model:
    """A copy of `network`, for inference only, whose convolutions do what batch normalisation right above them did.

    Args:
        network: functional and flat, each layer used once; any normalisation that stands elsewhere stays.

    Returns:
        the same function but for rounding, with weights of its own; `network` itself where there is nothing to fold.
    """
    fed_by = _feeds(network)
    pairs = _pairs(network, fed_by)
    if not pairs:
        return network
    norms, made = {convolution: norm for norm, convolution in pairs.items()}, {}
    for name, below in fed_by.items():
        layer, given = network.get_layer(name), [made[fed] for fed in below]
        if not below:
            made[name] = pixels = keras.Input(network.input.shape[1:])
        elif name in pairs:
            made[name] = given[0]
        else:
            norm = network.get_layer(norms[name]) if name in norms else None
            copy = type(layer).from_config(layer.get_config() | ({"use_bias": True} if norm else {}))
            made[name] = copy(given[0] if len(given) == 1 else given)
            copy.set_weights(_scale(layer, norm) if norm else layer.get_weights())
    return keras.Model(pixels, made[network.output._keras_history.operation.name], name=network.name)


def _feeds(network: keras.Model) -> dict[str, list[str]]:
    """Every layer by name, after those that feed it, with their names.

    Asked of the network's own nodes: a layer that was cut out of a larger network remembers both places.
    """
    depths = sorted(network._nodes_by_depth, reverse=True)
    nodes = [node for depth in depths for node in network._nodes_by_depth[depth]]
    return {node.operation.name: [fed._keras_history.operation.name for fed in node.input_tensors] for node in nodes}


def _pairs(network: keras.Model, fed_by: dict[str, list[str]]) -> dict[str, str]:
    """Normalisations by name, each with the linear convolution that feeds it and nothing else."""
    found = {}
    for name, below in fed_by.items():
        if not isinstance(network.get_layer(name), layers.BatchNormalization):
            continue
        convolution, readers = network.get_layer(below[0]), [other for other, fed in fed_by.items() if below[0] in fed]
        linear = isinstance(convolution, layers.Conv2D) and convolution.activation is keras.activations.linear
        if linear and readers == [name]:
            found[name] = convolution.name
    return found


def _scale(convolution: keras.Layer, norm: keras.Layer) -> list[np.ndarray]:
    """Kernel and bias of both together."""
    kernel, *bias = (weight.astype(np.float64) for weight in convolution.get_weights())
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    scale = 1 / np.sqrt(variance.astype(np.float64) + norm.epsilon)
    scale = scale * norm.gamma.numpy() if norm.scale else scale
    shift = norm.beta.numpy() if norm.center else 0.0
    return [kernel * scale, ((bias[0] if bias else 0.0) - mean) * scale + shift]
