"""What an export costs and changes against Keras: bytes, time, AUC and probabilities, on the same pictures.

Times are taken in a process of its own, since TensorFlow cannot be held to one core once it has computed. The engines
take turns, so that what else the machine does falls on all of them, and each turn gives one ratio.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from scipy.stats import quantile_test

from pneumo_utils.deployment.averaged_networks import AveragedNetworks
from pneumo_utils.deployment.engines import open_engine
from pneumo_utils.deployment.quality_control.gate import Gate
from pneumo_utils.evaluation import delong
from pneumo_utils.evaluation.metrics import format_interval
from pneumo_utils.imaging.augmentation import test_view
from pneumo_utils.records import progress

TURNS = 41  # of the engines
_BEFORE = 3  # turns that do not count: memory is taken, kernels are chosen
_KERAS = "keras"
COLUMNS = (
    "engine", "bytes", "latency_ratio", "latency_lower", "latency_upper", "auc_difference", "auc_lower", "auc_upper",
    "largest_difference", "n", "refused",
)  # fmt: skip


class ExportTableError(ValueError):
    """Exports cannot be set against Keras."""


def measure(
    files: Mapping[str, Mapping[object, Path]],
    pictures: np.ndarray,
    label: np.ndarray,
    patient: np.ndarray,
    views: tuple[int, str],
    gate: Gate,
    turns: int = TURNS,
) -> pd.DataFrame:
    """Set every engine against Keras.

    Args:
        files: by engine, `keras` among them, the file of each network.
        pictures: uint8 (n, stored size, stored size), of the validation or test part.
        label: int (n,), 1 = pneumonia.
        patient: name of the patient of each, (n,); the pictures of one are alike.
        views: how many of a picture are averaged, a key of `augmentation.TEST_VIEWS`; `probability` or `logit` of them.
        gate: fitted on what Keras makes of pictures.
        turns: in which each engine judges one view of one picture on one core, at least 6.

    Returns:
        contract `exports`, one row per engine, Keras first. `latency_ratio` is the median over turns of an engine's
        seconds to Keras' (`median_interval`); differences are engine less Keras, that of the AUC over patients
        (`delong.difference`), `nan` where a class is absent; `refused` is by the engine's features.

    Raises:
        ExportTableError: no Keras, no pictures, or too few turns.
        EngineError: a file cannot be opened.
    """
    _check(files, pictures, label, turns)
    engines = [_KERAS, *(engine for engine in files if engine != _KERAS)]
    paths = {engine: list(files[engine].values()) for engine in engines}
    said = _judge(paths, pictures, *views)
    passed = np.array([not gate.look(one).refused for one in pictures])
    alone = len(engines) == 1  # there is nothing to set it against
    taken = {_KERAS: [1.0] * turns} if alone else time_engines(paths, pictures[:16], turns)
    rows = []
    for engine in engines:
        (probability, features), (of_keras, _) = said[engine], said[_KERAS]
        size = sum(path.stat().st_size for path in paths[engine])
        ratio = median_interval(np.array(taken[engine]) / np.array(taken[_KERAS]))
        gap = delong.difference(label, probability, of_keras, patient)
        largest = float(np.abs(probability - of_keras).max())
        rows.append((engine, size, *ratio, *gap, largest, len(pictures), _count_refused(gate, passed, features)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _count_refused(gate: Gate, passed: np.ndarray, features: np.ndarray) -> int:
    """Pictures that have not passed by their pixels, bool (n,), or do not by an engine's features, float (n, d)."""
    return int((~passed).sum()) + sum(bool(gate.look_at_features(row).refused) for row in features[passed])


def _check(files: Mapping[str, Mapping[object, Path]], pictures: np.ndarray, label: np.ndarray, turns: int) -> None:
    if _KERAS not in files or not len(pictures) or len(pictures) != len(label):
        got = f"{', '.join(files) or 'no engine'}, {len(pictures)} pictures, {len(label)} labels"
        raise ExportTableError(f"engines must include {_KERAS} and each picture must have a label, got {got}")
    if turns < 6:
        raise ExportTableError(f"turns must be at least 6, got {turns}")


def _judge(
    paths: Mapping[str, Sequence[Path]], pictures: np.ndarray, test_views: int, test_average: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Probabilities, float (n,), and features, float (n, d), by engine."""
    said = {}
    with progress.stage(f"judging {len(pictures):,} pictures by {len(paths)} engines", len(paths)) as told:
        for engine, networks in paths.items():
            averaged = AveragedNetworks.load(networks, engine, test_views, test_average)
            said[engine] = averaged.predict(pictures)
            told.advance()
    return said


def time_engines(
    paths: Mapping[str, Sequence[Path]], pictures: np.ndarray, turns: int = TURNS
) -> dict[str, list[float]]:
    """Seconds in which each engine judges one view of one picture, on one core of a fresh process.

    Args:
        paths: by engine, the files of the networks, which judge one after another.
        pictures: uint8 (k, stored size, stored size), k at least 1, shown in turn.
        turns: of the engines, each turn in another order.

    Returns:
        by engine, one value a turn.

    Raises:
        ExportTableError: the process has failed.
    """
    with TemporaryDirectory() as folder:
        np.save(Path(folder) / "pictures.npy", pictures)
        asked = {engine: [str(path.resolve()) for path in files] for engine, files in paths.items()}
        given = json.dumps({"paths": asked, "pictures": f"{folder}/pictures.npy", "turns": turns})
        code = f"from {__name__} import answer_timing; answer_timing()"
        place = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], input=given, capture_output=True, text=True, env=os.environ | place
        )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ExportTableError(f"timing must end without an error, got: {said}")
    return json.loads(done.stdout)


def answer_timing() -> None:
    """What the process of `time_engines` does: JSON of what to time from standard input, of seconds to output."""
    asked = json.load(sys.stdin)
    pictures, generator = np.load(asked["pictures"]), np.random.default_rng(0)
    engines = {name: [open_engine(Path(file), name, 1) for file in files] for name, files in asked["paths"].items()}
    taken = {name: [] for name in engines}
    for turn in range(_BEFORE + asked["turns"]):
        for name in generator.permutation(list(engines)).tolist():
            seconds = _time(engines[name], pictures[turn % len(pictures)])
            if turn >= _BEFORE:
                taken[name].append(seconds)
    json.dump(taken, sys.stdout)


def _time(networks: Sequence, picture: np.ndarray) -> float:
    views = [test_view(picture, 0, network.image_size)[None].astype(np.float32) for network in networks]
    start = time.perf_counter()
    for network, view in zip(networks, views, strict=True):
        network.predict(view)
    return time.perf_counter() - start


def median_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Median of float (n,), n at least 6, with the interval between two of the values that holds whatever their spread.

    The ranks are those of the sign test, by scipy's `quantile_test`.

    Args:
        values: independent ones.
        level: least coverage, in (0, 1); 6 values reach 0.96.
    """
    lower, upper = quantile_test(values, q=0, p=0.5).confidence_interval(level)
    if np.isnan([lower, upper]).any():
        raise ExportTableError(f"values must be enough for an interval of {level:.0%}, got {len(values)}")
    return float(np.median(values)), float(lower), float(upper)


def for_display(measured: pd.DataFrame) -> pd.DataFrame:
    """The contract `exports` as readers see it."""
    rows = []
    for row in measured.itertuples():
        reference = row.engine == _KERAS
        ratio = "1" if reference else format_interval(row.latency_ratio, row.latency_lower, row.latency_upper)
        gap = "0" if reference else format_interval(row.auc_difference, row.auc_lower, row.auc_upper)
        largest = "0" if reference else f"{row.largest_difference:.2g}"
        rows.append((row.engine, f"{row.bytes / 1e6:.1f}", ratio, gap, largest, f"{row.refused:,} of {row.n:,}"))
    names = ["engine", "MB", "seconds per picture, ratio to Keras", "AUC, difference to Keras", "largest difference"]
    names += ["refused by the gate"]
    return pd.DataFrame(rows, columns=names).set_index("engine")
