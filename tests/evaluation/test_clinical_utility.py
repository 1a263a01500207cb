"""Predictive values by Bayes' rule, net benefit against dcurves, sensitivity of each etiology against counting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from support.answers import FIRST, JUDGED, LABEL, judged_images, quick
from support.examples import example

from pneumo_utils.evaluation import clinical_utility, net_benefit, reliability
from pneumo_utils.evaluation.intervals import resample_patients
from pneumo_utils.evaluation.weighted_metrics import MetricError

DCURVES = pd.read_csv(Path(__file__).parent / "references" / "decision_curve.csv")
shares = st.floats(0, 1)
prevalences = st.floats(0.001, 0.999)


def predictions(probability=FIRST, label=LABEL, model="first", split="test"):
    frame = example("predictions", len(label), model=model, seed=0, split=split)
    etiology = np.where(label == 0, "normal", np.where(np.arange(len(label)) % 3 == 0, "viral", "bacterial"))
    return frame.assign(label=label, patient=JUDGED["patient"], probability=probability, etiology=etiology)


def test_predictive_values_are_those_of_a_table_of_a_thousand_children():
    # 100 ill, 90 found; 900 well, 720 spared: 90 / 270 and 720 / 730
    ppv, npv = clinical_utility.predictive_values(0.9, 0.8, 0.1)
    assert (ppv, npv) == pytest.approx((90 / 270, 720 / 730))


@quick
@given(shares, shares, prevalences, prevalences)
def test_predictive_values_are_shares_and_go_with_the_prevalence(sensitivity, specificity, one, other):
    low, high = (clinical_utility.predictive_values(sensitivity, specificity, at) for at in sorted((one, other)))
    for value in (*low, *high):
        assert np.isnan(value) or 0 <= value <= 1
    assert not low[0] > high[0] + 1e-12  # PPV rises, NPV falls; undefined is neither
    assert not low[1] < high[1] - 1e-12


@quick
@given(prevalences)
def test_a_coin_has_the_prevalence_as_ppv(prevalence):
    assert clinical_utility.predictive_values(0.5, 0.5, prevalence) == pytest.approx((prevalence, 1 - prevalence))


def test_where_nobody_is_called_there_is_no_ppv_and_where_nobody_is_spared_no_npv(recwarn):
    assert (
        np.isnan(clinical_utility.predictive_values(0, 1, 0.2)[0])
        and clinical_utility.predictive_values(0, 1, 0.2)[1] == 0.8
    )
    assert (
        np.isnan(clinical_utility.predictive_values(1, 0, 0.2)[1])
        and clinical_utility.predictive_values(1, 0, 0.2)[0] == 0.2
    )
    assert not recwarn.list


@pytest.mark.parametrize("prevalence", [0, 1, -0.2, np.nan])
def test_a_prevalence_lies_between_0_and_1(prevalence):
    with pytest.raises(MetricError, match=r"prevalence must be in \(0, 1\), got"):
        clinical_utility.predictive_values(0.9, 0.9, prevalence)
    with pytest.raises(MetricError, match=r"prevalence must be in \(0, 1\), got"):
        net_benefit.net_benefit(LABEL, FIRST, [0.2], prevalence)


def test_sensitivity_is_a_share():
    with pytest.raises(MetricError, match=r"sensitivity must be in \[0, 1\], got 1.2"):
        clinical_utility.predictive_values(1.2, 0.5, 0.5)


def test_a_predictive_table_is_what_a_loop_over_patients_gives():
    found = clinical_utility.predictive_table(predictions(), 0.5, [0.1, 0.4], replicates=200, seed=4)
    assert found[["prevalence", "metric"]].values.tolist() == [[0.1, "ppv"], [0.1, "npv"], [0.4, "ppv"], [0.4, "npv"]]
    called, values = FIRST >= 0.5, []
    for row in resample_patients(JUDGED["patient"], 200, 4):
        label, said = np.repeat(LABEL, row), np.repeat(called, row)
        values.append(clinical_utility.predictive_values(said[label == 1].mean(), (~said)[label == 0].mean(), 0.1))
    bounds = np.quantile(values, [0.025, 0.975], axis=0)
    assert pytest.approx(bounds) == found[["lower", "upper"]].iloc[:2].to_numpy().T
    point = clinical_utility.predictive_values(called[LABEL == 1].mean(), (~called)[LABEL == 0].mean(), 0.1)
    assert found["value"].tolist()[:2] == pytest.approx(point)


def test_at_the_prevalence_of_the_table_predictive_values_are_its_own():
    called = FIRST >= 0.5
    found = clinical_utility.predictive_table(predictions(), 0.5, [LABEL.mean()], replicates=20)
    assert found["value"].tolist() == pytest.approx([LABEL[called].mean(), 1 - LABEL[~called].mean()])


def test_no_missed_pneumonia_is_no_proof_that_none_is_ever_missed():
    found = clinical_utility.predictive_table(predictions(), 0.0005, [0.2], replicates=50).set_index(
        "metric"
    )  # all are called
    assert found.loc["ppv", "value"] == pytest.approx(0.2) and found.loc["ppv", "lower"] < 0.2
    certain = np.where(LABEL == 1, 0.9, FIRST * 0.8)
    npv = (
        clinical_utility.predictive_table(predictions(certain), 0.5, [0.2], replicates=50)
        .set_index("metric")
        .loc["npv"]
    )
    patients = JUDGED["patient"][LABEL == 1].nunique()
    bound = clinical_utility.predictive_values(0.025 ** (1 / patients), (certain < 0.5)[LABEL == 0].mean(), 0.2)[1]
    assert (npv["value"], npv["lower"], npv["upper"]) == pytest.approx((1, bound, 1))


def test_one_missed_pneumonia_or_false_alarm_is_hardly_less_sure_than_none():
    ill = LABEL == 1
    spared = np.where(ill, 0.2 + FIRST * 0.8, 0.1)
    one_alarm = np.where(np.arange(len(LABEL)) == np.flatnonzero(~ill)[0], 0.9, spared)
    for probability in (spared, one_alarm):
        found = clinical_utility.predictive_table(predictions(probability), 0.5, [0.2], replicates=200)
        right, patients = (probability >= 0.5)[ill].mean(), JUDGED["patient"][~ill].nunique()
        bound = clinical_utility.predictive_values(right, 0.025 ** (1 / patients), 0.2)[0]
        assert found.set_index("metric").loc["ppv", "lower"] <= bound + 1e-12
    certain = clinical_utility.predictive_table(predictions(spared), 0.5, [0.2], replicates=200).set_index("metric")
    assert certain.loc["ppv", ["value", "upper"]].tolist() == [1, 1]


@pytest.mark.parametrize("prevalence", sorted(set(DCURVES["prevalence"])))
def test_net_benefit_is_that_of_dcurves(prevalence):
    theirs = DCURVES[DCURVES["prevalence"] == prevalence].set_index("model")
    risks = theirs.loc["first", "threshold"].to_numpy()
    asked = None if prevalence == pytest.approx(LABEL.mean()) else prevalence
    for name, probability in (("first", FIRST), ("all", np.ones(len(LABEL)))):
        ours = net_benefit.net_benefit(LABEL, probability, risks, asked)
        np.testing.assert_allclose(ours, theirs.loc[name, "net_benefit"], atol=1e-9)
    frame = net_benefit.decision_curves(predictions(), asked, risks, replicates=2).set_index("strategy")
    for name, strategy in (("first", "model"), ("all", "all"), ("none", "none")):
        np.testing.assert_allclose(frame.loc[strategy, "net_benefit"], theirs.loc[name, "net_benefit"], atol=1e-9)


@quick
@given(judged_images(), st.floats(0.01, 0.99), prevalences)
def test_treating_all_none_or_just_the_ill_is_worth_what_arithmetic_says(case, risk, prevalence):
    label, _ = case
    everyone, nobody, ill = (
        net_benefit.net_benefit(label, decided, [risk], prevalence)[0]
        for decided in (np.ones(len(label)), np.zeros(len(label)), label)
    )
    assert everyone == pytest.approx(prevalence - (1 - prevalence) * risk / (1 - risk), rel=1e-9, abs=1e-9)
    assert nobody == 0 and ill == pytest.approx(prevalence)


@quick
@given(judged_images(), st.floats(0.01, 0.99))
def test_no_model_is_worth_more_than_knowing_who_is_ill(case, risk):
    assert net_benefit.net_benefit(*case, [risk])[0] <= case[0].mean() + 1e-12


@pytest.mark.parametrize("risks", [[0], [1], [0.2, 1.1], [np.nan]])
def test_threshold_probabilities_lie_between_0_and_1(risks):
    with pytest.raises(MetricError, match=r"risks must be a list in \(0, 1\), got"):
        net_benefit.net_benefit(LABEL, FIRST, risks)


def test_intervals_of_net_benefit_are_those_of_a_loop_over_patients():
    found = net_benefit.decision_curves(predictions(), risks=[0.3], replicates=200, seed=4).set_index("strategy")
    looped = []
    for row in resample_patients(JUDGED["patient"], 200, 4):
        looped.append(net_benefit.net_benefit(np.repeat(LABEL, row), np.repeat(FIRST, row), [0.3], LABEL.mean())[0])
    assert found.loc["model", ["lower", "upper"]].tolist() == pytest.approx(np.quantile(looped, [0.025, 0.975]))
    assert found.loc[["all", "none"], ["lower", "upper"]].isna().all(axis=None)


def test_a_perfect_network_has_no_surer_net_benefit_than_its_patients_allow():
    label = np.arange(20) % 2
    own = example("predictions", 20).assign(path=[f"{n}" for n in range(20)], patient=[f"p{n}" for n in range(20)])
    found = net_benefit.decision_curves(own.assign(label=label, probability=label * 1.0), 0.5, [0.5], 50)
    row = found.iloc[0]
    bound = binomtest(10, 10).proportion_ci(method="exact").low
    assert row["net_benefit"] == row["upper"] == pytest.approx(0.5)
    assert row["lower"] == pytest.approx(0.5 * bound)  # all false alarms of 10, or all misses of 10


def test_a_network_that_is_never_right_has_no_surer_net_benefit_than_its_patients_allow():
    label = np.arange(20) % 2
    own = example("predictions", 20).assign(path=[f"{n}" for n in range(20)], patient=[f"p{n}" for n in range(20)])
    found = net_benefit.decision_curves(own.assign(label=label, probability=1.0 - label), 0.5, [0.5], 50)
    row = found.iloc[0]
    bound = binomtest(0, 10).proportion_ci(method="exact").high
    assert row["net_benefit"] == row["lower"] == pytest.approx(-0.5)
    assert row["upper"] == pytest.approx(0.5 * bound - 0.5)


@pytest.mark.parametrize("only", [0, 1])
def test_a_single_class_has_no_decision_curve_and_no_predictive_values(only):
    frame = predictions(label=np.full(len(LABEL), only))
    for asked in (
        lambda: net_benefit.decision_curves(frame),
        lambda: clinical_utility.predictive_table(frame, 0.5, [0.1]),
    ):
        with pytest.raises(MetricError, match="label must hold both classes"):
            asked()


def test_sensitivity_of_each_etiology_is_counted_among_its_own():
    frame = predictions()
    found = clinical_utility.sensitivity_by_etiology(frame, 0.5, replicates=100, seed=2)
    assert found["etiology"].tolist() == ["bacterial", "viral"]
    for row in found.itertuples():
        own = frame[frame["etiology"] == row.etiology]
        assert row.sensitivity == (own["probability"] >= 0.5).mean()
        assert (row.n, row.patients) == (len(own), own["patient"].nunique())
    own = frame.index[frame["etiology"] == "viral"]
    weights = resample_patients(JUDGED["patient"], 100, 2)[:, own]
    share = reliability.proportion_with_interval(FIRST[own] >= 0.5, JUDGED["patient"].to_numpy()[own], weights)
    assert found.loc[1, ["sensitivity", "lower", "upper"]].tolist() == pytest.approx(share)


def test_each_network_has_its_own_threshold():
    frame = pd.concat([predictions(), predictions(model="second")])
    own = {("first", 0): 0.0, ("second", 0): 1.0}
    found = clinical_utility.sensitivity_by_etiology(frame, own, replicates=5)
    assert found["sensitivity"].tolist() == [1, 1, 0, 0]
    assert list(dict.fromkeys(clinical_utility.predictive_table(frame, own, [0.1], replicates=5)["model"])) == [
        "first",
        "second",
    ]
    with pytest.raises(MetricError, match="threshold must name every model"):
        clinical_utility.predictive_table(frame, {("first", 0): 0.5}, [0.1], replicates=5)


def test_prevalences_and_etiologies_are_columns_in_words():
    bounds = {"lower": 0.4, "upper": 0.6}
    values = [{"model": "cnn", "metric": "ppv", "prevalence": p, "value": 0.5, **bounds} for p in (0.05, 0.5)]
    wide = clinical_utility.predictive_for_display(pd.DataFrame(values))
    assert list(wide.columns) == ["prevalence 0.05", "prevalence 0.5"] and wide.index[0] == ("Small CNN", "PPV")
    assert wide.iloc[0, 0] == "0.500 (0.400–0.600)"
    one = {"model": "cnn", "etiology": "viral", "split": "test", "sensitivity": 0.5, "n": 12, **bounds}
    shown = clinical_utility.etiology_for_display(pd.DataFrame([one]))
    assert shown.loc["Small CNN", "viral"] == "0.500 (0.400–0.600), n = 12"
    both = clinical_utility.etiology_for_display(pd.DataFrame([one | {"split": "validation", "n": 20}, one]))
    assert both.loc["Small CNN", "viral, validation"].endswith("n = 20")
    assert both.loc["Small CNN", "viral, test"] == shown.loc["Small CNN", "viral"]
