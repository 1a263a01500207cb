"""Right and wrong decisions, and which of them are shown."""

from __future__ import annotations

import pandas as pd
import pytest
from support.examples import example

from pneumo_utils.evaluation import outcomes


def labelled(label, probability):
    frame = example("predictions", len(label)).assign(label=label, probability=probability)
    return outcomes.label(frame.assign(patient=[f"p{row}" for row in range(len(label))]), 0.5)


def many(sick=20, normal=20):
    """All decisions right, one wrong each at the end."""
    return labelled([1] * sick + [0] * normal + [1, 0], [0.9] * sick + [0.1] * normal + [0.1, 0.9])


def test_all_four_outcomes_are_named():
    got = labelled([1, 0, 1, 0, 1], [0.9, 0.1, 0.2, 0.8, 0.5])
    assert got["outcome"].tolist() == [
        "true positive",
        "true negative",
        "false negative",
        "false positive",
        "true positive",
    ]
    assert got["right"].tolist() == [True, True, False, False, True]


def test_rows_keep_their_order_whatever_their_index():
    frame = example("predictions", 2).assign(label=[1, 0], probability=[0.9, 0.9]).set_index(pd.Index([7, 3]))
    got = outcomes.label(frame, 0.5)
    assert got.index.tolist() == [7, 3]
    assert got["right"].tolist() == [True, False]


def test_the_threshold_of_each_network_stands_beside_its_decisions():
    frame = example("predictions", 2).assign(model=["cnn", "vgg16"], probability=0.5)
    got = outcomes.label(frame, {"cnn": 0.4, "vgg16": 0.6})
    assert got["threshold"].tolist() == [0.4, 0.6] and got["called"].tolist() == [1, 0]


@pytest.mark.parametrize("outcome", ["true positive", "true negative"])
def test_right_cases_are_drawn_by_the_seed(outcome):
    def drawn(seed):
        return outcomes.of_outcome(many(), outcome, 6, seed)

    assert drawn(1)["patient"].tolist() == drawn(1)["patient"].tolist() != drawn(2)["patient"].tolist()
    assert drawn(1)["patient"].nunique() == 6 and (drawn(1)["outcome"] == outcome).all()


def test_fewer_cases_than_wanted_are_all_shown_and_none_is_no_fault():
    assert len(outcomes.of_outcome(many(2, 1), "true positive", 6, seed=0)) == 2
    assert outcomes.of_outcome(labelled([1, 0], [0.9, 0.1]), "false positive", 6, seed=0).empty


def test_wrong_cases_of_an_outcome_are_the_surest_first():
    got = outcomes.of_outcome(labelled([0, 0, 0, 1], [0.6, 0.99, 0.8, 0.1]), "false positive", 2, seed=0)
    assert got["probability"].tolist() == [0.99, 0.8]


def test_rows_of_a_network_come_in_the_order_that_is_asked_for():
    frame = example("predictions", 3).assign(path=list("abc"), probability=[0.1, 0.2, 0.3])
    both = outcomes.label(pd.concat([frame, frame.assign(model="vgg16", probability=0.9)]), 0.5)
    got = outcomes.of_model(both, frame["model"].iloc[0], pd.Series(["c", "a"]))
    assert got["path"].tolist() == ["c", "a"] and got["probability"].tolist() == [0.3, 0.1]


def test_wrong_cases_are_wrong_and_the_surest_first():
    got = labelled([1, 0, 1, 0, 1, 0], [0.45, 0.99, 0.05, 0.6, 0.9, 0.1])
    assert outcomes.wrong_cases(got, 3)["probability"].tolist() == [0.99, 0.05, 0.6]
    assert len(outcomes.wrong_cases(got, 9)) == 4
    assert outcomes.wrong_cases(labelled([1, 0], [0.9, 0.1]), 3).empty


def test_the_worst_of_each_kind_are_told_model_by_model_missed_pneumonias_first():
    one = labelled([1, 1, 1, 0, 0, 1], [0.4, 0.1, 0.2, 0.6, 0.9, 0.8])
    got = outcomes.worst_of_each_kind(pd.concat([one, one.assign(model="vgg16")]), 2)
    assert got["probability"].tolist() == [0.1, 0.2, 0.9, 0.6] * 2
    assert got["model"].tolist() == [one["model"].iloc[0]] * 4 + ["vgg16"] * 4
    assert outcomes.worst_of_each_kind(labelled([1, 0], [0.9, 0.1]), 2).empty


def test_captions_say_outcome_probability_threshold_patient_and_file():
    got = labelled([1, 0, 0], [0.876, 0.7, 0.1]).assign(path=["test/PNEUMONIA/a.jpeg", "b.jpeg", "test/NORMAL/c.jpeg"])
    got["patient"] = got["patient"].where(got.index < 2, got["path"])
    assert outcomes.captions(got) == [
        "true positive\np = 0.88, called from 0.50\np0\na.jpeg",
        "false positive\np = 0.70, called from 0.50\np1\nb.jpeg",
        "true negative\np = 0.10, called from 0.50\npatient not known\nc.jpeg",
    ]
