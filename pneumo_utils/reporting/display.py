"""What a notebook shows: figures with alternative text, plain tables, findings and notices.

Everything reads well in JupyterLab as it is; the report pages (`pages`) only dress it further.
"""

from __future__ import annotations

import base64
import io
import math
import re
from html import escape
from numbers import Integral, Real

import matplotlib.pyplot as plt
import pandas as pd
import PIL.Image
from IPython.display import HTML, Image, Markdown, display
from matplotlib.figure import Figure

DPI = 160  # pixels an inch in the stored image
_FINE = 240  # the same on pages that enlarge it to the width of their column
CSS_DPI = 96  # CSS pixels an inch: the image is shown at its size in print, so it stays sharp on fine screens
_LARGE = 150_000  # bytes of a PNG; radiographs take several times as many as the same picture as a JPEG
_JPEG = {"quality": 75, "optimize": True, "progressive": True}  # a quarter smaller than the usual one of 85
EMPTY = '<span title="not defined">—</span>'
_LONG = 60  # characters of a cell that is given room: squeezed beside others it would be as tall as a screen
WIDE = 6  # columns from which a table is a scrollable region of its own, reachable by keyboard
_HYPHENATED = re.compile(r"(?<![\w.-])-(?=\d)")  # the sign of a number, but not the dash of a range or of a name
_BRACKETED = re.compile(r" (\([^()]*\d[^()]*\))")  # an interval: a line may end before it, never in it
_EQUATION = re.compile(r"(?<=\b[np]) (=|&lt;) (?=\d)")  # n = 37, p < 0.001: one word, in escaped text
_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"[−+-]?\d[\d,.]*%?(\s*[(\[].*[)\]])?")  # 0.93, 1,341, 93.1%, 0.93 (0.90–0.95)


def figure(fig: Figure, alt: str) -> None:
    """Show a figure once, on white and with its description, and close it.

    Args:
        fig: the figure; it is closed, so the notebook does not show it a second time.
        alt: what a reader who cannot see the figure needs to know: its kind, its axes and what it shows.

    Raises:
        ValueError: the description is empty.
    """
    file, kind, size = _drawn(fig, alt, DPI)
    display(Image(data=file, format=kind, **size, alt=" ".join(alt.split())))


def figure_html(fig: Figure, alt: str) -> str:
    """The same figure as markup that holds it, for a page that is no notebook; same parameters and errors."""
    file, kind, size = _drawn(fig, alt, _FINE)
    source = f"data:image/{kind};base64,{base64.b64encode(file).decode()}"
    dimensions = f'width="{size["width"]}" height="{size["height"]}"'
    return f'<figure class="plate"><img src="{source}" {dimensions} alt="{escape(" ".join(alt.split()))}"></figure>'


def _drawn(fig: Figure, alt: str, dpi: int) -> tuple[bytes, str, dict[str, int]]:
    """The figure as a file, PNG, or JPEG where radiographs make that smaller; width and height in CSS pixels."""
    if not alt.strip():
        raise ValueError(f"alt must describe the figure, got {alt!r}")
    buffer = io.BytesIO()
    fig.savefig(
        buffer,
        format="png",
        dpi=dpi,
        bbox_inches="tight",
        facecolor="white",
        metadata={"Software": None},  # the same figure, the same bytes
        pil_kwargs={"compress_level": 4},  # half the time of the usual 6, for a twelfth more bytes
    )
    pictured = any(axis.images for axis in fig.axes)
    plt.close(fig)
    png = buffer.getvalue()
    width, height = (round(int.from_bytes(png[at : at + 4], "big") * CSS_DPI / dpi) for at in (16, 20))  # from IHDR
    size = {"width": width, "height": height}
    if pictured and len(png) > _LARGE:
        jpeg = io.BytesIO()
        PIL.Image.open(buffer).convert("RGB").save(jpeg, "JPEG", **_JPEG)
        return jpeg.getvalue(), "jpeg", size
    return png, "png", size


def table(frame: pd.DataFrame, caption: str, digits: int = 3, csv: str = "") -> HTML:
    """Return a table with a caption, header scopes and right-aligned numbers, to be a cell's last value.

    Args:
        frame: the rows; a named or non-numeric index becomes the row headers, bare row numbers are left out.
        caption: what the table counts, with n; plain text.
        digits: decimals of fractional numbers, at least 0.
        csv: name of the table of the study that the numbers come from; the page links its file.

    Returns:
        self-contained markup without identifiers, equal for equal frames.

    Raises:
        ValueError: the caption is empty or `digits` is negative.
    """
    return HTML(table_html(frame, caption, digits, csv))


def table_html(frame: pd.DataFrame, caption: str, digits: int = 3, csv: str = "") -> str:
    """Return the markup of `table` as a string; same parameters and errors."""
    if not caption.strip():
        raise ValueError(f"caption must say what the table shows, got {caption!r}")
    if digits < 0:
        raise ValueError(f"digits must be at least 0, got {digits}")
    columns, leading = _columns(frame)
    heads = [_cell("th", escape(name), _is_number(column), ' scope="col"') for name, column in columns]
    shown = [_body_cells(column, digits, i < leading) for i, (_, column) in enumerate(columns)]
    rows = [f"<tr>{''.join(cells)}</tr>" for cells in zip(*shown, strict=True)]
    region = f' role="region" tabindex="0" aria-label="{escape(caption)}"' if len(columns) >= WIDE else ""
    source = f' data-csv="{escape(csv)}"' if csv else ""
    return (
        f'<div class="table-scroll"{region}{source} style="overflow-x:auto">\n'
        '<table class="data" style="font-variant-numeric:tabular-nums">\n'
        f'<caption style="text-align:left"><span>{_tied(escape(caption))}</span></caption>\n'
        f"<thead><tr>{''.join(heads)}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>\n</div>"
    )


def say(text: str) -> Markdown:
    """Return a finding as Markdown: a sentence built from values, to be a cell's last value.

    Numbers below zero bear a minus sign, as in tables.
    """
    return Markdown(_HYPHENATED.sub("−", text))


def _columns(frame: pd.DataFrame) -> tuple[list[tuple[str, pd.Series]], int]:
    """Return (heading, values) of each column shown, and how many of the first ones are row headers."""
    body = [(_heading(name), frame.iloc[:, i]) for i, name in enumerate(frame.columns)]
    if pd.api.types.is_integer_dtype(frame.index) and frame.index.name is None:  # row numbers say nothing
        return body, int(bool(body) and not _is_number(body[0][1]))
    levels = [frame.index.get_level_values(i).to_series() for i in range(frame.index.nlevels)]
    names = ["" if name is None else str(name) for name in frame.index.names]
    return list(zip(names, levels, strict=True)) + body, len(levels)


def _heading(name: object) -> str:
    return " · ".join(str(part) for part in name if str(part)) if isinstance(name, tuple) else str(name)


def _is_number(column: pd.Series) -> bool:
    """Tell whether every value reads as a number, so that the column is set flush right."""
    values = column.dropna()
    return all(
        _NUMBER.fullmatch(value.strip()) is not None
        if isinstance(value, str)
        else isinstance(value, Real) and not pd.api.types.is_bool(value)
        for value in values
    )


def _body_cells(column: pd.Series, digits: int, is_head: bool) -> list[str]:
    tag, scope = ("th", ' scope="row"') if is_head else ("td", "")
    number = _is_number(column)
    if _counts_with_gaps(column):
        column = column.astype("Int64")
    return [_cell(tag, _value(value, digits), number, scope) for value in column.astype(object)]


def _counts_with_gaps(column: pd.Series) -> bool:
    """Tell whether pandas made floats of counts only because one is missing."""
    if not pd.api.types.is_float_dtype(column) or not column.isna().any():
        return False
    known = column.dropna().astype(float)
    return bool(len(known) and (known % 1 == 0).all() and (known.abs() > 1).any())


def _value(value: object, digits: int) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return EMPTY
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{int(value):,}".replace("-", "−")
    if isinstance(value, Real):
        return _fraction(float(value), digits)
    text = _HYPHENATED.sub("−", escape(str(value))).replace("\n", "<br>")
    return _BRACKETED.sub(r' <span class="whole">\1</span>', _tied(text))


def _tied(text: str) -> str:
    """Escaped text in which no line ends within an equation."""
    return _EQUATION.sub("\u00a0\\1\u00a0", text)


def _fraction(value: float, digits: int) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value and abs(value) < 0.5 * 10**-digits:  # would read as a zero
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa}×10<sup>{int(exponent)}</sup>".replace("-", "−")
    return f"{value:,.{digits}f}".replace("-", "−")


def _cell(tag: str, text: str, is_number: bool, scope: str = "") -> str:
    side, kind = (
        ("right", "number") if is_number else ("left", "text long" if len(_TAG.sub("", text)) > _LONG else "text")
    )
    return f'<{tag}{scope} class="{kind}" style="text-align:{side}">{text}</{tag}>'
