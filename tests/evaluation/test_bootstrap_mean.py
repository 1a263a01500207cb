"""Means of what is measured a picture, with intervals over patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.evaluation import bootstrap_mean

PATIENT = np.array([f"p{number}" for number in np.arange(60) // 2])


def drawn(seed=0):
    return np.random.default_rng(seed).normal(0.5, 0.1, len(PATIENT))


def test_the_interval_holds_the_mean_and_is_that_of_the_standard_error_over_patients():
    values = np.repeat(drawn()[:30], 2)  # both pictures of a patient alike: 30 independent values, not 60
    mean, lower, upper = bootstrap_mean.interval(values, PATIENT, 4000, 0)
    assert mean == pytest.approx(values.mean())
    wanted = 1.96 * values[::2].std() / np.sqrt(30)
    assert (mean - lower, upper - mean) == pytest.approx((wanted, wanted), rel=0.12)


@pytest.mark.parametrize("patients", [6, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 5, 8, 24))])
def test_of_few_patients_no_more_than_one_interval_in_twenty_misses_the_truth(patients):
    generator, missed = np.random.default_rng(patients), 0
    for _ in range(400):
        _, lower, upper = bootstrap_mean.interval(generator.normal(0, 1, patients), np.arange(patients), 400, 0)
        missed += not lower <= 0 <= upper and patients >= bootstrap_mean.FEWEST
        assert np.isnan(lower) == np.isnan(upper) == (patients < bootstrap_mean.FEWEST)
    assert missed / 400 < 0.085, "5% and what chance adds; plain percentiles miss more than 12% at eight"


def test_a_share_of_nought_or_one_is_no_certainty():
    assert bootstrap_mean.interval(np.zeros(60), PATIENT, 200, 0, share=True)[2] > 0.05
    assert bootstrap_mean.interval(np.ones(60, bool), PATIENT, 200, 0, share=True)[1] < 0.95


def test_a_constant_that_is_no_share_has_no_interval_and_nothing_has_no_mean():
    assert np.isnan(bootstrap_mean.interval(np.zeros(60), PATIENT, 200, 0)[1:]).all(), "no difference is no share"
    assert np.isnan(bootstrap_mean.interval(np.full(60, 0.3), PATIENT, 200, 0)[1:]).all()
    assert np.isnan(bootstrap_mean.interval(np.array([]), np.array([]), 200, 0)).all()


def test_the_table_has_a_row_a_group_and_measure_and_leaves_out_what_is_undefined():
    frame = pd.DataFrame({"patient": PATIENT, "kind": ["a", "b"] * 30, "here": drawn(), "there": drawn(1)})
    frame.loc[:9, "there"] = np.nan
    found = bootstrap_mean.table(frame, ["kind"], ["here", "there"], 100, 0)
    assert found[["kind", "measure"]].to_numpy().tolist() == [[k, m] for k in "ab" for m in ("here", "there")]
    assert found["n"].tolist() == [30, 25, 30, 25]
    assert found["value"].iloc[1] == pytest.approx(frame.query("kind == 'a'")["there"].mean())


def test_a_long_table_becomes_wide_in_words_in_the_order_of_its_rows():
    rows = [
        ("vgg16", "b", "x", 0.5, 0.4, 0.6),
        ("vgg16", "b", "y", 0.1, np.nan, np.nan),
        ("cnn", "a", "x", np.nan, 0, 0),
    ]
    found = pd.DataFrame(rows, columns=["model", "kind", "measure", "value", "lower", "upper"])
    wide = bootstrap_mean.for_display(found, "kind", {"y": "second", "x": "first"})
    assert wide.index.tolist() == [("VGG16", "b"), ("Small CNN", "a")] and wide.columns.tolist() == ["second", "first"]
    assert wide.loc[("VGG16", "b")].tolist() == ["0.100 (no interval)", "0.500 (0.400\N{EN DASH}0.600)"]
    assert wide.loc[("Small CNN", "a"), "first"] == "not defined"
