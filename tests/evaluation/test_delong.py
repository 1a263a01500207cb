"""DeLong against R's pROC, against counting all pairs, and where it has nothing to say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from support.answers import ANSWERS, JUDGED, quick, unweighted, weighted_images

from pneumo_utils.evaluation import delong, intervals, weighted_metrics
from pneumo_utils.evaluation.weighted_metrics import MetricError

LABEL, FIRST, SECOND = (JUDGED[name].to_numpy() for name in ("label", "first", "second"))


def test_proc_gives_the_same_areas_variances_and_covariance():
    areas, matrix = delong.covariance(LABEL, np.stack([FIRST, SECOND]))
    assert areas == pytest.approx([ANSWERS["first_auc"], ANSWERS["second_auc"]], abs=1e-12)
    assert np.diag(matrix) == pytest.approx(
        [ANSWERS["first_delong_variance"], ANSWERS["second_delong_variance"]], abs=1e-14
    )
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(ANSWERS["delong_covariance"], abs=1e-14)


def test_proc_gives_the_same_interval():
    area, lower, upper = delong.interval(LABEL, FIRST)
    expected = [ANSWERS["first_auc"], ANSWERS["first_delong_lower"], ANSWERS["first_delong_upper"]]
    assert [area, lower, upper] == pytest.approx(expected, abs=1e-12)


def test_proc_gives_the_same_paired_test():
    assert delong.compare(LABEL, FIRST, SECOND) == pytest.approx((ANSWERS["delong_z"], ANSWERS["delong_p"]), abs=1e-10)


def test_the_test_turns_its_sign_with_the_models():
    (z, p), (back, same) = delong.compare(LABEL, FIRST, SECOND), delong.compare(LABEL, SECOND, FIRST)
    assert (back, same) == pytest.approx((-z, p))
    gap, lower, upper = delong.difference(LABEL, FIRST, SECOND)
    assert delong.difference(LABEL, SECOND, FIRST) == pytest.approx((-gap, -upper, -lower))


def test_the_interval_of_a_difference_ends_at_0_at_the_level_that_p_names():
    gap, lower, _ = delong.difference(LABEL, FIRST, SECOND, level=1 - delong.compare(LABEL, FIRST, SECOND)[1])
    assert gap > 0
    assert lower == pytest.approx(0, abs=1e-12)


def test_the_correlation_of_two_areas_is_that_of_their_covariance():
    areas = ANSWERS["first_delong_variance"] * ANSWERS["second_delong_variance"]
    assert delong.correlation(LABEL, FIRST, SECOND) == pytest.approx(ANSWERS["delong_covariance"] / areas**0.5)
    assert delong.correlation(LABEL, FIRST, FIRST) == pytest.approx(1)
    assert np.isnan(delong.correlation(LABEL, FIRST, np.full(len(LABEL), 0.5)))
    assert np.isnan(delong.correlation(np.ones_like(LABEL), FIRST, SECOND))


@quick
@given(weighted_images())
def test_midranks_give_what_counting_all_pairs_gives(case):
    label, probability, _ = case
    ill, well = probability[label == 1], probability[label == 0]
    area, lower, upper = delong.interval(label, probability)
    if min(len(ill), len(well)) < 2:
        assert np.isnan([lower, upper]).all()
        return
    won = (ill[:, None] > well) + (ill[:, None] == well) / 2
    spread = won.mean(axis=1).var(ddof=1) / len(ill) + won.mean(axis=0).var(ddof=1) / len(well)
    assert area == pytest.approx(won.mean()) == pytest.approx(unweighted(label, probability)["auc_roc"])
    assert delong.covariance(label, probability[None])[1][0, 0] == pytest.approx(spread, abs=1e-14)
    assert 0 <= lower <= area + 1e-12
    assert area - 1e-12 <= upper <= 1


@quick
@given(weighted_images())
def test_a_model_and_its_strictly_increasing_map_do_not_differ(case):
    label, probability, _ = case
    found = delong.compare(label, probability, probability**2 / 2 + probability / 2)
    assert found == (0, 1) or (np.isnan(found).all() and min(np.bincount(label, minlength=2)) < 2)


@pytest.mark.parametrize("only", [0, 1])
def test_a_single_class_has_neither_area_nor_test(only, recwarn):
    assert np.isnan(delong.interval([only] * 3, [0.1, 0.2, 0.3])).all()
    assert np.isnan(delong.compare([only] * 3, [0.1, 0.2, 0.3], [0.3, 0.1, 0.2])).all()
    assert not recwarn.list


def test_one_image_of_a_class_has_an_area_without_interval(recwarn):
    area, lower, upper = delong.interval([1, 0, 0], [0.5, 0.1, 0.8])
    assert area == 0.5
    assert np.isnan([lower, upper]).all()
    assert not recwarn.list


def test_all_tied_is_chance_without_spread():
    assert delong.interval([0, 0, 1, 1], [0.5] * 4) == (0.5, 0.5, 0.5)


def test_areas_that_differ_without_variance_have_no_test(recwarn):
    assert np.isnan(delong.compare([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.9, 0.8, 0.2, 0.1])).all()
    assert not recwarn.list


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: delong.interval([], []), "not empty"),
        (lambda: delong.interval([0, 1], [0.2, 1.3]), r"probability must be in \[0, 1\]"),
        (lambda: delong.interval([0, 1], [0.2, 0.3], level=95), r"level must be in \(0, 1\), got 95"),
        (lambda: delong.compare([0, 1], [0.2, 0.3], [0.2]), r"must be alike, got \(2,\), \(1,\)"),
        (lambda: delong.covariance([0, 1], [0.2, 0.3]), r"probabilities must be \(at least 1, n\), got \(2,\)"),
    ],
)
def test_what_cannot_be_judged_is_refused(call, said):
    with pytest.raises(MetricError, match=said):
        call()


def alike(seed, mixed, patients=150):
    """Labels, probabilities and patients: one to four images each, alike within a patient; both labels if `mixed`."""
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 5, patients)
    patient = np.repeat(np.arange(patients), images)
    label = rng.integers(0, 2, len(patient)) if mixed else patient % 2
    score = label + rng.normal(0, 1, patients)[patient] + rng.normal(0, 0.2, len(patient))
    return label, 1 / (1 + np.exp(-score)), patient


def test_with_one_image_a_patient_the_clustered_interval_is_delongs():
    patients = [f"child {k}" for k in range(len(LABEL))]
    assert delong.clustered_interval(LABEL, FIRST, patients) == pytest.approx(delong.interval(LABEL, FIRST), abs=1e-12)


def test_images_shown_twice_under_one_patient_narrow_the_clustered_interval_by_nothing():
    patients = np.arange(len(LABEL))
    twice = delong.clustered_interval(np.tile(LABEL, 2), np.tile(FIRST, 2), np.tile(patients, 2))
    assert twice == pytest.approx(delong.clustered_interval(LABEL, FIRST, patients), abs=1e-12)
    low, high = delong.interval(np.tile(LABEL, 2), np.tile(FIRST, 2))[1:]
    assert high - low < twice[2] - twice[1]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("mixed", [False, True])
def test_the_clustered_interval_is_that_of_leaving_out_and_of_drawing_patients(seed, mixed):
    label, probability, patient = alike(seed, mixed)
    area, lower, upper = delong.clustered_interval(label, probability, patient)
    assert area == delong.interval(label, probability)[0]
    ill, well, spread = label == 1, label == 0, (upper - lower) / 2 / 1.959964
    won = np.sign(probability[ill][:, None] - probability[well]) / 2 + 1 / 2
    left_out = [won[patient[ill] != one][:, patient[well] != one].mean() for one in range(150)]
    jackknife = np.sqrt(149 * np.var(left_out))  # no draws: the two differ by terms of 1 / patients alone
    assert (lower, upper) == pytest.approx((area - 1.959964 * jackknife, area + 1.959964 * jackknife), abs=1e-3)
    drawn = intervals.resample_patients(patient, 1000, seed)
    areas = weighted_metrics.scores(label, probability, drawn, 0.5)["auc_roc"]
    assert areas.std() == pytest.approx(spread, rel=0.1)  # of a thousand draws sure to 2%


def test_a_clustered_interval_is_undefined_without_two_patients_of_each_class():
    assert np.isnan(delong.clustered_interval([1, 1], [0.2, 0.3], ["a", "b"])).all()
    area, *bounds = delong.clustered_interval([0, 1, 1], [0.1, 0.3, 0.05], ["a", "b", "b"])
    assert area == 0.5 and np.isnan(bounds).all()
    with pytest.raises(MetricError, match=r"patient must be as long as label, got \(1,\), \(2,\)"):
        delong.clustered_interval([0, 1], [0.1, 0.3], ["a"])
