"""Limits refuse no more than the share asked for, of many pictures held out and of few."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_utils.deployment.quality_control.rarity import Rarity, choose_limit


@pytest.mark.parametrize("m", [20, 45, 80, 690])
def test_of_new_pictures_no_more_than_the_share_asked_for_lies_beyond_the_limit(m):
    generator, refused = np.random.default_rng(m), []
    for _ in range(400):
        held_out = generator.normal(size=m)
        tail = Rarity.fit(held_out)
        refused.append(np.mean(tail.rate(generator.normal(size=400)) > choose_limit(tail.rate(held_out), 0.02)))
    assert 0.003 < np.mean(refused) < 0.022


def test_what_is_refused_in_any_case_leaves_less_for_the_others():
    rare = np.append(np.arange(98.0), [np.inf])  # one of two that may be refused is
    assert choose_limit(rare, 0.02) == 97.0
    assert choose_limit(np.arange(99.0), 0.02) == 97.0
    assert choose_limit(np.append(np.arange(97.0), [np.inf, np.inf]), 0.02) == 96.0


def test_a_value_and_its_rarity_are_turned_into_each_other():
    tail = Rarity.fit(np.arange(101.0))
    assert tail.rate(90.0) == pytest.approx(np.log(10))
    assert tail.value(float(tail.rate(97.0))) == pytest.approx(97.0)


def test_values_that_are_all_alike_have_a_tail_none_of_them_lies_beyond():
    tail = Rarity.fit(np.full(30, 4.0))
    assert tail.rate(4.0) <= choose_limit(tail.rate(np.full(30, 4.0)), 0.02) < tail.rate(4.1)
