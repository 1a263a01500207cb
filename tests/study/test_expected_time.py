"""How long pages take is a plan that follows the parameters; what it is worth shows in every run."""

from __future__ import annotations

import pytest

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.study import definition, expected_time, steps


def expected(name: str, pictures: int = 5000, **training) -> dict[str, float]:
    """Seconds of every page of the study `name` with other training."""
    study = definition.load(name, PROJECT / "params")
    study = study.model_copy(update={"training": study.training.model_copy(update=training)})
    listed = steps.of_study(study.training.models, study.training.seeds, study.training.retrained_model)
    return expected_time.of_steps(listed, study, pictures)


@pytest.mark.parametrize("name", definition.names(PROJECT / "params"))
def test_every_page_of_every_study_takes_a_while_and_less_with_fewer_pictures(name):
    many, few = expected(name), expected(name, 500)
    assert set(many) == set(few) and all(many[page] >= few[page] > 0 for page in many)


@pytest.mark.parametrize(
    ("page", "training"),
    [
        ("03_finetune-vgg16", {"end_to_end_epochs": 10}),
        ("03_finetune-vgg16", {"progressive_epochs": 20}),
        ("03_finetune-vgg16", {"seeds": [0, 1]}),
        ("03_finetune-vgg16", {"test_views": 10}),
        ("03_finetune-vgg16", {"frozen_blocks": 0}),
        ("03_finetune-vgg16", {"head_epochs": 40, "cached_views": 8}),
        ("03_finetune-cnn", {"cnn_epochs": 24}),
        ("03_finetune-cnn", {"retrained_model": "cnn"}),
        ("05_gradcam", {"test_image_size": 224}),
        ("04_evaluation", {"seeds": [0, 1]}),
        ("06_robustness", {"seeds": [0, 1]}),
    ],
)
def test_what_makes_a_page_longer_is_planned_for(page, training):
    assert expected("kermany", **training)[page] > expected("kermany")[page]


def test_other_splits_run_the_frozen_trunk_anew_and_a_bundle_has_every_seed_of_an_ensemble():
    given = {"head_epochs": 8, "cached_views": 8}
    more = expected("kermany", retrained_model="vgg16", left_out_series=True, **given)["03_finetune-vgg16"]
    assert more > 4 * expected("kermany", **given)["03_finetune-vgg16"]
    night = expected("kermany-night", seeds=[0])["07_deployment"]
    assert expected("kermany-night", seeds=[0, 1, 2])["07_deployment"] > 2 * night


def test_the_stages_of_a_training_are_what_it_tells_of_and_most_of_its_time():
    study = definition.load("kermany", PROJECT / "params")
    for model, names in (("cnn", ["end to end"]), ("vgg16", ["smaller pictures first", "end to end"])):
        stages = expected_time.of_stages(model, study.training.seeds, study, 5000)
        assert list(stages) == [f"seed 0, {name}" for name in names]
        assert 0.5 < sum(stages.values()) / expected_time.of_training(model, study, 5000) < 1


def test_permuted_labels_take_longer_to_learn_where_maps_are_larger():
    took = []
    for size in (112, 224):
        study = definition.load("kermany", PROJECT / "params")
        study = study.model_copy(update={"training": study.training.model_copy(update={"test_image_size": size})})
        took.append(expected_time.of_training("vgg16", study, 5000, permuted=True))
    assert took[0] < took[1]
