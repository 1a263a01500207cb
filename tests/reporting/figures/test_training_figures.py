"""Curves of training: phases in a row, every seed, and the kept epoch marked."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from support.examples import example
from support.figures import drawn

from pneumo_utils.reporting.figures import training as training_figures

matplotlib.use("Agg")


def test_learning_puts_phases_in_a_row_and_a_ring_on_the_kept_epoch():
    frame = example("history", 5).assign(
        phase=["head"] * 3 + ["top"] * 2, epoch=[1, 2, 3, 1, 2], kept=[False, False, False, True, False]
    )
    fig = drawn(training_figures.learning_curves(frame.set_index(pd.Index(range(10, 15)))))
    for axis in fig.axes:
        assert [text.get_text() for text in axis.texts] == ["the head", "the top block"]
        ring = next(line for line in axis.lines if line.get_label() == "kept")
        assert ring.get_xdata().tolist() == [4]


def runs(lengths):
    """History of one model: for each seed, how many epochs each phase took; the last epoch of all is kept."""
    parts = []
    for seed, phases in lengths.items():
        for phase, epochs in phases.items():
            part = example("history", epochs, seed=seed, phase=phase)
            kept = np.arange(epochs) == epochs - 1 if phase == list(phases)[-1] else False
            parts.append(part.assign(epoch=range(1, epochs + 1), kept=kept, val_auc=0.7 + 0.1 * seed))
    return pd.concat(parts, ignore_index=True)


def test_learning_starts_each_phase_of_every_seed_where_the_longest_before_has_ended():
    fig = drawn(training_figures.learning_curves(runs({0: {"head": 3, "top": 2}, 2: {"head": 5, "top": 1}})))
    axis = fig.axes[1]
    assert [text.get_text() for text in axis.texts] == ["the head", "the top block"]
    assert [line.get_xdata()[0] for line in axis.lines if len(set(line.get_xdata())) == 1][:2] == [0.5, 5.5]
    validation = [line for line in axis.lines if line.get_color() == "#0072B2"]
    assert [list(line.get_xdata()) for line in validation] == [[1, 2, 3], [6, 7], [1, 2, 3, 4, 5], [6]]
    ring = next(line for line in axis.lines if line.get_label() == "kept")
    assert list(zip(ring.get_xdata(), ring.get_ydata(), strict=True)) == [(7, 0.7), (6, pytest.approx(0.9))]


def test_learning_sets_losses_of_plain_labels_side_by_side_whatever_was_minimised():
    frame = example("history", 2).assign(epoch=[1, 2], loss=[2.0, 1.9], plain_loss=[0.4, 0.3], val_loss=[0.5, 0.45])
    axis = drawn(training_figures.learning_curves(frame)).axes[0]
    lines = {line.get_label(): list(line.get_ydata()) for line in axis.lines}
    assert lines["training"] == [0.4, 0.3] and lines["validation"] == [0.5, 0.45]


@pytest.mark.parametrize("seeds", [1, 3])
def test_learning_names_each_kind_of_curve_once_in_two_colours_whatever_the_seeds(seeds):
    fig = drawn(training_figures.learning_curves(runs({seed: {"head": 2, "top": 2} for seed in range(seeds)})))
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["training", "validation", "kept"]
    for axis in fig.axes:
        colours = [line.get_color() for line in axis.lines if line.get_marker() == "."]
        assert len(colours) == 4 * seeds and len(set(colours)) == 2
