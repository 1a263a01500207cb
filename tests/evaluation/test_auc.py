"""Any score has an area with an interval over patients, and none is surer than a perfect ranking."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from pneumo_utils.evaluation import delong, proportions
from pneumo_utils.evaluation.auc import auc_change_with_interval, auc_with_interval
from pneumo_utils.evaluation.weighted_metrics import MetricError


def test_a_score_counts_by_its_order_alone_and_gaps_are_left_out():
    rng = np.random.default_rng(0)
    label, score, patient = np.arange(40) % 2, rng.normal(size=40), np.arange(40)
    plain = auc_with_interval(label, score, patient)
    assert auc_with_interval(label, np.exp(5 * score) - 1e3, patient) == plain
    more = np.r_[label, 0, 1], np.r_[score, np.nan, np.nan], np.r_[patient, 98, 99]
    assert auc_with_interval(*more) == plain
    assert auc_with_interval(label, -score, patient)[0] == pytest.approx(1 - plain[0])


def test_no_ranking_is_surer_than_a_perfect_one():
    label, patient = np.repeat([0, 1], 20), np.arange(40)
    perfect = auc_with_interval(label, np.arange(40), patient)
    assert perfect == (1, proportions.clopper_pearson(1, 20)[0], 1)
    assert auc_with_interval(label, -np.arange(40), patient) == (0, 0, 1 - proportions.clopper_pearson(1, 20)[0])
    nearly = auc_with_interval(label, np.r_[np.arange(19), 20, 19, np.arange(21, 40)], patient)
    assert nearly[0] < 1 and nearly[1] <= perfect[1]
    pairs = auc_with_interval(label, np.arange(40), patient // 2)
    assert pairs[1] == proportions.clopper_pearson(1, 10)[0]


def test_what_cannot_be_judged_is_undefined():
    assert auc_with_interval([0, 1, 1], [2.0, 2.0, 2.0], list("abc"))[0] == 0.5
    assert np.isnan(auc_with_interval([0, 1, 1], [2.0, 2.0, 2.0], list("abc"))[1:]).all()
    assert np.isnan(auc_with_interval([1, 1], [2.0, 3.0], list("ab"))).all()
    assert np.isnan(auc_with_interval([0, 1], [np.nan, np.nan], list("ab"))).all()
    with pytest.raises(MetricError, match="level must be in"):
        auc_with_interval([0, 0, 1, 1], [1.0, 2.0, 3.0, 4.0], list("abcd"), level=1)


def test_pictures_of_one_patient_shown_twice_make_no_ranking_surer():
    label, patient = np.arange(60) % 2, np.arange(60)
    score = label + np.random.default_rng(0).normal(0, 1.5, 60)
    once = auc_with_interval(label, score, patient)
    twice = [np.tile(one, 2) for one in (label, score, patient)]
    assert auc_with_interval(*twice) == pytest.approx(once, abs=1e-12) and once[1] < once[0] < once[2]
    assert auc_with_interval(*twice[:2], np.arange(120))[1] > once[1] + 0.02, "strangers would be surer"


def two_models(generator: np.random.Generator, each: int, means: tuple[float, float], together: float):
    """Label, and what two models say of as many pictures of either class, whose errors go together."""
    label = np.repeat([0, 1], each)
    drawn = generator.multivariate_normal([0, 0], [[1, together], [together, 1]], 2 * each)
    return label, *(norm.cdf((drawn + label[:, None] * means) / 4).T)


def test_a_change_of_the_area_far_from_perfect_has_delongs_interval():
    case = two_models(np.random.default_rng(0), 200, (0.8, 1.2), 0.6)
    patient = np.arange(400)
    ours, delongs = auc_change_with_interval(*case, patient), delong.difference(*case, patient)
    assert ours[0] == delongs[0] and ours == pytest.approx(delongs, abs=1e-9)


def test_a_change_of_the_area_close_to_perfect_is_held_by_its_interval_where_delongs_is_too_narrow():
    generator, means = np.random.default_rng(1), np.sqrt(2) * norm.ppf([0.95, 0.98])
    held = np.zeros(2)
    for _ in range(200):
        case = two_models(generator, 20, means, 0.9)
        for place, method in enumerate((auc_change_with_interval, delong.difference)):
            _, lower, upper = method(*case, np.arange(40))
            held[place] += lower <= 0.95 - 0.98 <= upper
    assert held[0] >= 190 > 180 > held[1]


def test_a_change_between_equal_rankings_has_no_interval_and_one_from_a_constant_neither():
    label, patient, score = np.repeat([0, 1], 20), np.arange(40), np.linspace(0, 1, 40)
    change, *bounds = auc_change_with_interval(label, score, score**2, patient)
    assert change == 0 and np.isnan(bounds).all()
    change, *bounds = auc_change_with_interval(label, np.full(40, 0.5), score, patient)
    assert change == -0.5 and np.isnan(bounds).all()
    assert np.isnan(auc_change_with_interval(np.ones(40, int), score, score**2, patient)).all()
