"""Some test radiographs are shown in every way, in one order, and what networks say of them is summed up."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pneumo_utils import framing, phantom, robustness, stress, tables
from pneumo_utils.framing import Framing
from pneumo_utils.stress import FileKind

FILES = {0: FileKind(80 * 60, 95.0), 1: FileKind(60 * 40, 60.0)}


@pytest.fixture
def splits():
    label = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 0])
    frame = pd.DataFrame({"path": [f"test/{n}.png" for n in range(10)], "patient": list("aabcdeffgh"), "label": label})
    return frame.assign(split=["test"] * 9 + ["train"])


def test_cases_are_half_normal_of_many_patients_and_never_trained_on(splits):
    found = robustness.cases(splits, 4, seed=0)
    assert found["label"].tolist().count(0) == 2 and found["patient"].is_unique
    assert not set(found["path"]) & set(splits.loc[splits["split"] != "test", "path"])
    assert len(robustness.cases(splits, 100, seed=0)) == 9 and robustness.cases(splits, 8, 0)["label"].sum() == 5
    pd.testing.assert_frame_equal(found, robustness.cases(splits, 4, seed=0))


def test_every_case_is_shown_in_every_way_once(splits):
    planned = robustness.plan(robustness.cases(splits, 4, seed=0), FILES)
    tables.check("stress", planned)
    assert not planned.duplicated(["path", "stress", "strength"]).any()
    assert set(planned["stress"]) == {stress.PLAIN, *stress.KINDS, stress.SWAPPED_FRAMING, stress.SWAPPED_FILES}
    assert stress.SWAPPED_FILES not in set(robustness.plan(robustness.cases(splits, 4, seed=0), None)["stress"])


def test_pictures_come_in_the_order_of_the_plan_each_framed_as_ever(splits, tmp_path):
    (tmp_path / "test").mkdir()
    for n, path in enumerate(splits["path"]):
        drawn = phantom.draw("viral" if splits["label"][n] else "normal", n, n, height=120, width=150).pixels
        (tmp_path / path).write_bytes(cv2.imencode(".png", drawn)[1].tobytes())
    planned, how = robustness.plan(robustness.cases(splits, 4, seed=0), FILES), Framing("lungs", 0.1)
    shown = list(robustness.pictures(planned, tmp_path, how, 48, FILES))
    assert len(shown) == len(planned) and {one.shape for one in shown} == {(48, 48)}
    for square, row in zip(shown, planned.itertuples(), strict=True):
        pixels = cv2.imread(str(tmp_path / row.path), cv2.IMREAD_GRAYSCALE)
        if row.stress == stress.PLAIN:
            np.testing.assert_array_equal(square, framing.frame(pixels, how, 48).pixels)
        if row.stress == "noise":
            wanted = framing.frame(stress.varied(pixels, "noise", row.strength), how, 48).pixels
            np.testing.assert_array_equal(square, wanted)
        if row.stress == stress.SWAPPED_FILES:
            wanted = framing.frame(stress.swapped_file(pixels, FILES[1 - row.label]), how, 48).pixels
            np.testing.assert_array_equal(square, wanted)


@pytest.fixture
def stressed():
    """A network that is right on plain pictures, turned round by blur, and right on half when the lungs are hidden."""
    label, rows = np.array([0, 0, 1, 1]), []
    for way, probability in (
        ("plain", [0.1, 0.2, 0.8, 0.9]),
        ("blur", [0.9, 0.8, 0.2, 0.1]),
        ("without_lungs", [0.1] * 4),
    ):
        rows += [(f"{n}", f"p{n}", label[n], way, 0.0, "cnn", 0, probability[n]) for n in range(4)]
    columns = ["path", "patient", "label", "stress", "strength", "model", "seed", "probability"]
    return pd.DataFrame(rows, columns=columns)


def test_auc_rates_and_changed_decisions_are_counted_by_hand(stressed):
    found = robustness.table(stressed, {("cnn", 0): 0.5})
    tables.check("robustness", found)
    by_way = found.set_index("stress")
    assert by_way["auc"].to_dict() == {"plain": 1.0, "blur": 0.0, "without_lungs": 0.5}
    assert by_way["flipped"].to_dict() == {"plain": 0.0, "blur": 1.0, "without_lungs": 0.5}
    assert by_way.loc["without_lungs", ["sensitivity", "specificity"]].tolist() == [0.0, 1.0]
    assert by_way.loc["plain", "lower"] < 1, "four cases are no certainty"


def test_the_worst_case_leaves_hidden_lungs_aside(stressed):
    found = robustness.table(stressed, {("cnn", 0): 0.5})
    assert robustness.worst(found)["stress"].tolist() == ["blur"]
    worse = found.assign(auc=found["auc"].where(found["stress"] != "without_lungs", -1.0))
    assert robustness.worst(worse)["stress"].tolist() == ["blur"]


def test_the_table_in_words_names_network_and_way(stressed):
    said = robustness.said(robustness.table(stressed, {("cnn", 0): 0.5}))
    assert said.index.unique().tolist() == ["Small CNN"]
    assert said["way"].tolist() == ["As it is", "Blur, 0", "Lungs hidden"]


def shown(seed=0, worse=0.0):
    """Sixty patients in three ways; a network that loses the pictures of one way more and more."""
    generator, label = np.random.default_rng(seed), np.repeat([0, 1], 30)
    parts = []
    for way, noise in (("plain", 0.2), ("blur", 0.4 + worse), ("only_lungs", 9.0)):
        said = np.clip(0.5 + 0.3 * (label - 0.5) + 0.2 * noise * generator.standard_normal(60), 0, 1)
        case = {"path": [f"{n}.png" for n in range(60)], "patient": [f"p{n}" for n in range(60)], "label": label}
        parts.append(pd.DataFrame(case).assign(stress=way, strength=0.0, model="cnn", seed=0, probability=said))
    return pd.concat(parts, ignore_index=True)


def test_the_gap_of_worst_cases_is_that_of_the_lowest_areas_with_an_interval_over_patients():
    strong, weak = shown(), shown(worse=1.0)
    gap, lower, upper = robustness.worst_gap(strong, weak, 500, 0)
    blurred = [one[one["stress"] == "blur"] for one in (strong, weak)]
    areas = [roc_auc_score(one["label"], one["probability"]) for one in blurred]
    assert gap == pytest.approx(areas[0] - areas[1]) and 0 < lower < gap < upper
    assert robustness.worst_gap(strong, strong, 100, 0) == (0.0, 0.0, 0.0)


def test_the_gap_of_worst_cases_needs_the_same_cases():
    with pytest.raises(ValueError, match="the same cases in the same ways"):
        robustness.worst_gap(shown(), shown().query("path != '3.png'"), 100, 0)
