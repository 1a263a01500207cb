"""How what a network is worth falls as pictures get harder."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pneumo_utils.reporting.figures.style import MODEL_COLOURS, new_figure
from pneumo_utils.robustness import perturbations

_COLUMNS = 4
_RATES = {"sensitivity": "-", "specificity": "--"}  # and how their lines are drawn


def perturbation_curves(found: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """AUC against strength, a panel each of `PERTURBATIONS` that has a neutral strength, a line per network.

    All panels have one axis, as long as the lines need it; chance (0.5) is drawn where it lies on it.

    Args:
        found: contract `perturbed_performance`, one seed of each network.
        titles: how each network is called.
    """
    fig, axes, kinds = _panels()
    for axis, model, colour, line in _lines(axes, kinds, found):
        axis.plot(line["strength"], line["auc"], ".-", color=colour, label=titles[model], lw=1.2)
        axis.fill_between(line["strength"], line["lower"], line["upper"], color=colour, alpha=0.12, lw=0)
    least = max(0.0, min(axis.get_ylim()[0] for axis in axes[: len(kinds)]))  # as far down as any line goes
    for axis in axes[: len(kinds)]:
        axis.set_ylim(min(least, 0.9), 1.01)
        if least < 0.5:
            axis.axhline(0.5, color="#999999", lw=0.8, ls="--")
    return _finished(fig, axes, "AUC-ROC")


def rate_curves(found: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """Sensitivity (solid) and specificity (dashed) at the frozen operating point, as in `perturbation_curves`."""
    fig, axes, kinds = _panels()
    for axis, model, colour, line in _lines(axes, kinds, found):
        for rate, drawn in _RATES.items():
            axis.plot(line["strength"], line[rate], drawn, color=colour, label=f"{titles[model]}, {rate}", lw=1.2)
    for axis in axes[: len(kinds)]:
        axis.set_ylim(-0.02, 1.02)
    return _finished(fig, axes, "share of the class")


def _panels() -> tuple[Figure, list[Axes], dict[str, perturbations.Perturbation]]:
    """A figure with an empty axis for each kind that has a neutral strength, and these kinds."""
    kinds = {name: kind for name, kind in perturbations.PERTURBATIONS.items() if kind.neutral is not None}
    fig, axes = new_figure(-(-len(kinds) // _COLUMNS), _COLUMNS, height=4.2)
    for axis in axes.flat[len(kinds) :]:
        axis.axis("off")
    for axis, kind in zip(axes.flat, kinds.values(), strict=False):
        axis.set(title=kind.title, xlabel=kind.unit)
    return fig, list(axes.flat), kinds


def _lines(
    axes: list[Axes], kinds: dict[str, perturbations.Perturbation], found: pd.DataFrame
) -> Iterator[tuple[Axes, str, str, pd.DataFrame]]:
    """Axis, network, its colour, and its rows of each kind by rising strength, the picture as it is among them."""
    for axis, (name, kind) in zip(axes, kinds.items(), strict=False):
        for colour, model in zip(MODEL_COLOURS, found["model"].unique(), strict=False):
            part = found[found["model"] == model]
            plain = part[part["perturbation"] == perturbations.PLAIN].assign(strength=kind.neutral)
            line = pd.concat([plain, part[part["perturbation"] == name]]).sort_values("strength")
            yield axis, model, colour, line


def _finished(fig: Figure, axes: list[Axes], measure: str) -> Figure:
    axes[0].set_ylabel(measure)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return fig
