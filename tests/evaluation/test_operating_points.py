"""Operating points: each rule keeps its word on the data it was chosen on, and no test case has a say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import roc_curve
from support.answers import quick, ranked_images
from support.examples import example

from pneumo_utils.evaluation import operating_points
from pneumo_utils.evaluation.weighted_metrics import MetricError

LABEL = np.array([0, 0, 1, 0, 1, 1])
PROBABILITY = np.array([0.1, 0.2, 0.4, 0.6, 0.7, 0.9])


def rates(label, probability, threshold):
    called = probability >= threshold
    return called[label == 1].mean(), (~called)[label == 0].mean()


def every_point(label, probability):
    """Brute force: all thresholds on a grid finer than the scores."""
    return [rates(label, probability, cut) for cut in np.arange(-0.0125, 1.03, 0.025)]


def test_each_rule_picks_what_one_reads_off_by_hand():
    # all 3 pneumonias are found down to 0.4, midway to the normal at 0.2 is 0.3; 2 of 3 suffice for a target of 0.6
    assert operating_points.choose(LABEL, PROBABILITY, "sensitivity", 0.95) == pytest.approx(0.3)
    assert operating_points.choose(LABEL, PROBABILITY, "sensitivity", 0.6) == pytest.approx(0.65)
    assert operating_points.choose(LABEL, PROBABILITY, "specificity", 0.95) == pytest.approx(0.65)
    assert operating_points.choose(LABEL, PROBABILITY, "half") == 0.5


def test_among_equals_youden_misses_fewer_pneumonias():
    # at 0.3: 3/3 + 2/3; at 0.65: 2/3 + 3/3
    assert operating_points.choose(LABEL, PROBABILITY, "youden") == pytest.approx(0.3)


def test_among_equals_the_specificity_rule_gives_fewer_false_alarms():
    # from 0.25 on 1 of 3 normals is spared; the pneumonia at 0.9 is found up to 0.75, where all 3 are
    assert operating_points.choose([0, 0, 0, 1], [0.1, 0.4, 0.6, 0.9], "specificity", 0.3) == pytest.approx(0.75)


def test_a_target_met_exactly_is_met():
    label = np.r_[np.zeros(5, int), np.ones(20, int)]
    probability = np.r_[np.full(5, 0.3), 0.2, np.linspace(0.5, 0.9, 19)]
    assert rates(label, probability, operating_points.choose(label, probability, "sensitivity", 0.95)) == (0.95, 1.0)


@quick
@given(ranked_images(), st.sampled_from([0.05, 0.5, 0.8, 0.95, 1.0]))
def test_the_sensitivity_rule_meets_its_target_with_the_best_specificity(case, target):
    sensitivity, specificity = rates(*case, operating_points.choose(*case, "sensitivity", target))
    best = max(point[1] for point in every_point(*case) if point[0] >= target)
    assert sensitivity >= target and specificity == best
    assert sensitivity == max(point[0] for point in every_point(*case) if point[0] >= target and point[1] == best)


@quick
@given(ranked_images(), st.sampled_from([0.05, 0.5, 0.8, 0.95, 1.0]))
def test_the_specificity_rule_meets_its_target_with_the_best_sensitivity_or_says_it_cannot(case, target):
    label, probability = case
    points = [rates(*case, cut) for cut in np.arange(-0.0125, 1.0, 0.025)]
    meeting = [point for point in points if point[1] >= target]
    if not meeting:
        with pytest.raises(MetricError, match="target must be within reach, got specificity"):
            operating_points.choose(*case, "specificity", target)
        return
    sensitivity, specificity = rates(*case, operating_points.choose(*case, "specificity", target))
    assert specificity >= target and sensitivity == max(point[0] for point in meeting)


@quick
@given(ranked_images())
def test_youden_is_that_of_scikit_learns_roc_curve(case):
    false_positive, true_positive, _ = roc_curve(*case, drop_intermediate=False)
    sensitivity, specificity = rates(*case, operating_points.choose(*case, "youden"))
    assert sensitivity + specificity - 1 == pytest.approx((true_positive - false_positive).max())


@quick
@given(ranked_images(), st.sampled_from(["sensitivity", "youden"]), st.integers(0, 99))
def test_no_case_stands_on_the_threshold_and_the_order_of_rows_does_not_matter(case, rule, seed):
    label, probability = case
    order = np.random.default_rng(seed).permutation(len(label))
    found = operating_points.choose(label, probability, rule)
    assert found == 0 or found not in probability
    assert operating_points.choose(label[order], probability[order], rule) == found


@quick
@given(ranked_images())
def test_a_sweep_goes_from_calling_all_to_calling_none_and_is_what_deciding_gives(case):
    points = operating_points.sweep(*case)
    assert points["threshold"].is_monotonic_increasing and points["threshold"].between(0, 1).all()
    assert (points["sensitivity"].iloc[0], points["specificity"].iloc[0]) == (1, 0)
    if case[1].max() < 1:
        assert (points["sensitivity"].iloc[-1], points["specificity"].iloc[-1]) == (0, 1)
    for threshold, *found, below, above in points.itertuples(index=False):
        assert tuple(found) == rates(*case, threshold)
        assert below <= threshold <= above and (tuple(found) == rates(*case, above) or above == 1 == case[1].max())


def test_neighbours_with_no_number_between_them_are_still_told_apart():
    low = 0.3
    probability = np.array([low, np.nextafter(low, 1)])
    assert rates(np.array([0, 1]), probability, operating_points.choose([0, 1], probability)) == (1, 1)


@pytest.mark.parametrize("rule", sorted(operating_points.RULES))
@pytest.mark.parametrize(
    ("label", "probability", "said"),
    [
        ([], [], "must be alike, 1-D, not empty"),
        ([1, 1], [0.2, 0.7], r"label must hold both classes, 0 and 1, got 1 alone \(2 rows\)"),
        ([0, 0], [0.2, 0.7], "label must hold both classes, 0 and 1, got 0 alone"),
        ([0, 1], [0.2, 1.7], r"probability must be in \[0, 1\]"),
        ([0, 1], [0.2, np.nan], r"probability must be in \[0, 1\]"),
    ],
)
def test_what_gives_no_threshold_is_refused(label, probability, said, rule):
    with pytest.raises(MetricError, match=said):
        operating_points.choose(label, probability, rule)


def test_scores_that_are_all_alike_make_every_rule_call_all_or_none():
    assert operating_points.choose([0, 1], [0.3, 0.3], "half") == 0.5
    for rule in ("sensitivity", "youden", "margin", "varied"):
        assert operating_points.choose([0, 1], [0.3, 0.3], rule) <= 0.3
    assert operating_points.choose([0, 1], [0.3, 0.3], "specificity") > 0.3


APART = np.repeat([0, 1], 20), expit(np.r_[np.arange(-22.0, -2.0), np.arange(3.0, 23.0)] / 4)


def test_the_edges_are_the_scores_that_the_target_leaves_in_each_class():
    # 19 of 20 normals stand at or below the one at -4, in quarters of a logit, and 19 of 20 pneumonias from 4 on
    assert logit(operating_points.class_edges(*APART, 0.95)) == pytest.approx([-1, 1])
    assert logit(operating_points.class_edges(*APART, 1)) == pytest.approx([-0.75, 0.75])
    assert operating_points.class_edges([0, 1], [0.7, 0.4], 0.5) == (0.7, 0.4)


def test_the_margin_rule_divides_the_gap_as_told():
    assert logit(operating_points.choose(*APART, "margin")) == pytest.approx(0)
    assert logit(operating_points.choose(*APART, "margin", margin=0.75)) == pytest.approx(0.5)
    uneven = APART[0], expit(logit(APART[1]) + np.where(APART[0], 4, 0))
    assert logit(operating_points.choose(*uneven, "margin", 0.95, 0.25)) == pytest.approx(0.5)
    assert operating_points.choose([0, 1], [0.2, 0.5], "margin") == pytest.approx(1 / 3)  # odds of 1/4 and 1: 1/2


def test_in_a_solved_validation_part_the_sensitivity_rule_stands_at_the_normals_and_the_margin_rule_does_not():
    normals, point = APART[1][:20].max(), operating_points.choose(*APART, "sensitivity")
    assert normals < point < expit(logit(normals) + 1) and rates(*APART, point) == (1, 1)
    risen = np.where(APART[0], APART[1], expit(logit(APART[1]) + 0.9))
    assert rates(APART[0], risen, operating_points.choose(*APART, "margin"))[1] >= 0.95


@quick
@given(ranked_images(), st.sampled_from([0.05, 0.5, 0.8, 0.95, 1.0]), st.sampled_from([0.001, 0.5, 0.999]))
def test_the_margin_rule_keeps_both_targets_where_it_can_and_else_is_the_sensitivity_rule(case, target, margin):
    point = operating_points.choose(*case, "margin", target, margin)
    sensitivity, specificity = rates(*case, point)
    assert sensitivity >= target
    if any(min(pair) >= target for pair in every_point(*case)):
        assert specificity >= target
    else:
        assert point == operating_points.choose(*case, "sensitivity", target)


@quick
@given(ranked_images(), st.integers(0, 99))
def test_the_middle_withstands_a_larger_shift_of_both_classes_than_any_other_threshold(case, seed):
    label, probability = case[0], expit(4 * case[1] - 2)
    low, high = logit(operating_points.class_edges(label, probability, 0.8))
    if low < high:
        others = np.random.default_rng(seed).uniform(-3, 3, 100)
        middle = logit(operating_points.choose(label, probability, "margin", 0.8))
        assert min(middle - low, high - middle) >= np.minimum(others - low, high - others).max() - 1e-12


@quick
@given(ranked_images(), st.floats(0.2, 3), st.floats(-2, 2), st.sampled_from([0.6, 0.95]))
def test_stretched_and_moved_logits_change_no_decision_of_the_margin_rule(case, stretch, by, target):
    label, probability = case[0], expit(6 * case[1] - 3)
    changed = expit(stretch * logit(probability) + by)
    first, second = (
        operating_points.choose(label, scores, "margin", target, 0.43) for scores in (probability, changed)
    )
    assert rates(label, probability, first) == rates(label, changed, second)


@quick
@given(ranked_images(), st.sampled_from(["sensitivity", "youden", "specificity"]))
def test_no_rising_change_of_the_scores_changes_a_decision_of_the_rules_that_only_rank(case, rule):
    label, probability = case[0], (1 + 18 * case[1]) / 20  # no threshold stands above a score of 1
    first, second = (
        operating_points.choose(label, scores, rule, 0.01) for scores in (probability, probability**3 / 2 + 0.1)
    )
    assert rates(label, probability, first) == rates(label, probability**3 / 2 + 0.1, second)


@quick
@given(ranked_images(), st.sampled_from([0.6, 0.95]), st.sampled_from([0.3, 0.5]))
def test_the_margin_rule_treats_the_classes_alike_where_there_is_a_gap(case, target, margin):
    label, probability = case[0], (1 + 18 * case[1]) / 20
    low, high = operating_points.class_edges(label, probability, target)
    if low < high:
        point, mirrored = (
            operating_points.choose(k, p, "margin", target, share)
            for k, p, share in ((label, probability, margin), (1 - label, 1 - probability, 1 - margin))
        )
        assert point == pytest.approx(1 - mirrored)


@pytest.mark.parametrize(
    "probability", [[0, 1], [0, 1e-12], [1 - 1e-12, 1], [0.3, np.nextafter(0.3, 1)], [np.nextafter(0, 1), 1e-300]]
)
@pytest.mark.parametrize("margin", [1e-9, 0.5, 1 - 1e-9])
def test_scores_at_the_ends_and_without_a_number_between_are_still_told_apart_by_the_margin_rule(probability, margin):
    point = operating_points.choose([0, 1], probability, "margin", 0.95, margin)
    assert rates(np.array([0, 1]), np.array(probability), point) == (1, 1)


@pytest.mark.parametrize("margin", [0, 1, -0.1, np.nan])
def test_a_margin_lies_inside_the_gap(margin):
    with pytest.raises(MetricError, match=r"margin must be in \(0, 1\), got"):
        operating_points.choose(LABEL, PROBABILITY, "margin", 0.95, margin)


@pytest.mark.parametrize("target", [0, -0.1, 1.01, np.nan])
def test_a_target_is_a_share(target):
    with pytest.raises(MetricError, match=r"target must be in \(0, 1\], got"):
        operating_points.choose(LABEL, PROBABILITY, "sensitivity", target)


def test_an_unknown_rule_is_named():
    with pytest.raises(MetricError, match="sensitivity, youden, half, specificity, margin, varied, got 'best'"):
        operating_points.choose(LABEL, PROBABILITY, "best")


def predictions(split="validation"):
    parts = []
    for model, seed in (("vgg16", 1), ("cnn", 0), ("cnn", 1)):
        case = example("predictions", len(LABEL), model=model, seed=seed, split=split)
        parts.append(case.assign(label=LABEL, probability=PROBABILITY * (0.5 if seed else 1)))
    return pd.concat(parts, ignore_index=True)


def test_a_table_has_a_row_a_model_seed_and_rule_and_its_rates_are_those_on_validation():
    found = operating_points.table(predictions(), 0.6)
    assert found[["model", "seed"]].drop_duplicates().values.tolist() == [["vgg16", 1], ["cnn", 0], ["cnn", 1]]
    assert found["rule"].tolist() == ["sensitivity", "margin", "youden", "half", "varied"] * 3
    keyed = found.set_index(["model", "seed", "rule"])
    row = keyed.loc[("cnn", 0, "sensitivity")]
    assert row[["threshold", "sensitivity", "specificity"]].tolist() == pytest.approx([0.65, 2 / 3, 1])
    assert keyed.loc[("cnn", 1, "sensitivity"), "threshold"] == pytest.approx(0.325)
    assert keyed.loc[("cnn", 0, "margin"), "threshold"] == pytest.approx(expit(logit([0.2, 0.7]).mean()))
    third = operating_points.table(predictions(), 0.6, ("margin",), 0.3)["threshold"].iloc[1]
    assert third == pytest.approx(expit(logit([0.2, 0.7]) @ [0.7, 0.3]))
    assert (found["n"] == len(LABEL)).all()
    assert found["target"].isna().tolist() == [False, False, True, True, False] * 3


def test_the_rule_varied_chooses_on_varied_pictures_and_says_what_that_gives_on_plain_ones():
    varied = predictions().query("model == 'cnn'").assign(probability=lambda rows: rows["probability"] / 2)
    found = operating_points.table(predictions(), 0.6, ("sensitivity", "varied"), varied=varied)
    point = found.set_index(["model", "seed", "rule"])["threshold"]
    assert point[("cnn", 0, "varied")] == pytest.approx(point[("cnn", 0, "sensitivity")] / 2, abs=0.05)
    assert point[("vgg16", 1, "varied")] == point[("vgg16", 1, "sensitivity")], "no varied pictures were seen"
    row = found.query("model == 'cnn' and seed == 0 and rule == 'varied'").iloc[0]
    plain = predictions().query("model == 'cnn' and seed == 0")
    called = plain["probability"] >= row["threshold"]
    assert row["sensitivity"] == called[plain["label"] == 1].mean() >= 0.6
    with pytest.raises(MetricError, match="split must be validation in every row, got .*test"):
        operating_points.table(predictions(), 0.6, ("varied",), varied=varied.assign(split="test"))


def test_the_points_of_one_rule_are_found_by_model_and_seed():
    found = operating_points.of_rule(operating_points.table(predictions()), "sensitivity")
    assert found == pytest.approx({("vgg16", 1): 0.15, ("cnn", 0): 0.3, ("cnn", 1): 0.15})
    with pytest.raises(
        MetricError, match="rule must be one of .*'sensitivity', 'varied', 'youden'.*, got 'specificity'"
    ):
        operating_points.of_rule(operating_points.table(predictions()), "specificity")


@pytest.mark.parametrize("split", ["test", "both"])
def test_a_table_takes_no_test_case(split):
    frame = predictions("test")
    frame = pd.concat([predictions(), frame]) if split == "both" else frame
    with pytest.raises(MetricError, match="split must be validation in every row, got .*test"):
        operating_points.table(frame)


def test_a_model_that_says_the_same_of_every_radiograph_is_named_and_stops_nothing():
    flat = predictions()
    assert operating_points.constant_answers(flat) == {}
    flat.loc[flat["model"] == "vgg16", "probability"] = 0.5
    assert operating_points.constant_answers(flat) == {("vgg16", 1): 0.5}
    points = operating_points.table(flat).set_index(["model", "rule"])
    assert points.loc[("vgg16", "sensitivity"), ["sensitivity", "specificity"]].to_numpy().tolist() == [1.0, 0.0]


def test_one_radiograph_alone_shows_no_constant_answer():
    assert operating_points.constant_answers(predictions().groupby("model").head(1)) == {}


def test_a_table_says_which_network_has_no_threshold():
    alone = predictions()
    alone = alone[(alone["model"] != "vgg16") | (alone["label"] == 1)]
    with pytest.raises(MetricError, match=r"label must hold both classes.*\(threshold of vgg16, seed 1\)"):
        operating_points.table(alone)
