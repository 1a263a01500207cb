"""Votes of the networks: counted as by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from support.examples import example

from pneumo_utils.evaluation import agreement
from pneumo_utils.evaluation.weighted_metrics import MetricError
from pneumo_utils.records import tables

POINTS = {("cnn", 0): 0.5, ("vgg16", 0): 0.2, ("resnet50", 0): 0.9}
SCORES = {"cnn": [0.6, 0.4, 0.5, 0.1], "vgg16": [0.3, 0.1, 0.2, 0.9], "resnet50": [0.95, 0.1, 0.8, 0.2]}


def predictions():
    cases = {"path": list("abcd"), "patient": list("wxyz"), "label": [1, 0, 1, 0], "split": "validation", "seed": 0}
    return pd.concat(
        [example("predictions", 4, model=model).assign(**cases, probability=p) for model, p in SCORES.items()]
    )


def test_votes_count_who_calls_it_pneumonia_at_its_own_operating_point():
    found = agreement.count_votes(predictions(), POINTS)
    assert found[["path", "votes", "networks"]].values.tolist() == [["a", 3, 3], ["b", 0, 3], ["c", 2, 3], ["d", 1, 3]]
    assert agreement.count_votes(predictions(), 0.5)["votes"].tolist() == [2, 0, 2, 1]


def test_each_split_and_seed_votes_for_itself():
    both = pd.concat([predictions(), predictions().assign(split="test"), predictions().assign(seed=1)])
    found = agreement.count_votes(both, POINTS | {(model, 1): 0 for model in SCORES})
    assert found.groupby(["split", "seed"])["votes"].sum().to_dict() == {
        ("test", 0): 6,
        ("validation", 0): 6,
        ("validation", 1): 12,
    }


def test_the_more_votes_are_needed_the_fewer_are_called():
    found = tables.check("predictions", agreement.decide_by_votes(agreement.count_votes(predictions(), POINTS)))
    called = found.groupby("model", sort=False)["probability"].agg(list)
    assert called.to_dict() == {"1 of 3": [1, 0, 1, 1], "2 of 3": [1, 0, 1, 0], "3 of 3": [1, 0, 0, 0]}


def test_one_network_alone_votes_as_it_decides():
    alone = predictions().query("model == 'cnn'")
    found = agreement.decide_by_votes(agreement.count_votes(alone, POINTS))
    assert set(found["model"]) == {"1 of 1"} and found["probability"].tolist() == [1, 0, 1, 0]


def test_a_network_that_lacks_a_radiograph_has_no_vote_to_give():
    with pytest.raises(MetricError, match="every radiograph once a model and seed, got a otherwise"):
        agreement.count_votes(predictions()[1:], POINTS)
    with pytest.raises(MetricError, match="threshold must name every model"):
        agreement.count_votes(predictions(), {"cnn": 0.5})
