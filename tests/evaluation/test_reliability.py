"""Reliability against counting by hand, its intervals against a loop over patients and the exact binomial."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from support.answers import JUDGED, LABEL, judged_images, predictions_by_split, quick

from pneumo_utils.evaluation import calibration, reliability
from pneumo_utils.evaluation.intervals import resample_patients
from pneumo_utils.evaluation.weighted_metrics import MetricError


def test_reliability_is_what_counting_gives():
    label = [0, 0, 1, 0, 1, 1]
    found = reliability.curve(label, [0.1, 0.2, 0.3, 0.6, 0.7, 0.8], list("aabbcc"), bins=2, replicates=50)
    assert found["bin"].tolist() == [1, 2] and found["n"].tolist() == [3, 3]
    assert found["mean_probability"].tolist() == pytest.approx([0.2, 0.7])
    assert found["observed"].tolist() == pytest.approx([1 / 3, 2 / 3])


@quick
@given(judged_images(), st.integers(1, 12))
def test_bins_share_out_all_cases_and_never_part_equals(case, bins):
    label, probability = case
    found = reliability.curve(label, probability, np.arange(len(label)), bins=bins, replicates=2)
    assert found["n"].sum() == len(label) and len(found) <= bins
    assert (found["n"] * found["observed"]).sum() == pytest.approx(label.sum())
    assert (found["n"] * found["mean_probability"]).sum() == pytest.approx(probability.sum())
    place = reliability._bins(probability, bins)
    for score in np.unique(probability):
        assert len(set(place[probability == score])) == 1


def test_bins_of_different_scores_are_equal_in_size():
    found = reliability.curve(np.arange(40) % 2, np.arange(40) / 40, np.arange(40), bins=10, replicates=2)
    assert found["n"].tolist() == [4] * 10


def test_a_tie_stands_in_the_bin_of_its_middle():
    found = reliability.curve(np.arange(10) % 2, [0] * 6 + [0.5, 0.6, 0.7, 0.8], np.arange(10), bins=2, replicates=2)
    assert found["n"].tolist() == [6, 4]
    found = reliability.curve(np.arange(10) % 2, [0.1, 0.2] + [0.5] * 8, np.arange(10), bins=2, replicates=2)
    assert found["n"].tolist() == [2, 8]


def test_intervals_of_a_share_are_those_of_a_loop_over_patients():
    hit, patient = (LABEL == 1) & (JUDGED["first"] >= 0.5), JUDGED["patient"].to_numpy()
    weights = resample_patients(patient, 200, 3)
    looped = [np.repeat(hit, row).mean() for row in weights]
    share, lower, upper = reliability.proportion_with_interval(hit, patient, weights, 0.9)
    assert share == hit.mean()
    sure = 0.05 ** (1 / len(set(patient)))
    low, high = np.quantile(looped, [0.05, 0.95])
    assert (lower, upper) == pytest.approx((min(low, sure), max(high, 1 - sure)))


@pytest.mark.parametrize("agree", [0, 1])
def test_where_all_cases_agree_the_interval_is_exact_and_counts_patients(agree):
    exact = binomtest(7 * agree, 7).proportion_ci(0.95, method="exact")
    patient = np.repeat(np.arange(7), 3)
    found = reliability.proportion_with_interval(np.full(21, agree), patient, resample_patients(patient, 20, 0))
    assert found == pytest.approx((agree, exact.low, exact.high))


def test_a_share_of_nothing_is_undefined():
    assert np.isnan(reliability.proportion_with_interval([], [], np.ones((5, 0)))).all()


def test_a_table_has_a_curve_a_method_model_seed_and_split():
    frame = predictions_by_split()
    fitted = calibration.fit(frame[frame["split"] == "validation"], "isotonic")
    found = reliability.table({"none": frame, "isotonic": calibration.apply(frame, fitted)}, bins=5, replicates=100)
    keys = ["model", "seed", "split", "method"]
    assert list(found.columns) == [*keys, "bin", "mean_probability", "observed", "lower", "upper", "n"]
    assert (found.groupby(keys)["n"].sum() == len(JUDGED)).all() and len(found.groupby(keys)) == 8
    assert (found["lower"] <= found["observed"]).all() and (found["observed"] <= found["upper"]).all()
    own = found[(found["method"] == "isotonic") & (found["split"] == "validation")]
    assert own["observed"].tolist() == pytest.approx(own["mean_probability"].tolist(), abs=0.05)


def test_bins_are_counted_from_one():
    with pytest.raises(MetricError, match="bins must be at least 1, got 0"):
        reliability.curve([0, 1], [0.2, 0.3], ["a", "b"], bins=0)
