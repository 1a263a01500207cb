"""The look of all figures: one palette, safe for colour-blind readers, one font size, thin frames."""

from __future__ import annotations

import re
from textwrap import TextWrapper

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

# Okabe & Ito (2008), the common palette for colour-blind readers
COLOURS = {"normal": "#0072B2", "bacterial": "#D55E00", "viral": "#E69F00", "unknown": "#999999"}
CLASSES = {"NORMAL": "#0072B2", "PNEUMONIA": "#D55E00"}
MODEL_COLOURS = (*CLASSES.values(), "#009E73", "#CC79A7", "#56B4E9", "#000000")
COLUMN = 7.0  # inches that a page has in print; a wider figure shrinks there, and its text with it
POINTS = 9  # size of text in print
LINE = 1.25 * POINTS / 72  # inches from a line of text to the next
_STYLE = {"font.size": POINTS, "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9.5}
_STYLE |= {"text.parse_math": False}  # titles hold names of patients and files, and a $ in one is a $


def new_figure(
    rows: int = 1, columns: int = 1, width: float = COLUMN, height: float = 3.2
) -> tuple[Figure, np.ndarray]:
    """An empty figure in the style of the study: `rows` by `columns` axes, size in inches."""
    with plt.rc_context(_STYLE):
        fig, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained")
    return fig, axes


def text_size(width: float) -> float:
    """Points of the text of a figure of so many inches that are `POINTS` in print."""
    return POINTS * max(1.0, width / COLUMN)


def wrap(text: str, inches: float, points: float = POINTS) -> str:
    """The text with its lines broken where they would be wider; a long file name after `_` or `-`, where it has one."""
    letters = max(4, int(72 * inches / (0.65 * points)))  # of the widest; words have narrow ones, too
    long = any(len(word) > 1.2 * letters for word in text.split())
    wrapper = _NameWrapper(letters, break_long_words=long)
    return "\n".join(wrapper.fill(line) for line in text.split("\n"))


class _NameWrapper(TextWrapper):
    # Python's own breaks after hyphens, too, but cuts a name that is joined by underscores anywhere
    wordsep_re = re.compile(r"(\s+)|(?<=[^\W\d]-)(?=\w)|(?<=\w_)(?=\w)")
