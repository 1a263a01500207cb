"""Every figure is drawn from small tables, shows what it was given, and is closed."""

from __future__ import annotations

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from support.examples import example
from support.figures import drawn, too_small

from pneumo_utils.records.vocabulary import ETIOLOGIES, LABELS, MODELS
from pneumo_utils.reporting.figures import datasets as dataset_figures
from pneumo_utils.reporting.figures import style

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.colors import to_hex  # noqa: E402

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 12, 12), dtype=np.uint8)


def manifest():
    frame = pd.concat([example("manifest", 4)] * 3, ignore_index=True)
    frame["etiology"] = np.repeat(["normal", "bacterial", "viral"], 4)
    return frame.assign(
        label=(frame["etiology"] != "normal").astype(int), part=["train", "train", "val", "test"] * 3,
        width=40 + np.arange(12),
    )  # fmt: skip


def test_pictures_show_each_under_its_title_and_leave_the_rest_blank():
    fig = drawn(dataset_figures.pictures(IMAGES, list("abcde"), columns=3))
    assert [axis.get_title() for axis in fig.axes] == [*"abcde", ""]
    assert sum(bool(axis.images) for axis in fig.axes) == 5
    assert fig.axes[0].images[0].get_clim() == (0, 255)  # not stretched by each picture's own range


@pytest.mark.parametrize("width", [7.0, 9.4])
def test_long_titles_are_broken_and_stay_apart_on_any_width(width):
    title = "false negative\np = 0.12, called from 0.46\np4\nperson1946_bacteria_4874.jpeg"
    fig = drawn(dataset_figures.pictures([*IMAGES, *IMAGES], [title] * 10, columns=5, width=width))
    boxes = [axis.title.get_window_extent() for axis in fig.axes]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes[:5]))
    above = fig.axes[0].get_window_extent()
    assert boxes[5].y1 < above.y0, "the second row stays below the first"
    assert above.width > 0.9 * width / 5 * fig.dpi, "and titles take no room from pictures"


def test_text_that_paper_would_make_too_small_is_seen():
    fig, axes = style.new_figure(width=14)
    axes[0, 0].set_xlabel("half as large", fontsize=16)
    axes[0, 0].set(xticks=[], yticks=[])
    assert too_small(fig) == ["'half as large': 8.0"]


def test_a_file_name_in_a_title_is_no_formula_and_no_format():
    names = ["$\\frac{1$", "{0} %d %s", "<b>&amp;"]
    fig = drawn(dataset_figures.pictures(IMAGES[:3], names, columns=3))
    fig.canvas.draw()
    assert [axis.get_title() for axis in fig.axes] == names


def test_counts_are_those_of_the_table():
    fig = drawn(dataset_figures.count_bars(manifest()))
    axis = fig.axes[0]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["train", "val", "test"]
    assert [tuple(bar.get_width() for bar in bars) for bars in axis.containers] == [(2, 1, 1)] * 3


def test_counts_go_by_split_too_and_colours_are_the_palettes():
    frame = manifest().assign(split=["train", "validation", "test", "test"] * 3)
    axis = drawn(dataset_figures.count_bars(frame, by="split")).axes[0]
    assert {tick.get_text() for tick in axis.get_yticklabels()} == {"train", "test", "validation"}
    names = [text.get_text() for text in axis.get_legend().get_texts()]
    assert names == ["normal", "bacterial", "viral"]


def test_every_etiology_and_class_has_a_colour_of_its_own():
    assert set(style.COLOURS) == set(ETIOLOGIES)
    assert set(style.CLASSES) == set(LABELS)
    for palette in (style.COLOURS, style.CLASSES):
        assert len({to_hex(colour) for colour in palette.values()}) == len(palette)
    assert style.CLASSES["NORMAL"] == style.COLOURS["normal"]
    assert len(set(style.MODEL_COLOURS)) >= len(MODELS)


def test_pictures_of_one_size_are_said_to_have_it():
    alike = manifest().assign(width=28, height=30)
    assert dataset_figures.sizes(alike).get_suptitle() == f"All {len(alike)} pictures have 28 x 30 pixels"
    assert dataset_figures.sizes(alike.assign(width=range(10, 10 + len(alike)))).get_suptitle() == ""


def test_sizes_and_brightness_draw_both_classes():
    for fig in (dataset_figures.sizes(manifest()), dataset_figures.brightness(IMAGES, [0, 1, 0, 1, 1])):
        names = {text.get_text() for text in drawn(fig).axes[0].get_legend().get_texts()}
        assert names == {"NORMAL", "PNEUMONIA"}


def test_the_style_does_not_leak_into_other_figures():
    before = dict(plt.rcParams)
    dataset_figures.count_bars(manifest())
    assert dict(plt.rcParams) == before


def test_separation_has_a_line_a_property_and_a_dot_and_interval_a_part_and_bears_gaps():
    rows = [("mean", "train", 0.9, 0.8, 1.0), ("width", "train", 0.5, np.nan, np.nan)]
    rows += [("mean", "test", 0.4, 0.3, 0.5), ("width", "test", np.nan, np.nan, np.nan)]
    table = pd.DataFrame(rows, columns=["property", "part", "auc", "lower", "upper"])
    fig = drawn(dataset_figures.auc_by_property(table, {"width": "Width", "mean": "Mean", "p5": "Dark"}, limit=0.8))
    axis = fig.axes[0]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["Width", "Mean"]
    chance, limit, train, test = axis.lines
    assert (chance.get_xdata()[0], limit.get_xdata()[0]) == (0.5, 0.8)
    assert (train.get_xdata().tolist(), test.get_xdata()[0]) == ([0.9, 0.5], 0.4)
    assert train.get_ydata() == pytest.approx([0.89, -0.11]) and np.isnan(test.get_xdata()[1])
    ends = [path.vertices[:, 0].tolist() for lines in axis.collections for path in lines.get_paths()]
    assert [span for span in ends if not np.isnan(span).any()] == [[0.8, 1.0], [0.3, 0.5]]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["train", "test"]
    assert train.get_marker() != test.get_marker()


def test_a_word_that_fits_is_not_broken_and_a_long_file_name_is():
    side = style.COLUMN / 10
    assert style.wrap("bacterial", side) == "bacterial"
    assert max(map(len, style.wrap("person1000_bacteria_2931.jpeg", side).split("\n"))) <= 8


def test_a_file_name_is_broken_where_its_parts_are_joined():
    assert style.wrap("person26_bacteria_42.jpeg", 1.6) == "person26_bacteria_\n42.jpeg"
    assert style.wrap("IM-0115-0001.jpeg", 1.1).split("\n") == ["IM-0115-", "0001.jpeg"]
    assert style.wrap("trained end-to-end, -0.3", 1.2) == "trained end-\nto-end, -0.3"
