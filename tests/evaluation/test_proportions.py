"""Intervals of shares: scipy's where cases are independent, wider where several are of one source."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from pneumo_utils.evaluation import proportions


@pytest.mark.parametrize(("count", "n"), [(0, 14), (3, 14), (14, 14), (1, 1), (7, 200)])
def test_with_one_case_a_source_the_interval_is_that_of_scipy(count, n):
    hits = np.arange(n) < count
    found = proportions.clustered_interval(hits, np.arange(n), 0.9)
    assert found == pytest.approx(tuple(binomtest(count, n).proportion_ci(0.9, method="exact")))
    assert found == pytest.approx(proportions.clopper_pearson(count / n, n, 0.9))


def test_cases_that_are_copies_of_each_other_count_once():
    hits, source = np.arange(40) < 8, np.arange(40)
    once = proportions.clustered_interval(hits, source)
    often = proportions.clustered_interval(hits.repeat(10), source.repeat(10))
    assert often == pytest.approx(once, abs=0.015) and often[0] < once[0] and often[1] > once[1]


def test_the_effective_size_is_that_of_korn_and_graubard():
    hits = np.concatenate([np.arange(10) < count for count in (10, 10, 10, 2)])
    # 40 * (2.0227 / 3.1824)**2, Student's quantiles of 39 and 3, * 6.5641 / 64, variances of one and ten a source
    wanted = proportions.clopper_pearson(0.8, 1.6573)
    assert proportions.clustered_interval(hits, np.arange(40) // 10) == pytest.approx(wanted, abs=1e-4)


def test_sources_with_one_of_each_make_nothing_surer_than_independent_cases_do():
    hits = np.array([True, False] * 19 + [True, True])  # two cases of each of 20 sources
    wanted = proportions.clopper_pearson(hits.mean(), 40)
    assert proportions.clustered_interval(hits, np.arange(40) // 2) == pytest.approx(wanted)


def test_a_share_of_0_or_1_is_as_sure_as_its_sources_are_many():
    refused = np.ones(100, bool)
    assert proportions.clustered_interval(refused, np.arange(100) % 4) == pytest.approx((0.025**0.25, 1))
    assert proportions.clustered_interval(~refused, np.arange(100) % 4) == pytest.approx((0, 1 - 0.025**0.25))


def test_of_nothing_and_of_one_source_that_is_divided_there_is_no_interval():
    assert np.isnan(proportions.clustered_interval(np.array([], bool), np.array([]))).all()
    assert np.isnan(proportions.clustered_interval(np.array([True, False]), np.array(["a", "a"]))).all()


def test_where_sources_differ_the_interval_still_covers_the_share():
    generator, covered = np.random.default_rng(0), 0
    for _ in range(400):
        often = generator.beta(1.5, 1.5, 30)  # of each source, 0.5 on average
        hits = generator.random((30, 8)) < often[:, None]
        lower, upper = proportions.clustered_interval(hits.ravel(), np.arange(30).repeat(8))
        covered += lower <= 0.5 <= upper
    assert covered / 400 >= 0.93


def test_bounds_are_as_wide_as_those_of_so_many_cases_as_vary_as_much_and_of_a_perfect_result():
    drawn = np.array([0.5, 0.7] * 100)  # variance 0.01, as of 5 patients 0.0125, as of 0.24 / 0.0125 cases
    assert proportions.widen((0.59, 0.61), 0.6, drawn, 5) == pytest.approx(proportions.wilson(0.6, 19.2))
    assert proportions.widen((0.89, 0.91), 0.9, 0.84 + drawn / 10, 9)[0] == pytest.approx(0.025 ** (1 / 9))


def test_a_difference_of_shares_has_the_bounds_that_newcombe_gives():
    # 56 of 70 less 48 of 80, Statistics in Medicine 17 (1998), 873-890, method 10
    ends = (share for count, n in ((56, 70), (48, 80)) for share in (count / n, proportions.wilson(count / n, n)))
    assert proportions.difference(*ends) == pytest.approx((0.0524, 0.3339), abs=1e-4)
