"""F1, the Matthews correlation and balanced accuracy are as unsure as the two rates they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from support.answers import bounds, several_images_each, unweighted

from pneumo_utils.evaluation import intervals, metrics_of_rates

CALLED = np.array([0.1] * 31 + [0.1] * 6 + [0.9] * 52)  # of 31 well children none is called ill, of 58 ill ones 52
LABEL = np.array([0] * 31 + [1] * 58)


def judge(said):
    (drawn,) = intervals.bootstrap(several_images_each(LABEL, said, copies=1), 0.5, 500)
    return drawn, intervals.table([drawn])


def percentiles(drawn, metric):
    return intervals.percentile(drawn.values[metric][1:])


@pytest.mark.parametrize("metric", ["f1", "mcc"])
def test_draws_that_never_call_a_well_child_ill_do_not_make_a_metric_surer_than_the_specificity(metric):
    drawn, found = judge(CALLED)
    spared, lower = bounds(found, "specificity")[0], bounds(found, metric)[0]
    alarmed = np.where(np.arange(len(CALLED)) < round(31 * (1 - spared)), 0.9, CALLED)  # as many as may be, of the well
    assert spared < 0.9 and lower < unweighted(LABEL, alarmed)[metric] < drawn.values[metric][0]
    assert lower < percentiles(drawn, metric)[0]


@pytest.mark.parametrize("metric", ["f1", "mcc"])
def test_where_both_rates_have_errors_the_draws_show_how_unsure_a_metric_is(metric):
    drawn, found = judge(np.where(np.arange(len(CALLED)) < 2, 0.9, CALLED))
    assert bounds(found, metric) == percentiles(drawn, metric)


def test_rates_that_move_nothing_leave_the_bounds_as_they_are():
    values = {"accuracy": 0.9, "recall": 1.0, "specificity": 0.8, "balanced_accuracy": 0.9, "f1": 0.91, "mcc": 0.82}
    still = {metric: (value, value) for metric, value in values.items()} | {"f1": (0.8, 0.95), "mcc": (0.7, 0.9)}
    assert metrics_of_rates.widen(still, values) == still
    assert metrics_of_rates.widen({"f1": (0.8, 0.9)}, {"f1": 0.85}) == {"f1": (0.8, 0.9)}
