"""Rows like those of the training set lie at about 1; strange ones, inside its space or outside it, lie farther."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_utils.deployment.quality_control.principal_distance import PrincipalDistance


def rows(seed, count=400, wide=120):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, 10)) @ np.eye(10, wide) * 3 + generator.normal(size=(count, wide)) * 0.1 + 5


def test_new_rows_lie_as_far_as_those_learned_from_and_strange_ones_farther():
    known = PrincipalDistance.fit(rows(0))
    usual = known.measure(rows(1))
    assert usual.mean() == pytest.approx(known.measure(rows(0)).mean(), rel=0.1)
    inside, outside = rows(2), rows(2)
    inside[:, 0] += 60
    outside[:, 100] += 60
    assert known.measure(inside).min() > usual.max() and known.measure(outside).min() > usual.max()


def test_features_that_never_vary_do_no_harm_but_count_when_they_do():
    still = np.column_stack([rows(0), np.zeros((400, 5))])
    known = PrincipalDistance.fit(still)
    odd = still[:1].copy()
    odd[0, -1] = 30
    assert np.isfinite(known.measure(still)).all() and known.measure(odd) > known.measure(still).max()


@pytest.mark.parametrize("shape", [(2, 3), (20, 2048), (50, 1)])
def test_any_number_of_rows_and_columns_will_do(shape):
    known = PrincipalDistance.fit(np.random.default_rng(0).normal(size=shape))
    assert np.isfinite(known.measure(np.ones((4, shape[1])))).all()
    again = PrincipalDistance.of(known.arrays("x"), "x")
    assert (again.measure(np.ones((4, shape[1]))) == known.measure(np.ones((4, shape[1])))).all()
