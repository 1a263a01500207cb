"""Where ImageNet weights are found, and what is said when they are not."""

from __future__ import annotations

import hashlib
import sys
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from pneumo_utils.networks import pretrained_weights

VGG16 = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    folder = tmp_path / "keras" / "models"
    folder.mkdir(parents=True)
    return folder


def no_network(*args, **kwargs):
    raise OSError("URL fetch failure\nsecond line")


@pytest.mark.parametrize("model", ["cnn", *pretrained_weights.PRETRAINED])
def test_none_means_random_weights(model):
    assert pretrained_weights.resolve(model, "none") is None


@pytest.mark.parametrize("given", ["imagenet", "none", "no/such/folder"])
def test_the_small_network_never_has_pretrained_weights(given):
    assert pretrained_weights.resolve("cnn", given) is None


def test_the_path_of_a_file_is_that_file(tmp_path):
    file = tmp_path / "mine.h5"
    file.write_bytes(b"1")
    assert pretrained_weights.resolve("vgg16", str(file)) == file.resolve()


def test_a_folder_gives_the_file_that_begins_with_the_models_name(tmp_path):
    for name in ("resnet50_notop.h5", "vgg16_notop.h5", "vgg16.txt"):
        (tmp_path / name).write_bytes(b"1")
    assert pretrained_weights.resolve("vgg16", str(tmp_path)) == (tmp_path / "vgg16_notop.h5").resolve()
    assert pretrained_weights.resolve("resnet50", str(tmp_path)) == (tmp_path / "resnet50_notop.h5").resolve()


def test_a_relative_path_becomes_absolute_for_notebooks_that_run_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "vgg16.h5").write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    assert pretrained_weights.resolve("vgg16", ".").is_absolute()


@pytest.mark.parametrize("inside", [True, False])
def test_a_place_without_the_file_says_so_and_gives_advice(tmp_path, inside):
    place = tmp_path if inside else tmp_path / "none"
    got = f"no file vgg16*.h5 in {place}" if inside else f"no file or folder {place}"
    with pytest.raises(pretrained_weights.WeightsError) as caught:
        pretrained_weights.resolve("vgg16", str(place))
    assert str(caught.value) == (
        f"weights of vgg16 must be imagenet, none or a path, got {got}; connect once to the internet, "
        f"or put {VGG16} into a folder and pass WEIGHTS=<folder>, "
        "or allow random weights (training.random_weights_allowed: [vgg16])"
    )


def test_a_damaged_file_in_the_cache_is_refused(cache):
    (cache / VGG16).write_bytes(b"half a download")
    with pytest.raises(
        pretrained_weights.WeightsError, match="must have MD5 6d6bbae143d832006294945121d1f1fc, got another in"
    ):
        pretrained_weights.resolve("vgg16", "imagenet")


def test_a_whole_file_in_the_cache_is_taken_without_a_download(cache, monkeypatch):
    (cache / VGG16).write_bytes(b"whole")
    monkeypatch.setitem(pretrained_weights._KERAS_FILES, "vgg16", (VGG16, hashlib.md5(b"whole").hexdigest()))
    monkeypatch.setattr(pretrained_weights, "_download", no_network)
    assert pretrained_weights.resolve("vgg16", "imagenet") == cache / VGG16


def test_a_download_that_fails_gives_one_line_and_advice(cache, monkeypatch):
    applications = SimpleNamespace(VGG16=no_network, ResNet50=no_network)
    fake = SimpleNamespace(keras=SimpleNamespace(applications=applications))
    monkeypatch.setitem(sys.modules, "pneumo_utils.networks.backend", fake)
    with pytest.raises(pretrained_weights.WeightsError) as caught:
        pretrained_weights.resolve("resnet50", "imagenet")
    assert "must be downloaded once, got URL fetch failure; connect once" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_digest_is_of_the_content_and_empty_for_random_weights(tmp_path):
    file = tmp_path / "mine.h5"
    file.write_bytes(b"1")
    assert pretrained_weights.digest(file) == hashlib.sha256(b"1").hexdigest()
    assert pretrained_weights.digest(None) == ""


@pytest.fixture
def file(tmp_path):
    """Write a weights file of arrays of these shapes."""

    def write(*shapes):
        with h5py.File(tmp_path / "any.h5", "w") as opened:
            for number, shape in enumerate(shapes):
                opened[f"layers/{number}/kernel"] = np.zeros(shape, np.float16)
        return tmp_path / "any.h5"

    return write


VGG16_KERNELS = [(3, 3, 3, 64), *[(3, 3, 4, 4)] * 12]


def test_a_file_with_the_convolutions_of_its_network_passes(file):
    pretrained_weights.check_file("vgg16", file(*VGG16_KERNELS, (64,)))
    pretrained_weights.check_file("resnet50", file((7, 7, 3, 64), *[(1, 1, 4, 4)] * 52))


@pytest.mark.parametrize(
    ("model", "shapes", "said"),
    [
        ("resnet50", VGG16_KERNELS, "weights of resnet50 must hold its 53 convolutions, got 13 in"),
        ("vgg16", [(7, 7, 3, 64), *[(3, 3, 4, 4)] * 12], "weights of vgg16 must hold its 13 convolutions"),
        ("vgg16", [*VGG16_KERNELS, (8, 4)], "must be those without the classifier, got 1 dense layers in"),
    ],
)
def test_a_file_of_another_network_or_with_a_classifier_is_refused(file, model, shapes, said):
    with pytest.raises(pretrained_weights.WeightsError, match=said):
        pretrained_weights.check_file(model, file(*shapes))


def test_a_file_that_is_no_hdf5_is_refused(tmp_path):
    (tmp_path / "vgg16.h5").write_bytes(b"not weights")
    with pytest.raises(pretrained_weights.WeightsError, match="must be an HDF5 file, got .*vgg16.h5, which is none"):
        pretrained_weights.check_file("vgg16", tmp_path / "vgg16.h5")
