"""Every figure is drawn from small tables, shows what it was given, and is closed."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
import pytest
from support.examples import example
from support.figures import drawn

from pneumo_utils.evaluation import outcomes
from pneumo_utils.records.vocabulary import ETIOLOGIES, LABELS, MODELS
from pneumo_utils.reporting.figures import datasets as dataset_figures

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


def predictions(models=("cnn", "vgg16")):
    frame = pd.concat([example("predictions", 8, model=model) for model in models], ignore_index=True)
    return frame.assign(label=[0, 1] * (len(frame) // 2), probability=np.linspace(0, 1, len(frame)))


def test_pictures_show_each_under_its_title_and_leave_the_rest_blank():
    fig = drawn(dataset_figures.pictures(IMAGES, list("abcde"), columns=3))
    assert [axis.get_title() for axis in fig.axes] == [*"abcde", ""]
    assert sum(bool(axis.images) for axis in fig.axes) == 5
    assert fig.axes[0].images[0].get_clim() == (0, 255)  # not stretched by each picture's own range


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
    assert set(dataset_figures.COLOURS) == set(ETIOLOGIES)
    assert set(dataset_figures.CLASSES) == set(LABELS)
    for palette in (dataset_figures.COLOURS, dataset_figures.CLASSES):
        assert len({to_hex(colour) for colour in palette.values()}) == len(palette)
    assert dataset_figures.CLASSES["NORMAL"] == dataset_figures.COLOURS["normal"]
    assert len(set(dataset_figures.MODEL_COLOURS)) >= len(MODELS)


def test_sizes_and_brightness_draw_both_classes():
    for fig in (dataset_figures.sizes(manifest()), dataset_figures.brightness(IMAGES, [0, 1, 0, 1, 1])):
        names = {text.get_text() for text in drawn(fig).axes[0].get_legend().get_texts()}
        assert names == {"NORMAL", "PNEUMONIA"}


def test_learning_puts_phases_in_a_row_and_a_ring_on_the_kept_epoch():
    frame = example("history", 5).assign(
        phase=["head"] * 3 + ["top"] * 2, epoch=[1, 2, 3, 1, 2], kept=[False, False, False, True, False]
    )
    fig = drawn(dataset_figures.learning_curves(frame.set_index(pd.Index(range(10, 15)))))
    for axis in fig.axes:
        assert [text.get_text() for text in axis.texts] == ["head", "top"]
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
    fig = drawn(dataset_figures.learning_curves(runs({0: {"head": 3, "top": 2}, 2: {"head": 5, "top": 1}})))
    axis = fig.axes[1]
    assert [text.get_text() for text in axis.texts] == ["head", "top"]
    assert [line.get_xdata()[0] for line in axis.lines if len(set(line.get_xdata())) == 1][:2] == [0.5, 5.5]
    validation = [line for line in axis.lines if line.get_color() == "#0072B2"]
    assert [list(line.get_xdata()) for line in validation] == [[1, 2, 3], [6, 7], [1, 2, 3, 4, 5], [6]]
    ring = next(line for line in axis.lines if line.get_label() == "kept")
    assert list(zip(ring.get_xdata(), ring.get_ydata(), strict=True)) == [(7, 0.7), (6, pytest.approx(0.9))]


@pytest.mark.parametrize("seeds", [1, 3])
def test_learning_names_each_kind_of_curve_once_in_two_colours_whatever_the_seeds(seeds):
    fig = drawn(dataset_figures.learning_curves(runs({seed: {"head": 2, "top": 2} for seed in range(seeds)})))
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["training", "validation", "kept"]
    for axis in fig.axes:
        colours = [line.get_color() for line in axis.lines if line.get_marker() == "."]
        assert len(colours) == 4 * seeds and len(set(colours)) == 2


def test_curves_draw_each_model_once_with_the_name_for_readers():
    fig = drawn(dataset_figures.roc_and_precision_recall(predictions(), MODELS))
    roc = fig.axes[0]
    assert [text.get_text() for text in roc.get_legend().get_texts()] == ["Small CNN", "VGG16"]
    for line in roc.lines:
        assert (line.get_xdata()[0], line.get_xdata()[-1], line.get_ydata()[-1]) == (0, 1, 1)


def test_confusions_write_counts_and_shares():
    fig = drawn(dataset_figures.confusion_matrices(outcomes.label(predictions(("cnn",)), 0.5), MODELS))
    assert fig.axes[0].get_title() == "Small CNN"
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert sum(int(text.split("\n")[0]) for text in texts) == 8
    assert texts[0] == "2\n50%"


def test_confusions_bear_a_class_that_is_absent():
    fig = dataset_figures.confusion_matrices(outcomes.label(predictions(("cnn",)).assign(label=1), 0.5), {})
    assert [text.get_text() for text in drawn(fig).axes[0].texts][:2] == ["0\n0%"] * 2


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
