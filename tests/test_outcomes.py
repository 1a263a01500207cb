"""Right and wrong decisions, and which of them are shown."""

from __future__ import annotations

import pandas as pd
import pytest
from test_tables import example

from pneumo_utils import outcomes


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


@pytest.mark.parametrize("count", [1, 4, 5])
def test_right_cases_are_right_balanced_and_pneumonia_first(count):
    cases = outcomes.right_cases(many(), count, seed=0)
    sick = count - count // 2
    assert cases["right"].all()
    assert cases["label"].tolist() == [1] * sick + [0] * (count - sick)


def test_right_cases_are_drawn_by_the_seed():
    def drawn(seed):
        return outcomes.right_cases(many(), 6, seed)["patient"].tolist()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert len(set(drawn(1))) == 6


@pytest.mark.parametrize(("sick", "normal"), [(1, 20), (20, 1), (0, 20), (20, 0)])
def test_where_a_class_has_too_few_the_other_fills_up(sick, normal):
    cases = outcomes.right_cases(many(sick, normal), 6, seed=0)
    assert len(cases) == 6
    assert cases["right"].all()


def test_fewer_right_cases_than_wanted_are_all_shown():
    assert len(outcomes.right_cases(many(1, 2), 6, seed=0)) == 3


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


def test_captions_say_outcome_probability_patient_and_file():
    got = labelled([1, 0], [0.876, 0.7]).assign(path=["test/PNEUMONIA/a.jpeg", "b.jpeg"])
    assert outcomes.captions(got) == ["true positive, p = 0.88\np0\na.jpeg", "false positive, p = 0.70\np1\nb.jpeg"]
