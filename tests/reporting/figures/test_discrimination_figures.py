"""ROC, precision-recall and confusion matrices show what they were given."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score
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
