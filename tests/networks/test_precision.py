"""bfloat16 is taken where the machine has it, can be asked for, and does not change what a network says by much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load
SHARED = Path(__file__).parents[2] / ".." / "shared"


@pytest.fixture(scope="module")
def precision():
    from pneumo_utils.networks import precision

    return precision


def test_what_is_asked_for_is_taken_and_anything_else_refused(precision):
    assert [precision.choose(word) for word in ("float32", "bfloat16")] == ["float32", "bfloat16"]
    with pytest.raises(ValueError, match="precision must be one of auto, float32, bfloat16, got 'half'"):
        precision.choose("half")


@pytest.mark.parametrize(
    ("line", "chosen"), [("fpu avx512f amx_bf16", "bfloat16"), ("fpu avx512_bf16", "bfloat16"), ("avx2", "float32")]
)
def test_auto_goes_by_what_the_processor_names(precision, monkeypatch, tmp_path, line, chosen):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {line}\n")
    monkeypatch.setattr(precision.tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(precision, "Path", lambda name: tmp_path / "cpuinfo")
    assert precision.choose("auto") == chosen


def test_a_system_that_lists_no_flags_computes_in_float32(precision, tmp_path):
    assert precision.flags(tmp_path / "none") == set()


@pytest.fixture
def machine(precision, monkeypatch):
    """Change what `auto` is here."""

    def become(word, gpus=()):
        monkeypatch.setattr(precision, "_supports_bfloat16", lambda: word == "bfloat16")
        monkeypatch.setattr(precision.tf.config, "list_physical_devices", lambda kind: list(gpus))

    return become


def test_a_study_has_the_format_of_the_machine_that_trains_first_and_another_one_says_that_it_takes_it(
    precision, machine, tmp_path, caplog
):
    kept = tmp_path / "work" / "precision.txt"
    machine("float32")
    assert precision.of_study("auto", kept, trains=False) == "float32" and not kept.exists()
    machine("bfloat16")
    assert precision.of_study("auto", kept) == "bfloat16" and caplog.messages == []
    machine("float32")
    assert precision.of_study("auto", kept, trains=False) == "bfloat16" and caplog.messages == []
    assert precision.of_study("auto", kept) == "bfloat16"
    (said,) = caplog.messages
    assert said.startswith("computes in bfloat16 as the other networks of this study, not in float32 (delete ")
    assert precision.of_study("float32", kept) == "float32", "what is asked for by name is taken"
    machine("float32", gpus=["an old one"])
    with pytest.raises(ValueError, match="GPUs must multiply bfloat16, in which .*, got one that does not"):
        precision.of_study("auto", kept)
    kept.write_text("half")
    assert precision.of_study("auto", kept) == "float32", "a damaged file is written anew"


@pytest.mark.long
# a ResNet50 of random weights triples any rounding in every stage: there, the lower half is compared
@pytest.mark.parametrize(
    ("model", "layer"), [("cnn", "probability"), ("vgg16", "probability"), ("resnet50", "conv3_block4_out")]
)
def test_bfloat16_leaves_the_weights_in_float32_and_what_is_computed_much_the_same(precision, model, layer):
    from pneumo_utils.networks import models, normalisation_statistics, training

    images, said = np.random.default_rng(0).integers(0, 256, (16, 32, 32)).astype(np.float32), {}
    for name in ("float32", "bfloat16"):
        training.make_reproducible(0)
        network = models.build(model, 32, dropout=0.0, weights=None, precision=name)
        if model == "resnet50":
            normalisation_statistics.settle(network, [images])
        assert {str(weight.dtype) for weight in network.weights} == {"float32"}
        assert network.get_layer("probability").compute_dtype == "float32"
        said[name] = models.between(network, None, layer).predict(images, verbose=0).astype(np.float32)
    assert network.get_layer(models.last_spatial_layer(network)).compute_dtype == "bfloat16"
    assert np.abs(said["bfloat16"] - said["float32"]).mean() < 0.1 * np.abs(said["float32"]).mean()


@pytest.mark.long
@pytest.mark.skipif(
    not ((SHARED / "data").is_dir() and (SHARED / "weights").is_dir()),
    reason="the real radiographs and weights do not lie beside the project",
)
def test_on_real_radiographs_the_format_does_not_change_the_auc_by_more_than_two_thousandths(precision, tmp_path):
    from sklearn.metrics import roc_auc_score

    from pneumo_utils.datasets import folder_layout
    from pneumo_utils.imaging import decoding
    from pneumo_utils.imaging.augmentation import Augmentation
    from pneumo_utils.networks import optimisation, pretrained_weights, replicates

    root, size = folder_layout.locate(SHARED / "data" / "chest_xray"), 64
    files = pd.concat(
        [
            pd.DataFrame({"path": sorted((root / part / kind).iterdir())[::step][:count], "part": part, "label": label})
            for part, count in (("train", 120), ("test", 100))
            for label, (kind, step) in enumerate((("NORMAL", 1), ("PNEUMONIA", 4)))
        ],
        ignore_index=True,
    )
    parts = files.assign(path=[str(path) for path in files["path"]], patient=files.index.astype(str), etiology="viral")
    parts["split"] = np.where(parts["part"] == "test", "test", np.where(parts.index % 5 == 0, "validation", "train"))
    pixels = np.stack(list(decoding.read_all(root, list(parts["path"]), size)))
    begin, said = pretrained_weights.resolve("vgg16", str(SHARED / "weights")), {}
    phases = (optimisation.Phase("head", 20, 3e-3), optimisation.Phase("top", 2, 3e-5))
    for name in ("float32", "bfloat16"):
        settings, how = optimisation.Settings(32, 30), Augmentation()
        recipe = replicates.Recipe("vgg16", begin, size, 0.0, phases, settings, how, name)
        found = replicates.train(recipe, 0, pixels, parts, tmp_path / name).predictions.query("split == 'test'")
        said[name] = roc_auc_score(found["label"], found["probability"])
    assert said["float32"] > 0.9
    assert said["bfloat16"] == pytest.approx(said["float32"], abs=0.002), said
