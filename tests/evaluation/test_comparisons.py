"""Paired differences: against R, Holm by hand, and models that cannot be compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import ANSWERS, JUDGED, monte_carlo_error, predictions_of_both, quick

from pneumo_utils.evaluation import comparisons, delong, intervals
from pneumo_utils.evaluation.weighted_metrics import METRICS, MetricError


@pytest.fixture(scope="module")
def compared():
    return comparisons.table(predictions_of_both(), 0.5, replicates=1000, seed=2).set_index("metric")


@pytest.fixture(scope="module")
def strangers():
    """Every image of a patient of its own, as R takes them."""
    alone = predictions_of_both().assign(patient=lambda rows: rows["path"])
    return comparisons.table(alone, 0.5, replicates=1000, seed=2).set_index("metric")


def test_r_gives_the_same_test_of_areas(strangers):
    row = strangers.loc["auc_roc"]
    assert row["method"] == "DeLong over patients"
    assert row["p"] == pytest.approx(ANSWERS["delong_p"], abs=1e-10)
    assert row["difference"] == pytest.approx(ANSWERS["first_auc"] - ANSWERS["second_auc"], abs=1e-12)
    assert (row["lower"], row["upper"]) == delong.difference(JUDGED["label"], JUDGED["first"], JUDGED["second"])[1:]


def test_r_gives_the_same_test_of_errors(strangers):
    row = strangers.loc["accuracy"]
    assert row["method"] == "McNemar over patients"
    assert row["p"] == pytest.approx(ANSWERS["mcnemar_exact_p"], abs=1e-12)
    wins = ANSWERS["only_first_right"] - ANSWERS["only_second_right"]
    assert row["difference"] == pytest.approx(wins / len(JUDGED), abs=1e-12)
    assert row["lower"] < row["difference"] < row["upper"]


def test_r_gives_the_same_interval_of_a_paired_difference_within_monte_carlo_error():
    one, other = (
        intervals.replicate_metrics(part, 0.5, 4000, 3)["auc_roc"]
        for _, part in predictions_of_both().groupby("model", sort=True)
    )
    expected = [ANSWERS["boot_auc_difference_lower"], ANSWERS["boot_auc_difference_upper"]]
    assert intervals.percentile((one - other)[1:]) == pytest.approx(expected, abs=monte_carlo_error(*expected))


def test_a_reference_is_compared_with_every_model_and_holm_counts_them_all():
    both = predictions_of_both()
    reference = both[both["model"] == "first"].assign(model="acquisition", probability=0.5)
    found = comparisons.against_reference(both, reference)
    areas = [delong.interval(part["label"], part["probability"])[0] for _, part in both.groupby("model")]
    assert found["difference"].to_numpy() == pytest.approx(np.array(areas) - 0.5)
    assert found["p_holm"].to_numpy() == pytest.approx(comparisons.holm(found["p"]))
    assert (found["second"] == "acquisition").all() and (found["n"] == len(JUDGED)).all()
    assert "less No lungs" in comparisons.for_display(found).index[0]
    with pytest.raises(MetricError, match="same images"):
        comparisons.against_reference(both, reference.iloc[1:])


def test_a_family_against_a_reference_is_one_split():
    both = pd.concat([predictions_of_both(), predictions_of_both(split="validation")])
    reference = both[both["model"] == "second"].assign(model="acquisition")
    found = comparisons.against_reference(both[both["model"] == "first"], reference)
    assert len(found) == 2 and found["p"].max() < 1
    assert found["p_holm"].to_numpy() == pytest.approx(found["p"].to_numpy())


def test_p_values_are_adjusted_by_holm_as_r_adjusts_them():
    expected = [ANSWERS[f"holm_{place}"] for place in range(1, 5)]
    assert comparisons.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx(expected, abs=1e-15)


def test_holm_leaves_out_what_was_not_tested():
    assert comparisons.holm([0.02, np.nan, 0.03]) == pytest.approx([0.04, np.nan, 0.04], nan_ok=True)
    assert comparisons.holm([]).shape == (0,)


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.integers(0, 99))
def test_holm_keeps_order_lies_between_p_and_bonferroni_and_follows_any_order(drawn, seed):
    p = np.array(drawn)
    adjusted = comparisons.holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(p * len(p), 1) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p)]) >= 0).all()
    order = np.random.default_rng(seed).permutation(len(p))
    assert comparisons.holm(p[order]) == pytest.approx(adjusted[order])


def test_the_family_is_all_pairs_times_all_metrics(compared):
    assert list(compared.index) == list(METRICS)
    assert compared["p_holm"].to_numpy() == pytest.approx(comparisons.holm(compared["p"]))
    assert (compared["p_holm"] >= compared["p"]).all()
    assert (compared["n"] == len(JUDGED)).all()
    three = pd.concat([predictions_of_both(), predictions_of_both().query("model == 'second'").assign(model="third")])
    found = comparisons.table(three, 0.5, metrics=("auc_roc", "brier"), replicates=50)
    assert list(zip(found["first"], found["second"], strict=True))[::2] == [
        ("first", "second"),
        ("first", "third"),
        ("second", "third"),
    ]
    assert found["p_holm"].to_numpy() == pytest.approx(comparisons.holm(found["p"]))


def test_a_family_stays_within_its_split_and_seed():
    both = pd.concat([predictions_of_both(), predictions_of_both(seed=1), predictions_of_both(split="validation")])
    found = comparisons.table(both, 0.5, metrics=("auc_roc", "accuracy"), replicates=20)
    assert list(found.groupby(["split", "seed"], sort=False).size()) == [2, 2, 2]
    assert found["p_holm"].to_numpy().reshape(3, 2) == pytest.approx(
        np.tile(comparisons.holm(found["p"][:2].to_numpy()), (3, 1))
    )


def test_the_bootstrap_says_of_brier_what_its_interval_says(compared):
    row = compared.loc["brier"]
    assert row["method"] == "patient bootstrap"
    assert (row["p"] < 0.05) == (row["upper"] < 0 or row["lower"] > 0)
    assert row["difference"] < 0


def test_a_model_does_not_differ_from_itself(recwarn):
    same = predictions_of_both().assign(probability=np.tile(JUDGED["second"], 2))
    found = comparisons.table(same, 0.5, replicates=50)
    assert (found["difference"] == 0).all()
    assert found[["lower", "upper"]].isna().all(axis=None), "an interval without width would claim certainty"
    assert (found[["p", "p_holm"]] == 1).all(axis=None)
    assert not recwarn.list


def test_swapping_the_models_turns_the_signs(compared):
    turned = comparisons.table(predictions_of_both().iloc[::-1], 0.5, replicates=1000, seed=2).set_index("metric")
    assert set(turned["first"]) == {"second"}
    assert (-turned["difference"]).to_dict() == pytest.approx(compared["difference"].to_dict(), abs=1e-9)
    assert (-turned["lower"]).to_dict() == pytest.approx(compared["upper"].to_dict(), abs=1e-9)
    assert turned["p"].to_dict() == pytest.approx(compared["p"].to_dict(), abs=1e-3)


def test_the_order_of_rows_does_not_matter(compared):
    first, second = (part for _, part in predictions_of_both().groupby("model"))
    mixed = pd.concat([first, second.sample(frac=1, random_state=5)])
    found = comparisons.table(mixed, 0.5, replicates=1000, seed=2).set_index("metric")
    for column in ("difference", "lower", "upper", "p"):
        assert found[column].to_dict() == pytest.approx(compared[column].to_dict(), abs=1e-9)


def test_a_single_class_leaves_rows_undefined(recwarn):
    found = comparisons.table(predictions_of_both(label=1), 0.5, replicates=20).set_index("metric")
    assert found.loc["auc_roc", ["difference", "lower", "upper", "p", "p_holm"]].isna().all()
    assert np.isfinite(found.loc["recall", "p"])
    assert not recwarn.list


def test_mcnemar_looks_at_disagreements_alone():
    first, second = np.array([True] * 9 + [False]), np.array([True] * 4 + [False] * 6)
    assert comparisons.mcnemar(first, second, np.arange(10)) == pytest.approx(2 / 2**5)
    assert comparisons.mcnemar(first, first, np.arange(10)) == 1


@pytest.mark.parametrize(("metric", "label"), [("recall", 1), ("specificity", 0), ("accuracy", 1)])
def test_four_patients_alone_decide_no_difference_of_shares(metric, label):
    truth = np.arange(120) % 2
    first = np.where(truth == 1, 0.9, 0.1)
    second = first.copy()
    second[np.flatnonzero(truth == label)[:4]] = 0.5 + (0.4 if label == 0 else -0.4)
    case = pd.DataFrame({"label": truth, "path": [f"{i:03}" for i in range(120)], "split": "test", "seed": 0})
    both = [case.assign(model=name, probability=said) for name, said in (("first", first), ("second", second))]
    both = pd.concat(both).assign(patient=lambda rows: rows["path"])
    row = comparisons.table(both, 0.5, (metric,), 500).iloc[0]
    assert row["p"] == 0.125 and row["method"] == "McNemar over patients"
    assert row["difference"] == pytest.approx(4 / (120 if metric == "accuracy" else 60))
    assert row["lower"] < 0 < row["difference"] < row["upper"], "the interval says what the test says"


def test_pictures_of_one_patient_shown_twice_make_no_difference_surer():
    again = predictions_of_both().assign(path=lambda rows: rows["path"] + " again")
    doubled = pd.concat([predictions_of_both(), again])
    once, twice = (
        comparisons.table(said, 0.5, ("auc_roc", "accuracy"), replicates=20).set_index("metric")
        for said in (predictions_of_both(), doubled)
    )
    assert twice["p"].tolist() == pytest.approx(once["p"].tolist(), rel=1e-9)
    for end in ("difference", "lower", "upper"):
        assert twice.loc["auc_roc", end] == pytest.approx(once.loc["auc_roc", end], abs=1e-12)
    strangers = comparisons.table(doubled.assign(patient=doubled["path"]), 0.5, ("auc_roc", "accuracy"), replicates=20)
    assert (strangers["p"].to_numpy() < once["p"].to_numpy()).all(), "strangers would be surer"


def test_bootstrap_p_is_never_0_never_above_1_and_undefined_with_many_gaps():
    assert comparisons.bootstrap_p(np.ones(999)) == pytest.approx(2 / 1000)
    assert comparisons.bootstrap_p(np.zeros(999)) == 1
    assert comparisons.bootstrap_p(np.r_[np.ones(99), np.nan]) == pytest.approx(2 / 100)
    assert np.isnan(comparisons.bootstrap_p(np.r_[np.ones(90), [np.nan] * 10]))


def test_one_model_alone_has_nothing_to_compare():
    found = comparisons.table(predictions_of_both().query("model == 'first'"), 0.5)
    assert found.empty
    assert list(found.columns) == list(comparisons._COLUMNS)


@pytest.mark.parametrize(
    ("frame", "more", "said"),
    [
        (predictions_of_both().iloc[:-1], {}, "the same images and labels, got first unlike second"),
        (predictions_of_both().assign(path="a.png"), {}, "every image once, got first with repeated paths"),
        (predictions_of_both(), {"metrics": ("auc",)}, r"metrics must be among accuracy, .*, got \['auc'\]"),
        (predictions_of_both(), {"threshold": {"first": 0.5}}, "threshold must name every model"),
    ],
)
def test_models_that_cannot_be_compared_are_refused(frame, more, said):
    with pytest.raises(MetricError, match=said):
        comparisons.table(frame, **({"threshold": 0.5} | more))


def test_p_and_rights_out_of_shape_are_refused():
    with pytest.raises(MetricError, match=r"p must be in \[0, 1\], got 0.1 to 1.5"):
        comparisons.holm([0.1, 1.5])
    with pytest.raises(MetricError, match=r"all must be 1-D and alike, got \(1,\), \(2,\), \(1,\)"):
        comparisons.mcnemar([True], [True, False], ["a"])


def test_a_pair_is_a_row_in_words_and_a_metric_a_column():
    shown = {"first": "vgg16", "second": "cnn", "difference": 0.02, "lower": 0.01, "upper": 0.03, "p_holm": 0.004}
    found = pd.DataFrame([shown | {"metric": "auc_roc"}, shown | {"metric": "recall", "p_holm": 1.0}])
    wide = comparisons.for_display(found)
    assert list(wide.index) == ["VGG16 less Small CNN"] and list(wide.columns) == ["AUC-ROC", "Recall"]
    assert wide.iloc[0].tolist() == ["0.020 (0.010–0.030), p = 0.004", "0.020 (0.010–0.030), p = 1.000"]
