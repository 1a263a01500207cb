"""Intervals over patients: against R's boot, pairing, and where an interval would flatter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from test_tables import example
from test_weighted import ANSWERS, JUDGED, quick

from pneumo_utils import delong, intervals, metrics, tables
from pneumo_utils.weighted import METRICS, MetricError


def predictions(**columns):
    """The reference images as the predictions of two models."""
    parts = []
    for model in ("first", "second"):
        part = example("predictions", len(JUDGED), model=model, seed=0, split="test")
        paths = [f"{row:03}.png" for row in range(len(JUDGED))]
        part = part.assign(path=paths, patient=JUDGED["patient"], label=JUDGED["label"], probability=JUDGED[model])
        parts.append(part.assign(**columns))
    return pd.concat(parts, ignore_index=True)


def monte_carlo_error(lower, upper, draws=4000):
    """Four standard deviations of the difference between a bound from `draws` and R's from 20,000."""
    of_normal_bound = np.sqrt(0.025 * 0.975) / norm.pdf(1.96)  # standard errors times the root of the draws
    return 4 * of_normal_bound * np.sqrt(1 / draws + 1 / 20_000) * (upper - lower) / 3.92


@pytest.fixture(scope="module")
def measured():
    found = intervals.table(predictions(), 0.5, replicates=4000, seed=1)
    return tables.check("metrics", found).set_index(["model", "metric"])


@pytest.mark.parametrize("metric", ["auc_roc", "recall", "specificity", "accuracy", "brier"])
def test_r_gives_the_same_intervals_over_patients_within_monte_carlo_error(measured, metric):
    row = measured.loc["first", metric]
    expected = [ANSWERS[f"boot_{metric}_lower"], ANSWERS[f"boot_{metric}_upper"]]
    assert [row["lower"], row["upper"]] == pytest.approx(expected, abs=monte_carlo_error(*expected))


def test_drawing_images_instead_of_patients_would_flatter(measured):
    alone = predictions().query("model == 'first'")
    naive = intervals.table(alone.assign(patient=alone["path"]), 0.5, seed=1).set_index("metric")
    for metric in ("auc_roc", "brier"):
        row = measured.loc["first", metric]
        assert naive.loc[metric, "upper"] - naive.loc[metric, "lower"] < 0.95 * (row["upper"] - row["lower"])


def test_a_table_has_every_metric_with_its_interval_and_delong_beside(measured):
    assert list(measured.loc["first"].index) == [*METRICS, intervals.DELONG]
    assert (measured["n"] == len(JUDGED)).all()
    inside = measured[~measured.index.get_level_values("metric").isin(["ece"])]  # ece is biased upwards in draws
    assert ((inside["lower"] < inside["value"]) & (inside["value"] < inside["upper"])).all()
    row = measured.loc["first", intervals.DELONG]
    assert tuple(row[["value", "lower", "upper"]]) == delong.interval(JUDGED["label"], JUDGED["first"])


def test_the_values_are_those_of_the_headline(measured):
    for model in ("first", "second"):
        plain = metrics.headline(JUDGED["label"], JUDGED[model], 0.5)
        assert measured.loc[model].loc[list(plain), "value"].to_dict() == pytest.approx(plain)


def test_the_same_seed_gives_the_same_table_and_another_seed_another():
    alone = predictions().query("model == 'first'")
    once, again, other = (intervals.table(alone, 0.5, replicates=50, seed=seed) for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(once, again)
    assert not once["lower"].equals(other["lower"])
    assert once["value"].equals(other["value"])


def test_the_order_of_rows_does_not_matter():
    shuffled = predictions().sample(frac=1, random_state=1)
    keys = ["model", "metric"]
    one, other = (intervals.table(frame, 0.5, replicates=50).sort_values(keys) for frame in (predictions(), shuffled))
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), rtol=1e-9)


def test_every_model_is_judged_at_its_own_threshold():
    found = intervals.table(predictions(), {"first": 0.0, ("second", 0): 1.01}, replicates=20)
    keyed = found.set_index(["model", "metric"])["value"]
    assert (keyed["first", "recall"], keyed["second", "recall"]) == (1, 0)


def test_all_images_of_a_patient_come_and_go_together_and_every_draw_has_as_many_patients():
    draws = intervals.multiplicities(JUDGED["patient"], 200, seed=0)
    first = JUDGED["patient"].drop_duplicates().index
    assert draws.dtype == np.uint8
    assert (draws[:, first].sum(axis=1) == len(first)).all()
    by_patient = pd.DataFrame(draws.T).groupby(JUDGED["patient"].to_numpy()).nunique()
    assert (by_patient == 1).all(axis=None)


@quick
@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.integers(0, 9))
def test_a_patient_counts_alike_whatever_the_order_of_rows(patients, seed):
    patient = np.array(patients).astype(str)
    order = np.random.default_rng(seed).permutation(len(patient))
    draws = intervals.multiplicities(patient, 5, seed)
    assert (intervals.multiplicities(patient[order], 5, seed) == draws[:, order]).all()


def test_many_patients_still_fit_the_integers():
    draws = intervals.multiplicities(np.arange(300), 3, seed=0)
    assert draws.dtype == np.uint16
    assert (draws.sum(axis=1) == 300).all()


def test_one_patient_has_an_interval_without_width():
    found = intervals.table(predictions(patient="p1"), 0.5, replicates=20)
    bootstrapped = found[found["metric"] != intervals.DELONG]
    assert bootstrapped["lower"].to_numpy() == pytest.approx(bootstrapped["value"].to_numpy())
    assert bootstrapped["upper"].to_numpy() == pytest.approx(bootstrapped["value"].to_numpy())


def test_a_single_class_keeps_its_rows_as_undefined(recwarn):
    found = tables.check("metrics", intervals.table(predictions(label=1), 0.5, replicates=20)).set_index("metric")
    assert found.loc[["auc_roc", "specificity", intervals.DELONG], ["value", "lower", "upper"]].isna().all(axis=None)
    assert found.loc[["recall", "brier"], ["value", "lower", "upper"]].notna().all(axis=None)
    assert not recwarn.list


def test_percentile_is_the_quantile_and_forgives_few_undefined_replicates():
    values = np.arange(1000.0)
    assert intervals.percentile(values, 0.9) == pytest.approx((49.95, 949.05))
    values[:50] = np.nan
    assert intervals.percentile(values, 0.9) == pytest.approx(tuple(np.quantile(values[50:], [0.05, 0.95])))
    values[50] = np.nan
    assert np.isnan(intervals.percentile(values, 0.9)).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: intervals.percentile([]), "values must be 1-D, not empty"),
        (lambda: intervals.percentile([1.0], 1.0), r"level must be in \(0, 1\), got 1.0"),
        (lambda: intervals.multiplicities([], 5, 0), "patient must be 1-D, not empty"),
        (lambda: intervals.multiplicities(["a", None], 5, 0), "without gaps"),
        (lambda: intervals.multiplicities(["a"], 0, 0), "replicates must be at least 1, got 0"),
        (lambda: intervals.table(predictions().head(0), 0.5), "predictions must have at least one row"),
        (lambda: intervals.table(predictions(), {"first": 0.5}), r"got \['first'\] for 'second', seed 0"),
    ],
)
def test_what_has_no_interval_is_refused(call, said):
    with pytest.raises(MetricError, match=said):
        call()
