"""Figures of the evaluation page: tables of the study in, a matplotlib figure out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from pneumo_utils.reporting.figures.style import CLASSES, COLUMN, MODEL_COLOURS, new_figure

_GREY = "#999999"
_DEAREST = 0.5  # threshold probability, of decision curves
_MARKERS = "osD^vP"  # a second sign beside colour
_SPLITS = ("validation", "test")
METHODS = {"none": "As predicted", "temperature": "Temperature", "platt": "Platt", "isotonic": "Isotonic"}
RULES = {
    "sensitivity": ("rule sensitivity", "-"),
    "youden": ("rule youden", "--"),
    "half": ("rule half", ":"),
    "specificity": ("rule specificity", "-."),
    "margin": ("rule margin", (0, (6, 1, 1, 1, 1, 1))),
    "varied": ("rule varied", (0, (1, 3))),
}


def reliability(curves: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Predicted against observed risk, a row per model and a column per method; on the dashed line risks are as said.

    Args:
        curves: contract `reliability`, one seed, at least one row.
        titles: how each model is called.
    """
    models, methods = [model for model, *_ in _models(curves)], _present(curves["method"], METHODS)
    side = COLUMN / max(len(methods), 3)
    fig, axes = new_figure(len(models), len(methods), height=0.8 + 0.78 * side * len(models))
    for (row, method), axis in zip(itertools.product(models, methods), axes.flat, strict=True):
        axis.plot([0, 1], [0, 1], "--", color=_GREY, lw=0.8)
        for split, colour in zip(_SPLITS, MODEL_COLOURS, strict=False):
            part = curves[(curves["split"] == split) & (curves["method"] == method) & (curves["model"] == row)]
            _whiskers(axis, part["mean_probability"], part["observed"], part, colour, label=split)
        axis.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal", xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    for axis, method in zip(axes[0], methods, strict=True):
        axis.set_title(METHODS[method])
    for axis, model in zip(axes[:, 0], models, strict=True):
        axis.set_ylabel(fill(titles.get(model, model), 16))
    for axis in axes[-1]:
        axis.set_xlabel("mean predicted\nprobability")
    fig.supylabel("share with pneumonia", fontsize="medium")
    return _legend(fig, axes[0, 0])


def decision_curves(curves: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Net benefit over threshold probabilities, with interval, against treating all and none; a panel per prevalence.

    Thresholds end at `_DEAREST`: beyond it a false alarm would be worse than a missed pneumonia.

    Args:
        curves: contract `decision_curve`, one split and one seed.
        titles: how each model is called.
    """
    prevalences = list(dict.fromkeys(curves["prevalence"]))
    fig, axes = new_figure(1, len(prevalences), height=3.6)
    for axis, prevalence in zip(axes[0], prevalences, strict=True):
        part = curves[(curves["prevalence"] == prevalence) & (curves["threshold"] <= _DEAREST)]
        first = part[part["model"] == part["model"].iloc[0]]
        for strategy, style in (("all", "--"), ("none", "-")):
            line = first[first["strategy"] == strategy]
            axis.plot(line["threshold"], line["net_benefit"], style, color=_GREY, lw=1, label=f"treat {strategy}")
        for model, colour, _ in _models(part):
            line = part[(part["model"] == model) & (part["strategy"] == "model")]
            axis.fill_between(line["threshold"], line["lower"], line["upper"], color=colour, alpha=0.12, lw=0)
            axis.plot(line["threshold"], line["net_benefit"], color=colour, label=titles.get(model, model))
        axis.set(xlim=(0, part["threshold"].max()), ylim=(-0.2 * prevalence, 1.05 * prevalence))
        axis.set(xlabel="threshold probability", title=f"prevalence {100 * prevalence:.3g}%")
    axes[0, 0].set_ylabel("net benefit\n(true positives per patient)")
    return _legend(fig, axes[0, 0])


def referral(
    curves: pd.DataFrame, chosen: pd.DataFrame, titles: Mapping[str, str], target: float | None = None
) -> Figure:
    """Error among the images that the model keeps, over the share that it keeps; a dot where the chosen band is.

    Args:
        curves: contract `referral`, one seed.
        chosen: contract `referral_band`, the same models and seed; may be empty.
        titles: how each model is called.
        target: error the band was chosen for, drawn as a line; in [0, 1].
    """
    splits = _present(curves["split"], _SPLITS)
    fig, axes = new_figure(1, len(splits), height=3.4)
    for axis, split in zip(axes[0], splits, strict=True):
        for model, colour, marker in _models(curves):
            line, dot = (frame[(frame["model"] == model) & (frame["split"] == split)] for frame in (curves, chosen))
            axis.plot(line["coverage"], line["error"], color=colour, label=titles.get(model, model))
            _whiskers(axis, dot["coverage"], dot["error"], dot, colour, marker)
        if target is not None:
            axis.axhline(target, ls="--", color=_GREY, lw=0.8)
        axis.set(xlim=(1.02, -0.02), title=split, xlabel="share read by the model (the rest is referred)")
        axis.xaxis.set_major_formatter(PercentFormatter(1))
        axis.yaxis.set_major_formatter(PercentFormatter(1))
    top = max(axis.get_ylim()[1] for axis in axes[0])
    for axis in axes[0]:
        axis.set_ylim(-0.03 * top, top)
    axes[0, 0].set_ylabel("wrong among them")
    return _legend(fig, axes[0, 0])


def forest(metrics: pd.DataFrame, names: Mapping[str, str], titles: Mapping[str, str]) -> Figure:
    """Every metric as dots with intervals, a panel per metric, a line per model; each panel has its own scale.

    Args:
        metrics: contract `seed_spread`, one split: small upright strokes mark the lowest and the highest seed; or
            contract `metrics`, one split: a line per model and seed.
        names: metrics shown, in order -> how they are called.
        titles: how each model is called.
    """
    frame = metrics if "seed" in metrics else metrics.rename(columns={"mean": "value"}).assign(seed=0)
    lines = [(model, seed) for model, *_ in _models(frame) for seed in _seeds(frame, model)]
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    fig, axes = new_figure(rows, columns, height=(0.26 * len(lines) + 0.75) * rows)
    for axis, (metric, name) in zip(axes.flat, names.items(), strict=False):
        _forest_panel(axis, frame[frame["metric"] == metric], lines)
        axis.set_title(name, fontsize=9.5)
        axis.set_yticks(range(len(lines)), _line_titles(lines, titles) if axis in axes[:, 0] else [""] * len(lines))
    for axis in list(axes.flat)[len(names) :]:
        axis.axis("off")
    return fig


def operating_points(curves: pd.DataFrame, thresholds: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """Sensitivity and specificity over the threshold, on a logit scale, with the points chosen on validation.

    A row per model, a column per split. Shaded is where both reach the target, if the rules have one.

    Args:
        curves: columns `model`, `split` and those of `operating_points.sweep`, one seed.
        thresholds: contract `operating_points`, the same models and seed.
        titles: how each model is called.
    """
    models, splits = [model for model, *_ in _models(curves)], _present(curves["split"], _SPLITS)
    fig, axes = new_figure(len(models), len(splits), height=0.9 + 1.75 * len(models))
    for model, row in zip(models, axes, strict=True):
        own = thresholds[thresholds["model"] == model]
        _operating_row(row, curves[curves["model"] == model], own, splits)
        row[0].set_ylabel(fill(titles.get(model, model), 16))
    for axis, split in zip(axes[0], splits, strict=True):
        axis.set_title(split, fontsize=9.5)
    for axis in axes[-1]:
        axis.set_xlabel("threshold")
    fig.supylabel("share of its class called rightly", fontsize="medium")
    return _legend(fig, axes[0, 0], columns=3)


def _operating_row(axes: Sequence[Axes], curves: pd.DataFrame, thresholds: pd.DataFrame, splits: list[str]) -> None:
    """The panels of one model, with the same limits."""
    chosen, target = thresholds["threshold"], thresholds["target"].max()  # nan, which nothing reaches, without one
    edge = min([0.002, *(min(point, 1 - point) / 2 for point in chosen if 0 < point < 1)])  # every point in sight
    curves = curves[curves["threshold"].between(0, 1, inclusive="neither")]
    seen = curves.loc[curves["threshold"].between(edge, 1 - edge), ["sensitivity", "specificity"]]
    bottom = min(0.9, np.floor(10 * seen.to_numpy().min(initial=1)) / 10)
    for axis, split in zip(axes, splits, strict=True):
        part = curves[curves["split"] == split]
        for name, colour in (("sensitivity", CLASSES["PNEUMONIA"]), ("specificity", CLASSES["NORMAL"])):
            axis.plot(part["threshold"], part[name], color=colour, label=name)
        for rule, threshold in zip(thresholds["rule"], chosen, strict=True):
            label, style = RULES[rule]
            axis.axvline(threshold, ls=style, color="#444444", lw=0.9, label=label)
        good = part[(part[["sensitivity", "specificity"]] >= target).all(axis=1)]
        if len(good):
            axis.axvspan(
                good["below"].min(), good["above"].max(), color=_GREY, alpha=0.25, lw=0, label="_both at the target"
            )
        axis.set(xscale="logit", xlim=(edge, 1 - edge), ylim=(bottom - 0.02 * (1 - bottom), 1 + 0.02 * (1 - bottom)))
        axis.set_xticks([0.01, 0.1, 0.5, 0.9, 0.99], ["0.01", "0.1", "0.5", "0.9", "0.99"])
        axis.set_xticks([], minor=True)


def _present(values: pd.Series, order: Mapping | tuple) -> list[str]:
    return [name for name in order if (values == name).any()]


def _models(frame: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Model, colour and marker, in order of appearance; signs come round again after the last."""
    for i, model in enumerate(dict.fromkeys(frame["model"])):
        yield model, MODEL_COLOURS[i % len(MODEL_COLOURS)], _MARKERS[i % len(_MARKERS)]


def _seeds(frame: pd.DataFrame, model: str) -> list[int]:
    return sorted(set(frame["seed"][frame["model"] == model]))


def _whiskers(
    axis: Axes, x: pd.Series, y: pd.Series, bounds: pd.DataFrame, colour: str, marker: str = "o", label: str = ""
) -> None:
    """Dots with upright intervals; a dot without an interval stands alone."""
    axis.vlines(x, bounds["lower"], bounds["upper"], color=colour, lw=1.2)
    axis.plot(x, y, marker, color=colour, ms=4.5, mec="white", mew=0.5, label=label or None)


def _forest_panel(axis: Axes, part: pd.DataFrame, lines: list[tuple[str, int]]) -> None:
    signs = {
        model: (colour, marker) for model, colour, marker in _models(pd.DataFrame(lines, columns=["model", "seed"]))
    }
    for row in part.itertuples():
        place, (colour, marker) = lines.index((row.model, row.seed)), signs[row.model]
        axis.hlines(place, row.lower, row.upper, color=colour, lw=1.4)
        axis.plot(row.value, place, marker, color=colour, ms=4, mec="white", mew=0.4)
        if "lowest" in part and row.seeds > 1:
            axis.vlines([row.lowest, row.highest], place - 0.3, place + 0.3, color=colour, lw=0.9)
    axis.margins(x=0.08)
    axis.set_ylim(len(lines) - 0.5, -0.5)
    axis.grid(axis="x", color="#e5e5e5", lw=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)


def _line_titles(lines: list[tuple[str, int]], titles: Mapping[str, str]) -> list[str]:
    """What a model is called, on two lines where it is long; with the seed where it has several."""
    models = [model for model, _ in lines]
    return [
        fill(titles.get(model, model) + (f", seed {seed}" if models.count(model) > 1 else ""), 22)
        for model, seed in lines
    ]


def _legend(fig: Figure, axis: Axes, columns: int = 4) -> Figure:
    fig.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    return fig
