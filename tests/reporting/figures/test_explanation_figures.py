"""Figures of the heat maps show what they are given."""

from __future__ import annotations

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from support.figures import drawn

from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.reporting.figures import explanation as figures

matplotlib.use("Agg")

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 12, 12), dtype=np.uint8)
MAPS = IMAGES.astype(np.float32) / 255
LUNGS = np.zeros(IMAGES.shape, bool)
LUNGS[:, 3:9, 2:10] = True


def test_a_case_is_a_column_of_picture_map_and_both_with_lungs_and_lesion():
    lesions = np.zeros(IMAGES.shape, bool)
    lesions[1, 3:6, 3:6] = True
    fig = drawn(figures.gallery(IMAGES, MAPS, list("abcde"), LUNGS, lesions, "Right"))
    shown = [axis for axis in fig.axes if axis.images]
    assert [[image.get_cmap().name for image in axis.images] for axis in shown[::5]] == [
        ["gray"], ["magma"], ["gray", "magma"],
    ]  # fmt: skip
    assert [len(axis.collections) for axis in shown] == [1, 2, 1, 1, 1] * 3  # lungs everywhere, the one lesion
    assert fig._suptitle.get_text() == "Right"


def test_a_long_title_over_a_case_is_broken_not_made_smaller():
    title = "false negative\np = 0.12, called from 0.46\npatient not known\nNORMAL2-IM-1362-0001-0002.jpeg"
    fig = drawn(figures.gallery(IMAGES[:4], MAPS[:4], [title] * 4, LUNGS[:4]))
    boxes = [axis.title.get_window_extent() for axis in fig.axes[:4]]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))
    assert max(box.y1 for box in boxes) < fig.bbox.y1


def test_the_overlay_leaves_the_picture_free_where_the_map_is_dark():
    fig = drawn(figures.gallery(IMAGES[:1], MAPS[:1] * 0, ["a"], LUNGS[:1]))
    assert (np.asarray(fig.axes[8].images[1].get_alpha()) == 0).all()


def test_a_gallery_of_no_case_says_so():
    fig = drawn(figures.gallery([], [], [], [], None, "Wrong"))
    assert fig._suptitle.get_text() == "Wrong: none"
    assert not any(axis.images for axis in fig.axes)


def test_a_gallery_needs_as_many_maps_as_pictures():
    with pytest.raises(ValueError, match="zip"):
        figures.gallery(IMAGES, MAPS[:3], list("abcde"), LUNGS)


def test_intervals_have_a_panel_a_measure_and_bear_gaps():
    rows = [("CNN", "a", 0.5, 0.4, 0.7), ("CNN", "b", 0.1, np.nan, np.nan), ("VGG16", "a", 0.9, 0.8, 1.0)]
    found = pd.DataFrame(rows, columns=["model", "measure", "value", "lower", "upper"])
    first, second = drawn(figures.interval_panels(found, "model", {"a": "first", "b": "second"})).axes
    assert [tick.get_text() for tick in first.get_yticklabels()] == ["CNN", "VGG16"]
    assert (first.get_xlabel(), second.get_xlabel()) == ("first", "second")
    assert first.lines[0].get_xdata().tolist() == [0.5, 0.9]
    ends = [segment[:, 0].tolist() for segment in first.collections[0].get_segments()]
    assert ends == [pytest.approx([0.4, 0.7]), pytest.approx([0.8, 1.0])]


def test_curves_of_a_network_have_one_colour_by_its_map_at_random_and_from_the_middle():
    index = pd.MultiIndex.from_product(
        [["cnn", "vgg16"], ["deletion", "insertion"], ["map", "other", "gaussian"], [0.0, 0.5, 1.0]],
        names=["model", "kind", "order", "share"],
    )
    curves = pd.DataFrame({"probability": 0.5}, index=index).reset_index()
    left, right = drawn(figures.faithfulness(curves, MODELS)).axes
    assert [line.get_linestyle() for line in left.lines] == ["-", "--", ":"] * 2
    assert left.lines[0].get_color() == left.lines[2].get_color() != left.lines[3].get_color()
    assert (left.get_title(), right.get_title()) == ("Deletion", "Insertion")
    alone = drawn(figures.faithfulness(curves[curves["model"] == "vgg16"], MODELS)).axes[0]
    assert alone.lines[0].get_color() == left.lines[3].get_color(), "a network keeps its colour"


def test_the_cascade_begins_with_the_trained_network():
    sane = pd.DataFrame({"model": "cnn", "stage": ["logit", "block1"], "value": [0.4, 0.1]})
    (axis,) = drawn(
        figures.weight_randomisation(sane.assign(lower=sane["value"] - 0.1, upper=np.nan), MODELS, 0.5)
    ).axes
    assert axis.lines[0].get_ydata().tolist() == [1, 0.4, 0.1]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["trained", "logit", "block1"]
