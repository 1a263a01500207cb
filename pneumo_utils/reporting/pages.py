"""Report pages: an executed notebook as one self-contained HTML file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from pneumo_utils.reporting import page_shell
from pneumo_utils.reporting.notebook_cells import PageError, read_body


@dataclass(frozen=True)
class Link:
    """A page of the same folder: relative `href` and the title to show."""

    href: str
    title: str


@dataclass(frozen=True)
class Nav:
    """Where a page leads: the front page, and its neighbours where there are any."""

    index: Link
    previous: Link | None = None
    next: Link | None = None


def render_notebook(
    notebook: Path,
    target: Path,
    *,
    study: str,
    nav: Nav,
    title: str | None = None,
    notices: Sequence[str] = (),
) -> None:
    """Write an executed notebook as one self-contained page, or nothing at all.

    Args:
        notebook: an executed `.ipynb`; its first level-1 heading is the page's title, a leading number its part.
        target: the `.html` to write, atomically; its folder is made if missing.
        study: name of the study, for title bar and footer.
        nav: front page and neighbours.
        title: replaces the notebook's title, as for one notebook run once per model: `03 Training: VGG16`.
        notices: plain sentences to be read before anything else on the page.

    Raises:
        PageError: a cell failed or did not run, an image has no alternative text, something would run or load, or
            neither the notebook nor `title` names the page. The message names notebook and cell.
    """
    body = read_body(notebook)
    number, heading = _split_number(title or body.title)
    if not heading:
        raise PageError(f"{notebook.name}: a page must have a title, got no level-1 heading")
    page_shell.write(
        target,
        "page.html.j2",
        study=study,
        heading=heading,
        number=number,
        description=f"{heading}: an executed notebook of the study “{study}”.",
        notices=list(notices),
        nav=nav,
        contents=body.contents,
        body=Markup(body.html),
    )


def _split_number(title: str) -> tuple[str, str]:
    """Split `03 Training` into its part number and its heading."""
    match = re.fullmatch(r"(?:(\d{1,2})[.:]?\s+)?(.*)", " ".join(title.split()))
    return (str(int(match[1])) if match[1] else "", match[2])
