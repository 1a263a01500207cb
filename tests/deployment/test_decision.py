"""Decisions of a bundle are those of the evaluation rooms."""

import numpy as np
import pytest

from pneumo_utils.deployment.decision import CLIP, Decision
from pneumo_utils.evaluation import calibration, metrics, referral
from pneumo_utils.evaluation.log_odds import LOGIT_CLIP

PROBABILITIES = [0.0, 1e-9, 0.02, 0.3, 0.4999, 0.5, 0.50001, 0.9, 1 - 1e-9, 1.0]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("band", [0.0, 0.7, np.inf])
def test_decision_band_and_calibration_are_those_of_the_evaluation(threshold, band):
    one, platt, given = Decision(threshold, band, 1.7, -0.4), calibration.Platt(1.7, -0.4), np.array(PROBABILITIES)
    called = [one.decide(p) == "pneumonia" for p in PROBABILITIES]
    assert called == (metrics.decide(given, threshold) == 1).tolist()
    unsure = [one.unsure(p) for p in PROBABILITIES]
    assert unsure == (referral.logit_distance(given, threshold) < band).tolist()
    np.testing.assert_allclose([one.calibrate(p) for p in PROBABILITIES], platt.apply(given), rtol=1e-12)


def test_probabilities_are_kept_as_far_from_0_and_1_as_in_the_evaluation():
    assert CLIP == LOGIT_CLIP


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.97])
@pytest.mark.parametrize("band", [0.1, 0.7, 3.0])
def test_inside_the_referral_range_every_probability_is_unsure_and_outside_none(threshold, band):
    one = Decision(threshold, band, 1.0, 0.0)
    low, high = one.referral_range()
    assert low < threshold < high
    assert [one.unsure(p) for p in (low - 1e-4, low + 1e-4, high - 1e-4, high + 1e-4)] == [False, True, True, False]


def test_a_band_without_end_reaches_from_0_to_1():
    assert Decision(0.3, np.inf, 1.0, 0.0).referral_range() == (0.0, 1.0)
