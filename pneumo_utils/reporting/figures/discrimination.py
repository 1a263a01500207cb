"""How well networks tell the classes apart: ROC, precision-recall, confusion matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from sklearn import metrics as sk

from pneumo_utils.evaluation.metrics import confusion
from pneumo_utils.reporting.figures.style import MODEL_COLOURS, new_figure

_CLASS_NAMES = ("normal", "pneumonia")


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
        pr.plot(recall, precision, color=colour, drawstyle="steps-post")  # as average precision sums it
    roc.plot([0, 1], [0, 1], "--", color="#999999", lw=0.8)
    pr.axhline(predictions["label"].mean(), ls="--", color="#999999", lw=0.8)
    square = {"xlim": (-0.02, 1.02), "ylim": (-0.02, 1.02), "aspect": "equal"}
    roc.set(xlabel="1 \N{MINUS SIGN} specificity", ylabel="sensitivity", title="ROC", **square)
    pr.set(xlabel="recall (sensitivity)", ylabel="precision", title="Precision-recall", **square)
    roc.legend(frameon=False, loc="lower right")
    return fig


def roc_of_studies(predictions: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """ROC curves of two studies, a panel per model, a colour per study; chance as a dashed line.

    Args:
        predictions: contract `predictions`, one split, both classes, and the `study` of each row.
        titles: how each model is called.
    """
    models = list(predictions.groupby("model", sort=False))
    colours = dict(zip(predictions["study"].unique(), MODEL_COLOURS, strict=False))  # also where a study lacks a model
    fig, axes = new_figure(1, len(models), height=2.9)
    lines = {}
    for axis, (model, rows) in zip(axes[0], models, strict=True):
        for study, part in rows.groupby("study", sort=False):
            false_positive, true_positive, _ = sk.roc_curve(part["label"], part["probability"])
            (lines[study],) = axis.plot(false_positive, true_positive, color=colours[study], label=study)
        axis.plot([0, 1], [0, 1], "--", color="#999999", lw=0.8)
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal", title=titles.get(model, model))
        axis.set(xlabel="1 \N{MINUS SIGN} specificity", ylabel="sensitivity" if axis is axes[0, 0] else "")
    fig.legend([lines[study] for study in colours], list(colours), loc="outside lower center", ncols=2, frameon=False)
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
            [[f"{n}\n{_percent(s)}" for n, s in zip(*row, strict=True)] for row in zip(found, share, strict=True)]
        )
        sns.heatmap(
            share, annot=text, fmt="", cmap="Blues", vmin=0, vmax=1, cbar=False, square=True,
            xticklabels=_CLASS_NAMES, yticklabels=_CLASS_NAMES, ax=axis,
        )  # fmt: skip
        axis.set(title=titles.get(model, model), xlabel="called", ylabel="truth" if axis is axes[0, 0] else "")
    return fig


def _percent(share: float) -> str:
    """In whole percent; near 0 and 1 with a decimal, as one error of many is not none."""
    return f"{share:.1%}" if 0 < share < 0.005 or 0.995 <= share < 1 else f"{share:.0%}"
