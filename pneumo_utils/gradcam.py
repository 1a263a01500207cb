"""Grad-CAM: which places of a picture speak for pneumonia (Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74)."""

from __future__ import annotations

import cv2
import numpy as np

from pneumo_utils import models
from pneumo_utils.backend import keras, tf


class Explainer:
    """Draws heat maps of one network, in memory or reloaded.

    Args:
        network: of `models.build`.
        layer: whose activations are weighed; empty: the last one with height and width before the pooling.

    Raises:
        models.ModelError: there is no such layer.
    """

    def __init__(self, network: keras.Model, layer: str = ""):
        self.layer = layer or models.explained_layer(network)
        trunk = models.between(network, None, self.layer)
        self.grid = tuple(trunk.output.shape[1:3])  # rows, columns of the map before it is enlarged
        # The logit, not the probability: its gradient does not vanish where the network is sure.
        scores = models.between(network, self.layer, "logit")

        @tf.function(reduce_retracing=True)
        def weighed(pixels):
            activations = trunk(pixels, training=False)
            with tf.GradientTape() as tape:
                tape.watch(activations)
                logit = scores(activations, training=False)
            weights = tf.reduce_mean(tape.gradient(logit, activations), axis=(1, 2), keepdims=True)  # eq. 1
            return tf.nn.relu(tf.reduce_sum(weights * activations, axis=-1))  # eq. 2

        self._weighed = weighed

    def maps(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """Heat maps for pneumonia.

        Args:
            images: uint8 (n, size, size).
            batch_size: pictures a step.

        Returns:
            float32 (n, size, size) in [0, 1], each scaled to its own maximum; all 0 where nothing speaks for it.
        """
        size = images.shape[1:]
        if not len(images):
            return np.zeros((0, *size), dtype=np.float32)
        steps = [images[start : start + batch_size] for start in range(0, len(images), batch_size)]
        coarse = np.concatenate([self._weighed(tf.constant(step, dtype=tf.float32)).numpy() for step in steps])
        # OpenCV's linear resize maps pixel centres to pixel centres: no shift by half a pixel
        fine = np.stack([cv2.resize(one, size[::-1], interpolation=cv2.INTER_LINEAR) for one in coarse])
        peak = fine.max(axis=(1, 2), keepdims=True)
        return np.divide(fine, peak, out=np.zeros_like(fine), where=peak > 0)
