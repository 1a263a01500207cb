"""Engines that run a network: Keras itself, or an export of `networks.export` by ONNX Runtime or LiteRT.

All of them map views to probabilities and pooled features. Only Keras' loads TensorFlow: the others are there in a
fraction of a second, and need neither pandas nor scikit-learn.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np

from pneumo_utils.records.quiet import silent

ENGINES = {"keras": ".keras", "onnx": ".onnx", "litert": ".tflite", "litert-int8": ".tflite"}  # name: kind of file
_AT_ONCE = 32  # views in one call, as `networks.inference` predicts
_EXTRAS = {"keras": "cpu", "onnx": "onnx", "litert": "litert", "litert-int8": "litert"}
_INPUT, _OUTPUTS = "pixels", ("probability", "features")  # names in every export, by `networks.export`
_Answer = tuple[np.ndarray, np.ndarray]


class EngineError(ValueError):
    """A network cannot be opened, or not be shown what it was given."""


class Engine(Protocol):
    """Judges views by one network."""

    name: str  # a key of `ENGINES`
    image_size: int  # side of the views, pixels

    def predict(self, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probability of pneumonia and pooled features.

        Args:
            views: float32 (n, image_size, image_size) in 0-255, n at least 1.

        Returns:
            float (n,) in [0, 1], and float32 (n, d).

        Raises:
            EngineError: views of another shape.
        """


class _Opened:
    """An engine by a function that answers at most `at_once` views, for one thread at a time: LiteRT bears no more."""

    def __init__(self, name: str, image_size: int, answer: Callable[[np.ndarray], _Answer], at_once: int):
        self.name, self.image_size, self._answer, self._at_once = name, image_size, answer, at_once
        self._alone = Lock()

    def predict(self, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.predict`."""
        side = self.image_size
        if np.ndim(views) != 3 or not len(views) or np.shape(views)[1:] != (side, side):
            raise EngineError(f"views must be (at least 1, {side}, {side}), got {np.shape(views)}")
        views = np.asarray(views, np.float32)
        with self._alone:
            parts = [self._answer(views[at : at + self._at_once]) for at in range(0, len(views), self._at_once)]
        probability, features = (np.concatenate(side) for side in zip(*parts, strict=True))
        return probability[:, 0].astype(float), features


def open_engine(file: Path, name: str, threads: int = 0) -> Engine:
    """Open a network for judging.

    Args:
        file: `.keras` file of a network of `networks.models`, or an export of it.
        name: of the engine, a key of `ENGINES`.
        threads: cores that it may use; 0: all. Keras takes those that TensorFlow was set to when it first computed in
            this process, and a number here sets them only before that.

    Raises:
        EngineError: no such engine, its extra is not installed, or the file is missing, damaged, of another kind or
            no such network.
    """
    if name not in ENGINES:
        raise EngineError(f"engine must be one of {', '.join(ENGINES)}, got {name!r}")
    if threads < 0:
        raise EngineError(f"threads must be at least 0, got {threads}")
    file = Path(file)
    if file.suffix != ENGINES[name] or not file.is_file():
        got = "no such file" if file.suffix == ENGINES[name] else file.name
        raise EngineError(f"network of engine {name} must be a {ENGINES[name]} file, got {got}")
    opened = {"keras": _open_keras, "onnx": _open_onnx}.get(name, _open_litert)
    try:
        return opened(file, name, threads)
    except ImportError as error:
        asked = f"pip install pneumo-utils[{_EXTRAS[name]}]"
        raise EngineError(f"engine {name} must be installed ({asked}), got: {error}") from error


def _open_keras(file: Path, name: str, threads: int) -> Engine:
    from pneumo_utils.networks import export, models
    from pneumo_utils.networks.backend import tf

    if threads:
        with contextlib.suppress(RuntimeError):  # TensorFlow has computed already
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
    try:
        network = models.load(file)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise _damaged(file, error) from error
    parts = {"pixels": _INPUT, "probability": _OUTPUTS[0], "pooled": _OUTPUTS[1]}  # by the names of `networks.models`
    found = [layer for layer in network.layers if layer.name in parts]
    _check_export(file, {parts[layer.name]: layer.output.shape for layer in found})
    whole, size = export.two_headed(network), network.input.shape[1]
    eaten = tf.TensorSpec([None, size, size], tf.float32)
    graph = tf.function(lambda views: whole(views, training=False), input_signature=[eaten], autograph=False)
    return _Opened(name, size, lambda views: tuple(part.numpy() for part in graph(views)), _AT_ONCE)


def _open_onnx(file: Path, name: str, threads: int) -> Engine:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime: one class for each kind of damage, none of them public
        raise _damaged(file, error) from error
    shapes = {value.name: value.shape for value in [*session.get_inputs(), *session.get_outputs()]}
    _check_export(file, shapes)
    return _Opened(name, shapes[_INPUT][1], lambda views: tuple(session.run(_OUTPUTS, {_INPUT: views})), _AT_ONCE)


def _open_litert(file: Path, name: str, threads: int) -> Engine:
    from ai_edge_litert.interpreter import Interpreter

    try:
        with silent():
            interpreter = Interpreter(model_content=file.read_bytes(), num_threads=threads or os.cpu_count())
            interpreter.allocate_tensors()
        judge = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise _damaged(file, error) from error
    details = judge.get_input_details() | judge.get_output_details()
    _check_export(file, {key: value["shape"].tolist() for key, value in details.items()})
    integers = any(value["dtype"] is np.int8 for value in interpreter.get_tensor_details())
    if integers != (name == "litert-int8"):
        kinds = {True: "8-bit integers", False: "float32"}
        raise EngineError(f"{file.name} must compute in {kinds[not integers]} for {name}, got {kinds[integers]}")

    def answer(views: np.ndarray) -> _Answer:
        said = judge(**{_INPUT: views})
        return tuple(said[output].copy() for output in _OUTPUTS)

    return _Opened(name, details[_INPUT]["shape"].tolist()[1], answer, 1)


def _check_export(file: Path, shapes: dict[str, Sequence]) -> None:
    """Whether inputs and outputs are those of `networks.export`."""
    pixels = shapes.get(_INPUT, [])
    whole = set(shapes) == {_INPUT, *_OUTPUTS} and len(pixels) == 3 and pixels[1] == pixels[2]
    if not whole:
        got = ", ".join(f"{name} {tuple(shape)}" for name, shape in shapes.items()) or "none of them"
        raise EngineError(f"{file.name} must map pixels (n, s, s) to probability and features, got {got}")


def _damaged(file: Path, error: Exception) -> EngineError:
    said = " ".join(str(error).split())[:160]
    return EngineError(f"{file.name} must be an undamaged {file.suffix} network, got: {said or type(error).__name__}")
