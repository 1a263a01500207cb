"""How training went: losses and areas, epoch by epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumo_utils.records.vocabulary import PHASES
from pneumo_utils.reporting.figures.style import new_figure

_DRAWN = {"plain_loss": ("val_loss", "loss"), "auc": ("val_auc", "AUC-ROC")}  # of training: of validation, and title


def learning_curves(history: pd.DataFrame) -> Figure:
    """Loss and AUC by epoch, training against validation, a line per seed and phase; rings mark the kept epochs.

    Both losses are cross-entropies of plain labels, whatever was minimised. Training's is of pictures as they were
    varied and drawn, under dropout, so that its level is another.

    Phases stand one after another: each begins, for all seeds, where the longest of the one before has ended.

    Args:
        history: contract `history`, one model, any number of seeds.
    """
    starts = _phase_starts(history)
    frame = history.assign(step=history["epoch"] + history["phase"].map(starts))
    fig, axes = new_figure(1, 2, height=2.8)
    for axis, (learned, (held_out, title)) in zip(axes[0], _DRAWN.items(), strict=True):
        for start, phase in zip(starts, starts.index, strict=True):
            axis.axvline(start + 0.5, color="#cccccc", lw=0.8)
            axis.text(start + 0.6, 1.0, PHASES[phase], transform=axis.get_xaxis_transform(), va="bottom")
        _learning_lines(axis, frame, learned, held_out)
        axis.set(xlabel="epoch", ylabel=title, xlim=(0.3, frame["step"].max() + 0.7))
        axis.xaxis.get_major_locator().set_params(integer=True)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return fig


def _phase_starts(history: pd.DataFrame) -> pd.Series:
    """Epochs before each phase, by its name, in running order."""
    lengths = history.groupby("phase", sort=False)["epoch"].max()
    return lengths.cumsum() - lengths


def _learning_lines(axis: Axes, frame: pd.DataFrame, learned: str, held_out: str) -> None:
    """Both curves of every seed and phase, in the same two colours; only the first of each kind is named."""
    width = 1.5 if frame["seed"].nunique() == 1 else 0.9
    for column, colour, label in ((learned, "#999999", "training"), (held_out, "#0072B2", "validation")):
        for _, part in frame.groupby(["seed", "phase"], sort=False):
            axis.plot(part["step"], part[column], ".-", color=colour, lw=width, ms=2.5, label=label)
            label = "_" + label.lstrip("_")  # matplotlib leaves it out of the legend
    kept = frame[frame["kept"]]
    axis.plot(kept["step"], kept[held_out], "o", mfc="none", color="#D55E00", label="kept")
