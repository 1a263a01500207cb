"""The recipe of a network is what the file of a study says, and only the phases that have epochs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.study import definition

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load
GIVEN = definition.load("kermany", PROJECT / "params").flat() | {
    "head_epochs": 2, "head_learning_rate": 0.25, "top_epochs": 3, "top_learning_rate": 0.125,
    "progressive_epochs": 5, "progressive_size": 80, "end_to_end_epochs": 7, "end_to_end_learning_rate": 0.5,
    "cnn_epochs": 11, "cnn_learning_rate": 0.75, "cycles": 2, "dropout": 0.3, "image_size": 112,
}  # fmt: skip


@pytest.fixture(scope="module")
def of_parameters():
    from pneumo_utils.networks.training_recipe import of_parameters

    return of_parameters


def phases(recipe):
    return [(phase.name, phase.epochs, phase.learning_rate, phase.size, phase.cycles) for phase in recipe.phases]


@pytest.mark.parametrize("model", ["vgg16", "resnet50"])
def test_a_backbone_is_trained_from_its_head_downwards(of_parameters, model):
    assert phases(of_parameters(GIVEN, model, None)) == [
        ("head", 2, 0.25, 0, 1),
        ("top", 3, 0.125, 0, 1),
        ("progressive", 5, 0.5, 80, 1),
        ("end_to_end", 7, 0.5, 0, 2),
    ]


def test_the_small_network_is_trained_as_a_whole_at_its_own_rate(of_parameters):
    assert phases(of_parameters(GIVEN, "cnn", None)) == [("end_to_end", 11, 0.75, 0, 1)]


def test_a_phase_without_epochs_is_none(of_parameters):
    recipe = of_parameters(GIVEN | {"head_epochs": 0, "progressive_epochs": 0}, "vgg16", None)
    assert [phase.name for phase in recipe.phases] == ["top", "end_to_end"]


def test_the_rate_of_a_training_end_to_end_is_known_where_there_is_none(of_parameters):
    assert of_parameters(GIVEN | {"end_to_end_epochs": 0}, "vgg16", None).end_to_end_learning_rate == 0.5
    assert of_parameters(GIVEN, "cnn", None).end_to_end_learning_rate == 0.75


def test_what_makes_no_recipe_changes_none_and_what_makes_one_is_taken_as_given(of_parameters):
    recipe = of_parameters(GIVEN, "vgg16", Path("weights.h5"))
    assert of_parameters(GIVEN | {"n_bootstrap": 7, "unheard_of": 1}, "vgg16", Path("weights.h5")) == recipe
    assert (recipe.model, recipe.weights, recipe.image_size, recipe.dropout) == ("vgg16", Path("weights.h5"), 112, 0.3)
    for part in (recipe.settings, recipe.augmentation):
        assert vars(part) == {name: GIVEN[name] for name in vars(part)}


@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_the_number_format_that_is_asked_for_is_taken(of_parameters, asked):
    assert of_parameters(GIVEN | {"precision": asked}, "cnn", None).precision == asked
