"""All metrics under many weights, against scikit-learn, R, and slow but plain counting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn import metrics as sk
from support.answers import ANSWERS, JUDGED, quick, unweighted, weighted_images

from pneumo_utils.evaluation import log_odds, weighted_metrics
from pneumo_utils.evaluation.weighted_metrics import METRICS, MetricError, scores

CALIBRATION = ("calibration_slope", "calibration_intercept")
NEED_BOTH = ("auc_roc", "balanced_accuracy", "mcc", *CALIBRATION)


def overlapping(count=200, seed=3):
    generator = np.random.default_rng(seed)
    label = generator.integers(0, 2, count)
    probability = np.round(expit(2 * label - 1 + generator.normal(0, 1.5, count)), 2)
    return label, probability, generator.random((7, count)) * generator.integers(0, 2, (7, count))


def by_scikit_learn(label, probability, threshold, weight):
    called, given_weight = (probability >= threshold).astype(int), {"sample_weight": weight}
    fractions = {**given_weight, "zero_division": np.nan}
    return {
        "accuracy": sk.accuracy_score(label, called, **given_weight),
        "precision": sk.precision_score(label, called, **fractions),
        "recall": sk.recall_score(label, called, **fractions),
        "specificity": sk.recall_score(label, called, pos_label=0, **fractions),
        "f1": sk.f1_score(label, called, **fractions),
        "auc_roc": sk.roc_auc_score(label, probability, **given_weight),
        "average_precision": sk.average_precision_score(label, probability, **given_weight),
        "balanced_accuracy": sk.balanced_accuracy_score(label, called, **given_weight),
        "mcc": sk.matthews_corrcoef(label, called, **given_weight),
        "brier": sk.brier_score_loss(label, probability, **given_weight),
        "log_loss": sk.log_loss(label, probability, labels=[0, 1], **given_weight),
    }


@pytest.mark.parametrize("threshold", [0.0, 0.31, 0.5, 0.9, 1.01])
def test_scikit_learn_gives_the_same_with_real_weights_and_ties(threshold):
    label, probability, weights = overlapping()
    probability[:4] = [0, 1, 0, 1]
    found = scores(label, probability, weights, threshold)
    for row, weight in enumerate(weights):
        for metric, value in by_scikit_learn(label, probability, threshold, weight).items():
            assert found[metric][row] == pytest.approx(value, rel=1e-10, abs=1e-10, nan_ok=True), metric


@pytest.mark.parametrize("model", ["first", "second"])
def test_r_gives_the_same_area_calibration_and_losses(model):
    found = unweighted(JUDGED["label"], JUDGED[model])
    assert found["auc_roc"] == pytest.approx(ANSWERS[f"{model}_auc"], abs=1e-12)
    assert found["brier"] == pytest.approx(ANSWERS[f"{model}_brier"], abs=1e-12)
    assert found["log_loss"] == pytest.approx(ANSWERS[f"{model}_log_loss"], abs=1e-12)
    for metric in CALIBRATION:  # R stops its iterations earlier
        assert found[metric] == pytest.approx(ANSWERS[f"{model}_{metric}"], abs=5e-8)


def test_calibration_maximises_the_likelihood_as_a_general_optimiser_does():
    label, probability, weights = overlapping()
    x = logit(np.clip(probability, log_odds.LOGIT_CLIP, 1 - log_odds.LOGIT_CLIP))
    found = scores(label, probability, weights, 0.5)
    for row, weight in enumerate(weights):

        def loss(eta, weight=weight):
            return np.sum(weight * (np.logaddexp(0, eta) - label * eta))

        exact = {"tol": 1e-12, "method": "Nelder-Mead", "options": {"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-12}}
        line = minimize(lambda ab: loss(ab[0] + ab[1] * x), [0, 1], **exact)  # noqa: B023
        shift = minimize(lambda a: loss(a[0] + x), [0], **exact)  # noqa: B023
        assert found["calibration_slope"][row] == pytest.approx(line.x[1], abs=1e-6)
        assert found["calibration_intercept"][row] == pytest.approx(shift.x[0], abs=1e-6)


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_calibration_finds_the_distortion_that_was_put_in(scale):
    generator = np.random.default_rng(0)
    truth = generator.normal(0, 2, 50_000)
    label = (generator.random(truth.size) < expit(truth)).astype(int)
    found = unweighted(label, expit(truth / scale))
    assert found["calibration_slope"] == pytest.approx(scale, rel=0.03)
    assert unweighted(label, expit(truth - 0.7))["calibration_intercept"] == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("noise", [0.5, 5, 30])
@pytest.mark.parametrize("skill", [0.1, 5, 60])
def test_calibration_is_found_wherever_it_exists_however_extreme_the_probabilities(skill, noise):
    generator = np.random.default_rng(7)
    for count in (6, 12, 40):
        label = generator.integers(0, 2, count)
        probability = expit(skill * (2 * label - 1) + generator.normal(0, noise, count))
        probability[::2] = np.round(probability[::2])
        weights = generator.multinomial(count, np.ones(count) / count, size=40)
        found = scores(label, probability, weights, 0.5)
        clipped = np.clip(probability, log_odds.LOGIT_CLIP, 1 - log_odds.LOGIT_CLIP)
        for row, weight in enumerate(weights > 0):
            ill, well = clipped[weight & (label == 1)], clipped[weight & (label == 0)]
            both = len(ill) > 0 and len(well) > 0
            overlap = both and ill.max() > well.min() and well.max() > ill.min()
            assert np.isfinite(found["calibration_intercept"][row]) == both
            assert np.isfinite(found["calibration_slope"][row]) == overlap


def test_certain_and_wrong_probabilities_still_have_a_calibration():
    found = unweighted([0, 1, 0, 1, 1], [1.0, 0.0, 0.0, 1.0, 1.0])
    assert np.isfinite([found[metric] for metric in (*CALIBRATION, "log_loss")]).all()
    assert found["log_loss"] == pytest.approx(-2 / 5 * np.log(weighted_metrics.LOG_CLIP), abs=1e-12)


def test_certain_probabilities_are_clipped_at_the_resolution_of_a_float32_sigmoid():
    # a saturated model: three in four are ill where p is 1, one in four where p is 0
    found = unweighted([1, 1, 1, 0, 1, 0, 0, 0], [1.0] * 4 + [0.0] * 4)
    assert found["calibration_slope"] == pytest.approx(np.log(3) / np.log(1e7 - 1))
    assert found["calibration_intercept"] == pytest.approx(0, abs=1e-6)


def test_the_intercept_is_found_where_a_full_newton_step_would_never_return():
    # predicted nearly 0, two of three are ill: the curve is flat at the start and flat again far beyond
    found = unweighted([1, 1, 0], [1e-7, 1e-7, 0.0])
    assert found["calibration_intercept"] == pytest.approx(np.log(2) + np.log(1e7 - 1))


def test_calibration_error_is_the_mean_gap_over_bins_of_equal_mass():
    label, probability = np.array([0, 0, 0, 1, 1, 1]), np.array([0.1, 0.2, 0.3, 0.6, 0.8, 0.9])
    halves = abs(0 - 0.2) / 2 + abs(1 - 2.3 / 3) / 2
    assert unweighted(label, probability, bins=2)["ece"] == pytest.approx(halves)
    assert unweighted(label, probability, bins=1)["ece"] == pytest.approx(abs(3 - 2.9) / 6)
    assert unweighted(label, probability, bins=6)["ece"] == pytest.approx(np.abs(label - probability).mean())


def test_calibration_error_shares_an_image_on_the_border_of_two_bins():
    # three images in two bins: the middle one lies half in each
    gaps = abs(0 - 0.1 + (1 - 0.5) / 2) / 3 + abs(1 - 0.9 + (1 - 0.5) / 2) / 3
    assert unweighted([0, 1, 1], [0.1, 0.5, 0.9], bins=2)["ece"] == pytest.approx(gaps)


def test_calibration_error_of_a_tie_asks_for_the_mean_alone():
    assert unweighted([0, 1, 0, 1], [0.5] * 4)["ece"] == pytest.approx(0)
    assert unweighted([1, 1, 0, 1], [0.5] * 4)["ece"] == pytest.approx(0.25)


@quick
@given(weighted_images(), st.floats(0.01, 0.99))
def test_integer_weights_equal_repeated_rows(case, threshold):
    label, probability, counts = case
    found = scores(label, probability, counts[None], threshold)
    repeated = unweighted(np.repeat(label, counts), np.repeat(probability, counts), threshold)
    assert {metric: values[0] for metric, values in found.items()} == pytest.approx(
        repeated, rel=1e-9, abs=1e-10, nan_ok=True
    )


@quick
@given(weighted_images(), st.floats(0.1, 10))
def test_only_the_proportions_of_weights_matter(case, factor):
    label, probability, counts = case
    found = scores(label, probability, np.stack([counts, counts * factor]), 0.5)
    for metric, (one, other) in found.items():
        assert other == pytest.approx(one, rel=1e-8, abs=1e-9, nan_ok=True), metric


@quick
@given(weighted_images(), st.integers(0, 1000))
def test_the_order_of_rows_does_not_matter(case, seed):
    label, probability, counts = case
    order = np.random.default_rng(seed).permutation(len(label))
    moved = scores(label[order], probability[order], counts[order][None], 0.5)
    for metric, values in scores(label, probability, counts[None], 0.5).items():
        assert moved[metric] == pytest.approx(values, rel=1e-8, abs=1e-9, nan_ok=True), metric


@quick
@given(weighted_images())
def test_rankings_stay_under_strictly_increasing_maps(case):
    label, probability, counts = case
    before = scores(label, probability, counts[None], 0.5)
    after = scores(label, probability**2 / 2 + probability / 2, counts[None], 0.5)
    for metric in ("auc_roc", "average_precision"):
        assert after[metric] == pytest.approx(before[metric], nan_ok=True)
    turned = scores(label, 1 - probability, counts[None], 0.5)["auc_roc"]
    assert turned == pytest.approx(1 - before["auc_roc"], nan_ok=True)


@quick
@given(weighted_images(), st.floats(0, 1))
def test_every_metric_is_in_its_range_or_undefined(case, threshold):
    label, probability, counts = case
    for metric, (value,) in scores(label, probability, counts[None], threshold).items():
        low = {"mcc": -1, "calibration_slope": -np.inf, "calibration_intercept": -np.inf}.get(metric, 0)
        high = np.inf if metric in ("log_loss", *CALIBRATION) else 1
        assert np.isnan(value) or low - 1e-12 <= value <= high + 1e-12, metric


def test_many_replicates_are_judged_in_chunks_alike(monkeypatch):
    label, probability, weights = overlapping()
    whole = scores(label, probability, weights, 0.5)
    monkeypatch.setattr(weighted_metrics, "_CELLS", 2 * len(label))
    for metric, values in scores(label, probability, weights, 0.5).items():
        assert values.shape == (7,)
        assert values == pytest.approx(whole[metric], rel=1e-9), metric


@pytest.mark.parametrize("only", [0, 1])
def test_what_needs_both_classes_is_nan_without_warning_when_one_is_gone(only, recwarn):
    weights = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]])
    found = scores([only, only, 1 - only, 1 - only], [0.2, 0.7, 0.4, 0.6], weights, 0.5)
    for metric in NEED_BOTH:
        assert np.isfinite(found[metric][0]), metric
        assert np.isnan(found[metric][1]), metric
    assert found["accuracy"][1] == 0.5
    assert np.isnan(found["recall"][1]) == (only == 0)
    assert np.isnan(found["average_precision"][1]) == (only == 0)
    assert all(np.isnan(values[2]) for values in found.values()), "no weight at all"
    assert not recwarn.list


def test_all_tied_probabilities_rank_by_chance_and_have_no_slope(recwarn):
    found = unweighted([0, 1, 1, 1], [0.5] * 4)
    assert found["auc_roc"] == 0.5
    assert found["average_precision"] == 0.75
    assert found["mcc"] == 0
    assert np.isnan(found["calibration_slope"])
    assert found["calibration_intercept"] == pytest.approx(np.log(3))
    assert not recwarn.list


@pytest.mark.parametrize("probability", [[0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1], [0.1, 0.5, 0.5, 0.9]])
def test_classes_that_do_not_overlap_have_no_slope_but_an_intercept(probability):
    found = unweighted([0, 0, 1, 1], probability)
    assert np.isnan(found["calibration_slope"])
    assert np.isfinite(found["calibration_intercept"])


def test_one_image_gives_what_can_be_said_of_it(recwarn):
    found = unweighted([1], [0.8])
    assert (found["accuracy"], found["recall"]) == (1, 1)
    assert found["brier"] == pytest.approx(0.04)
    assert np.isnan(found["auc_roc"])
    assert set(found) == set(METRICS)
    assert not recwarn.list


@pytest.mark.parametrize(
    ("weights", "more", "said"),
    [
        (np.ones(2), {}, r"weights must be \(at least 1, 2\), got \(2,\)"),
        (np.ones((1, 3)), {}, r"weights must be \(at least 1, 2\), got \(1, 3\)"),
        (np.ones((0, 2)), {}, r"weights must be \(at least 1, 2\), got \(0, 2\)"),
        ([[1, -1]], {}, "weights must be finite and at least 0, got -1 to 1"),
        ([[1, np.nan]], {}, "weights must be finite"),
        (np.ones((1, 2)), {"threshold": np.nan}, "threshold must be a number"),
        (np.ones((1, 2)), {"bins": 0}, "bins at least 1, got 0.5, 0"),
    ],
)
def test_what_cannot_be_weighted_is_refused(weights, more, said):
    with pytest.raises(MetricError, match=said):
        scores([0, 1], [0.2, 0.7], weights, **({"threshold": 0.5} | more))


def test_nothing_to_judge_is_refused():
    with pytest.raises(MetricError, match="must be alike, 1-D, not empty"):
        scores([], [], np.ones((1, 0)), 0.5)


@pytest.mark.parametrize("asked", [("recall",), ("specificity", "accuracy"), ("auc_roc", "mcc")])
def test_fewer_metrics_are_the_same_numbers(asked):
    generator = np.random.default_rng(5)
    label, probability = generator.integers(0, 2, 40), generator.random(40).round(1)
    weights = generator.integers(0, 3, (20, 40))
    whole, part = scores(label, probability, weights, 0.5), scores(label, probability, weights, 0.5, metrics=asked)
    assert list(part) == list(asked)
    for metric in asked:
        np.testing.assert_array_equal(part[metric], whole[metric])
