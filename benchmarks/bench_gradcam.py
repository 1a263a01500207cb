"""Grad-CAM over a test part of 624 pictures, from kept activations and from pixels, against tf-keras-vis.

Same process, networks (random weights, normalisation settled), pictures (noise), layer and score; both sides warm up.
Seconds are CPU seconds of the process, so that other work on the machine does not count; the wall clock stands beside.
tf-keras-vis, and ours from pixels, are timed on a part of the pictures and scaled up.

    python benchmarks/bench_gradcam.py
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import rows

from pneumo_utils.explanation import gradcam, heat_maps
from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import features, models, normalisation_statistics, training
from pneumo_utils.networks.backend import keras

NAMES = {"vgg16": "VGG16", "resnet50": "ResNet50"}
LEAST, FARTHEST = 10, 1e-3  # targets: ratio of seconds, difference of maps
BATCH = 32  # how tf-keras-vis is fed
SEED = 3  # of the head: one whose maps are lit in most places, for dark maps compare nothing


@dataclass(frozen=True)
class Sizes:
    """What is measured."""

    pictures: int = 624  # the official test part
    part: int = 64  # of them, what is timed and scaled up
    compared: int = 32  # of these, whose maps are compared
    side: int = 112  # pixels


def timed(work: Callable[[], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """What `work` gives; its CPU seconds and its seconds by the clock, float (2,)."""
    cpu, wall = time.process_time(), time.perf_counter()
    found = work()
    return found, np.array([time.process_time() - cpu, time.perf_counter() - wall])


def prepared(model: str, images: np.ndarray, folder: Path) -> tuple[keras.Model, gradcam.Explainer]:
    """A network with random weights, its trunk's activations left in `folder` as training does, and its explainer."""
    training.make_reproducible(0)
    network = models.build(model, images.shape[1], dropout=0.1, weights=None, seed=SEED)
    border = models.CUT_POINTS[model].frozen_to
    normalisation_statistics.settle(network, [images[:BATCH]])
    pixels = features.Pixels(images, np.arange(0), Augmentation(), 0, images.shape[1])
    features.run_trunk(models.between(network, None, border), pixels, views=1, batch_size=BATCH, folder=folder)
    return network, gradcam.Explainer(network, below=border)


def by_tf_keras_vis(network: keras.Model, layer: str) -> Callable[..., np.ndarray]:
    """Its maps of the logit at the same layer."""
    from tf_keras_vis.gradcam import Gradcam

    vis = Gradcam(keras.Model(network.input, network.get_layer("logit").output), clone=False)
    asked = {"penultimate_layer": layer, "seek_penultimate_conv_layer": False}

    def maps(images: np.ndarray, **more) -> np.ndarray:
        steps = [images[start : start + BATCH].astype(np.float32) for start in range(0, len(images), BATCH)]
        return np.concatenate([vis(lambda logit: logit[:, 0], step, **asked, **more) for step in steps])

    return maps


def scaled(maps: np.ndarray) -> np.ndarray:
    """Each map divided by its own maximum."""
    return maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-30)


def measure(model: str, sizes: Sizes, folder: Path) -> list[rows.Row]:
    """The rows of one network."""
    images = np.random.default_rng(0).integers(0, 256, (sizes.pictures, sizes.side, sizes.side)).astype(np.uint8)
    network, explainer = prepared(model, images, folder)
    theirs = by_tf_keras_vis(network, explainer.layer)
    for maps in (explainer.maps, lambda few: explainer.maps(few, folder), theirs):
        maps(images[:8])  # graphs are traced and caches warm
    runs = [timed(lambda: explainer.maps(images, folder)) for _ in range(3)]
    part, scale = images[: sizes.part], sizes.pictures / sizes.part
    pixels, pixels_s = timed(lambda: explainer.maps(part))
    own, theirs_s = timed(lambda: theirs(part))
    wanted = heat_maps.enlarge(theirs(images[: sizes.compared], expand_cam=False, normalize_cam=False), sizes.side)
    moved = f"its own enlargement moves maps by up to {gap(scaled(own), wanted):.2f}"
    kept_s = np.median([run[1] for run in runs], axis=0)
    return [
        speed(model, sizes, "kept activations", kept_s, theirs_s * scale, LEAST),
        speed(model, sizes, "pixels", pixels_s * scale, theirs_s * scale, None),
        agreement(model, "pixels", pixels, wanted, moved),
        agreement(model, "kept activations", runs[0][0], wanted, "what is kept is rounded to 65,535 steps a picture"),
    ]


def gap(maps: np.ndarray, wanted: np.ndarray) -> float:
    """Largest difference of the maps that there are of both."""
    return float(np.abs(maps[: len(wanted)] - wanted).max())


def speed(model: str, sizes: Sizes, start: str, ours: np.ndarray, theirs: np.ndarray, least: int | None) -> rows.Row:
    """A comparison of CPU seconds; `least` is the ratio that is wanted, if any."""
    ratio, measure = float(theirs[0] / ours[0]), f"Grad-CAM of {NAMES[model]} from {start}"
    detail = (
        f"{sizes.pictures} pictures of {sizes.side} px; tf-keras-vis {version('tf-keras-vis')} in batches of {BATCH}, "
        f"{'both' if least is None else 'which is'} timed on {sizes.part} and scaled up; its gradient runs through the "
        f"whole network; wall clock {ours[1]:.3g} against {theirs[1]:.3g} s, ratio {theirs[1] / ours[1]:.3g}"
    )
    target, met = ("none", True) if least is None else (f"at least {least}", ratio >= least)
    return rows.Row(measure, float(ours[0]), float(theirs[0]), "CPU s", ratio, target, met, detail)


def agreement(model: str, start: str, maps: np.ndarray, wanted: np.ndarray, more: str) -> rows.Row:
    """How far maps lie from those of tf-keras-vis at most; theirs is what it differs from itself."""
    found, measure = gap(maps, wanted), f"largest difference of maps of {NAMES[model]} from {start} to tf-keras-vis"
    detail = (
        f"{len(wanted)} maps scaled to a maximum of 1, {(wanted > 0).mean():.0%} of them lit, theirs enlarged as ours"
    )
    target = f"ours at most {FARTHEST:g}"
    return rows.Row(measure, found, 0.0, "of 1", float("nan"), target, found <= FARTHEST, f"{detail}; {more}")


def main() -> None:
    """Measure both backbones."""
    quick = rows.parser(__doc__).parse_args().quick
    sizes = Sizes(20, 10, 10, 32) if quick else Sizes()
    warnings.simplefilter("ignore")  # tf-keras-vis imports from SciPy's old place
    with tempfile.TemporaryDirectory() as folder:
        found = [row for model in NAMES for row in measure(model, sizes, Path(folder))]
    rows.write("gradcam", found, keep=not quick)


if __name__ == "__main__":
    main()
