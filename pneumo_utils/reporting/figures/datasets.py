"""The radiographs: contact sheets, counts, sizes, brightness, and what the files alone tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from pneumo_utils.records.vocabulary import PARTS
from pneumo_utils.reporting.figures.style import (
    CLASSES,
    COLOURS,
    COLUMN,
    LINE,
    MODEL_COLOURS,
    POINTS,
    new_figure,
    text_size,
    wrap,
)


def pictures(images: Sequence[np.ndarray], titles: Sequence[str], columns: int = 6, width: float = COLUMN) -> Figure:
    """A contact sheet: grey pictures, uint8 (h, w), each under its title, `columns` a row on `width` inches."""
    rows, side, size = -(-len(images) // columns), width / columns, text_size(width)
    titles = [wrap(title, side, size) for title in titles]
    lines = max((title.count("\n") + 1 for title in titles if title), default=0)
    fig, axes = new_figure(rows, columns, width, rows * (side + lines * LINE * size / POINTS + 0.1))
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        axis.set_title(title, fontsize=size)
    return fig


def lung_outlines(images: Sequence[np.ndarray], fields: Sequence[np.ndarray], columns: int = 6) -> Figure:
    """Pictures, uint8 (h, w), with the outline of the lung `fields`, any size, at 0.5."""
    fig = pictures(images, [""] * len(images), columns)
    for axis, image, field in zip(fig.axes, images, fields, strict=False):
        (height, width), (high, wide) = image.shape, field.shape
        across, down = (np.arange(wide) + 0.5) * width / wide - 0.5, (np.arange(high) + 0.5) * height / high - 0.5
        axis.contour(across, down, field, levels=[0.5], colors="#F0E442", linewidths=0.8)
    return fig


def count_bars(manifest: pd.DataFrame, by: str = "part") -> Figure:
    """Pictures of each etiology in each `part` or `split`, counted."""
    fig, axes = new_figure(height=2.4)
    order = [name for name in COLOURS if (manifest["etiology"] == name).any()]
    rows = [name for name in (*PARTS, "validation") if (manifest[by] == name).any()]
    sns.countplot(manifest, y=by, order=rows, hue="etiology", hue_order=order, palette=COLOURS, ax=axes[0, 0])
    for bars in axes[0, 0].containers:
        axes[0, 0].bar_label(bars, fontsize=POINTS, padding=2)
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
    if len(shapes := frame[["width", "height"]].drop_duplicates()) == 1:
        width, height = shapes.iloc[0]
        fig.suptitle(f"All {len(frame):,} pictures have {width} x {height} pixels", fontsize=10)
    return fig


def auc_by_property(audit: pd.DataFrame, names: Mapping[str, str], limit: float) -> Figure:
    """AUC of every property alone as dots with intervals, a line per property, a colour and sign per part.

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
