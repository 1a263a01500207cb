"""The ensemble is the mean of its members' probabilities, picture by picture."""

from __future__ import annotations

import pandas as pd
import pytest

from pneumo_utils.records import ensemble_predictions

PICTURES = pd.DataFrame({"path": ["a", "b"], "label": [0, 1]})


def answers(**said):
    parts = [
        PICTURES.assign(model=name.split("_")[0], seed=int(name.split("_")[1]), probability=values)
        for name, values in said.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_it_is_the_mean_over_members_and_their_seeds_under_the_seed_it_is_given():
    given = answers(cnn_3=[0.2, 0.4], vgg16_3=[0.4, 0.6], vgg16_4=[0.6, 0.8], resnet50_3=[1.0, 1.0])
    found = ensemble_predictions.add_ensemble(given, ["cnn", "vgg16"], 3)
    pd.testing.assert_frame_equal(found.head(len(given)), given)
    added = found.tail(2)
    assert added["probability"].tolist() == pytest.approx([0.4, 0.6])
    assert set(added["model"]) == {"ensemble"} and set(added["seed"]) == {3}
    assert added[["path", "label"]].reset_index(drop=True).equals(PICTURES)


def test_without_members_nothing_is_added():
    given = answers(cnn_0=[0.2, 0.4])
    assert ensemble_predictions.add_ensemble(given, [], 0) is given


def test_a_member_that_was_not_trained_is_named():
    with pytest.raises(ValueError, match="ensemble must be of networks that were trained, got resnet50"):
        ensemble_predictions.add_ensemble(answers(cnn_0=[0.2, 0.4]), ["cnn", "resnet50"], 0)


def test_a_picture_that_one_network_lacks_is_named():
    given = answers(cnn_0=[0.2, 0.4], vgg16_0=[0.4, 0.6]).iloc[:-1]
    with pytest.raises(ValueError, match="judged the same pictures, got b otherwise"):
        ensemble_predictions.add_ensemble(given, ["cnn", "vgg16"], 0)


def test_pictures_that_not_all_have_judged_are_listed():
    given = answers(cnn_0=[0.2, 0.4], vgg16_0=[0.4, 0.6])
    assert (
        ensemble_predictions.incomplete_paths(given, ["cnn", "vgg16"])
        == []
        == ensemble_predictions.incomplete_paths(given.iloc[:-1], ["cnn"])
    )
    assert ensemble_predictions.incomplete_paths(given.iloc[:-1], ["cnn", "vgg16"]) == ["b"]
