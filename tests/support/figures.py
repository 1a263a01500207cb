"""Figures as a reader would see them."""

from matplotlib.figure import Figure


def drawn(fig):
    """`fig`, once all of it has been worked out."""
    fig.canvas.draw()  # layout and text are only worked out here
    assert isinstance(fig, Figure)
    return fig
