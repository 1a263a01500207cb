"""What a clinic's bundle decides follows from validation alone, and the gate from a sample of training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.answers import predictions_by_split
from support.examples import example

from pneumo_utils.deployment import bundle_writing
from pneumo_utils.evaluation import calibration, operating_points, referral


def test_what_follows_from_a_probability_is_chosen_on_validation_of_the_bundled_network_alone():
    said = predictions_by_split()
    validation = said[said["split"] == "validation"]
    points = operating_points.table(validation, 0.9)
    found = bundle_writing.freeze_decision(said, points, "second", 0, "youden", 0.2)
    own = validation[validation["model"] == "second"]
    label, probability = own["label"].to_numpy(), own["probability"].to_numpy()
    cut, platt = operating_points.choose(label, probability, "youden"), calibration.Platt.fit(label, probability)
    fitted = {"slope": platt.slope, "intercept": platt.intercept}
    band = referral.choose_band(label, probability, cut, 0.2)
    assert found == {"rule": "youden", "threshold": cut, "band": band, **fitted}
    turned = said.assign(label=np.where(said["split"] == "test", 1 - said["label"], said["label"]))
    strange = said.assign(seed=1, probability=1 - said["probability"])
    assert bundle_writing.freeze_decision(pd.concat([turned, strange]), points, "second", 0, "youden", 0.2) == found, (
        "neither the test part nor another seed is looked at"
    )


def test_a_network_that_is_wrong_where_it_is_surest_leaves_everybody_to_a_human():
    own = {"path": list("abcdef"), "patient": list("abcdef"), "label": [0, 1] * 3}
    own["probability"] = [0.99, 0.01, 0.3, 0.8, 0.2, 0.7]
    rows = example("predictions", 6, model="cnn", seed=0, split="validation").assign(**own)
    points = operating_points.table(rows, 0.9, ("half",))
    assert bundle_writing.freeze_decision(rows, points, "cnn", 0, "half", 0.0)["band"] is None


def test_an_ensemble_is_all_members_from_all_seeds_and_one_network_that_of_the_first_seed():
    assert bundle_writing.choose_networks("vgg16", ["cnn", "vgg16"], [3, 1]) == [("vgg16", 3)]
    assert bundle_writing.choose_networks("ensemble", ["cnn", "vgg16"], [3, 1]) == [
        ("cnn", 3), ("cnn", 1), ("vgg16", 3), ("vgg16", 1)
    ]  # fmt: skip


def test_the_gate_learns_from_a_sample_of_train_and_few_of_validation_are_filled_up_from_train():
    split = np.array(["train"] * 1600 + ["validation"] * 5 + ["test"] * 30)
    parts = example("splits", len(split)).assign(split=split)
    train, few, test = (bundle_writing.choose_rows(parts, name, 0) for name in ("train", "validation", "test"))
    assert len(set(train)) == len(train) == 1500 and set(split[train]) == {"train"}
    assert len(few) == bundle_writing.FEWEST and set(np.flatnonzero(split == "validation")) < set(few)
    assert set(split[few]) == {"train", "validation"} and test.tolist() == list(range(1605, 1635))


@pytest.mark.parametrize(("kind", "drawn", "ages"), [
    ("kermany", False, (1, 5)), ("drawn", True, (None, None)), ("other", False, (None, None)),
])  # fmt: skip
def test_only_the_published_set_has_ages_and_only_drawn_pictures_are_called_drawn(kind, drawn, ages):
    told = bundle_writing.describe_population(kind)
    assert told["drawn"] is drawn and (told["least_age"], told["largest_age"]) == ages
    assert told["notice"] == (bundle_writing.DRAWN + bundle_writing.NOTICE if drawn else bundle_writing.NOTICE)
