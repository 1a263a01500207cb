"""Batch normalisation that no longer learns is a scale and a shift of each channel: folded into the convolution below.

Left where it is, it costs a pass over every activation, in float32 even where all else is bfloat16.
"""

from __future__ import annotations

import numpy as np

from pneumo_utils.backend import keras, layers


def folded(network: keras.Model) -> keras.Model:
    """A twin of `network`, for inference only, whose convolutions do what batch normalisation right above them did.

    Args:
        network: functional and flat; any normalisation that stands elsewhere stays.

    Returns:
        the same function but for rounding, with weights of its own; `network` itself where there is nothing to fold.
    """
    pairs = _pairs(network)
    if not pairs:
        return network

    norms = {convolution: norm for norm, convolution in pairs.items()}
    made = {network.layers[0].name: keras.Input(network.input.shape[1:])}
    for layer in network.layers[1:]:  # each after what feeds it
        given = [made[fed._keras_history.operation.name] for fed in keras.tree.flatten(layer.input)]
        if layer.name in pairs:
            made[layer.name] = given[0]
            continue
        norm = network.get_layer(norms[layer.name]) if layer.name in norms else None
        twin = type(layer).from_config(layer.get_config() | ({"use_bias": True} if norm else {}))
        made[layer.name] = twin(given[0] if len(given) == 1 else given)
        twin.set_weights(_scaled(layer, norm) if norm else layer.get_weights())
    return keras.Model(made[network.layers[0].name], made[network.layers[-1].name], name=network.name)


def _pairs(network: keras.Model) -> dict[str, str]:
    """Normalisations by name, each with the linear convolution that feeds it and nothing else."""
    found = {}
    for layer in network.layers:
        if not isinstance(layer, layers.BatchNormalization):
            continue
        below = layer.input._keras_history.operation
        fed = [node.operation for node in below._outbound_nodes if node.operation in network.layers]
        if isinstance(below, layers.Conv2D) and below.activation is keras.activations.linear and fed == [layer]:
            found[layer.name] = below.name
    return found


def _scaled(convolution: keras.Layer, norm: keras.Layer) -> list[np.ndarray]:
    """Kernel and bias of both together."""
    kernel, *bias = (weight.astype(np.float64) for weight in convolution.get_weights())
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    scale = 1 / np.sqrt(variance.astype(np.float64) + norm.epsilon)
    scale = scale * norm.gamma.numpy() if norm.scale else scale
    shift = norm.beta.numpy() if norm.center else 0.0
    return [kernel * scale, ((bias[0] if bias else 0.0) - mean) * scale + shift]
