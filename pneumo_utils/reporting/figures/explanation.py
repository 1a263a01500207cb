"""Figures of the heat maps and of how they are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumo_utils.explanation.faithfulness import ORDERS
from pneumo_utils.reporting.figures.style import COLUMN, LINE, MODEL_COLOURS, POINTS, new_figure, wrap

_COLUMNS = 4  # as wide as a page; fewer cases leave room
_LUNG, _LESION = "#56B4E9", "#FFFFFF"
_SCALE = 0.7  # inches of the scale beside the maps
_WRAP = 18  # characters a line below a narrow panel
_OVERLAY = 0.65  # opacity of the map where it is brightest


def gallery(
    images: Sequence[np.ndarray],
    maps: Sequence[np.ndarray],
    titles: Sequence[str],
    lungs: Sequence[np.ndarray],
    lesions: Sequence[np.ndarray] | None = None,
    heading: str = "",
) -> Figure:
    """One case a column: the picture, its map, and the map over the picture, the clearer the brighter.

    Args:
        images: uint8 (h, w).
        maps: float32 (h, w) in [0, 1].
        titles: over each case.
        lungs: bool (h, w), drawn as a blue line.
        lesions: bool (h, w) each, drawn as a white line; None where the truth is not known.
        heading: over all cases.
    """
    columns = max(len(images), _COLUMNS)
    side = (COLUMN - _SCALE) / columns
    titles = [wrap(title, side) for title in titles]
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    height = 3.1 * side + lines * LINE + 0.4 if len(images) else 0.5
    fig, axes = new_figure(3 if len(images) else 1, columns, height=height)
    fig.suptitle(heading if len(images) else f"{heading}: none", fontsize=10)
    for axis in axes.flat:
        axis.axis("off")
    shown = None
    for column, (image, heat, title, lung) in enumerate(zip(images, maps, titles, lungs, strict=True)):
        above, middle, below = axes[:, column]
        for axis in (above, below):
            axis.imshow(image, cmap="gray", vmin=0, vmax=255)
        shown = middle.imshow(heat, cmap="magma", vmin=0, vmax=1)
        below.imshow(heat, cmap="magma", vmin=0, vmax=1, alpha=_OVERLAY * heat)
        above.set_title(title, fontsize=POINTS)
        for axis in axes[:, column]:
            _outline(axis, lung, _LUNG)
            if lesions is not None:
                _outline(axis, lesions[column], _LESION)
    if shown is not None:
        fig.colorbar(shown, ax=axes, shrink=0.4, aspect=25, pad=0.01, label="weight for pneumonia (0-1)")
    return fig


def _outline(axis: Axes, region: np.ndarray, colour: str) -> None:
    if region.any() and not region.all():
        axis.contour(region, levels=[0.5], colors=colour, linewidths=0.7)


def interval_panels(found: pd.DataFrame, by: str, measures: Mapping[str, str]) -> Figure:
    """Value and interval, a panel per measure, a line per row of its own.

    Args:
        found: with the columns `by`, `measure`, `value`, `lower`, `upper`; one row per `by` and measure.
        by: column that names the rows, in the order of appearance.
        measures: how each measure is called; the order of the panels.
    """
    rows = list(found[by].unique())
    fig, axes = new_figure(1, len(measures), height=0.7 + 0.3 * len(rows))
    for axis, (measure, title) in zip(axes[0], measures.items(), strict=True):
        own = found[found["measure"] == measure].set_index(by).reindex(rows)
        reach = np.abs(own[["lower", "upper"]].sub(own["value"], axis=0)).T
        axis.errorbar(own["value"], range(len(rows)), xerr=reach, fmt="o", ms=4, color="#0072B2", capsize=2, lw=1)
        axis.set(xlabel=fill(title, _WRAP), xlim=(-0.03, 1.03), ylim=(len(rows) - 0.5, -0.5), yticks=range(len(rows)))
        axis.set_yticklabels(rows if axis is axes[0, 0] else [])
        axis.grid(axis="x", color="#e0e0e0", lw=0.6)
    return fig


def faithfulness(curves: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """The answer as places are taken away, or given back: by the map in full lines, by its rivals in broken ones.

    Args:
        curves: contract `faithfulness_curves`.
        titles: how each network is called.
    """
    colours = dict(zip(titles, MODEL_COLOURS, strict=False))  # the same whoever is missing
    kinds = {"deletion": "taken away, brightest first", "insertion": "given back, brightest first"}
    fig, axes = new_figure(1, 2, height=3.2)
    for axis, (kind, title) in zip(axes[0], kinds.items(), strict=True):
        part = curves[curves["kind"] == kind]
        for model in part["model"].unique():
            for (name, order), style in zip(ORDERS.items(), ("-", "--", ":"), strict=True):
                line = part[(part["model"] == model) & (part["order"] == name)]
                label = f"{titles[model]}, {order}"
                axis.plot(line["share"], line["probability"], style, color=colours[model], label=label, lw=1.3)
        axis.set(title=kind.capitalize(), xlabel=f"share of the picture {title}", ylim=(-0.02, 1.02))
    axes[0, 0].set_ylabel("mean probability of pneumonia")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=POINTS)
    return fig


def weight_randomisation(sanity: pd.DataFrame, titles: Mapping[str, str], limit: float) -> Figure:
    """What is left of the maps as weights are shuffled from the answer downwards, a panel per network.

    Args:
        sanity: contract `sanity`, the test `weights`.
        titles: how each network is called.
        limit: below which a map has fallen apart.
    """
    groups = list(sanity.groupby("model", sort=False))
    fig, axes = new_figure(1, len(groups), height=2.9)
    for axis, (model, part) in zip(axes[0], groups, strict=True):
        steps = np.arange(len(part) + 1)
        value, lower, upper = (np.concatenate([[1.0], part[name]]) for name in ("value", "lower", "upper"))
        axis.plot(steps, value, "o-", ms=3.5, lw=1.2, color="#0072B2")
        axis.fill_between(steps, lower, upper, color="#0072B2", alpha=0.18, lw=0)
        axis.axhline(limit, color="#999999", lw=0.8, ls="--")
        axis.set(title=titles[model], ylim=(-0.03, 1.05), xticks=steps)
        axis.set_xticklabels(["trained", *part["stage"]], rotation=55, ha="right", fontsize=POINTS)
    axes[0, 0].set_ylabel("left of the map\n(squared rank correlation)")
    return fig
