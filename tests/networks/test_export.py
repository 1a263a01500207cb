"""What leaves as a file says what the network says, in float32 to the last digits, in integers nearly."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load
SIZE = 32


@pytest.fixture(scope="module")
def rooms():
    from pneumo_utils.networks import export, models, normalisation_statistics
    from pneumo_utils.networks.backend import keras

    return SimpleNamespace(export=export, models=models, normalisation_statistics=normalisation_statistics, keras=keras)


@pytest.fixture(scope="module")
def network(rooms):
    """The small CNN in mixed bfloat16, with statistics of its own and a head that tells pictures apart."""
    rooms.keras.utils.set_random_seed(0)
    network = rooms.models.build("cnn", SIZE, dropout=0.5, weights=None, precision="bfloat16")
    rooms.normalisation_statistics.settle(network, [pictures().astype(np.uint8)])
    kernel, bias = network.get_layer("logit").get_weights()
    network.get_layer("logit").set_weights([4 * kernel, bias])
    return network


def pictures(count=24):
    generator = np.random.default_rng(1)
    made = generator.integers(0, 256, (count, SIZE, SIZE)).astype(np.float32)
    return made * np.linspace(0.2, 1, count, dtype=np.float32)[:, None, None]


def run_onnx(path, given):
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    return session.run(["probability", "features"], {"pixels": given})


def run_litert(path, given):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    judge = interpreter.get_signature_runner()
    said = [judge(pixels=picture[None]) for picture in given]
    return [np.concatenate([one[name] for one in said]) for name in ("probability", "features")]


def test_two_heads_are_the_answer_and_the_pooled_features_in_float32(rooms, network):
    said, pooled = rooms.export.two_headed(network)(pictures(), training=False)
    assert pooled.dtype == "float32" and pooled.shape == (24, 256)
    np.testing.assert_array_equal(said, network(pictures(), training=False))
    logit = pooled.numpy() @ network.get_layer("logit").get_weights()[0] + network.get_layer("logit").get_weights()[1]
    np.testing.assert_allclose(1 / (1 + np.exp(-logit)), said, atol=0.02)  # the head may compute in bfloat16


def test_in_float32_a_network_keeps_its_weights_and_nothing_computes_in_bfloat16(rooms, network):
    copy = rooms.models.copied(network, dtype="float32")
    assert {layer.compute_dtype for layer in network.layers} == {"bfloat16", "float32"}
    assert {layer.compute_dtype for layer in copy.layers} == {"float32"}
    for one, other in zip(network.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    said = copy(pictures(), training=False).numpy()
    assert 0 < np.abs(said - network(pictures(), training=False)).max() < 0.05 < np.ptp(said)


@pytest.fixture(scope="module")
def wanted(rooms, network):
    """Of the network in float32."""
    return [part.numpy() for part in rooms.export.two_headed(rooms.models.copied(network, dtype="float32"))(pictures())]


@pytest.mark.slow
@pytest.mark.parametrize("opset", [13, 18])
def test_onnx_says_the_same_of_batches_of_any_length(rooms, network, wanted, tmp_path, opset):
    rooms.export.to_onnx(network, tmp_path / "a.onnx", opset)
    for count in (1, 7, 24):
        said = run_onnx(tmp_path / "a.onnx", pictures()[:count])
        np.testing.assert_allclose(said[0], wanted[0][:count], atol=1e-5)
        np.testing.assert_allclose(said[1], wanted[1][:count], atol=1e-5 * wanted[1].max())


@pytest.mark.slow
def test_litert_says_the_same(rooms, network, wanted, tmp_path):
    rooms.export.to_litert(network, tmp_path / "a.tflite")
    said = run_litert(tmp_path / "a.tflite", pictures())
    np.testing.assert_allclose(said[0], wanted[0], atol=1e-5)
    np.testing.assert_allclose(said[1], wanted[1], atol=1e-5 * wanted[1].max())


@pytest.mark.long
@pytest.mark.slow
def test_in_integers_litert_says_nearly_the_same_is_a_quarter_as_large_and_leaves_the_head_in_float32(
    rooms, network, wanted, tmp_path
):
    from ai_edge_litert.interpreter import Interpreter

    rooms.export.to_litert(network, tmp_path / "a.tflite")
    rooms.export.to_litert(network, tmp_path / "b.tflite", pictures())
    said = run_litert(tmp_path / "b.tflite", pictures())
    assert 0 < np.abs(said[0] - wanted[0]).max() < 0.1 < np.ptp(wanted[0])
    np.testing.assert_allclose(said[1], wanted[1], atol=0.2 * wanted[1].max())
    assert np.abs(256 * said[0] - np.rint(256 * said[0])).max() > 0.1  # not in 256 steps
    assert (tmp_path / "b.tflite").stat().st_size < 0.3 * (tmp_path / "a.tflite").stat().st_size
    interpreter = Interpreter(str(tmp_path / "b.tflite"))
    kinds = {detail["name"]: detail["dtype"] for detail in interpreter.get_tensor_details() if detail["shape"].size > 2}
    of_pictures = [kind for name, kind in kinds.items() if "pixels" not in name]
    assert of_pictures.count(np.int8) > 16 and of_pictures.count(np.float32) <= 1
    outer = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    assert {detail["dtype"] for detail in outer} == {np.float32}


@pytest.mark.long
@pytest.mark.parametrize("model", ["vgg16", "resnet50"])
def test_every_backbone_can_be_exported(rooms, tmp_path, model):
    rooms.keras.utils.set_random_seed(0)
    backbone = rooms.models.build(model, SIZE, dropout=0.5, weights=None)
    rooms.normalisation_statistics.settle(backbone, [pictures().astype(np.uint8)])
    wanted = [part.numpy() for part in rooms.export.two_headed(backbone)(pictures())]
    rooms.export.to_onnx(backbone, tmp_path / "a.onnx")
    rooms.export.to_litert(backbone, tmp_path / "a.tflite")
    for said in (run_onnx(tmp_path / "a.onnx", pictures()), run_litert(tmp_path / "a.tflite", pictures())):
        np.testing.assert_allclose(said[0], wanted[0], atol=1e-3)
        np.testing.assert_allclose(said[1], wanted[1], atol=1e-3 * wanted[1].max())


@pytest.mark.long
@pytest.mark.slow
def test_the_same_network_gives_the_same_bytes_and_the_export_leaves_it_as_it_was(rooms, network, tmp_path):
    before = network(pictures(), training=False).numpy()
    for folder in ("a", "b"):
        rooms.export.to_onnx(network, tmp_path / folder / "n.onnx")
        rooms.export.to_litert(network, tmp_path / folder / "n.tflite")
        rooms.export.to_litert(network, tmp_path / folder / "i.tflite", pictures())
    for name in ("n.onnx", "n.tflite", "i.tflite"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["i.tflite", "n.onnx", "n.tflite"]
    np.testing.assert_array_equal(network(pictures(), training=False), before)


def test_what_cannot_be_exported_is_refused_in_one_sentence(rooms, network, tmp_path):
    path = tmp_path / "a.onnx"
    with pytest.raises(rooms.export.ExportError, match="opset must be in 13-18, got 9"):
        rooms.export.to_onnx(network, path, 9)
    given = r"calibration pictures must be \(at least 8, 32, 32\), got \(24, 16, 16\)"
    with pytest.raises(rooms.export.ExportError, match=given):
        rooms.export.to_litert(network, path, pictures()[:, ::2, ::2])
    with pytest.raises(rooms.export.ExportError, match=r"got \(7, 32, 32\)"):
        rooms.export.to_litert(network, path, pictures(7))
    part = rooms.models.between(network, None, "block5_relu2")
    for refused in (rooms.export.two_headed, lambda part: rooms.export.to_onnx(part, path)):
        with pytest.raises(rooms.export.ExportError, match="network must have a layer 'pooled', got 'block5_relu2'"):
            refused(part)
    assert not path.exists()


def test_without_the_extra_onnx_is_refused_in_one_sentence(rooms, network, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx", None)
    with pytest.raises(rooms.export.ExportError, match=r"^ONNX must be installed .*pneumo-utils\[export\].*, got: "):
        rooms.export.to_onnx(network, tmp_path / "a.onnx")
