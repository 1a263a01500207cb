"""A trained network as a file that other programs run, without TensorFlow: ONNX, LiteRT, and LiteRT in 8-bit integers.

Every export maps grey pixels (0-255) to two outputs, `probability` and `features`, in float32; preprocessing is part of
the file, batch normalisation is folded, and the same network gives the same bytes.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from pneumo_utils.networks import batchnorm_folding, models
from pneumo_utils.networks.backend import keras, layers, tf
from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.quiet import silent

if TYPE_CHECKING:
    import onnx

OUTPUTS = ("probability", "features")
OPSETS = (13, 18)  # least and most that tf2onnx 1.17 writes for these networks
OPSET = 17
LEAST_CALIBRATION = 8  # pictures; ranges of activations settle with about a hundred
# What stays in float32 of a network in integers, by LiteRT's names: pooling, logit and sigmoid. They are a thousandth
# of the work, and in 256 steps probabilities would tie and saturate, which neither an AUC nor a mean of logits bears.
_FLOAT_HEAD = ("MEAN", "FULLY_CONNECTED", "LOGISTIC")
_VERSION = 8  # of ONNX's own format, which onnxruntime has read since 1.13


class ExportError(ValueError):
    """A network cannot be exported as asked."""


def two_headed(network: keras.Model) -> keras.Model:
    """The whole `network` with its pooled features beside the answer; layers and precision are its own.

    Args:
        network: of `models.build`.

    Returns:
        float (n, s, s) in 0-255 -> [float32 (n, 1) in [0, 1], float32 (n, d)].

    Raises:
        ExportError: it has no layer `pooled`.
    """
    pooled = _pooled(network).output
    features = layers.Identity(dtype="float32", name="features")(pooled)
    return keras.Model(network.input, [network.output, features], name=network.name)


def to_onnx(network: keras.Model, path: Path, opset: int = OPSET) -> None:
    """Write `network` as an ONNX file for batches of any length.

    By tf2onnx, which Keras' own export calls, too, but without the names that differ from call to call.

    Args:
        network: of `models.build`, of any precision.
        path: of the file, `.onnx`.
        opset: version of ONNX's operators, within `OPSETS`.

    Raises:
        ExportError: no such operators, no layer `pooled`, or the extra is not installed.
    """
    least, most = OPSETS
    if not least <= opset <= most:
        raise ExportError(f"opset must be in {least}-{most}, got {opset}")
    try:
        import tf2onnx
    except ImportError as error:
        raise _not_installed("ONNX", error) from error
    judge = _as_module(network, None).judge
    with _quietly():
        found, _ = tf2onnx.convert.from_function(judge, judge.input_signature, opset=opset)
    _name_anew(found.graph)
    found.graph.name, found.ir_version = network.name, _VERSION
    _write(path, found.SerializeToString(deterministic=True))


def to_litert(network: keras.Model, path: Path, calibration_pictures: np.ndarray | None = None) -> None:
    """Write `network` as a LiteRT file for one picture at a time.

    Args:
        network: of `models.build`, of any precision.
        path: of the file, `.tflite`.
        calibration_pictures: None: all in float32. Else pictures of the training part at the size that the network is
            shown, (k, s, s) in 0-255: weights (one scale per channel) and activations up to pooling become 8-bit
            integers, whose ranges are those on these pictures; pooled features, logit and probability stay float32
            (Jacob et al. 2018, doi:10.1109/CVPR.2018.00286).

    Raises:
        ExportError: pictures of another size or too few, or no layer `pooled`.
    """
    if calibration_pictures is not None:
        _check_pictures(calibration_pictures, network.input.shape[1:])
    module = _as_module(network, 1)
    with TemporaryDirectory() as folder, _quietly():  # what is converted from memory has no names for its outputs
        tf.saved_model.save(module, folder, signatures=module.judge)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        written = converter.convert() if calibration_pictures is None else _in_integers(converter, calibration_pictures)
    _write(path, written)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what the converters tell of their own parts."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        with silent():
            yield
    finally:
        logger.setLevel(level)


def _as_module(network: keras.Model, batch: int | None) -> tf.Module:
    """`network` in float32 and folded, with its `judge`: pixels -> outputs by name; `batch` None: of any length."""
    _pooled(network)
    whole = two_headed(batchnorm_folding.fold_batch_normalisation(models.copied(network, dtype="float32")))
    # constants: the converter to LiteRT leaves variables of Keras 3 without their values
    weights = [
        [weight.numpy() for weight in part] for part in (whole.trainable_variables, whole.non_trainable_variables)
    ]

    def judge(pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        said, _ = whole.stateless_call(
            *[[tf.constant(weight) for weight in part] for part in weights], pixels, training=False
        )
        return dict(zip(OUTPUTS, said, strict=True))

    module = tf.Module()
    pixels = tf.TensorSpec([batch, *network.input.shape[1:]], tf.float32, name="pixels")
    module.judge = tf.function(judge, input_signature=[pixels])
    return module


def _pooled(network: keras.Model) -> keras.Layer:
    names = [layer.name for layer in network.layers]
    if "pooled" not in names:
        raise ExportError(f"network must have a layer 'pooled', got {names[-1]!r} as its last")
    return network.get_layer("pooled")


def _check_pictures(pictures: np.ndarray, size: tuple[int, int]) -> None:
    if pictures.ndim != 3 or pictures.shape[1:] != size or len(pictures) < LEAST_CALIBRATION:
        wanted = (f"at least {LEAST_CALIBRATION}", *size)
        raise ExportError(f"calibration pictures must be ({', '.join(map(str, wanted))}), got {pictures.shape}")


def _in_integers(converter: tf.lite.TFLiteConverter, pictures: np.ndarray) -> bytes:
    """Converted with all but `_FLOAT_HEAD` in 8-bit integers."""

    def shown():
        for picture in pictures:
            yield [picture[None].astype(np.float32)]

    converter.optimizations, converter.representative_dataset = [tf.lite.Optimize.DEFAULT], shown
    # the one interface of the converter that leaves operators in float32
    left = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=list(_FLOAT_HEAD))
    with warnings.catch_warnings():  # of the converter, about itself
        warnings.filterwarnings("ignore", "Statistics for quantized inputs were expected")
        warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter is deprecated")
        selective = tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=shown, debug_options=left
        )
        return selective.get_nondebug_quantized_model()


def _name_anew(graph: onnx.GraphProto) -> None:
    """Order and name nodes, weights and values by their place below the outputs, instead of by tf2onnx's counters."""
    made = {name: node for node in graph.node for name in node.output}
    weights = {weight.name: weight for weight in graph.initializer}
    nodes, used, kept = [], [], {value.name for value in [*graph.input, *graph.output]}
    waiting = [made[name] for name in sorted((value.name for value in graph.output), reverse=True)]
    while waiting:  # depth first: a node after all that feed it
        node = waiting[-1]
        below = [made[name] for name in node.input if name in made and made[name] not in nodes]
        if below:
            waiting.append(below[0])
            continue
        waiting.pop()
        if node not in nodes:
            nodes.append(node)
            used += [name for name in node.input if name in weights and name not in used]
    places = {name: f"weight_{number}" for number, name in enumerate(used)}
    places |= {name: f"{node.op_type}_{number}" for number, node in enumerate(nodes) for name in node.output}
    places = {name: place for name, place in places.items() if name not in kept}
    for node in nodes:
        names = [[places.get(name, name) for name in side] for side in (node.input, node.output)]
        node.input[:], node.output[:] = names
        node.name = node.output[0]
    ordered = [weights[name] for name in used]
    for weight in ordered:
        weight.name = places[weight.name]
    for field, values in ((graph.node, nodes), (graph.initializer, ordered)):
        copies = [type(value).FromString(value.SerializeToString()) for value in values]
        del field[:]
        field.extend(copies)
    del graph.value_info[:]
    graph.ClearField("doc_string")  # names the traced function by a counter
    for value in [*graph.input, *graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "n"


def _write(path: Path, data: bytes) -> None:
    with atomic_write(path) as part:
        part.write_bytes(data)


def _not_installed(what: str, error: ImportError) -> ExportError:
    return ExportError(f"{what} must be installed to be written (pip install pneumo-utils[export]), got: {error}")
