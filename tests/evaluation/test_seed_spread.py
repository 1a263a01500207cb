"""Spread over seeds: by hand, apart from the interval over patients, and never the best seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from support.answers import JUDGED, bounds, quick, several_images_each

from pneumo_utils.evaluation import intervals, proportions, seed_spread
from pneumo_utils.evaluation.weighted_metrics import METRICS, MetricError
from pneumo_utils.records import tables

LABEL = JUDGED["label"].to_numpy()
SCORES = JUDGED["first"].to_numpy(), JUDGED["second"].to_numpy(), 1 - JUDGED["first"].to_numpy()


def predictions(scores=SCORES, label=LABEL, model="cnn"):
    """One model trained from as many seeds as there are `scores`, on the same images."""
    part = several_images_each(label, scores[0], 1).assign(model=model)
    if len(label) == len(JUDGED):
        part["patient"] = JUDGED["patient"].to_numpy()
    return pd.concat([part.assign(seed=i, probability=score) for i, score in enumerate(scores)], ignore_index=True)


@pytest.fixture(scope="module")
def drawn():
    return intervals.bootstrap(predictions(), 0.5, replicates=200, seed=3)


@pytest.fixture(scope="module")
def spread(drawn):
    return tables.check("seed_spread", seed_spread.table(drawn))


def test_mean_and_spread_are_those_of_the_seeds(drawn, spread):
    assert spread["metric"].tolist() == list(METRICS)
    own = intervals.table(drawn).pivot_table(index="metric", columns="seed", values="value").loc[list(METRICS)]
    assert spread["mean"].tolist() == pytest.approx(own.mean(axis=1).tolist())
    assert spread["sd"].tolist() == pytest.approx(own.std(axis=1).tolist())
    assert spread["lowest"].tolist() == own.min(axis=1).tolist()
    assert spread["highest"].tolist() == own.max(axis=1).tolist()
    assert set(spread["seeds"]) == {3} and set(spread["n"]) == {len(LABEL)}


def test_the_interval_is_that_of_the_mean_judged_draw_by_draw(spread):
    weights = intervals.resample_patients(JUDGED["patient"], 200, 3)
    right = np.mean([(score >= 0.5) == LABEL for score in SCORES], axis=0)
    drawn, patients = weights @ right / weights.sum(axis=1), JUDGED["patient"].nunique()
    expected = proportions.widen(np.quantile(drawn, [0.025, 0.975]), right.mean(), drawn, patients)
    assert bounds(spread, "accuracy") == pytest.approx(expected)


def test_seeds_that_err_on_different_patients_have_a_narrower_interval_together(drawn, spread):
    alone = intervals.table(drawn)
    widths = (alone["upper"] - alone["lower"])[alone["metric"] == "accuracy"]
    lower, upper = bounds(spread, "accuracy")
    assert upper - lower < widths.min()


@quick
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=1, max_size=12), st.floats(0.5, 0.99))
def test_one_seed_has_its_own_value_and_interval_and_no_spread(cases, level):
    label, score = (np.array(column) for column in zip(*cases, strict=True))
    drawn = intervals.bootstrap(several_images_each(label, score / 4, 2), 0.5, replicates=30)
    one = tables.check("seed_spread", seed_spread.table(drawn, level)).set_index("metric")
    own = intervals.table(drawn, level).set_index("metric").loc[list(METRICS)]
    renamed = own.rename(columns={"value": "mean"})[["mean", "lower", "upper"]]
    pd.testing.assert_frame_equal(one[["mean", "lower", "upper"]], renamed, check_exact=True)
    assert one["sd"].isna().all() and (one["lowest"].equals(one["mean"])) and one["highest"].equals(one["mean"])


def test_the_order_of_seeds_and_rows_does_not_matter(spread):
    shuffled = predictions().sample(frac=1, random_state=1)
    again = seed_spread.table(intervals.bootstrap(shuffled, 0.5, replicates=200, seed=3))
    pd.testing.assert_frame_equal(again, pd.DataFrame(spread), rtol=1e-9, check_dtype=False)


def test_every_model_and_split_has_its_rows_in_order_of_appearance():
    frame = pd.concat([predictions(model="vgg16"), predictions(SCORES[:1])])
    frame = pd.concat([frame, frame.assign(split="validation")], ignore_index=True)
    found = seed_spread.table(intervals.bootstrap(frame, 0.5, replicates=5)).drop_duplicates(["model", "split"])
    keyed = found.set_index(["model", "split"])["seeds"].to_dict()
    assert keyed == {
        ("vgg16", "test"): 3, ("cnn", "test"): 1, ("vgg16", "validation"): 3, ("cnn", "validation"): 1
    }  # fmt: skip


def test_a_share_without_an_error_in_any_seed_has_the_exact_interval_of_the_fewest_patients():
    label, few, many = np.repeat([0, 1], [5, 6]), [0.1] * 9 + [0.9] * 2, [0.1] * 8 + [0.9] * 3
    found = seed_spread.table(intervals.bootstrap(predictions((many, few), label), 0.5, replicates=50))
    for metric, patients in (("specificity", 5), ("precision", 2)):
        known = binomtest(patients, patients).proportion_ci(0.95, method="exact")
        assert bounds(found, metric) == pytest.approx((known.low, known.high))
    assert found.set_index("metric").loc["auc_roc", ["lower", "upper"]].notna().all()


def test_an_auc_that_is_perfect_in_every_seed_has_the_exact_interval_of_the_rarer_class():
    label = np.repeat([0, 1], [5, 6])
    perfect = 0.2 + 0.5 * label, 0.3 + 0.3 * label
    found = seed_spread.table(intervals.bootstrap(predictions(perfect, label), 0.5, replicates=50)).set_index("metric")
    assert found.loc["auc_roc", ["mean", "sd"]].tolist() == [1, 0]
    assert found.loc["auc_roc", ["lower", "upper"]].tolist() == pytest.approx([0.025 ** (1 / 5), 1])


def test_what_is_undefined_in_one_seed_has_no_mean(recwarn):
    label = np.repeat([0, 1], [5, 6])
    called = 0.2 + 0.5 * label, np.full(11, 0.1)
    found = seed_spread.table(intervals.bootstrap(predictions(called, label), 0.5, replicates=50)).set_index("metric")
    assert found.loc["precision", ["mean", "lower", "upper", "sd", "lowest", "highest"]].isna().all()
    assert found.loc["recall", "mean"] == 0.5 and not recwarn.list


def test_seeds_that_judged_other_images_patients_or_labels_are_refused():
    for column, other in (("path", "other.png"), ("patient", "another"), ("label", 1 - LABEL[0])):
        frame = predictions()
        frame.loc[len(LABEL), column] = other
        drawn = intervals.bootstrap(frame, 0.5, replicates=3)
        with pytest.raises(MetricError, match="seeds must judge the same images, got 0 unlike 1 for cnn on test"):
            seed_spread.table(drawn)
    with pytest.raises(MetricError, match="got 0 unlike 2 for cnn on test"):
        seed_spread.table(intervals.bootstrap(predictions().iloc[:-1], 0.5, replicates=3))


def test_a_seed_that_comes_twice_is_refused(drawn):
    with pytest.raises(MetricError, match=r"seeds must be named once, got \[0, 0, 2\] for cnn on test"):
        seed_spread.table([drawn[0], replace(drawn[1], seed=0), drawn[2]])
