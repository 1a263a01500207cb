"""Figures of the study: arrays and tables in, a matplotlib figure out. One palette, safe for colour-blind readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn import metrics as sk

from pneumo_utils.evaluation.metrics import confusion
from pneumo_utils.imaging.framing import Box
from pneumo_utils.records.vocabulary import PARTS

# Okabe & Ito (2008), the common palette for colour-blind readers
COLOURS = {"normal": "#0072B2", "bacterial": "#D55E00", "viral": "#E69F00", "unknown": "#999999"}
CLASSES = {"NORMAL": "#0072B2", "PNEUMONIA": "#D55E00"}
MODEL_COLOURS = (*CLASSES.values(), "#009E73", "#CC79A7", "#56B4E9", "#000000")
_CLASS_NAMES = ("normal", "pneumonia")
_STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9.5}


def new_figure(rows: int = 1, columns: int = 1, width: float = 7.2, height: float = 3.2) -> tuple[Figure, np.ndarray]:
    """An empty figure in the style of the study: `rows` by `columns` axes, size in inches."""
    with plt.rc_context(_STYLE):
        fig, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained")
    return fig, axes


def pictures(images: Sequence[np.ndarray], titles: Sequence[str], columns: int = 6) -> Figure:
    """A contact sheet: grey pictures, uint8 (h, w), each under its title, `columns` a row."""
    rows = -(-len(images) // columns)
    fig, axes = new_figure(rows, columns, 7.2, 7.2 / columns * 1.15 * rows)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        axis.set_title(title, fontsize=7)
    return fig


def lung_boxes(
    images: Sequence[np.ndarray], fields: Sequence[np.ndarray], boxes: Sequence[Box], columns: int = 6
) -> Figure:
    """Pictures, uint8 (h, w), with the outline of the lung `fields`, any size, at 0.5, and the box that is kept."""
    fig = pictures(images, [""] * len(images), columns)
    for axis, image, field, box in zip(fig.axes, images, fields, boxes, strict=False):
        (height, width), (high, wide) = image.shape, field.shape
        across, down = (np.arange(wide) + 0.5) * width / wide - 0.5, (np.arange(high) + 0.5) * height / high - 0.5
        axis.contour(across, down, field, levels=[0.5], colors="#F0E442", linewidths=0.8)
        corner, sides = (box.left * width, box.top * height), (box.right - box.left, box.bottom - box.top)
        axis.add_patch(Rectangle(corner, sides[0] * width, sides[1] * height, fill=False, color="#56B4E9"))
    return fig


def count_bars(manifest: pd.DataFrame, by: str = "part") -> Figure:
    """Pictures of each etiology in each `part` or `split`, counted."""
    fig, axes = new_figure(height=2.4)
    order = [name for name in COLOURS if (manifest["etiology"] == name).any()]
    rows = [name for name in (*PARTS, "validation") if (manifest[by] == name).any()]
    sns.countplot(manifest, y=by, order=rows, hue="etiology", hue_order=order, palette=COLOURS, ax=axes[0, 0])
    for bars in axes[0, 0].containers:
        axes[0, 0].bar_label(bars, fontsize=8, padding=2)
    axes[0, 0].set(xlabel="radiographs", ylabel="")
    axes[0, 0].legend(title="", frameon=False)
    return fig


def sizes(manifest: pd.DataFrame) -> Figure:
    """Width against height of every stored picture, and the distribution of width / height, by class."""
    frame = manifest.assign(aspect=manifest["width"] / manifest["height"])
    frame["class"] = np.where(frame["label"] == 1, "PNEUMONIA", "NORMAL")
    fig, axes = new_figure(1, 2)
    sns.scatterplot(frame, x="width", y="height", hue="class", palette=CLASSES, s=8, alpha=0.5, ax=axes[0, 0])
    axes[0, 0].set(xlabel="width (pixels)", ylabel="height (pixels)")
    sns.histplot(
        frame, x="aspect", hue="class", palette=CLASSES, bins=30, stat="density", common_norm=False,
        element="step", ax=axes[0, 1],
    )  # fmt: skip
    axes[0, 1].set(xlabel="width / height", ylabel="density")
    return fig


def auc_by_property(audit: pd.DataFrame, names: Mapping[str, str], limit: float) -> Figure:
    """AUC of every property alone as dots with intervals, a line a property, a colour and sign a part.

    Args:
        audit: contract `acquisition_audit`; what is undefined is left blank.
        names: how each property is called.
        limit: AUC from which a property counts as a shortcut, drawn as a line beside that of chance.
    """
    lines = [name for name in names if (audit["property"] == name).any()]
    parts = [part for part in PARTS if (audit["part"] == part).any()]
    fig, axes = new_figure(height=0.5 + 0.27 * len(lines))
    axis = axes[0, 0]
    for at, style, text in ((0.5, "-", "chance"), (limit, "--", "limit")):
        axis.axvline(at, ls=style, color="#999999", lw=0.8)
        axis.text(at, 1, text, transform=axis.get_xaxis_transform(), ha="center", va="bottom")
    for i, (part, marker) in enumerate(zip(parts, "osD", strict=False)):
        rows = audit[audit["part"] == part]
        place = rows["property"].map(lines.index) + 0.22 * (i - (len(parts) - 1) / 2)
        axis.hlines(place, rows["lower"], rows["upper"], color=MODEL_COLOURS[i], lw=1.3)
        axis.plot(rows["auc"], place, marker, color=MODEL_COLOURS[i], ms=4, mec="white", mew=0.4, label=part)
    axis.set(xlim=(-0.02, 1.02), ylim=(len(lines) - 0.5, -0.5), xlabel="AUC: 1 tells all apart, 0.5 none")
    axis.set_yticks(range(len(lines)), [names[name] for name in lines])
    axis.grid(axis="x", color="#e5e5e5", lw=0.6)
    fig.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return fig


def brightness(images: np.ndarray, label: np.ndarray) -> Figure:
    """Distribution of the mean grey level of each picture, uint8 (n, h, w), by class."""
    frame = pd.DataFrame({"mean": [image.mean() for image in images]})
    frame["class"] = np.where(np.asarray(label) == 1, "PNEUMONIA", "NORMAL")
    fig, axes = new_figure(height=2.6)
    sns.histplot(
        frame, x="mean", hue="class", palette=CLASSES, bins=40, stat="density", common_norm=False,
        element="step", ax=axes[0, 0],
    )  # fmt: skip
    axes[0, 0].set(xlabel="mean grey level of a picture (0-255)", ylabel="density")
    return fig


def learning_curves(history: pd.DataFrame) -> Figure:
    """Loss and AUC by epoch, training against validation, a line a seed and phase; rings mark the kept epochs.

    Phases stand one after another: each begins, for all seeds, where the longest of the one before has ended.

    Args:
        history: contract `history`, one model, any number of seeds.
    """
    starts = _phase_starts(history)
    frame = history.assign(step=history["epoch"] + history["phase"].map(starts))
    fig, axes = new_figure(1, 2, height=2.8)
    for axis, (metric, title) in zip(axes[0], {"loss": "loss", "auc": "AUC-ROC"}.items(), strict=True):
        for start, phase in zip(starts, starts.index, strict=True):
            axis.axvline(start + 0.5, color="#cccccc", lw=0.8)
            axis.text(start + 0.6, 1.0, phase, transform=axis.get_xaxis_transform(), va="bottom")
        _learning_lines(axis, frame, metric)
        axis.set(xlabel="epoch", ylabel=title, xlim=(0.3, frame["step"].max() + 0.7))
        axis.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return fig


def _phase_starts(history: pd.DataFrame) -> pd.Series:
    """Epochs before each phase, by its name, in running order."""
    lengths = history.groupby("phase", sort=False)["epoch"].max()
    return lengths.cumsum() - lengths


def _learning_lines(axis: Axes, frame: pd.DataFrame, metric: str) -> None:
    """Both curves of every seed and phase, in the same two colours; only the first of each kind is named."""
    width = 1.5 if frame["seed"].nunique() == 1 else 0.9
    for column, colour, label in ((metric, "#999999", "training"), (f"val_{metric}", "#0072B2", "validation")):
        for _, part in frame.groupby(["seed", "phase"], sort=False):
            axis.plot(part["step"], part[column], ".-", color=colour, lw=width, ms=2.5, label=label)
            label = "_" + label.lstrip("_")  # matplotlib leaves it out of the legend
    kept = frame[frame["kept"]]
    axis.plot(kept["step"], kept[f"val_{metric}"], "o", mfc="none", color="#D55E00", label="kept")


def roc_and_precision_recall(predictions: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """ROC and precision-recall curves of every model in `predictions` (one split); chance as a dashed line.

    Args:
        predictions: contract `predictions`, one split, both classes.
        titles: how each model is called.
    """
    fig, axes = new_figure(1, 2, height=3.6)
    roc, pr = axes[0]
    for colour, (model, part) in zip(MODEL_COLOURS, predictions.groupby("model", sort=False), strict=False):
        false_positive, true_positive, _ = sk.roc_curve(part["label"], part["probability"])
        precision, recall, _ = sk.precision_recall_curve(part["label"], part["probability"])
        roc.plot(false_positive, true_positive, color=colour, label=titles.get(model, model))
        pr.plot(recall, precision, color=colour, drawstyle="steps-pre")
    roc.plot([0, 1], [0, 1], "--", color="#999999", lw=0.8)
    pr.axhline(predictions["label"].mean(), ls="--", color="#999999", lw=0.8)
    square = {"xlim": (-0.02, 1.02), "ylim": (-0.02, 1.02), "aspect": "equal"}
    roc.set(xlabel="1 \N{MINUS SIGN} specificity", ylabel="sensitivity", title="ROC", **square)
    pr.set(xlabel="recall (sensitivity)", ylabel="precision", title="Precision-recall", **square)
    roc.legend(frameon=False, loc="lower right")
    return fig


def confusion_matrices(labelled: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """Confusion matrices side by side, counts and share of each true class.

    Args:
        labelled: of `outcomes.label`, one split.
        titles: how each model is called.
    """
    groups = list(labelled.groupby("model", sort=False))
    fig, axes = new_figure(1, len(groups), height=2.7)
    for axis, (model, part) in zip(axes[0], groups, strict=True):
        found = confusion(part["label"], part["called"])
        share = found / np.maximum(found.sum(axis=1, keepdims=True), 1)
        text = np.array(
            [[f"{n}\n{s:.0%}" for n, s in zip(*row, strict=True)] for row in zip(found, share, strict=True)]
        )
        sns.heatmap(
            share, annot=text, fmt="", cmap="Blues", vmin=0, vmax=1, cbar=False, square=True,
            xticklabels=_CLASS_NAMES, yticklabels=_CLASS_NAMES, ax=axis,
        )  # fmt: skip
        axis.set(title=titles.get(model, model), xlabel="called", ylabel="truth" if axis is axes[0, 0] else "")
    return fig
