"""Every figure of the evaluation shows what its table says, bears gaps, and names models for readers."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from support.answers import predictions_by_split
from support.figures import drawn

from pneumo_utils.evaluation import calibration, net_benefit, operating_points, referral, reliability
from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.records.vocabulary import TITLES as TITLES_OF_ALL
from pneumo_utils.reporting.figures import evaluation as evaluation_figures

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

TITLES = {"first": "First model", "second": "Second model"}


def dots(axis):
    """Every dot of the panel: x and y."""
    shown = [line for line in axis.lines if line.get_marker() not in ("None", None, "")]
    return [tuple(point) for line in shown for point in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def spans(axis):
    """Every interval of the panel: its two ends."""
    return [path.vertices for lines in axis.collections for path in lines.get_paths()]


def legend(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


@pytest.fixture(scope="module")
def frame():
    return predictions_by_split().reset_index(drop=True)


@pytest.fixture(scope="module")
def points(frame):
    return operating_points.table(frame[frame["split"] == "validation"], 0.9)


def metrics(models=("first", "second"), seeds=(0,)):
    rows = [
        (model, seed, "test", metric, 0.9 - 0.1 * i, 0.8 - 0.1 * i, 0.95 - 0.1 * i, 40)
        for i, model in enumerate(models)
        for seed in seeds
        for metric in ("auc_roc", "recall")
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "split", "metric", "value", "lower", "upper", "n"])


def test_reliability_has_a_row_a_model_and_a_column_a_method_with_the_tables_dots_and_intervals(frame):
    fitted = calibration.fit(frame[frame["split"] == "validation"], "temperature")
    curves = reliability.table({"none": frame, "temperature": calibration.apply(frame, fitted)}, replicates=50)
    fig = drawn(evaluation_figures.reliability(curves, TITLES))
    assert [axis.get_title() for axis in fig.axes] == ["As predicted", "Temperature", "", ""]
    rows = [fig.axes[row].get_ylabel() for row in (0, 2)]
    assert rows == [TITLES.get(model, model) for model in ("first", "second")]
    assert legend(fig) == ["validation", "test"]
    own = curves[(curves["model"] == "second") & (curves["method"] == "temperature")]
    part = pd.concat([own[own["split"] == split] for split in ("validation", "test")])
    axis = fig.axes[3]
    assert dots(axis) == list(zip(part["mean_probability"], part["observed"], strict=True))
    assert [tuple(ends[:, 1]) for ends in spans(axis)] == list(zip(part["lower"], part["upper"], strict=True))


def test_decision_curves_have_a_panel_a_prevalence_and_treat_all_and_none_once(frame):
    test = frame[frame["split"] == "test"]
    curves = pd.concat([net_benefit.decision_curves(test, at, replicates=20) for at in (None, 0.15)])
    fig = drawn(evaluation_figures.decision_curves(curves, TITLES))
    assert [axis.get_title() for axis in fig.axes] == ["prevalence 57.9%", "prevalence 15%"]
    assert legend(fig) == ["treat all", "treat none", "First model", "Second model"]
    everyone, nobody, first, second = fig.axes[1].lines
    at = curves[(curves["prevalence"] == 0.15) & (curves["threshold"] <= 0.5)]
    assert (nobody.get_ydata() == 0).all()
    for line, model, strategy in ((everyone, "first", "all"), (first, "first", "model"), (second, "second", "model")):
        part = at[(at["model"] == model) & (at["strategy"] == strategy)]
        assert line.get_ydata().tolist() == part["net_benefit"].tolist()
    low, high = fig.axes[1].get_ylim()
    assert low < 0 and high > 0.15


def test_referral_marks_the_chosen_band_on_its_curve_and_the_same_scale_in_both_splits(frame):
    frame = frame.assign(label=np.where(frame["split"] == "test", 1 - frame["label"], frame["label"]))
    bands = referral.bands(frame[frame["split"] == "validation"], 0.5, 0.15)
    chosen = referral.apply_bands(frame, 0.5, bands, replicates=50)
    fig = drawn(evaluation_figures.referral(referral.curves(frame, 0.5), chosen, TITLES, 0.15))
    assert [axis.get_title() for axis in fig.axes] == ["validation", "test"]
    assert fig.axes[0].get_ylim() == fig.axes[1].get_ylim()
    part = chosen[chosen["split"] == "test"]
    assert dots(fig.axes[1]) == list(zip(part["coverage"], part["error"], strict=True))
    assert legend(fig) == list(TITLES.values())
    assert any(set(line.get_ydata()) == {0.15} for line in fig.axes[1].lines)


def test_referral_bears_that_all_are_referred_or_no_band_was_chosen(frame):
    curves = referral.curves(frame, 0.5)
    chosen = referral.apply_bands(frame, 0.5, np.inf, replicates=5)
    drawn(evaluation_figures.referral(curves, chosen, TITLES))
    assert dots(drawn(evaluation_figures.referral(curves, chosen[:0], TITLES)).axes[0]) == []


def test_a_forest_has_a_panel_a_metric_and_a_line_a_model():
    table = metrics()
    fig = drawn(evaluation_figures.forest(table, {"recall": "Sensitivity", "auc_roc": "AUC"}, TITLES))
    assert [axis.get_title() for axis in fig.axes] == ["Sensitivity", "AUC"]
    assert [tick.get_text() for tick in fig.axes[0].get_yticklabels()] == list(TITLES.values())
    assert dots(fig.axes[1]) == [(0.9, 0), (0.8, 1)]
    assert [tuple(ends[:, 0]) for ends in spans(fig.axes[1])] == [(0.8, 0.95), pytest.approx((0.7, 0.85))]
    assert fig.axes[1].get_ylim()[0] > fig.axes[1].get_ylim()[1]  # the first model on top


def test_a_forest_names_seeds_where_there_are_several_and_bears_gaps():
    table = metrics(seeds=(0, 7))
    table.loc[0, ["value", "lower", "upper"]] = np.nan
    table = table.drop(index=3)
    fig = drawn(evaluation_figures.forest(table, {"auc_roc": "AUC", "recall": "Sensitivity"}, TITLES))
    shown = [tick.get_text() for tick in fig.axes[0].get_yticklabels()]
    assert shown == [f"{title}, seed {seed}" for title in TITLES.values() for seed in (0, 7)]
    assert [y for _, y in dots(fig.axes[1])] == [0, 2, 3]


def test_a_forest_of_means_has_a_line_a_model_and_marks_the_lowest_and_the_highest_seed():
    table = metrics(["cnn", "acquisition"]).drop(columns="seed").rename(columns={"value": "mean"})
    table = table.assign(sd=0.01, lowest=table["mean"] - 0.02, highest=table["mean"] + 0.01, seeds=[3, 3, 1, 1])
    axis = drawn(evaluation_figures.forest(table, {"auc_roc": "AUC"}, TITLES_OF_ALL)).axes[0]
    shown = [tick.get_text() for tick in axis.get_yticklabels()]
    assert shown == ["Small CNN", "No lungs: acquisition\ndata alone"]
    assert dots(axis) == [(0.9, 0), (0.8, 1)]
    first, lowest, highest, second = spans(axis)
    assert (first[:, 0].tolist(), second[:, 0].tolist()) == ([0.8, 0.95], pytest.approx([0.7, 0.85]))
    assert (set(lowest[:, 0]), set(highest[:, 0])) == ({0.88}, {0.91})


def test_a_model_of_one_seed_is_named_without_it():
    table = pd.concat([metrics(["first"], seeds=(0, 7)), metrics(["second"])])
    axis = drawn(evaluation_figures.forest(table, {"auc_roc": "AUC"}, TITLES)).axes[0]
    shown = [tick.get_text() for tick in axis.get_yticklabels()]
    assert shown == ["First model, seed 0", "First model, seed 7", "Second model"]


def test_models_keep_their_sign_whatever_is_shown_of_them():
    both = evaluation_figures.forest(metrics(), {"auc_roc": "AUC", "recall": "Sensitivity"}, TITLES)
    colours = [[line.get_color() for line in axis.lines] for axis in both.axes]
    assert colours[0] == colours[1] and len(set(colours[0])) == 2
    many = metrics(models=[*MODELS, "no_lung", "always", "other", "more"])
    drawn(evaluation_figures.forest(many, {"auc_roc": "AUC"}, MODELS))


def test_operating_points_stand_where_the_rules_put_them(frame, points):
    curves = pd.concat(
        operating_points.sweep(part["label"], part["probability"]).assign(model=model, split=split)
        for (model, split), part in frame.groupby(["model", "split"])
    )
    fig = drawn(evaluation_figures.operating_points(curves, points, TITLES))
    assert [axis.get_title() for axis in fig.axes] == ["validation", "test", "", ""]
    for place, axis in enumerate(fig.axes):
        upright = [line.get_xdata()[0] for line in axis.lines if len(set(line.get_xdata())) == 1]
        assert upright == points["threshold"][points["model"] == ("first", "second")[place // 2]].tolist()
    assert legend(fig) == [
        "sensitivity",
        "specificity",
        "rule sensitivity",
        "rule margin",
        "rule youden",
        "rule half",
        "rule varied",
    ]


def test_the_thresholds_that_reach_the_target_on_both_sides_are_shaded(points):
    curves = operating_points.sweep([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]).assign(split="validation")
    chosen = points[:1].assign(target=0.5)
    (shade,) = drawn(evaluation_figures.operating_points(curves.assign(model="first"), chosen, TITLES)).axes[0].patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx((0.1, 0.9))
    apart = operating_points.sweep([0] * 15 + [1] * 19, [0.2] * 15 + [0.8] * 19).assign(split="test", model="first")
    alone = points[:1].assign(target=0.95)  # a single threshold of the sweep, with all that decide alike
    (shade,) = drawn(evaluation_figures.operating_points(apart, alone, TITLES)).axes[0].patches
    assert (shade.get_x(), shade.get_x() + shade.get_width()) == pytest.approx((0.2, 0.8))
    for target in (0.5, None):
        worse = curves if target is None else curves.assign(specificity=curves["specificity"] / 2.1)
        drawn_without = drawn(
            evaluation_figures.operating_points(worse.assign(model="first"), chosen.assign(target=target), TITLES)
        )
        assert not drawn_without.axes[0].patches


def test_an_operating_point_near_the_end_stays_in_sight(frame, points):
    curves = operating_points.sweep([0, 1], [0.0001, 0.9]).assign(split="validation")
    for at in (0.0004, 0.9999, 0.0):
        fig = drawn(
            evaluation_figures.operating_points(curves.assign(model="first"), points[:1].assign(threshold=at), TITLES)
        )
        low, high = fig.axes[0].get_xlim()
        assert low < at < high or at == 0


def test_operating_points_show_the_heights_that_are_taken_on_the_same_scale_in_both_splits(points):
    validation = operating_points.sweep([0, 0, 1, 1], [0.0001, 0.6, 0.4, 0.9999]).assign(split="validation")
    test = operating_points.sweep([0, 1], [0.0001, 0.9999]).assign(split="test")
    for curves, low in ((pd.concat([validation, test]), 0.49), (test, 0.898)):
        fig = drawn(evaluation_figures.operating_points(curves.assign(model="first"), points[:1], TITLES))
        assert [axis.get_ylim()[0] for axis in fig.axes] == pytest.approx([low] * len(fig.axes))


def test_every_rule_and_method_has_a_name_for_readers():
    assert set(evaluation_figures.RULES) == set(operating_points.RULES)
    assert set(evaluation_figures.METHODS) == {"none", *calibration.METHODS}


def test_the_style_does_not_leak_into_other_figures():
    before = dict(plt.rcParams)
    evaluation_figures.forest(metrics(), {"auc_roc": "AUC"}, TITLES)
    assert dict(plt.rcParams) == before
