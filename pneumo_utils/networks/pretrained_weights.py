"""ImageNet weights of the trunks: where they are, and a clear word when they cannot be had. No TensorFlow."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumo_utils.networks import spatial_layers
from pneumo_utils.records import fingerprint
from pneumo_utils.records.atomic import alone

if TYPE_CHECKING:
    import h5py

# MD5 of Keras' own files without the classifier (keras.applications.vgg16, .resnet50)
_KERAS_FILES = {
    "vgg16": ("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "6d6bbae143d832006294945121d1f1fc"),
    "resnet50": ("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"),
}
PRETRAINED = tuple(_KERAS_FILES)


class WeightsError(ValueError):
    """Weights cannot be had; the message says how to get them."""


class MissingPathError(ValueError):
    """A path was given, and nothing is there: no study goes on without what its user asked for."""


class UnfitError(ValueError):
    """A weights file is not that of the network."""


def resolve(model: str, weights: str) -> Path | None:
    """Find the file that `model` starts from.

    Args:
        model: `cnn`, `vgg16` or `resnet50`; the small CNN always starts from random weights.
        weights: `imagenet` (Keras' cache, filled from the internet when empty), `none`, or the path of an `.h5`
            file or of a folder that holds one whose name begins with the model's; of several, the first that fits.

    Returns:
        The file, or None for random weights.

    Raises:
        MissingPathError: `weights` is a path, and nothing is there.
        WeightsError: there is no such file, none fits (see `check_file`), it is damaged, or it cannot be downloaded.
    """
    place = Path(weights)
    if weights not in ("none", "imagenet") and not place.exists():
        raise MissingPathError(f"weights must be imagenet, none or a path, got {str(place)!r}, which is not there")
    if weights == "none" or model not in PRETRAINED:
        return None
    if weights == "imagenet":
        return _from_keras(model)
    if place.is_file():
        return check_file(model, place.resolve())
    found = sorted(path for path in place.iterdir() if _is_called(path.name.casefold(), model))
    if not found:
        got = f"no file {model}*.h5 in {place}"
        raise WeightsError(f"weights of {model} must be imagenet, none or a path, got {got}; {_advice(model)}")
    return _first_that_fits(model, [path.resolve() for path in found])


def is_at_hand(model: str, weights: str) -> bool:
    """Whether `resolve` would download nothing; the same arguments."""
    return weights != "imagenet" or model not in PRETRAINED or _md5(keras_file(model)) == _KERAS_FILES[model][1]


def _is_called(name: str, model: str) -> bool:
    return name.startswith(model) and name.endswith(".h5") and not name[len(model)].isalnum()  # not its v2


def _first_that_fits(model: str, paths: list[Path]) -> Path:
    refused = []
    for path in paths:
        try:
            return check_file(model, path)
        except UnfitError as error:
            refused.append(error)
    raise refused[0]


def kernel_shapes(model: str) -> list[tuple[int, int, int, int]]:
    """Shapes of the convolutions of a backbone: rows, columns, channels in, channels out."""
    if model == "vgg16":
        widths = [3, 64, 64, 128, 128, *[256] * 3, *[512] * 6]
        return [(3, 3, low, high) for low, high in zip(widths, widths[1:], strict=False)]
    found, before = [(7, 7, 3, 64)], 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        inner = 64 << stage
        found.append((1, 1, before, 4 * inner))  # the shortcut of the first block
        for _ in range(blocks):
            found += [(1, 1, before, inner), (3, 3, inner, inner), (1, 1, inner, 4 * inner)]
            before = 4 * inner
    return found


def check_file(model: str, path: Path) -> Path:
    """Look into a weights file, without TensorFlow: the convolutions of `model`, no classifier, and only numbers?

    Returns:
        `path`.

    Raises:
        UnfitError: it is no HDF5 file, cut short, of another network, has a classifier, holds NaN or infinity, or a
            kernel of one value.
    """
    import h5py  # imported here: most runs have nothing to look into

    try:
        with h5py.File(path) as file:
            _check_layers(model, path, file)
            _check_values(model, path, file)
    except (UnfitError, MemoryError):
        raise
    except Exception as error:  # of several kinds, by what is damaged
        raise UnfitError(f"weights of {model} must be an HDF5 file, got {path}, which is none or cut short") from error
    return path


def _arrays(file: h5py.File) -> dict[str, h5py.Dataset]:
    """Every array of numbers by its path, unread: whatever shape it claims takes no memory."""
    found: dict[str, h5py.Dataset] = {}
    file.visititems(lambda name, item: found.update({name: item} if _is_numbers(item) else {}))
    return found


def _check_layers(model: str, path: Path, file: h5py.File) -> None:
    arrays, wanted = _arrays(file).values(), kernel_shapes(model)
    kernels = Counter(one.shape for one in arrays if one.ndim == 4)
    if kernels != Counter(wanted):
        got = f"{kernels.total()} with {(kernels & Counter(wanted)).total()} of the right shape in {path}"
        raise UnfitError(f"weights of {model} must hold its {len(wanted)} convolutions, got {got}")
    biases, wanted = Counter(one.shape for one in arrays if one.ndim == 1), Counter((k[-1],) for k in wanted)
    if wanted - biases:
        raise UnfitError(f"weights of {model} must hold a bias for each convolution, got too few in {path}")
    dense = sum(one.ndim == 2 for one in arrays)
    if dense:
        raise UnfitError(f"weights of {model} must be those without the classifier, got {dense} dense layers in {path}")
    named = {_text(name) for name in np.atleast_1d(file.attrs.get("layer_names", []))}
    layers = {name for name in spatial_layers.names(model) if "_conv" in name}
    missing = sorted(layers - named) if named else []  # newer files name no layers
    if missing:
        raise UnfitError(f"weights of {model} must name its layers, got no {missing[0]} in {path}")


def _check_values(model: str, path: Path, file: h5py.File) -> None:
    largest = max(map(math.prod, kernel_shapes(model)))
    for name, one in sorted(_arrays(file).items()):
        if one.size > largest:
            raise UnfitError(f"weights of {model} must hold no more than its own, got {name} {one.shape} in {path}")
        values = one[()]
        if not np.isfinite(values).all():
            raise UnfitError(f"weights of {model} must be finite numbers, got NaN or infinity in {name} of {path}")
        if one.ndim == 4 and values.min() == values.max():  # as of a file that was laid out and never filled
            raise UnfitError(
                f"weights of {model} must be trained, got nothing but {values.max():g} in {name} of {path}"
            )


def _is_numbers(item: object) -> bool:
    """Whether an entry of an HDF5 file is an array of numbers; some programs store words beside them."""
    return getattr(item, "shape", None) is not None and item.dtype.kind in "fiu"


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def keras_file(model: str) -> Path:
    """Where Keras keeps the ImageNet weights of a backbone, there or not.

    Raises:
        WeightsError: the user has no home, and the environment names no other place.
    """
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111 - some users have no home
    if home.startswith("~"):
        raise WeightsError("KERAS_HOME must name a folder for ImageNet weights, as this user has no home, got nothing")
    return Path(home) / "models" / _KERAS_FILES[model][0]


def _from_keras(model: str) -> Path:
    path, md5 = keras_file(model), _KERAS_FILES[model][1]
    if _md5(path) != md5:
        try:
            with alone(path):  # Keras writes to the final name: another process may be in the middle of it
                if _md5(path) != md5:  # nor is it there by the name: what a kill cut short is fetched again
                    _download(model)
        except OSError as error:
            rule = f"ImageNet weights of {model} must be downloaded once to {path.parent}"
            raise WeightsError(f"{rule}, got {error.strerror}; {_advice(model)}") from error
    if _md5(path) != md5:
        raise WeightsError(f"ImageNet weights of {model} must have MD5 {md5}, got another in {path}: delete that file")
    return path


def _md5(path: Path) -> str:
    """As Keras names it, 32 hex digits; empty where there is no file."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() if path.is_file() else ""


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
        f"connect once to the internet, or put {_KERAS_FILES[model][0]} into a folder and name it in training.weights, "
        f"or allow random weights (training.random_weights_allowed: [{model}])"
    )


def digest(path: Path | None) -> str:
    """SHA-256 of a weights file, 64 hex digits; empty for random weights."""
    return fingerprint.of_file(path) if path else ""
