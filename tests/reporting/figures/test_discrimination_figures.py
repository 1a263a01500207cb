"""ROC, precision-recall and confusion matrices show what they were given."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from support.examples import example
from support.figures import drawn

from pneumo_utils.evaluation import outcomes
from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.reporting.figures import discrimination as discrimination_figures

matplotlib.use("Agg")


def predictions(models=("cnn", "vgg16")):
    frame = pd.concat([example("predictions", 8, model=model) for model in models], ignore_index=True)
    return frame.assign(label=[0, 1] * (len(frame) // 2), probability=np.linspace(0, 1, len(frame)))


def test_curves_draw_each_model_once_with_the_name_for_readers():
    fig = drawn(discrimination_figures.roc_and_precision_recall(predictions(), MODELS))
    roc = fig.axes[0]
    assert [text.get_text() for text in roc.get_legend().get_texts()] == ["Small CNN", "VGG16"]
    for line in roc.lines:
        assert (line.get_xdata()[0], line.get_xdata()[-1], line.get_ydata()[-1]) == (0, 1, 1)


def unlike(models=("cnn", "vgg16")):
    """Networks that are right more often than not, each another share."""
    said = {"cnn": [0.1, 0.4, 0.35, 0.8, 0.2, 0.9, 0.7], "vgg16": [0.1, 0.2, 0.3, 0.8, 0.25, 0.9, 0.7]}
    parts = [example("predictions", 7, model=model).assign(probability=said[model]) for model in models]
    return pd.concat([part.assign(label=[0, 0, 1, 1, 0, 1, 0]) for part in parts], ignore_index=True)


def areas(axis):
    """Under each line of the panel but the last, that of chance."""
    return [np.trapezoid(line.get_ydata(), line.get_xdata()) for line in axis.lines[:-1]]


def test_the_area_under_each_drawn_curve_is_the_auc():
    frame = unlike()
    wanted = [roc_auc_score(part["label"], part["probability"]) for _, part in frame.groupby("model", sort=False)]
    assert len(set(wanted)) == 2 and min(wanted) > 0.5
    assert areas(drawn(discrimination_figures.roc_and_precision_recall(frame, MODELS)).axes[0]) == pytest.approx(wanted)
    swapped = frame.assign(study="other", model=frame["model"].map({"cnn": "vgg16", "vgg16": "cnn"}))
    fig = drawn(discrimination_figures.roc_of_studies(pd.concat([frame.assign(study="one"), swapped]), MODELS))
    assert [axis.get_title() for axis in fig.axes] == ["Small CNN", "VGG16"]
    assert [areas(axis) for axis in fig.axes] == [pytest.approx(wanted), pytest.approx(wanted[::-1])]


def test_a_study_keeps_its_colour_where_the_other_lacks_a_network_and_both_are_named():
    one, other = unlike(("cnn",)).assign(study="one"), unlike(("vgg16", "cnn")).assign(study="other")
    for judged in ([one, other], [unlike(("vgg16",)).assign(study="one"), other[other["model"] == "cnn"]]):
        fig = drawn(discrimination_figures.roc_of_studies(pd.concat(judged), MODELS))
        (legend,) = fig.legends
        assert [text.get_text() for text in legend.get_texts()] == ["one", "other"]
        named = dict(zip(("one", "other"), (line.get_color() for line in legend.get_lines()), strict=True))
        assert len(set(named.values())) == 2
        assert all(line.get_color() == named[line.get_label()] for axis in fig.axes for line in axis.lines[:-1])


@pytest.mark.parametrize("said", [[0.5] * 7, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3], [0.3, 0.4, 0.3, 0.6, 0.5, 0.6, 0.7]])
def test_the_area_under_the_drawn_precision_is_the_average_precision(said):
    frame = pd.concat([example("predictions", 7, model="cnn")]).assign(label=[0, 1, 1, 0, 1, 0, 1], probability=said)
    line = drawn(discrimination_figures.roc_and_precision_recall(frame, MODELS)).axes[1].lines[0]
    recall, precision = line.get_data()
    held = {"steps-post": precision[:-1], "steps-pre": precision[1:]}[line.get_drawstyle()]
    area = -np.sum(np.diff(recall) * held)
    assert area == pytest.approx(average_precision_score(frame["label"], frame["probability"]))


def test_confusions_write_counts_and_shares():
    fig = drawn(discrimination_figures.confusion_matrices(outcomes.label(predictions(("cnn",)), 0.5), MODELS))
    assert fig.axes[0].get_title() == "Small CNN"
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert sum(int(text.split("\n")[0]) for text in texts) == 8
    assert texts[0] == "2\n50%"


def test_confusions_bear_a_class_that_is_absent():
    fig = discrimination_figures.confusion_matrices(outcomes.label(predictions(("cnn",)).assign(label=1), 0.5), {})
    assert [text.get_text() for text in drawn(fig).axes[0].texts][:2] == ["0\n0%"] * 2
