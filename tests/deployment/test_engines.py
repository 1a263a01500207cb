"""Every engine says what Keras says, and only Keras' engine needs TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from pneumo_utils.deployment import engines
from pneumo_utils.deployment.engines import EngineError, open_engine

SIZE = 32
TOLERANCE = {"keras": 1e-5, "onnx": 1e-3, "litert": 1e-3, "litert-int8": 0.1}  # of a probability, untrained
FILES = {"keras": "a.keras", "onnx": "a.onnx", "litert": "a.tflite", "litert-int8": "a-int8.tflite"}


def pictures(count=33):
    generator = np.random.default_rng(1)
    made = generator.integers(0, 256, (count, SIZE, SIZE)).astype(np.float32)
    return made * np.linspace(0.2, 1, count, dtype=np.float32)[:, None, None]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A network that tells pictures apart, in a file for each engine, and what it says."""
    from pneumo_utils.networks import export, models, normalisation_statistics
    from pneumo_utils.networks.backend import keras

    keras.utils.set_random_seed(0)
    network = models.build("cnn", SIZE, dropout=0.5, weights=None)
    normalisation_statistics.settle(network, [pictures().astype(np.uint8)])
    kernel, bias = network.get_layer("logit").get_weights()
    network.get_layer("logit").set_weights([4 * kernel, bias])
    folder = tmp_path_factory.mktemp("exports")
    network.save(folder / "a.keras")
    export.to_onnx(network, folder / "a.onnx")
    export.to_litert(network, folder / "a.tflite")
    export.to_litert(network, folder / "a-int8.tflite", pictures())
    probability, features = (part.numpy() for part in export.two_headed(network)(pictures(), training=False))
    np.savez(folder / "said.npz", probability=probability[:, 0], features=features)
    return SimpleNamespace(folder=folder, network=network, probability=probability[:, 0], features=features)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("count", [1, 7, 33])
def test_every_engine_says_what_the_network_says_of_batches_of_any_length(kept, name, count):
    engine = open_engine(kept.folder / FILES[name], name)
    assert (engine.name, engine.image_size) == (name, SIZE)
    probability, features = engine.predict(pictures()[:count])
    assert probability.shape == (count,) and probability.dtype == np.float64
    assert features.shape == (count, 256) and features.dtype == np.float32
    np.testing.assert_allclose(probability, kept.probability[:count], atol=TOLERANCE[name])
    near = 3 * TOLERANCE[name] * np.abs(kept.features).max()
    np.testing.assert_allclose(features, kept.features[:count], atol=near)
    assert np.ptp(kept.probability) > 0.2


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_threads_may_ask_the_same_engine(kept, name):
    engine = open_engine(kept.folder / FILES[name], name, 1)
    alone = [engine.predict(pictures()[at : at + 3])[0] for at in range(30)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda at: engine.predict(pictures()[at : at + 3])[0], range(30)))
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_engine_of_keras_says_what_the_study_says(tmp_path, kept, precision):
    from pneumo_utils.networks import inference, models, optimisation

    network = models.build("cnn", SIZE, dropout=0.5, weights=None, precision=precision)
    network.set_weights(kept.network.get_weights())
    network.save(tmp_path / "a.keras")
    settings = SimpleNamespace(test_views=1, test_average="probability")
    assert {"test_views", "test_average"} <= set(optimisation.Settings.__dataclass_fields__)
    images = pictures(45).astype(np.uint8)
    studied = inference.predict_images(network, images, settings)
    said, _ = open_engine(tmp_path / "a.keras", "keras").predict(images.astype(np.float32))
    np.testing.assert_allclose(said, studied, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "litert", "litert-int8"])
def test_an_export_is_run_without_tensorflow_pandas_or_scikit_learn(kept, name):
    code = f"""
import sys
barred = dict.fromkeys(("tensorflow", "keras", "pandas", "sklearn", "tf2onnx"))
sys.modules |= barred
import numpy as np
from pneumo_utils.deployment.engines import open_engine
views = np.load(sys.argv[1])
engine = open_engine(sys.argv[2], {name!r}, 1)
np.save(sys.argv[3], engine.predict(views)[0])
assert all(sys.modules[room] is None for room in barred)
"""
    given, answers = kept.folder / "views.npy", kept.folder / f"{name}.npy"
    np.save(given, pictures())
    done = [sys.executable, "-c", code, given, kept.folder / FILES[name], answers]
    run = subprocess.run(done, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    np.testing.assert_allclose(np.load(answers), kept.probability, atol=TOLERANCE[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_views_that_do_not_fit_are_refused(kept, name):
    engine = open_engine(kept.folder / FILES[name], name)
    for given in (pictures()[:, ::2, ::2], pictures()[:0], pictures()[0]):
        with pytest.raises(EngineError, match=r"^views must be \(at least 1, 32, 32\), got \("):
            engine.predict(given)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_in_one_sentence(kept, tmp_path, name):
    whole = (kept.folder / FILES[name]).read_bytes()
    file = tmp_path / FILES[name]
    for data in (b"", b"no network at all", whole[: len(whole) // 2]):
        file.write_bytes(data)
        with pytest.raises(EngineError) as refused:
            open_engine(file, name)
        said = str(refused.value)
        assert said.startswith(f"{file.name} must be an undamaged {file.suffix} network, got: ")
        assert "\n" not in said and len(said) < 260


@pytest.mark.slow
def test_another_network_is_refused_in_one_sentence(kept, tmp_path):
    import onnx

    from pneumo_utils.networks import models

    renamed = onnx.load(kept.folder / "a.onnx")
    renamed.graph.output[0].name = renamed.graph.output[0].name + "s"
    renamed.graph.node.add(op_type="Identity", input=["features"], output=[renamed.graph.output[0].name])
    onnx.save(renamed, tmp_path / "b.onnx")
    with pytest.raises(EngineError, match=r"b.onnx must map pixels \(n, s, s\) to .*, got pixels .*"):
        open_engine(tmp_path / "b.onnx", "onnx")
    models.between(kept.network, None, "block5_relu2").save(tmp_path / "b.keras")
    with pytest.raises(EngineError, match=r"b.keras must map .* got pixels \(None, 32, 32\)$"):
        open_engine(tmp_path / "b.keras", "keras")
    with pytest.raises(EngineError, match="a-int8.tflite must compute in float32 for litert, got 8-bit integers"):
        open_engine(kept.folder / "a-int8.tflite", "litert")
    with pytest.raises(EngineError, match="a.tflite must compute in 8-bit integers for litert-int8, got float32"):
        open_engine(kept.folder / "a.tflite", "litert-int8")


def test_an_unknown_engine_a_missing_file_and_one_of_another_kind_are_refused(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(EngineError, match="engine must be one of keras, onnx, litert, litert-int8, got 'torch'"):
        open_engine(tmp_path / "a.onnx", "torch")
    with pytest.raises(EngineError, match="network of engine onnx must be a .onnx file, got no such file"):
        open_engine(tmp_path / "b.onnx", "onnx")
    with pytest.raises(EngineError, match="network of engine litert must be a .tflite file, got a.onnx"):
        open_engine(tmp_path / "a.onnx", "litert")
    with pytest.raises(EngineError, match="threads must be at least 0, got -1"):
        open_engine(tmp_path / "a.onnx", "onnx", -1)


@pytest.mark.parametrize(("name", "module"), [("onnx", "onnxruntime"), ("litert", "ai_edge_litert.interpreter")])
def test_an_engine_that_is_not_installed_says_how_to_install_it(tmp_path, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    file = tmp_path / f"a{engines.ENGINES[name]}"
    file.write_bytes(b"")
    with pytest.raises(
        EngineError, match=rf"^engine {name} must be installed \(pip install pneumo-utils\[{name}\]\), "
    ):
        open_engine(file, name)
