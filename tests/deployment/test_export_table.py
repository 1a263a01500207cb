"""An export is set against Keras on the same pictures, and its time against Keras' in the same turn."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.deployment import export_table
from pneumo_utils.deployment.export_table import ExportTableError
from pneumo_utils.evaluation import delong

SIZE = 32


def pictures(count=24):
    made = np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE))
    return (made * np.linspace(0.2, 1, count)[:, None, None]).astype(np.uint8)


LABEL = np.arange(24) % 3 % 2
PATIENT = np.arange(24) // 2  # some have pictures of both kinds
VIEWS = (2, "logit")


class Gate:
    """Refuses the darkest picture by its pixels, and by its features what is above a limit."""

    def look(self, picture):
        return SimpleNamespace(refused="too dark" if picture.max() < 60 else "")

    def look_at_features(self, row):
        return SimpleNamespace(refused="strange" if row[0] > 2 else "")


def put(monkeypatch, seconds, said):
    """Have engines judge at once: the seconds of every turn, and probabilities and features by engine."""
    monkeypatch.setattr(export_table, "time_engines", lambda *given: seconds)
    monkeypatch.setattr(export_table, "_judge", lambda *given: said)


def measure_two(monkeypatch, tmp_path, seconds=None, **changed):
    files = {}
    for engine, size in (("onnx", 3), ("keras", 7)):
        (tmp_path / engine).write_bytes(b"x" * size)
        files[engine] = {("cnn", 0): tmp_path / engine}
    keras, other = np.linspace(0.1, 0.9, 24), np.linspace(0.1, 0.9, 24) ** 2
    said = {"keras": (keras, np.zeros((24, 1))), "onnx": (other, np.zeros((24, 1)))} | changed
    put(monkeypatch, seconds or {"keras": [2.0] * 8, "onnx": [1.0] * 8}, said)
    found = export_table.measure(files, pictures(), LABEL, PATIENT, VIEWS, Gate(), turns=8)
    return found.set_index("engine"), said


def test_a_ratio_is_an_engine_s_seconds_to_those_of_keras_in_the_same_turn(monkeypatch, tmp_path):
    seconds = {"keras": [1.0, 10.0] * 4, "onnx": [3.0, 30.0] * 4}  # whatever else the machine did fell on both
    found, _ = measure_two(monkeypatch, tmp_path, seconds)
    names = ["latency_ratio", "latency_lower", "latency_upper"]
    assert found.loc["onnx", names].tolist() == [3, 3, 3] and found.loc["keras", names].tolist() == [1, 1, 1]
    assert found["bytes"].to_dict() == {"keras": 7, "onnx": 3}


def test_a_difference_is_the_engine_less_keras_over_patients(monkeypatch, tmp_path):
    better = 0.2 + 0.6 * LABEL  # tells the classes apart, which Keras here does not
    found, said = measure_two(monkeypatch, tmp_path, onnx=(better, np.zeros((24, 1))))
    row = found.loc["onnx", ["auc_difference", "auc_lower", "auc_upper"]].tolist()
    assert row == pytest.approx(delong.difference(LABEL, better, said["keras"][0], PATIENT)) and row[0] > 0.3
    assert row != pytest.approx(delong.difference(LABEL, better, said["keras"][0])), "pictures of one are alike"
    assert found.loc["onnx", "largest_difference"] == pytest.approx(np.abs(better - said["keras"][0]).max())


def test_what_the_gate_refuses_is_counted_for_every_engine_by_its_own_features(monkeypatch, tmp_path):
    dark = sum(one.max() < 60 for one in pictures())
    strange = np.zeros((24, 1))
    strange[[0, 20, 23]] = 3  # the first is refused by its pixels already
    found, said = measure_two(monkeypatch, tmp_path)
    assert dark == 2 and found["refused"].to_dict() == {"keras": 2, "onnx": 2}
    found, _ = measure_two(monkeypatch, tmp_path, onnx=(said["onnx"][0], strange))
    assert found["refused"].to_dict() == {"keras": 2, "onnx": 4} and (found["n"] == 24).all()


def test_the_interval_of_a_median_lies_between_the_ranks_of_the_sign_test():
    assert export_table.median_interval(np.array([3.0, 1, 2, 6, 5, 4])) == (3.5, 1, 6)
    assert export_table.median_interval(np.arange(41.0)[::-1]) == (20, 13, 27)  # 14th and 28th: 0.9725
    with pytest.raises(ExportTableError, match="values must be enough for an interval of 95%, got 5"):
        export_table.median_interval(np.arange(5.0))


@pytest.mark.long
def test_the_interval_of_a_median_covers_it_at_least_as_often_as_it_says():
    generator, covered = np.random.default_rng(0), 0
    for _ in range(2000):
        _, lower, upper = export_table.median_interval(generator.exponential(size=15))
        covered += lower <= np.log(2) <= upper
    assert 0.95 <= covered / 2000 <= 0.98  # 0.965 by the binomial distribution


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    from pneumo_utils.networks import export, models
    from pneumo_utils.networks.backend import keras

    keras.utils.set_random_seed(0)
    network = models.build("cnn", SIZE, dropout=0.5, weights=None)
    folder = tmp_path_factory.mktemp("exports")
    network.save(folder / "a.keras")
    export.to_onnx(network, folder / "a.onnx")
    return {"onnx": {("cnn", 0): folder / "a.onnx"}, "keras": {("cnn", 0): folder / "a.keras"}}


@pytest.mark.long
@pytest.mark.slow
def test_an_export_that_says_the_same_differs_by_nothing_and_keras_comes_first(files):
    found = export_table.measure(files, pictures(), LABEL, PATIENT, VIEWS, Gate(), turns=8)
    assert list(found.columns) == list(export_table.COLUMNS)
    assert found["engine"].tolist() == ["keras", "onnx"]
    assert found["bytes"].tolist() == [
        file.stat().st_size for name in ("keras", "onnx") for file in files[name].values()
    ]
    assert found.loc[0, ["latency_ratio", "latency_lower", "latency_upper"]].tolist() == [1, 1, 1]
    keras, onnx = found.to_dict("records")
    assert keras["largest_difference"] == keras["auc_difference"] == 0
    assert onnx["largest_difference"] < 1e-5 and abs(onnx["auc_difference"]) < 0.05
    assert 0 < onnx["latency_lower"] <= onnx["latency_ratio"] <= onnx["latency_upper"]
    assert (found["n"] == 24).all()
    shown = export_table.for_display(found)
    assert shown.index.tolist() == ["keras", "onnx"] and shown.loc["keras"].tolist()[1:4] == ["1", "0", "0"]


@pytest.mark.long
def test_time_is_taken_once_a_turn_in_a_process_of_its_own_that_tells_why_it_fails(files, tmp_path):
    paths = {engine: list(named.values()) for engine, named in files.items()}
    taken = export_table.time_engines(paths, pictures(3), turns=7)
    assert {engine: len(seconds) for engine, seconds in taken.items()} == {"onnx": 7, "keras": 7}
    assert all(0 < second < 5 for seconds in taken.values() for second in seconds)
    with pytest.raises(
        ExportTableError, match="timing must end without an error, got: .*a .onnx file, got no such file"
    ):
        export_table.time_engines({"onnx": [tmp_path / "b.onnx"]}, pictures(3))


def test_what_cannot_be_set_against_keras_is_refused(tmp_path):
    file = {"a": tmp_path / "a"}
    with pytest.raises(ExportTableError, match="must include keras .*, got onnx, 24 pictures, 24 labels"):
        export_table.measure({"onnx": file}, pictures(), LABEL, PATIENT, VIEWS, Gate())
    with pytest.raises(ExportTableError, match="each picture must have a label, got keras, 24 pictures, 23 labels"):
        export_table.measure({"keras": file}, pictures(), LABEL[1:], PATIENT, VIEWS, Gate())
    with pytest.raises(ExportTableError, match="turns must be at least 6, got 5"):
        export_table.measure({"keras": file}, pictures(), LABEL, PATIENT, VIEWS, Gate(), turns=5)


def test_readers_see_megabytes_and_intervals():
    row = ("onnx", 4671756, 0.9438, 0.7235, 1.0318, -0.0012, -0.004, 0.0016, 0.0424, 210, 4)
    shown = export_table.for_display(pd.DataFrame([row], columns=list(export_table.COLUMNS)))
    assert shown.loc["onnx"].tolist()[:2] == ["4.7", "0.944 (0.724\N{EN DASH}1.032)"]
    assert shown.loc["onnx"].tolist()[3:] == ["0.042", "4 of 210"]
