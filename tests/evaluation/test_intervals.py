"""Intervals over patients: against R's boot, pairing, and where an interval would flatter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from support.answers import ANSWERS, JUDGED, bounds, monte_carlo_error, predictions_of_both, quick, several_images_each

from pneumo_utils.evaluation import delong, intervals, metrics, reliability, weighted_metrics
from pneumo_utils.evaluation.weighted_metrics import METRICS, MetricError
from pneumo_utils.records import tables


def judge(frame, *arguments, **options):
    """The table of metrics of `frame`."""
    return intervals.table(intervals.bootstrap(frame, *arguments, **options))


@pytest.fixture(scope="module")
def measured():
    found = judge(predictions_of_both(), 0.5, replicates=4000, seed=1)
    return tables.check("metrics", found).set_index(["model", "metric"])


@pytest.mark.parametrize("metric", ["auc_roc", "recall", "specificity", "accuracy", "brier"])
def test_r_gives_the_same_intervals_over_patients_within_monte_carlo_error(metric):
    values = intervals.replicate_metrics(predictions_of_both().query("model == 'first'"), 0.5, 4000, 1)[metric]
    expected = [ANSWERS[f"boot_{metric}_lower"], ANSWERS[f"boot_{metric}_upper"]]
    assert intervals.percentile(values[1:]) == pytest.approx(expected, abs=monte_carlo_error(*expected))


@pytest.mark.parametrize(("cases", "truth"), [(160, 0.975), (60, 0.93), (300, 0.985)])
def test_a_share_with_few_errors_is_missed_from_below_as_seldom_as_promised(cases, truth):
    generator, missed, patient = np.random.default_rng(0), np.zeros(2), np.arange(cases).astype(str)
    weights = intervals.resample_patients(patient, 300, 0)
    for _ in range(400):
        hit = generator.random(cases) < truth
        _, lower, upper = reliability.proportion_with_interval(hit, patient, weights)
        missed += lower > truth, upper < truth
    assert (missed / 400 < 0.045).all(), "2.5% on either side, and what chance adds in 400 samples"


def test_drawing_images_instead_of_patients_would_flatter(measured):
    alone = predictions_of_both().query("model == 'first'")
    naive = judge(alone.assign(patient=alone["path"]), 0.5, seed=1).set_index("metric")
    for metric in ("auc_roc", "brier"):
        row = measured.loc["first", metric]
        assert naive.loc[metric, "upper"] - naive.loc[metric, "lower"] < 0.95 * (row["upper"] - row["lower"])


def test_a_table_has_every_metric_with_its_interval_and_delong_beside(measured):
    assert list(measured.loc["first"].index) == [*METRICS, intervals.DELONG]
    assert (measured["n"] == len(JUDGED)).all()
    assert ((measured["lower"] < measured["value"]) & (measured["value"] < measured["upper"])).all()
    row = measured.loc["first", intervals.DELONG]
    assert tuple(row[["value", "lower", "upper"]]) == delong.interval(JUDGED["label"], JUDGED["first"])


def test_the_values_are_those_of_the_headline(measured):
    for model in ("first", "second"):
        plain = weighted_metrics.scores(JUDGED["label"], JUDGED[model], np.ones((1, len(JUDGED))), 0.5)
        shown = measured.loc[model].loc[list(metrics.HEADLINE), "value"].to_dict()
        assert shown == pytest.approx({metric: plain[metric][0] for metric in metrics.HEADLINE})


def test_the_same_seed_gives_the_same_table_and_another_seed_another():
    alone = predictions_of_both().query("model == 'first'")
    once, again, other = (judge(alone, 0.5, replicates=50, seed=seed) for seed in (4, 4, 5))
    pd.testing.assert_frame_equal(once, again)
    assert not once["lower"].equals(other["lower"])
    assert once["value"].equals(other["value"])


def test_the_order_of_rows_does_not_matter():
    shuffled = predictions_of_both().sample(frac=1, random_state=1)
    keys = ["model", "metric"]
    one, other = (judge(frame, 0.5, replicates=50).sort_values(keys) for frame in (predictions_of_both(), shuffled))
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), rtol=1e-9)


def test_every_model_is_judged_at_its_own_threshold():
    found = judge(predictions_of_both(), {"first": 0.0, ("second", 0): 1.01}, replicates=20)
    keyed = found.set_index(["model", "metric"])["value"]
    assert (keyed["first", "recall"], keyed["second", "recall"]) == (1, 0)


def test_all_images_of_a_patient_come_and_go_together_and_every_draw_has_as_many_patients():
    draws = intervals.resample_patients(JUDGED["patient"], 200, seed=0)
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
    draws = intervals.resample_patients(patient, 5, seed)
    assert (intervals.resample_patients(patient[order], 5, seed) == draws[:, order]).all()


def test_many_patients_still_fit_the_integers():
    draws = intervals.resample_patients(np.arange(300), 3, seed=0)
    assert draws.dtype == np.uint16
    assert (draws.sum(axis=1) == 300).all()


def test_one_patient_says_next_to_nothing():
    found = judge(predictions_of_both(patient="p1"), 0.5, replicates=20)
    bootstrapped = found[found["metric"] != intervals.DELONG]
    assert bootstrapped["value"].notna().all()
    shares = bootstrapped["metric"].isin([*intervals.PROPORTIONS, "auc_roc"])
    guarded = shares | (bootstrapped["metric"] == "balanced_accuracy")
    assert bootstrapped[~guarded][["lower", "upper"]].isna().all(axis=None)
    assert np.allclose(bootstrapped[shares][["lower", "upper"]], [0.025, 0.975])


def exact(hits, patients):
    found = binomtest(hits, patients).proportion_ci(0.95, method="exact")
    return pytest.approx((found.low, found.high))


def test_a_share_without_an_error_has_the_exact_interval_of_the_patients_behind_it():
    found = judge(several_images_each([0] * 5 + [1] * 4, [0.1] * 5 + [0.9] * 4), 0.5, replicates=50)
    counted = {"accuracy": 9, "precision": 4, "recall": 4, "specificity": 5}
    assert {metric: bounds(found, metric) for metric in counted} == {m: exact(n, n) for m, n in counted.items()}


def test_a_share_without_a_right_answer_has_the_exact_interval_of_the_patients_behind_it():
    found = judge(several_images_each([0] * 5 + [1] * 4, [0.9] * 5 + [0.1] * 4), 0.5, replicates=50)
    counted = {"accuracy": 9, "precision": 5, "recall": 4, "specificity": 5}
    assert {metric: bounds(found, metric) for metric in counted} == {m: exact(0, n) for m, n in counted.items()}


@pytest.mark.parametrize("probability", [[0.1] * 5 + [0.9] * 4, [0.7] * 9])
def test_what_is_the_same_in_every_draw_and_no_share_has_no_interval(probability):
    found = judge(several_images_each([0] * 5 + [1] * 4, probability), 0.5, replicates=50).set_index("metric")
    for metric in (intervals.DELONG, "mcc"):
        assert found.loc[metric, "value"] in (0, 0.5, 1)
        assert found.loc[metric, ["lower", "upper"]].isna().all()


def test_an_auc_of_answers_that_are_all_alike_has_no_interval_however_few_patients():
    found = judge(several_images_each([0] * 5 + [1] * 4, [0.7] * 9), 0.5, replicates=50)
    assert np.isnan(bounds(found, "auc_roc")).all()


def test_balanced_accuracy_is_no_surer_than_a_rate_without_an_error():
    label, said = [0] * 20 + [1] * 200, [0.1] * 20 + [0.1] * 4 + [0.9] * 196
    found = judge(several_images_each(label, said), 0.5, replicates=500).set_index("metric")
    spared = found.loc["specificity", "lower"]
    assert spared < 0.84 and found.loc["balanced_accuracy", "lower"] < (spared + 0.98) / 2


@quick
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=2, max_size=12), st.integers(1, 3))
def test_no_interval_claims_certainty(cases, copies):
    label, level = (np.array(column) for column in zip(*cases, strict=True))
    found = judge(several_images_each(label, level / 4, copies), 0.5, replicates=40)
    some = found[found["lower"].notna()]
    assert (some["upper"] - some["lower"] > 1e-9).all()
    sure = found[found["metric"].isin(intervals.PROPORTIONS) & found["value"].isin([0, 1])]
    assert sure["lower"].notna().all()


def test_a_share_with_one_error_is_no_surer_than_one_without():
    """Of 156 children one is judged wrongly once: nearly every draw says more than 0.98, and a third say 1."""
    label, wrong = [0] * 20 + [1] * 156, [0.1] * 20 + [0.9] * 155 + [0.4]
    without, one = (
        bounds(judge(several_images_each(label, said, copies=2), 0.5, replicates=2000), "recall")
        for said in (wrong[:-1] + [0.9], wrong)
    )
    assert one[0] <= without[0] == pytest.approx(0.025 ** (1 / 156))


def test_the_auc_is_no_surer_than_a_perfect_one():
    label, nearly = [0] * 20 + [1] * 30, list(np.linspace(0, 0.4, 20)) + [0.39] + list(np.linspace(0.5, 1, 29))
    perfect, nearly = (
        bounds(judge(several_images_each(label, said), 0.5, replicates=500), "auc_roc") for said in (label, nearly)
    )
    assert perfect == pytest.approx((0.025 ** (1 / 20), 1))
    assert nearly[0] <= perfect[0]


@quick
@given(st.integers(1, 500), st.floats(0.5, 0.999), st.sampled_from([0, 1]))
def test_the_interval_of_a_certain_share_is_clopper_and_pearsons(patients, level, share):
    known = binomtest(share * patients, patients).proportion_ci(level, method="exact")
    assert intervals.interval(share, np.full(9, share), level, patients) == pytest.approx((known.low, known.high))


def test_a_single_class_keeps_its_rows_as_undefined(recwarn):
    found = tables.check("metrics", judge(predictions_of_both(label=1), 0.5, replicates=20)).set_index("metric")
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
        (lambda: intervals.resample_patients([], 5, 0), "patient must be 1-D, not empty"),
        (lambda: intervals.resample_patients(["a", None], 5, 0), "without gaps"),
        (lambda: intervals.resample_patients(["a"], 0, 0), "replicates must be at least 1, got 0"),
        (lambda: intervals.bootstrap(predictions_of_both().head(0), 0.5), "predictions must have at least one row"),
        (lambda: intervals.bootstrap(predictions_of_both(), {"first": 0.5}), r"got \['first'\] for 'second', seed 0"),
        (lambda: intervals.interval(1.0, [1.0], 1.0, 3), r"level must be in \(0, 1\), got 1.0"),
        (
            lambda: intervals.table(intervals.bootstrap(predictions_of_both(), 0.5, 3), 0.0),
            r"level must be in \(0, 1\), got 0.0",
        ),
    ],
)
def test_what_has_no_interval_is_refused(call, said):
    with pytest.raises(MetricError, match=said):
        call()
