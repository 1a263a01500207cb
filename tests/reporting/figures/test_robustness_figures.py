"""Curves over strength show what the table says, from the picture as it is."""

from __future__ import annotations

import matplotlib
import pandas as pd
import pytest
from support.examples import example
from support.figures import drawn

from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.reporting.figures import robustness as robustness_figures
from pneumo_utils.robustness import perturbations

matplotlib.use("Agg")


def test_a_panel_has_the_auc_of_each_network_at_each_strength_with_its_interval():
    rows = [("plain", 0.0, 0.9), ("blur", 0.02, 0.6), ("blur", 0.01, 0.8)]
    found = pd.concat([
        example("perturbed_performance", 1, model=model, perturbation=way, strength=strength, auc=auc - less,
                lower=auc - less - 0.02, upper=auc - less + 0.05)
        for model, less in (("cnn", 0), ("vgg16", 0.1)) for way, strength, auc in rows
    ], ignore_index=True)  # fmt: skip
    fig = drawn(robustness_figures.perturbation_curves(found, MODELS))
    axis = next(axis for axis in fig.axes if axis.get_title() == perturbations.PERTURBATIONS["blur"].title)
    first, second, chance = axis.lines
    assert first.get_xdata().tolist() == [0, 0.01, 0.02] and first.get_ydata().tolist() == [0.9, 0.8, 0.6]
    assert second.get_ydata().tolist() == pytest.approx([0.8, 0.7, 0.5]) and set(chance.get_ydata()) == {0.5}
    band = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0.58, 0.95))
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["Small CNN", "VGG16"]
    assert len({axis.get_ylim() for axis in fig.axes if axis.get_title()}) == 1


def test_the_axis_of_the_auc_begins_below_the_lowest_line_and_shows_no_chance_far_below():
    rows = [("plain", 0.0, 0.97), ("blur", 0.02, 0.92), ("blur", 0.01, 0.95)]
    found = pd.concat([
        example("perturbed_performance", 1, model="cnn", perturbation=way, strength=strength, auc=auc,
                lower=auc - 0.04, upper=auc + 0.02) for way, strength, auc in rows
    ], ignore_index=True)  # fmt: skip
    fig = drawn(robustness_figures.perturbation_curves(found, MODELS))
    axis = next(axis for axis in fig.axes if axis.get_title() == perturbations.PERTURBATIONS["blur"].title)
    assert 0.8 < axis.get_ylim()[0] < 0.88 and len(axis.lines) == 1
