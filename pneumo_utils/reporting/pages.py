"""Report pages: executed notebooks and the front page of a study as self-contained HTML files.

A page opens from the file system and asks nothing of anyone: no request, one style sheet and one script inside. It is
complete without the script; with it tables sort.
The same input gives the same bytes, so a page can be compared and its hash recorded.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd
from bs4 import BeautifulSoup
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.reporting.display import table_html
from pneumo_utils.reporting.notebook_cells import PageError, check_self_contained, link_csv, read_body

__all__ = ["HEADLINE", "Link", "Nav", "Page", "PageError", "render_index", "render_notebook"]

TITLE = "Pneumonia detection on paediatric chest radiographs"
HEADLINE = ("accuracy", "precision", "recall", "F1", "AUC-ROC")


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


@dataclass(frozen=True)
class Page:
    """One line of the front page: relative `href`, title, the question it answers, running time in s."""

    href: str
    title: str
    question: str
    seconds: float | None = None


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
    _write(
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


def render_index(
    target: Path,
    *,
    study: str,
    summary: str,
    pages: Sequence[Page],
    headline: pd.DataFrame,
    caption: str,
    provenance: Mapping[str, str],
    notices: Sequence[str] = (),
    exclusions: int = 0,
    title: str = TITLE,
) -> None:
    """Write the front page of a study.

    Args:
        target: the `.html` to write, atomically; its folder is made if missing.
        study: name of the study.
        summary: the study in one sentence.
        pages: the pages in reading order.
        headline: one row a model (index: its name), at least the columns of `HEADLINE`; numbers, or texts such as
            `0.93 (0.90–0.95)`. NaN stands for a value that is not defined.
        caption: what the headline counts, with n, the threshold and the kind of interval.
        provenance: name and value of whatever identifies this run.
        notices: plain sentences to be read before the numbers.
        exclusions: images of the source that no number here counts (unreadable, or nested copies), at least 0.
        title: the page's heading.

    Raises:
        PageError: `headline` lacks a column or a row, or `exclusions` is negative.
    """
    _check(headline, exclusions)
    _write(
        target,
        "front_page.html.j2",
        study=study,
        heading=title,
        description=summary,
        notices=list(notices),
        headline=Markup(_with_csv(table_html(headline.rename_axis(index="Model"), caption, csv="seed_spread"))),
        omission=_omission(exclusions),
        pages=list(pages),
        total=_total(pages),
        provenance=dict(provenance),
    )


def _check(headline: pd.DataFrame, exclusions: int) -> None:
    if exclusions < 0:
        raise PageError(f"exclusions must be at least 0, got {exclusions}")
    missing = [name for name in HEADLINE if name not in headline.columns]
    if missing or headline.empty:
        raise PageError(f"headline must have rows and the columns {', '.join(HEADLINE)}, lacks {missing}")


def _split_number(title: str) -> tuple[str, str]:
    """Split `03 Training` into its part number and its heading."""
    match = re.fullmatch(r"(?:(\d{1,2})[.:]?\s+)?(.*)", " ".join(title.split()))
    return (str(int(match[1])) if match[1] else "", match[2])


def _omission(exclusions: int) -> str:
    if exclusions == 0:
        return "No image of the source was left out."
    subject = "One image was" if exclusions == 1 else f"{exclusions:,} images were"
    return f"{subject} left out of every number here; the exploratory page says which and why."


def _total(pages: Sequence[Page]) -> float | None:
    known = [page.seconds for page in pages if page.seconds is not None]
    return sum(known) if known else None


def _duration(seconds: float) -> str:
    """Write a running time as a person would: `8 s`, `4 min`, `2 h 05 min`."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _with_csv(html: str) -> str:
    soup = BeautifulSoup(html, features="html.parser")
    link_csv(soup)
    return str(soup)


def _inlined(name: str) -> str:
    return resources.files("pneumo_utils.reporting").joinpath(f"templates/{name}").read_text(encoding="utf-8")


def _csp_hash(script: str) -> str:
    """What the content-security policy of a page allows to run: this text and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _write(target: Path, template: str, **values: object) -> None:
    """Render a template, check it, and put it in place in one step."""
    environment = Environment(
        loader=PackageLoader("pneumo_utils.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = _duration
    css, script = (_inlined(name) for name in ("report.css", "tables.js"))
    html = environment.get_template(template).render(
        css=Markup(css), script=Markup(script), script_hash=_csp_hash(script), **values
    )
    soup = BeautifulSoup(html, features="html.parser")
    soup.find("script", string=script).extract()  # the page's own; any other is refused
    check_self_contained(soup, target.name)
    with atomic_write(target) as part:
        part.write_text(html, encoding="utf-8", newline="\n")
