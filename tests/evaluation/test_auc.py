"""Any score has an area with an interval over patients, and none is surer than a perfect ranking."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_utils.evaluation import intervals
from pneumo_utils.evaluation.auc import auc_with_interval
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
    assert perfect == (1, intervals.clopper_pearson(1, 20)[0], 1)
    assert auc_with_interval(label, -np.arange(40), patient) == (0, 0, 1 - intervals.clopper_pearson(1, 20)[0])
    nearly = auc_with_interval(label, np.r_[np.arange(19), 20, 19, np.arange(21, 40)], patient)
    assert nearly[0] < 1 and nearly[1] <= perfect[1]
    pairs = auc_with_interval(label, np.arange(40), patient // 2)
    assert pairs[1] == intervals.clopper_pearson(1, 10)[0]


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
