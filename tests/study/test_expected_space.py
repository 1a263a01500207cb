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
    assert disk < found.disk < 6 * disk, "the state of a training comes on top of what is left at the end"
    assert memory / 2.5 < found.memory < 2.5 * memory


def test_every_network_that_is_kept_or_packed_takes_room():
    def disk(**training) -> float:
        study = definition.load("kermany", PARAMS)
        return expected_space.of_study(
            study.model_copy(update={"training": study.training.model_copy(update=training)}), 1000
        ).disk

    plain, cached = disk(), {"head_epochs": 8, "cached_views": 8}
    assert disk(retrained_model="vgg16", left_out_series=True) > plain + 5 * 14.7e6 * 4
    both, one = disk(models=["vgg16", "resnet50"], **cached), disk(models=["vgg16"], **cached)
    assert both - one > 1000 * 8 * 49 * 1024 * 2, "activations of one network stay while those of the next are made"


def test_views_on_a_frozen_trunk_take_most():
    cached = definition.load("candidates/wide-cached", PARAMS)
    one = expected_space.of_study(cached, 1000).disk
    assert expected_space.of_study(cached, 6000).disk > 3 * one
