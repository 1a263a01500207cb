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


@pytest.mark.parametrize("given", ["imagenet", "none", "."])
def test_the_small_network_never_has_pretrained_weights(given):
    assert pretrained_weights.resolve("cnn", given) is None


@pytest.mark.parametrize("model", ["cnn", *pretrained_weights.PRETRAINED])
def test_a_path_that_is_given_and_not_there_is_an_error_for_every_network(model, tmp_path):
    with pytest.raises(pretrained_weights.MissingPathError, match="got '.*gone', which is not there$"):
        pretrained_weights.resolve(model, str(tmp_path / "gone"))


def test_a_user_without_a_home_names_a_folder_for_weights(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as where nobody knows the user
    rule = "^KERAS_HOME must name a folder for ImageNet weights, as this user has no home, got nothing$"
    with pytest.raises(pretrained_weights.WeightsError, match=rule):
        pretrained_weights.keras_file("vgg16")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert pretrained_weights.keras_file("vgg16") == tmp_path / "models" / VGG16


def test_weights_in_a_folder_may_be_called_in_capitals(tmp_path):
    (tmp_path / "vgg16v2.h5").touch()
    file = write(tmp_path / "VGG16_notop.H5", model="vgg16")
    assert pretrained_weights.resolve("vgg16", str(tmp_path)) == file


def write(path, *shapes, model="", fill=0.0, layers=()):
    """A weights file with kernels of these shapes, or those of `model`."""
    with h5py.File(path, "w") as opened:
        for number, shape in enumerate([*(pretrained_weights.kernel_shapes(model) if model else ()), *shapes]):
            kernel = opened.create_dataset(
                f"layers/{number}/kernel", shape, np.float16, chunks=True
            )  # mostly not there
            kernel[(0,) * len(shape)] = 1
            opened.create_dataset(f"layers/{number}/bias", shape[-1:], np.float16)
        if fill:
            opened["layers/0/kernel"][0, 0, 0, 0] = fill
        if layers:
            opened.attrs["layer_names"] = [name.encode() for name in layers]
    return path


def test_the_path_of_a_file_is_that_file(tmp_path):
    file = write(tmp_path / "mine.h5", model="vgg16")
    assert pretrained_weights.resolve("vgg16", str(file)) == file.resolve()


def test_a_folder_gives_the_file_that_begins_with_the_models_name(tmp_path):
    for model in ("resnet50", "vgg16"):
        write(tmp_path / f"{model}_notop.h5", model=model)
    (tmp_path / "vgg16.txt").write_bytes(b"1")
    assert pretrained_weights.resolve("vgg16", str(tmp_path)) == (tmp_path / "vgg16_notop.h5").resolve()
    assert pretrained_weights.resolve("resnet50", str(tmp_path)) == (tmp_path / "resnet50_notop.h5").resolve()


def test_of_several_files_the_one_that_fits_is_taken(tmp_path):
    write(tmp_path / "vgg16_a_with_classifier.h5", (25088, 4096), model="vgg16")
    fitting = write(tmp_path / "vgg16_notop.h5", model="vgg16")
    assert pretrained_weights.resolve("vgg16", str(tmp_path)) == fitting.resolve()
    fitting.unlink()
    with pytest.raises(pretrained_weights.UnfitError, match="must be those without the classifier, got 1 dense"):
        pretrained_weights.resolve("vgg16", str(tmp_path))


def test_a_relative_path_becomes_absolute_for_notebooks_that_run_elsewhere(tmp_path, monkeypatch):
    write(tmp_path / "vgg16.h5", model="vgg16")
    monkeypatch.chdir(tmp_path)
    assert pretrained_weights.resolve("vgg16", ".").is_absolute()


def test_a_folder_without_the_file_says_so_and_gives_advice(tmp_path):
    with pytest.raises(pretrained_weights.WeightsError) as caught:
        pretrained_weights.resolve("vgg16", str(tmp_path))
    assert str(caught.value) == (
        f"weights of vgg16 must be imagenet, none or a path, got no file vgg16*.h5 in {tmp_path}; "
        "connect once to the internet, "
        f"or put {VGG16} into a folder and name it in training.weights, "
        "or allow random weights (training.random_weights_allowed: [vgg16])"
    )


def test_what_a_kill_left_of_a_download_is_fetched_again(cache, monkeypatch):
    (cache / VGG16).write_bytes(b"half a download")
    monkeypatch.setitem(pretrained_weights._KERAS_FILES, "vgg16", (VGG16, hashlib.md5(b"whole").hexdigest()))
    monkeypatch.setattr(pretrained_weights, "_download", lambda model: (cache / VGG16).write_bytes(b"whole"))
    assert pretrained_weights.resolve("vgg16", "imagenet").read_bytes() == b"whole"


def test_a_download_that_arrives_damaged_is_refused(cache, monkeypatch):
    monkeypatch.setattr(pretrained_weights, "_download", lambda model: (cache / VGG16).write_bytes(b"odd"))
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


@pytest.mark.parametrize("model", pretrained_weights.PRETRAINED)
def test_a_file_with_the_convolutions_of_its_network_passes(model, tmp_path):
    file = write(tmp_path / "any.h5", (64,), model=model)
    assert pretrained_weights.check_file(model, file) == file


@pytest.mark.parametrize(
    ("model", "content", "said"),
    [
        ("resnet50", {"model": "vgg16"}, "resnet50 must hold its 53 convolutions, got 13 with 7 of the right shape in"),
        ("vgg16", {"model": "resnet50"}, "weights of vgg16 must hold its 13 convolutions, got 53 with"),
        ("vgg16", {"model": "vgg16", "fill": np.nan}, "finite numbers, got NaN or infinity in layers/0/kernel of"),
        ("vgg16", {"model": "vgg16", "fill": np.inf}, "finite numbers, got NaN or infinity in layers/0/kernel of"),
        ("vgg16", {"model": "vgg16", "layers": ["conv2d_1"]}, "must name its layers, got no block1_conv1 in"),
    ],
)
def test_a_file_of_another_network_or_with_no_numbers_is_refused(model, content, said, tmp_path):
    with pytest.raises(pretrained_weights.UnfitError, match=said):
        pretrained_weights.check_file(model, write(tmp_path / "any.h5", **content))


def test_what_other_programs_store_beside_the_arrays_is_passed_over(tmp_path):
    file = write(tmp_path / "any.h5", model="vgg16")
    with h5py.File(file, "a") as opened:
        opened["comment"] = "trained elsewhere"
        opened["words"] = np.array([b"a", b"b"])
        opened["empty"] = h5py.Empty("f4")
    assert pretrained_weights.check_file("vgg16", file) == file
    with h5py.File(file, "a") as opened:
        opened.attrs["layer_names"] = 5
    with pytest.raises(pretrained_weights.UnfitError, match="must name its layers, got no block1_conv1"):
        pretrained_weights.check_file("vgg16", file)


def test_a_file_without_the_biases_is_refused(tmp_path):
    file = write(tmp_path / "any.h5", model="vgg16")
    with h5py.File(file, "a") as opened:
        del opened["layers/3/bias"]
    with pytest.raises(pretrained_weights.UnfitError, match="must hold a bias for each convolution, got too few"):
        pretrained_weights.check_file("vgg16", file)


def test_a_file_that_is_no_hdf5_or_cut_short_is_refused(tmp_path):
    (tmp_path / "vgg16.h5").write_bytes(b"not weights")
    whole = write(tmp_path / "whole.h5", model="vgg16").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    for name in ("vgg16.h5", "cut.h5"):
        with pytest.raises(
            pretrained_weights.UnfitError, match=f"must be an HDF5 file, got .*{name}, which is none or"
        ):
            pretrained_weights.check_file("vgg16", tmp_path / name)


@pytest.mark.slow
@pytest.mark.parametrize("model", pretrained_weights.PRETRAINED)
def test_kernels_have_the_shapes_of_keras_own_networks(model):
    from pneumo_utils.networks.backend import keras

    network = {"vgg16": keras.applications.VGG16, "resnet50": keras.applications.ResNet50}[model]
    built = [
        tuple(weight.shape) for weight in network(include_top=False, weights=None).weights if len(weight.shape) == 4
    ]
    assert sorted(pretrained_weights.kernel_shapes(model)) == sorted(built)


def test_a_kernel_of_one_value_is_refused_and_a_giant_one_is_not_read(tmp_path):
    file = write(tmp_path / "vgg16.h5", model="vgg16")
    assert pretrained_weights.check_file("vgg16", file) == file
    with h5py.File(file, "a") as opened:
        opened.create_dataset("giant", (10**12,), np.float32)
    with pytest.raises(
        ValueError, match=r"must hold no more than its own, got giant \(1000000000000,\) in .*vgg16.h5$"
    ):
        pretrained_weights.check_file("vgg16", file)
    with h5py.File(file, "a") as opened:
        del opened["giant"]
        opened["layers/3/kernel"][0, 0, 0, 0] = 0
    with pytest.raises(ValueError, match="must be trained, got nothing but 0 in layers/3/kernel of .*vgg16.h5$"):
        pretrained_weights.check_file("vgg16", file)


def test_a_weights_file_damaged_anywhere_is_refused_by_its_name(tmp_path):
    with h5py.File(tmp_path / "good.h5", "w") as opened:
        for number in range(5):
            opened[f"block{number}/kernel"] = np.arange(108.0).reshape(3, 3, 3, 4)
        opened.attrs["layer_names"] = [b"block0"]
    whole = (tmp_path / "good.h5").read_bytes()
    for at in range(0, len(whole), 37):
        (tmp_path / "vgg16.h5").write_bytes(whole[:at] + bytes((whole[at] ^ 0x5B,)) + whole[at + 1 :])
        with pytest.raises(pretrained_weights.UnfitError, match="vgg16.h5"):
            pretrained_weights.check_file("vgg16", tmp_path / "vgg16.h5")
