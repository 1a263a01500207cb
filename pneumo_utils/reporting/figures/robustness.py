"""How what a network is worth falls as pictures get harder."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from pneumo_utils.reporting.figures.style import MODEL_COLOURS, new_figure
from pneumo_utils.robustness import perturbations

_COLUMNS = 4


def perturbation_curves(found: pd.DataFrame, titles: dict[str, str]) -> Figure:
    """AUC against strength, a panel each of `PERTURBATIONS` that has a neutral strength, a line a network.

    Args:
        found: contract `perturbed_performance`, one seed of each network.
        titles: how each network is called.
    """
    kinds = {name: kind for name, kind in perturbations.PERTURBATIONS.items() if kind.neutral is not None}
    fig, axes = new_figure(-(-len(kinds) // _COLUMNS), _COLUMNS, height=4.2)
    for axis in axes.flat[len(kinds) :]:
        axis.axis("off")
    for axis, (name, kind) in zip(axes.flat, kinds.items(), strict=False):
        for colour, model in zip(MODEL_COLOURS, found["model"].unique(), strict=False):
            part = found[found["model"] == model]
            plain = part[part["perturbation"] == perturbations.PLAIN].assign(strength=kind.neutral)
            line = pd.concat([plain, part[part["perturbation"] == name]]).sort_values("strength")
            axis.plot(line["strength"], line["auc"], ".-", color=colour, label=titles[model], lw=1.2)
            axis.fill_between(line["strength"], line["lower"], line["upper"], color=colour, alpha=0.12, lw=0)
        axis.axhline(0.5, color="#999999", lw=0.8, ls="--")
        axis.set(title=kind.title, xlabel=kind.unit, ylim=(min(0.45, axis.get_ylim()[0]), 1.01))
    axes[0, 0].set_ylabel("AUC-ROC")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return fig
