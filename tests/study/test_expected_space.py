"""What a study is expected to take lies near what studies took."""

from pathlib import Path

import pytest

from pneumo_utils.study import definition, expected_space

PARAMS = Path(__file__).parents[2] / "params"


@pytest.mark.parametrize(
    ("name", "pictures", "disk", "memory"), [("demo", 537, 0.185e9, 5e9), ("kermany", 5232, 0.55e9, 4.4e9)]
)
def test_it_is_near_what_was_measured(name, pictures, disk, memory):
    found = expected_space.of_study(definition.load(name, PARAMS), pictures)
    assert disk < found.disk < 4 * disk, "the state of a training comes on top of what is left at the end"
    assert memory / 2.5 < found.memory < 2.5 * memory


def test_views_on_a_frozen_trunk_take_most():
    cached = definition.load("candidates/wide-cached", PARAMS)
    one = expected_space.of_study(cached, 1000).disk
    assert expected_space.of_study(cached, 6000).disk > 3 * one
