"""Numbers worked out by hand, and rules that hold for any predictions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import example

from pneumo_utils.evaluation import intervals, metrics, weighted_metrics
from pneumo_utils.records import tables

quick = settings(max_examples=20)
LABEL = np.array([1, 1, 1, 0, 0, 0, 0, 1])
PROBABILITY = np.array([0.9, 0.8, 0.3, 0.6, 0.2, 0.1, 0.4, 0.5])


def headline(label, probability, threshold):
    found = weighted_metrics.scores(label, probability, np.ones((1, np.size(label))), threshold)
    return {metric: float(found[metric][0]) for metric in metrics.HEADLINE}


@st.composite
def judged(draw, classes=1):
    label = draw(st.lists(st.integers(0, 1), min_size=2, max_size=30).filter(lambda drawn: len(set(drawn)) >= classes))
    levels = draw(st.lists(st.integers(0, 100), min_size=len(label), max_size=len(label)))
    return np.array(label), np.array(levels) / 100


def test_headline_is_what_hand_counting_gives():
    # at 0.5: 3 of 4 pneumonias found, 1 of 4 normals called; 13 of 16 pairs ranked right (0.3 stands below
    # 0.6 and 0.4, and 0.5 below 0.6)
    found = headline(LABEL, PROBABILITY, 0.5)
    assert found == pytest.approx(
        {"accuracy": 6 / 8, "precision": 3 / 4, "recall": 3 / 4, "f1": 3 / 4, "auc_roc": 13 / 16}
    )


def test_a_tie_counts_half_in_the_auc():
    assert headline([0, 1], [0.5, 0.5], 0.5)["auc_roc"] == 0.5


def test_a_probability_on_the_threshold_is_called_pneumonia():
    assert metrics.decide([0.49, 0.5, 0.51], 0.5).tolist() == [0, 1, 1]


@quick
@given(judged(classes=2))
def test_auc_stays_under_strictly_increasing_maps_and_turns_under_falling_ones(case):
    label, probability = case
    area = headline(label, probability, 0.5)["auc_roc"]
    assert headline(label, probability**2 / 2 + probability / 2, 0.5)["auc_roc"] == pytest.approx(area)
    assert headline(label, 1 - probability, 0.5)["auc_roc"] == pytest.approx(1 - area)


@quick
@given(judged(), st.floats(0.01, 0.99))
def test_every_metric_is_in_0_to_1_or_undefined(case, threshold):
    for value in headline(*case, threshold).values():
        assert np.isnan(value) or 0 <= value <= 1


@quick
@given(judged(), st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(case, seed):
    label, probability = case
    order = np.random.default_rng(seed).permutation(len(label))
    assert headline(label[order], probability[order], 0.5) == pytest.approx(
        headline(label, probability, 0.5), nan_ok=True
    )


@pytest.mark.parametrize("only", [0, 1])
def test_a_single_class_has_no_auc(only, recwarn):
    found = headline([only, only], [0.2, 0.7], 0.5)
    assert np.isnan(found["auc_roc"])
    assert found["accuracy"] == 0.5
    assert not recwarn.list


def test_nothing_called_has_no_precision_and_nobody_ill_no_recall():
    assert np.isnan(headline([0, 1], [0.1, 0.2], 0.5)["precision"])
    assert headline([0, 1], [0.1, 0.2], 0.5)["recall"] == 0
    assert np.isnan(headline([0, 0], [0.1, 0.9], 0.5)["recall"])


@pytest.mark.parametrize(
    ("label", "probability", "said"),
    [
        ([], [], "must be alike, 1-D, not empty"),
        ([0, 1], [0.5], "must be alike, 1-D, not empty"),
        ([[0, 1]], [[0.5, 0.5]], "must be alike, 1-D, not empty"),
        ([0, 2], [0.5, 0.5], r"label must be 0 or 1, got \[0, 2\]"),
        ([0, 1], [0.5, 1.2], r"probability must be in \[0, 1\], got 0.5 to 1.2"),
        ([0, 1], [-0.1, 0.5], r"probability must be in \[0, 1\], got -0.1 to 0.5"),
        ([0, 1], [np.nan, 0.5], r"probability must be in \[0, 1\]"),
    ],
)
def test_what_cannot_be_judged_is_refused(label, probability, said):
    with pytest.raises(metrics.MetricError, match=said):
        headline(label, probability, 0.5)


def predictions():
    parts = []
    for model, seed, split in (("vgg16", 1, "test"), ("cnn", 0, "validation"), ("cnn", 0, "test")):
        case = example("predictions", len(LABEL), model=model, seed=seed, split=split)
        parts.append(case.assign(label=LABEL, probability=PROBABILITY if model == "cnn" else 1 - PROBABILITY))
    return pd.concat(parts, ignore_index=True)


def measured(frame):
    return tables.check("metrics", intervals.table(intervals.bootstrap(frame, 0.5, replicates=20)))


def test_one_split_is_shown_a_row_a_model_with_names_for_readers():
    shown = metrics.with_intervals(measured(predictions()), "test")
    assert shown.index.tolist() == ["vgg16", "cnn"]
    assert shown.columns.tolist() == list(metrics.HEADLINE.values())
    assert shown.loc["cnn", "AUC-ROC"].startswith("0.812 (")  # 13 of 16 pairs


def test_values_are_shown_with_their_intervals_and_undefined_ones_in_words():
    row = {"model": "cnn", "seed": 0, "split": "test", "n": 9}
    rows = [
        row | {"metric": "accuracy", "value": 0.9666, "lower": 0.95, "upper": 0.98},
        row | {"metric": "auc_roc", "value": np.nan, "lower": np.nan, "upper": np.nan},
        row | {"metric": "f1", "value": 0.5, "lower": np.nan, "upper": np.nan},
        row | {"metric": "mcc", "value": -0.25, "lower": -0.5, "upper": 0.1},
    ]
    shown = metrics.with_intervals(pd.DataFrame(rows), "test", metrics.HEADLINE | {"mcc": "MCC"}).loc["cnn"]
    assert shown["Accuracy"] == "0.967 (0.950–0.980)"
    assert shown["AUC-ROC"] == "not defined" and shown["F1"] == "0.500 (no interval)"
    assert shown["MCC"] == "−0.250 (−0.500 to 0.100)"


def test_a_metric_without_an_interval_is_shown_without():
    perfect = predictions().assign(probability=lambda frame: 0.1 + 0.8 * frame["label"])
    shown = metrics.with_intervals(measured(perfect), "test")
    assert set(metrics.with_intervals(measured(perfect), "test", {"mcc": "MCC"})["MCC"]) == {"1.000 (no interval)"}
    assert "no interval" not in "".join(shown["AUC-ROC"])
    assert "no interval" not in "".join(shown["Accuracy"])


def of_three_seeds():
    """Contract `seed_spread`: a network of three seeds, and a reference of one."""
    rows = [
        example("seed_spread", 1),
        example("seed_spread", 1, metric="calibration_intercept", mean=-0.5, sd=0.125, lowest=-0.75, highest=-0.25),
        example("seed_spread", 1, metric="precision", mean=None, sd=None, lowest=None, highest=None),
        example("seed_spread", 1, model="always", seeds=1, sd=None),
        example("seed_spread", 1, split="validation"),
    ]
    return tables.check("seed_spread", pd.concat(rows, ignore_index=True))


def test_a_spread_around_nothing_has_no_sign():
    around = example("seed_spread", 1, metric="accuracy", mean=-0.0003, sd=0.0004, lowest=-0.0004, highest=0.0004)
    assert metrics.with_spread(around, "test").loc["cnn", "Accuracy"] == "0.000 ± 0.000 (0.000 to 0.000)"


def test_means_over_seeds_are_shown_like_single_values():
    shown = metrics.with_intervals(of_three_seeds(), "test")
    assert shown["AUC-ROC"].to_dict() == {"cnn": "0.900 (0.800–0.950)", "always": "0.900 (0.800–0.950)"}


def test_several_seeds_of_a_model_are_never_silently_one():
    frame = pd.concat([predictions(), predictions().assign(seed=7)])
    with pytest.raises(
        metrics.MetricError, match="must have one row per model and metric, got several seeds of vgg16, cnn"
    ):
        metrics.with_intervals(measured(frame), "test")


def test_spread_over_seeds_is_shown_apart_from_the_interval_over_patients():
    shown = metrics.with_spread(of_three_seeds(), "test", metrics.HEADLINE | metrics.FURTHER)
    assert shown["Seeds"].to_dict() == {"cnn": 3, "always": 1}
    assert shown["AUC-ROC"].to_dict() == {"cnn": "0.900 ± 0.010 (0.890–0.910)", "always": "one seed"}
    assert shown.loc["cnn", "Calibration intercept"] == "−0.500 ± 0.125 (−0.750 to −0.250)"
    assert shown.loc["cnn", "Precision"] == "not defined"


def test_every_metric_that_is_measured_has_a_name_for_readers():
    assert set(measured(predictions())["metric"]) == {*metrics.HEADLINE, *metrics.FURTHER, intervals.DELONG}


def test_confusion_has_the_truth_in_rows_even_for_one_class():
    assert metrics.confusion([0, 0, 0, 1, 1], [0, 0, 1, 1, 1]).tolist() == [[2, 1], [0, 2]]
    assert metrics.confusion([1, 1], [1, 1]).tolist() == [[0, 0], [0, 2]]


def test_what_rounds_to_nought_has_no_sign():
    assert metrics.format_interval(-0.0001, -0.0004, 0.0002) == "0.000 (0.000 to 0.000)"
    assert metrics.format_p(0.0004) == "p < 0.001" and metrics.format_p(0.0314) == "p = 0.031"
    assert metrics.format_p(float("nan")) == "p not defined"
