"""Two studies are paired at the operating points of each, and all that is tested is one family for Holm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.finished_studies import predictions

from pneumo_utils.evaluation import comparisons, study_comparison

LOW, HIGH = ({(model, 0): point for model in ("cnn", "vgg16")} for point in (0.3, 0.7))


@pytest.fixture(scope="module")
def paired():
    return study_comparison.paired(predictions(0.9), predictions(0.4, seed=1), (LOW, HIGH), 100, 0)


def test_each_study_is_judged_at_its_own_operating_point(paired):
    found = paired.set_index(["model", "metric"])["difference"]
    for model in ("cnn", "vgg16"):
        recall, spared = [], []
        for own, point in ((predictions(0.9), 0.3), (predictions(0.4, seed=1), 0.7)):
            own = own[own["model"] == model]
            called, ill = own["probability"] >= point, own["label"] == 1
            recall.append((called & ill).sum() / ill.sum())
            spared.append((~called & ~ill).sum() / (~ill).sum())
        assert found[model, "recall"] == pytest.approx(recall[0] - recall[1])
        assert found[model, "specificity"] == pytest.approx(spared[0] - spared[1])


def test_all_networks_and_metrics_of_two_studies_are_one_family(paired):
    assert len(paired) == 2 * len(study_comparison.METRICS) == paired["p"].notna().sum()
    np.testing.assert_array_equal(paired["p_holm"], comparisons.holm(paired["p"].to_numpy()))
    assert paired["p_holm"].min() == pytest.approx(8 * paired["p"].min()), "the smallest is held against all eight"


def test_patients_are_those_of_the_study_that_knows_more_of_them_whichever_comes_first(paired):
    first, second = predictions(0.9), predictions(0.4, seed=1)
    strangers = [rows.assign(patient=rows["path"]) for rows in (first, second)]
    for pair in ((first, strangers[1]), (strangers[0], second)):
        pd.testing.assert_frame_equal(study_comparison.paired(*pair, (LOW, HIGH), 100, 0), paired)
    unknown = study_comparison.paired(*strangers, (LOW, HIGH), 100, 0)
    assert (unknown["difference"] == paired["difference"]).all() and (unknown["lower"] != paired["lower"]).all()
