"""Referral: what is kept is surer than what is sent on, and a band chosen on validation keeps its word there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import JUDGED, LABEL, judged_images, predictions_by_split, quick
from support.examples import example

from pneumo_utils.evaluation import referral
from pneumo_utils.evaluation.weighted_metrics import MetricError


def kept(label, probability, threshold, band):
    here = referral.logit_distance(probability, threshold) >= band
    return here, (probability >= threshold) != label


def test_a_curve_is_what_one_reads_off_by_hand():
    # surest first, at 0.5: 0.01 (right), 0.98 (right), 0.9 (wrong), 0.4 (wrong)
    label, probability = [0, 1, 0, 1], [0.01, 0.98, 0.9, 0.4]
    found = referral.curve(label, probability, 0.5, [1, 0.75, 0.5, 0.25])
    assert found["coverage"].tolist() == [1, 0.75, 0.5, 0.25]
    assert found["error"].tolist() == pytest.approx([0.5, 1 / 3, 0, 0])
    assert found["sensitivity"].tolist()[:3] == [0.5, 1, 1] and np.isnan(found["sensitivity"][3])
    assert found["specificity"].tolist() == [0.5, 0.5, 1, 1]
    assert found["n"].tolist() == [4, 3, 2, 1]
    assert found["band"][0] == 0 and found["band"].is_monotonic_increasing


def test_sureness_is_measured_in_logits_and_finite():
    found = referral.logit_distance(np.array([0.5, 0.8, 0.2, 0, 1]), 0.5)
    assert found[:3] == pytest.approx([0, np.log(4), np.log(4)])
    assert np.isfinite(found).all() and np.isfinite(referral.logit_distance(np.array([0.5]), 1)).all()
    assert referral.logit_distance(np.array([0.8]), 0.8) == pytest.approx(0)


@quick
@given(judged_images(), st.floats(0, 1), st.lists(st.floats(0.01, 1), min_size=1, max_size=5))
def test_every_row_of_a_curve_is_what_its_band_gives(case, threshold, coverages):
    label, probability = case
    found = referral.curve(label, probability, threshold, coverages)
    assert len(found) <= len(coverages) and found["coverage"].is_unique
    for row in found.itertuples():
        here, wrong = kept(label, probability, threshold, row.band)
        assert (row.n, row.coverage) == (here.sum(), here.mean())
        assert row.error == pytest.approx(wrong[here].mean())
        for rate, k in ((row.sensitivity, 1), (row.specificity, 0)):
            own = here & (label == k)
            assert np.isnan(rate) if not own.any() else rate == pytest.approx(1 - wrong[own].mean())
    for asked in coverages:
        assert found["coverage"].max() >= asked - 1e-9
        assert found["coverage"][found["coverage"] >= asked - 1e-9].size


@quick
@given(judged_images(), st.floats(0, 1), st.sampled_from([0, 0.1, 0.25, 0.5, 1]))
def test_the_band_is_the_narrowest_that_meets_the_target(case, threshold, target):
    label, probability = case
    band = referral.choose_band(label, probability, threshold, target)
    here, wrong = kept(label, probability, threshold, band)
    assert not here.any() or wrong[here].mean() <= target
    for narrower in np.unique(referral.logit_distance(probability, threshold)):
        if narrower < band:
            more, _ = kept(label, probability, threshold, narrower)
            assert wrong[more].mean() > target


def test_a_good_enough_model_refers_nobody_and_one_that_is_always_wrong_everybody():
    assert referral.choose_band([0, 1], [0.2, 0.7], 0.5, 0) == 0
    assert referral.choose_band([1, 0], [0.2, 0.7], 0.5, 0.1) == np.inf


def test_scores_all_alike_are_kept_or_referred_together():
    found = referral.curve([0, 1], [0.7, 0.7], 0.5, [1, 0.5])
    assert found["coverage"].tolist() == [1] and found["error"].tolist() == [0.5]
    assert referral.choose_band([0, 1], [0.7, 0.7], 0.5, 0.4) == np.inf


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (lambda: referral.curve([], [], 0.5), "not empty"),
        (lambda: referral.curve([0, 1], [0.2, 1.2], 0.5), r"probability must be in \[0, 1\]"),
        (lambda: referral.curve([0, 1], [0.2, 0.3], 1.5), r"threshold must be in \[0, 1\], got 1.5"),
        (lambda: referral.curve([0, 1], [0.2, 0.3], 0.5, [0.5, 0]), r"coverages must be in \(0, 1\], got \[0.5, 0.0\]"),
        (lambda: referral.choose_band([0, 1], [0.2, 0.3], 0.5, -0.1), r"target must be in \[0, 1\], got -0.1"),
        (lambda: referral.bands(predictions_by_split(), 0.5, 0.1), "split must be validation in every row"),
    ],
)
def test_what_cannot_be_referred_is_refused(asked, said):
    with pytest.raises(MetricError, match=said):
        asked()


def test_a_single_class_has_an_error_and_one_of_the_rates():
    found = referral.curve([1, 1], [0.2, 0.9], 0.5, [1])
    assert found["sensitivity"][0] == 0.5 and np.isnan(found["specificity"][0])


def test_curves_are_those_of_each_network_and_split():
    judged = predictions_by_split()
    judged.loc[(judged["split"] == "validation").to_numpy(), "probability"] **= 2
    found = referral.curves(judged, {"first": 0.5, "second": 0.4})
    keys = ["model", "seed", "split"]
    assert list(found.columns) == [*keys, "band", "coverage", "error", "sensitivity", "specificity", "n"]
    everybody = found[found["coverage"] == 1].set_index(["model", "split"])[["error", "sensitivity", "n"]]
    assert len(everybody) == 4
    for model, threshold in (("first", 0.5), ("second", 0.4)):
        for split, power in (("test", 1), ("validation", 2)):
            called = JUDGED[model] ** power >= threshold
            counted = [(called != LABEL).mean(), called[LABEL == 1].mean(), len(LABEL)]
            assert everybody.loc[(model, split)].tolist() == pytest.approx(counted)


def test_a_band_chosen_on_validation_is_carried_to_the_test_part():
    frame = predictions_by_split()
    frame["label"] = np.where(frame["split"] == "test", 1 - frame["label"], frame["label"])
    bands = referral.bands(frame[frame["split"] == "validation"], 0.5, 0.1)
    found = referral.apply_bands(frame, 0.5, bands, replicates=100).set_index(["model", "split"])
    for model in ("first", "second"):
        before, after = found.loc[(model, "validation")], found.loc[(model, "test")]
        assert before["band"] == after["band"] == bands[model, 0]
        assert before["error"] <= 0.1 and after["error"] == pytest.approx(1 - before["error"])
        assert before["n"] == pytest.approx(before["coverage"] * len(LABEL))
        assert before["lower"] <= before["error"] <= before["upper"]


def test_what_is_kept_is_counted_by_class():
    # kept, at 0.5 and outside a band of 1: of the ill 0.9, 0.8 and 0.1, of the well 0.95 and 0.05; 0.6 is sent on
    frame = predictions_by_split(("test",)).query("model == 'first'").head(6)
    frame = frame.assign(label=[1, 1, 1, 0, 0, 1], probability=[0.9, 0.8, 0.1, 0.95, 0.05, 0.6], patient=list("abcdef"))
    (found,) = referral.apply_bands(frame, 0.5, 1.0, replicates=20).to_dict("records")
    assert found["sensitivity"] == pytest.approx(2 / 3) and found["specificity"] == 1 / 2
    assert found["n"] == 5 and found["error"] == pytest.approx(2 / 5)


def test_what_stands_at_the_edge_of_the_band_is_kept():
    frame = predictions_by_split(("test",)).query("model == 'first'").assign(probability=0.5)
    assert referral.apply_bands(frame, 0.5, 0.0, replicates=5)["coverage"].item() == 1


def test_what_is_said_less_surely_has_a_narrower_interval():
    frame = predictions_by_split(("test",)).query("model == 'first'")
    wide, narrow = (referral.apply_bands(frame, 0.5, 0.0, 200, level=level) for level in (0.95, 0.5))
    for name in ("", "sensitivity_", "specificity_"):
        lower, upper = name + "lower", name + "upper"
        assert (narrow[upper] - narrow[lower] < wide[upper] - wide[lower]).all()


def test_where_all_are_referred_there_is_no_error_to_speak_of():
    found = referral.apply_bands(predictions_by_split(), 0.5, np.inf, replicates=5)
    assert (found["coverage"] == 0).all() and (found["n"] == 0).all()
    assert found[["error", "lower", "upper", "sensitivity", "specificity"]].isna().all(axis=None)


def test_a_band_in_words_is_a_row_a_network():
    found = example("referral_band", 1, model="vgg16", band=0.7, error=0.02, lower=0.01, upper=0.05)
    shown = referral.for_display(found)
    assert shown.index.tolist() == ["VGG16"] and shown["wrong among them"].tolist() == ["0.020 (0.010\N{EN DASH}0.050)"]
    assert shown.columns.tolist() == [
        "band in logits",
        "share kept",
        "wrong among them",
        "sensitivity",
        "specificity",
        "n",
    ]
