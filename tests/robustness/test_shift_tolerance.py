"""What an operating point withstands: counted by hand, and by moving every case."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from support.answers import quick, ranked_images
from support.examples import example

from pneumo_utils.evaluation import operating_points
from pneumo_utils.evaluation.intervals import resample_patients
from pneumo_utils.evaluation.weighted_metrics import MetricError
from pneumo_utils.records import tables
from pneumo_utils.robustness import shift_tolerance

LABEL = np.array([0, 0, 0, 0, 1, 1, 1, 1])
LOGITS = np.array([-3.0, -2.0, -1.0, 0.5, -0.5, 1.0, 2.0, 3.0])


def predictions(by=0.0, split="validation", model="cnn"):
    frame = example("predictions", len(LABEL), split=split, model=model, seed=0)
    return frame.assign(label=LABEL, probability=expit(LOGITS + by))


def test_rates_under_a_shift_are_what_one_counts():
    found = [shift_tolerance.rates_under_shift(LABEL, expit(LOGITS), 0.5, by) for by in (0, 0.7, 1.5, 4)]
    assert found == [(0.75, 0.75), (0.75, 0.75), (0.5, 0.5), (0, 0)]  # at 0.7: -1 + 0.7 < 0 < 1 - 0.7


@quick
@given(ranked_images(), st.integers(0, 20), st.sampled_from([0.0, 0.3, 1.1, 5.3]))
def test_moving_the_threshold_is_moving_every_case(case, place, by):
    label, probability = case[0], expit(4 * case[1] - 2)
    threshold = expit(place / 5 - 2.1001)
    moved = expit(logit(probability) + np.where(label, -by, by))
    called = moved >= threshold
    assert shift_tolerance.rates_under_shift(label, probability, threshold, by) == (
        called[label == 1].mean(),
        1 - called[label == 0].mean(),
    )


def test_without_a_shift_a_threshold_at_an_end_decides_as_it_does():
    assert shift_tolerance.rates_under_shift([0, 1], [1 - 1e-12, 1.0], 1.0, 0.0) == (1, 1)
    assert shift_tolerance.rates_under_shift([0, 1], [0.0, 1e-12], 1e-12, 0.0) == (1, 1)


def test_room_is_the_way_to_the_edge_of_each_class():
    assert shift_tolerance.tolerance(LABEL, expit(LOGITS), 0.5, 0.75) == pytest.approx((1, 1))
    assert shift_tolerance.tolerance(LABEL, expit(LOGITS), expit(0.2), 0.75) == pytest.approx((1.2, 0.8))
    assert shift_tolerance.tolerance(LABEL, expit(LOGITS), 0.5, 1) == pytest.approx((-0.5, -0.5))


@quick
@given(ranked_images(), st.sampled_from([0.5, 0.8, 1.0]), st.integers(0, 20))
def test_inside_the_room_both_targets_are_kept_and_outside_they_are_not(case, target, place):
    label, probability = case[0], expit(4 * case[1] - 2)
    threshold = expit(place / 5 - 2.1001)
    normals, pneumonias = shift_tolerance.tolerance(label, probability, threshold, target)
    for step, inside in ((-1e-9, True), (1e-9, False)):
        assert (
            shift_tolerance.rates_under_shift(label, probability, threshold, pneumonias + step)[0] >= target
        ) == inside
        assert (shift_tolerance.rates_under_shift(label, probability, threshold, normals + step)[1] >= target) == inside


def test_no_rule_that_keeps_both_targets_has_more_room_for_the_class_with_less_than_the_middle():
    points = operating_points.table(predictions(), 0.75, tuple(operating_points.RULES))
    found = (
        shift_tolerance.tolerances(predictions(), points, 0.75).set_index("rule")[["normals", "pneumonias"]].min(axis=1)
    )
    assert found["margin"] == pytest.approx(1) and (found <= found["margin"] + 1e-9).all()


def test_tables_have_a_row_a_network_split_rule_and_shift_and_keep_their_contracts():
    both = pd.concat([predictions(), predictions(split="test"), predictions(model="vgg16")])
    points = operating_points.table(both[both["split"] == "validation"], 0.75, ("half", "margin"))
    moved = tables.check("shifted_rates", shift_tolerance.shifted_rates(both, points, (0.0, 1.5)))
    assert len(moved) == 3 * 2 * 2 and (moved["n"] == 8).all()
    row = moved.set_index(["model", "split", "rule", "shift"]).loc[("cnn", "test", "half", 1.5)]
    assert (row["sensitivity"], row["specificity"]) == (0.5, 0.5)
    left = tables.check("shift_tolerance", shift_tolerance.tolerances(both, points, 0.75))
    assert len(left) == 3 * 2 and (left["target"] == 0.75).all()


def test_each_seed_is_judged_at_its_own_operating_point():
    seeds = pd.concat([predictions(), predictions(by=2.0).assign(seed=1)])
    found = shift_tolerance.tolerances(seeds, operating_points.table(seeds, 0.75, ("margin",)), 0.75)
    assert found["seed"].tolist() == [0, 1]
    assert found[["normals", "pneumonias"]].to_numpy().ravel() == pytest.approx(1)


def test_how_far_the_classes_moved_is_the_same_whatever_the_rule():
    test = predictions(split="test")
    test["probability"] = expit(LOGITS + np.where(LABEL, 0.25, 1.25))
    both = pd.concat([predictions(), test]).assign(patient=list("abcdefgh") * 2)
    found = shift_tolerance.observed_shift(both, 0.75, 200)
    assert found["moved"].tolist() == pytest.approx([1.25, -0.25])
    assert (found["lower"] <= found["moved"]).all() and (found["moved"] <= found["upper"]).all()
    points = operating_points.table(predictions(), 0.75, ("youden", "half"))
    left = shift_tolerance.tolerances(pd.concat([predictions(), test]), points, 0.75)
    left = left.groupby("split", sort=False)[["normals", "pneumonias"]].first()
    assert found["moved"].tolist() == pytest.approx(left.loc["validation"] - left.loc["test"])
    assert "1.250 (" in shift_tolerance.moves_for_display(found).loc["Small CNN", "normals rose"]


def test_two_parts_of_one_kind_are_not_said_to_have_moved():
    generator, n = np.random.default_rng(3), 120
    both = pd.DataFrame(
        {"label": np.arange(2 * n) % 2, "path": [f"{i}" for i in range(2 * n)], "model": "cnn", "seed": 0}
    )
    both["patient"], both["split"] = both["path"], ["validation"] * n + ["test"] * n
    both["probability"] = expit(generator.normal(np.where(both["label"] == 1, 2, -2), 1.5))
    found = shift_tolerance.observed_shift(both, 0.9, 500)
    assert ((found["lower"] < 0) & (found["upper"] > 0)).all()


def test_the_interval_of_a_move_is_that_of_a_loop_over_patients_drawn_apart_in_each_part():
    generator, patient = np.random.default_rng(0), [f"p{row // 2}" for row in range(80)]
    case = pd.DataFrame({"label": np.repeat([0, 1], 40), "patient": patient, "model": "cnn", "seed": 0})
    parts, edges = [], []
    for seed, split in enumerate(("validation", "test")):
        parts.append(case.assign(split=split, probability=expit(generator.normal(4 * case["label"] - 2, 1.5))))
        drawn = (parts[-1].loc[case.index.repeat(times)] for times in resample_patients(case["patient"], 100, seed))
        edges.append([operating_points.class_edges(one["label"], one["probability"], 0.9) for one in drawn])
    moved = (logit(edges[1]) - logit(edges[0])) * [1, -1]
    found = shift_tolerance.observed_shift(pd.concat(parts), 0.9, 100)
    assert pytest.approx(np.quantile(moved, [0.025, 0.975], axis=0)) == found[["lower", "upper"]].to_numpy().T


def test_where_too_many_draws_hold_none_of_a_class_its_move_has_no_interval():
    both = pd.concat([predictions()[2:], predictions(split="test")[2:]]).assign(patient=list("cdefgh") * 2)
    found = shift_tolerance.observed_shift(both, 0.75, 200).set_index("class")  # 2 normals of 6: none in 1 draw of 11
    assert found["lower"].isna().to_dict() == {"normals": True, "pneumonias": False}


def test_a_single_class_has_no_room():
    with pytest.raises(MetricError, match="label must hold both classes"):
        shift_tolerance.tolerance([1, 1], [0.2, 0.3], 0.5, 0.9)
    with pytest.raises(MetricError, match="label must hold both classes"):
        shift_tolerance.rates_under_shift([0, 0], [0.2, 0.3], 0.5, 1)
    with pytest.raises(MetricError, match=r"target must be in \(0, 1\], got 1.5"):
        shift_tolerance.tolerance(LABEL, expit(LOGITS), 0.5, 1.5)
