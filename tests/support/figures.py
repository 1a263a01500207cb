"""Figures as a reader would see them."""

from matplotlib.figure import Figure
from matplotlib.text import Text

from pneumo_utils.reporting.figures.style import COLUMN, POINTS


def drawn(fig):
    """`fig`, once all of it has been worked out; its text can be read on paper."""
    fig.canvas.draw()  # layout and text are only worked out here
    assert isinstance(fig, Figure) and too_small(fig) == []
    return fig


def too_small(fig) -> list[str]:
    """Texts that are smaller than `POINTS` where the figure is printed, with their size."""
    shrunk = min(1.0, COLUMN / fig.get_figwidth())
    off = [ruler for axes in fig.axes if not axes.axison for ruler in (axes.xaxis, axes.yaxis)]
    unseen = {text for ruler in off for text in ruler.findobj(Text)}
    texts = [text for text in fig.findobj(Text) if text.get_visible() and text.get_text().strip()]
    texts = [text for text in texts if text not in unseen]
    sizes = [(text.get_text(), round(text.get_fontsize() * shrunk, 1)) for text in texts]
    return [f"{text!r}: {size}" for text, size in sizes if size < POINTS]
