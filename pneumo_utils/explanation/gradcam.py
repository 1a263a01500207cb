"""Grad-CAM and Grad-CAM++: which places of a picture speak for pneumonia.

Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74; Chattopadhay et al. 2018, doi:10.1109/WACV.2018.00097.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from pneumo_utils.explanation import heat_maps
from pneumo_utils.imaging.augmentation import unaugmented
from pneumo_utils.networks import activation_cache, batchnorm_folding, features, models
from pneumo_utils.networks.backend import keras, tf

# Every batch is filled up to this many rows: one shape is one compiled graph. More rows at once are no faster.
_BATCH = 16


def gradcam_weights(explained: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Grad-CAM's weight of each channel, equation 1: (n, h, w, c) twice -> (n, c)."""
    return tf.reduce_mean(gradient, axis=(1, 2))


def gradcam_plus_plus_weights(explained: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Grad-CAM++'s: gradients above 0, each with a share of its own (equation 19, of the exponential of the logit).

    The exponential itself is a factor of the whole map and falls out where that is scaled to its maximum. Shares of
    the places with a gradient above 0 are made to sum to 1 in each channel, as in the authors' code.
    """
    squared = tf.square(gradient)
    total = tf.reduce_sum(explained, axis=(1, 2), keepdims=True)
    share = tf.math.divide_no_nan(squared, 2 * squared + squared * gradient * total)
    share = tf.where(gradient > 0, share, 0.0)
    share = tf.math.divide_no_nan(share, tf.reduce_sum(share, axis=(1, 2), keepdims=True))
    return tf.reduce_sum(share * tf.nn.relu(gradient), axis=(1, 2))


METHODS = dict(zip(heat_maps.METHODS, (gradcam_weights, gradcam_plus_plus_weights), strict=True))


class Explainer:
    """Draws heat maps of one network, in memory or reloaded.

    Args:
        network: of `models.build`.
        layer: whose activations are weighed; empty: the last one with height and width before the pooling.
        below: last layer of the trunk on whose kept activations the network was trained, as
            `models.CUT_POINTS[...].frozen_to`: maps may start from them, and what starts from pixels goes through the
            trunk as it was run then, its normalisation folded; None: pixels and the network as it is.
        methods: keys of `METHODS`; all come from one run of the network.

    Raises:
        models.ModelError: there is no such layer, it has no height and width, or `below` does not lie below it.
        ValueError: there is no such method.
    """

    def __init__(
        self, network: keras.Model, layer: str = "", below: str | None = None, methods: Sequence[str] = ("gradcam",)
    ):
        if not methods or set(methods) - set(METHODS):
            raise ValueError(f"methods must be some of {', '.join(METHODS)}, got {', '.join(methods) or 'none'}")
        self.methods = tuple(methods)
        self.layer, self._network = layer or models.last_spatial_layer(network), network
        self.size = network.input.shape[1]  # side of the picture that the network sees, pixels
        self._lower, self._below = models.between(network, None, self.layer), below
        self._trunk = None if below is None else models.between(network, None, below)
        self._above = self._lower if below is None else models.between(network, below, self.layer)
        if len(self._lower.output.shape) != 4:
            raise models.ModelError(f"layer must have height and width, got {self.layer!r}")
        self.grid = tuple(self._lower.output.shape[1:3])  # rows, columns of the map before it is enlarged
        self.places = heat_maps.find_places(network.name, self.layer, self.size)

    def maps(self, images: np.ndarray, kept: Path | None = None) -> np.ndarray:
        """Heat maps for pneumonia, of the first method.

        Args:
            images: uint8 (n, side, side), fed at the size the network sees.
            kept: folder in which `features.run_trunk` kept the activations of `below`: they save most of the work, and
                change a map by no more than their rounding. Without it, or where one of `images` is not in it, all are
                run from the pixels.

        Returns:
            float32 (n, side, side) in [0, 1], each scaled to its own maximum; all 0 where nothing speaks for it.
        """
        return self.maps_by_method(images, kept)[self.methods[0]]

    def maps_by_method(self, images: np.ndarray, kept: Path | None = None) -> dict[str, np.ndarray]:
        """What `maps` returns, for each method."""
        drawn = self.coarse(images, kept)
        return {name: heat_maps.enlarge(coarse, images.shape[1], self.places) for name, coarse in drawn.items()}

    def coarse(self, images: np.ndarray, kept: Path | None = None) -> dict[str, np.ndarray]:
        """`maps_by_method` before they are enlarged and scaled: float32 (n, *grid), at least 0, for each method."""
        seen = [unaugmented(image, self.size) for image in images]
        rows = _cached_activations(self._trunk, seen, kept) if kept and self._trunk else None
        drawn = _draw_maps(self._of_pixels, seen) if rows is None else _draw_maps(self._of_rows, rows)
        return dict(zip(self.methods, drawn, strict=True))

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probability of pneumonia for pictures, uint8 (n, side, side), as they are: float (n,) in [0, 1]."""
        batches = (_pad_batch(batch) for batch in _batches(unaugmented(image, self.size) for image in images))
        found = [np.zeros((0, 1)), *(self._answer(tf.constant(rows)).numpy() for rows in batches)]
        return np.concatenate(found)[: len(images), 0].astype(float)

    def maps_of(self, rows: Iterable[np.ndarray], side: int = 0) -> np.ndarray:
        """Heat maps for pneumonia from what `below` gives: only what lies above it is run.

        Args:
            rows: float (height, width, channels), one a picture; taken from their source one batch at a time.
            side: of the maps, pixels; 0: the size that the network sees.

        Returns:
            as `maps`.
        """
        return heat_maps.enlarge(_draw_maps(self._of_rows, rows)[0], side or self.size, self.places)

    @cached_property
    def _answer(self) -> Callable:
        top = self._network if self._below is None else models.between(self._network, self._below, "probability")
        return tf.function(self._through_trunk(top), [self._fed(self._lower)]).get_concrete_function()

    @cached_property
    def _of_pixels(self) -> Callable:
        return self._compile_maps(self._through_trunk(self._above), self._fed(self._lower))

    @cached_property
    def _of_rows(self) -> Callable:
        return self._compile_maps(_run(self._above), self._fed(self._above))

    @staticmethod
    def _fed(part: keras.Model) -> tf.TensorSpec:
        return tf.TensorSpec((_BATCH, *part.input.shape[1:]), tf.float32)

    def _through_trunk(self, top: keras.Model) -> Callable:
        """Pixels -> what `top` gives, by way of the trunk as it was run for training, if there is one."""
        if self._trunk is None:
            return _run(top)
        trunk = _run(batchnorm_folding.fold_batch_normalisation(self._trunk))
        return lambda rows: top(trunk(rows), training=False)

    def _compile_maps(self, lower: Callable, fed: tf.TensorSpec) -> Callable:
        return _compile(lower, fed, models.between(self._network, self.layer, "logit"), self.methods)


def _run(part: keras.Model) -> Callable:
    """`part` at inference; its activations are float32, as they are kept."""
    return lambda rows: tf.cast(part(rows, training=False), tf.float32)


def _compile(lower: Callable, fed: tf.TensorSpec, upper: keras.Model, methods: Sequence[str]) -> Callable:
    """What `lower` eats -> coarse maps of each method; the gradient runs through `upper` alone.

    `upper` ends at the logit, not the probability: its gradient does not vanish where the network is sure.
    """

    @tf.function(input_signature=[fed])
    def weighed(rows):
        explained = tf.cast(lower(rows), tf.float32)  # maps are summed up in float32, in whatever the network computes
        with tf.GradientTape() as tape:
            tape.watch(explained)
            logit = upper(explained, training=False)
        gradient = tape.gradient(logit, explained)
        weights = tf.stack([METHODS[name](explained, gradient) for name in methods])
        return tf.nn.relu(tf.einsum("nhwc,mnc->mnhw", explained, weights))  # equation 2

    return weighed.get_concrete_function()  # called directly, TensorFlow warns of retracing from the fifth network on


def _draw_maps(weighed: Callable, rows: Iterable[np.ndarray]) -> np.ndarray:
    """Run `weighed` batch by batch, the last one filled up with zeros: (methods, n, *grid)."""
    methods, _, *grid = weighed.structured_outputs.shape
    drawn = [np.zeros((methods, 0, *grid), dtype=np.float32)]
    for batch in _batches(rows):
        drawn.append(weighed(tf.constant(_pad_batch(batch))).numpy()[:, : len(batch)])
    return np.concatenate(drawn, axis=1)


def _pad_batch(batch: list[np.ndarray]) -> np.ndarray:
    filled = np.zeros((_BATCH, *batch[0].shape), dtype=np.float32)
    filled[: len(batch)] = batch
    return filled


def _batches(rows: Iterable[np.ndarray]) -> Iterator[list[np.ndarray]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, _BATCH)):
        yield batch


def _cached_activations(trunk: keras.Model, images: list[np.ndarray], folder: Path) -> Iterator[np.ndarray] | None:
    """The rows of `images` that `trunk` left in `folder`, one by one; None unless all are there."""
    found = features.open_cache(trunk, folder, read_only=True)[1]
    keys = [activation_cache.digest(image.astype(np.float32)) for image in images]
    if not keys or not all(key in found for key in keys):
        return None
    rows = found.rows()
    return (rows[place] for place in found.places(keys))
