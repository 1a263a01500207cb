"""ImageNet weights of the trunks: where they are, and a clear word when they cannot be had. No TensorFlow."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

# MD5 of Keras' own files without the classifier (keras.applications.vgg16, .resnet50)
_KERAS_FILES = {
    "vgg16": ("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc"),
    "resnet50": ("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"),
}
_CONVOLUTIONS = {"vgg16": (13, (3, 3, 3, 64)), "resnet50": (53, (7, 7, 3, 64))}  # how many, and the shape of the first
PRETRAINED = tuple(_KERAS_FILES)


class WeightsError(ValueError):
    """Weights cannot be had; the message says how to get them."""


def resolve(model: str, weights: str) -> Path | None:
    """Find the file that `model` starts from.

    Args:
        model: `cnn`, `vgg16` or `resnet50`; the small CNN always starts from random weights.
        weights: `imagenet` (Keras' cache, filled from the internet when empty), `none`, or the path of an `.h5`
            file or of a folder that holds one whose name begins with the model's.

    Returns:
        The file, or None for random weights.

    Raises:
        WeightsError: there is no such file, it is damaged, or it cannot be downloaded.
    """
    if weights == "none" or model not in PRETRAINED:
        return None
    if weights == "imagenet":
        return _from_keras(model)
    place = Path(weights)
    if place.is_file():
        return place.resolve()
    found = sorted(path for path in place.glob(f"{model}*.h5") if not path.name[len(model)].isalnum())  # not its v2
    if not found:
        got = f"no file {model}*.h5 in {place}" if place.is_dir() else f"no file or folder {place}"
        raise WeightsError(f"weights of {model} must be imagenet, none or a path, got {got}; {_advice(model)}")
    return found[0].resolve()


def check_file(model: str, path: Path) -> None:
    """Look into a weights file, without TensorFlow: does it hold the convolutions of `model`, and no classifier?

    Raises:
        WeightsError: it is no HDF5 file, or of another network, or has a classifier.
    """
    import h5py  # imported here: most runs have nothing to look into

    kernels, dense = [], 0

    def count(_, item) -> None:
        nonlocal dense
        if isinstance(item, h5py.Dataset):
            kernels.extend([item.shape] if item.ndim == 4 else [])
            dense += item.ndim == 2

    try:
        with h5py.File(path) as file:
            file.visititems(count)
    except OSError as error:
        raise WeightsError(f"weights of {model} must be an HDF5 file, got {path}, which is none") from error
    wanted, first = _CONVOLUTIONS[model]
    if len(kernels) != wanted or first not in kernels:
        raise WeightsError(f"weights of {model} must hold its {wanted} convolutions, got {len(kernels)} in {path}")
    if dense:
        raise WeightsError(
            f"weights of {model} must be those without the classifier, got {dense} dense layers in {path}"
        )


def _from_keras(model: str) -> Path:
    name, md5 = _KERAS_FILES[model]
    path = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models" / name
    if not path.is_file():
        _download(model)
    if hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != md5:
        raise WeightsError(f"ImageNet weights of {model} must have MD5 {md5}, got another in {path}: delete that file")
    return path


def _download(model: str) -> None:
    from pneumo_utils.networks.backend import keras  # imported here: TensorFlow is needed only for a first download

    network = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}[model]
    try:
        network(include_top=False, weights="imagenet")
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(
            f"ImageNet weights of {model} must be downloaded once, got {reason}; {_advice(model)}"
        ) from error


def _advice(model: str) -> str:
    return (
        f"connect once to the internet, or put {_KERAS_FILES[model][0]} into a folder and pass WEIGHTS=<folder>, "
        f"or allow random weights (training.random_weights_allowed: [{model}])"
    )


def digest(path: Path | None) -> str:
    """SHA-256 of a weights file, 64 hex digits; empty for random weights."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
