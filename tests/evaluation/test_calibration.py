"""Calibrators against scikit-learn, R and the definition."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss, roc_auc_score
from support.answers import JUDGED, LABEL, judged_images, predictions_by_split, quick

from pneumo_utils.evaluation import calibration
from pneumo_utils.evaluation.log_odds import LOGIT_CLIP
from pneumo_utils.evaluation.weighted_metrics import MetricError

# R 4.2.2: 1 / coef(glm(label ~ 0 + qlogis(p), family = binomial, control = list(epsilon = 1e-14)))
TEMPERATURE = {"first": 0.995352007254, "second": 1.552654853928}


class AsLogits(ClassifierMixin, BaseEstimator):
    """A finished classifier, for scikit-learn, whose input is its own decision."""

    classes_ = np.array([0, 1])

    def fit(self, x, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, x):
        return (x[:, 0] >= 0).astype(int)

    def decision_function(self, x):
        return x[:, 0]


def minmax(label, probability):
    """Isotonic regression by its closed form: the largest over starts of the smallest over ends of means between."""
    scores = np.unique(probability)
    sums = np.array([label[probability == score].sum() for score in scores])
    sizes = np.array([(probability == score).sum() for score in scores])
    starts, ends = (np.append(0, np.cumsum(values)) for values in (sums, sizes))
    mean = [
        [(starts[b] - starts[a]) / (ends[b] - ends[a]) if b > a else np.nan for b in range(len(ends))]
        for a in range(len(ends))
    ]
    fit = [np.max(np.min(np.array(mean)[: i + 1, i + 1 :], axis=1)) for i in range(len(scores))]
    return scores, np.array(fit)


@pytest.mark.parametrize("name", ["first", "second"])
def test_temperature_is_that_of_rs_logistic_regression_without_intercept(name):
    found = calibration.Temperature.fit(LABEL, JUDGED[name].to_numpy())
    assert found.temperature == pytest.approx(TEMPERATURE[name], abs=1e-9)


@pytest.mark.parametrize("name", ["first", "second"])
def test_temperature_agrees_with_scikit_learn(name):
    probability = JUDGED[name].to_numpy()
    logits = logit(probability)[:, None]
    theirs = CalibratedClassifierCV(FrozenEstimator(AsLogits()), method="temperature", ensemble=False)
    theirs.fit(logits, LABEL)
    ours = calibration.Temperature.fit(LABEL, probability).apply(probability)
    np.testing.assert_allclose(ours, theirs.predict_proba(logits)[:, 1], atol=1e-6)


@pytest.mark.parametrize("name", ["first", "second"])
def test_platt_agrees_with_scikit_learn(name):
    probability = JUDGED[name].to_numpy()
    logits = logit(probability)[:, None]
    theirs = CalibratedClassifierCV(FrozenEstimator(AsLogits()), method="sigmoid", ensemble=False).fit(logits, LABEL)
    ours = calibration.Platt.fit(LABEL, probability).apply(probability)
    np.testing.assert_allclose(ours, theirs.predict_proba(logits)[:, 1], atol=1e-5)


@pytest.mark.parametrize("name", ["first", "second"])
def test_isotonic_is_the_closed_form(name):
    probability = JUDGED[name].to_numpy()
    scores, fit = minmax(LABEL, probability)
    found = calibration.Isotonic.fit(LABEL, probability).apply(scores)
    np.testing.assert_allclose(found, np.clip(fit, LOGIT_CLIP, 1 - LOGIT_CLIP), atol=1e-12)


def test_a_network_that_is_three_times_too_sure_is_found_out():
    generator = np.random.default_rng(1)
    z = generator.normal(0, 2, 20_000)
    label = (generator.random(z.size) < expit(z)).astype(int)
    assert calibration.Temperature.fit(label, expit(3 * z)).temperature == pytest.approx(3, rel=0.05)


def test_weights_that_made_both_classes_count_alike_are_undone_by_platt_and_by_no_temperature():
    generator = np.random.default_rng(1)
    label = (generator.random(20_000) < 0.74).astype(int)
    z = generator.normal(2.0 * label - 1.0, np.sqrt(2))  # log-odds of two normals, as if half of the children were ill
    after = {method: calibration.METHODS[method].fit(label, expit(z)).apply(expit(z)) for method in calibration.METHODS}
    found = calibration.Platt.fit(label, expit(z))
    assert (found.slope, found.intercept) == pytest.approx((1, logit(label.mean())), abs=0.05)
    assert abs(after["platt"].mean() - label.mean()) < 0.001 and abs(after["temperature"].mean() - label.mean()) > 0.05


def test_of_scores_the_wrong_way_round_platt_leaves_the_prevalence():
    found = calibration.Platt.fit([1, 1, 1, 0, 0], [0.1, 0.2, 0.3, 0.8, 0.9])
    assert found.apply([0.0, 0.4, 1.0]) == pytest.approx([0.58] * 3)  # of Platt's targets: 3 x 4/5 and 2 x 1/4


@quick
@given(judged_images(), st.floats(0.05, 20))
def test_temperature_changes_neither_order_nor_auc_nor_the_decision_at_one_half(case, temperature):
    label, probability = case
    probability = np.clip(probability, 0.02, 0.98)
    calibrated = calibration.Temperature(temperature).apply(probability)
    scores = np.unique(probability)
    assert (np.diff(calibration.Temperature(temperature).apply(scores)) >= 0).all()
    assert ((calibrated >= 0.5) == (probability >= 0.5)).all()
    if temperature > 0.2:  # below, numbers next to 1 run out
        assert roc_auc_score(label, calibrated) == roc_auc_score(label, probability)


@quick
@given(judged_images())
def test_no_temperature_nearby_fits_better(case):
    label, probability = case
    best = calibration.Temperature.fit(label, probability).temperature

    def loss(temperature):
        p = expit(logit(np.clip(probability, LOGIT_CLIP, 1 - LOGIT_CLIP)) / temperature)
        return log_loss(label, np.clip(p, 1e-300, 1), labels=[0, 1])

    for other in (best * 0.97, best * 1.03):
        if 0.05 <= other <= 20:
            assert loss(best) <= loss(other) + 1e-12


@quick
@given(judged_images())
def test_isotonic_rises_and_keeps_the_mean(case):
    label, probability = case
    fitted = calibration.Isotonic.fit(label, probability)
    assert (np.diff(fitted.apply(np.linspace(0, 1, 101))) >= 0).all()
    assert fitted.apply(probability).mean() == pytest.approx(label.mean(), abs=1e-6)


@pytest.mark.parametrize("method", calibration.METHODS)
@pytest.mark.parametrize("label", [[0, 0, 1, 1], [1, 1, 0, 0], [0, 1, 0, 1]])
def test_certain_probabilities_stay_finite_even_where_the_likelihood_has_no_maximum(method, label):
    probability = np.array([0.0, 0.0, 1.0, 1.0])
    fitted = calibration.METHODS[method].fit(label, probability)
    calibrated = fitted.apply(np.array([0.0, 1e-30, 0.5, 1.0]))
    assert np.isfinite(calibrated).all() and (np.diff(calibrated) >= 0).all()
    if method == "temperature":
        assert 0.05 <= fitted.temperature <= 20
    else:
        assert calibrated.min() >= LOGIT_CLIP and calibrated.max() <= 1 - LOGIT_CLIP


def test_isotonic_of_scores_all_alike_is_the_prevalence_and_temperature_still_answers():
    alike = np.full(4, 0.9)
    assert calibration.Isotonic.fit([0, 0, 0, 1], alike).apply([0.1, 0.9]) == pytest.approx([0.25, 0.25])
    assert calibration.Temperature.fit([0, 0, 0, 1], np.full(4, 0.5)).apply([0.5]) == pytest.approx([0.5])


@pytest.mark.parametrize("method", calibration.METHODS)
@pytest.mark.parametrize(
    ("label", "probability", "said"),
    [
        ([], [], "not empty"),
        ([1, 1], [0.2, 0.7], "label must hold both classes"),
        ([0, 1], [0.2, 1.7], r"probability must be in \[0, 1\]"),
    ],
)
def test_what_cannot_be_fitted_is_refused(method, label, probability, said):
    with pytest.raises(MetricError, match=said):
        calibration.METHODS[method].fit(label, probability)


@pytest.mark.parametrize("method", calibration.METHODS)
def test_what_is_no_probability_is_not_calibrated(method):
    with pytest.raises(MetricError, match=r"probability must be in \[0, 1\], got -0.1 to 0.5"):
        calibration.METHODS[method].fit([0, 1], [0.2, 0.7]).apply([-0.1, 0.5])


def test_calibrators_are_fitted_on_validation_alone():
    with pytest.raises(MetricError, match="split must be validation in every row"):
        calibration.fit(predictions_by_split(), "isotonic")
    with pytest.raises(MetricError, match=r"calibrators must name every model and seed, got \[\] for \('first', 0\)"):
        calibration.apply(predictions_by_split(), {})
    with pytest.raises(MetricError, match="method must be one of temperature, platt, isotonic, got 'beta'"):
        calibration.fit(predictions_by_split(["validation"]), "beta")


def test_every_network_gets_its_own_calibrator_and_rows_keep_their_place():
    frame = predictions_by_split()
    fitted = calibration.fit(frame[frame["split"] == "validation"], "temperature")
    assert {key: found.temperature for key, found in fitted.items()} == pytest.approx(
        {(name, 0): value for name, value in TEMPERATURE.items()}
    )
    after = calibration.apply(frame, fitted)
    pd.testing.assert_frame_equal(after.drop(columns="probability"), frame.drop(columns="probability"))
    for model in ("first", "second"):
        before = frame["probability"][frame["model"] == model].to_numpy()
        assert (after["probability"][after["model"] == model] == fitted[model, 0].apply(before)).all()


def test_the_odds_move_with_the_prevalence():
    assert calibration.shift_prevalence([0.5], 0.5, 0.2) == pytest.approx([0.2])
    assert calibration.shift_prevalence([0.9, 0.3], 0.4, 0.4) == pytest.approx([0.9, 0.3])
    assert np.isfinite(calibration.shift_prevalence([0, 1], 0.6, 0.1)).all()
    with pytest.raises(MetricError, match=r"wanted must be in \(0, 1\), got 0"):
        calibration.shift_prevalence([0.5], 0.5, 0)
