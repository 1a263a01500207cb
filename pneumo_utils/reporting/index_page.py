"""The front page of a finished study as a page: what stands on it, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from bs4 import BeautifulSoup
from markupsafe import Markup

from pneumo_utils.reporting import page_shell
from pneumo_utils.reporting.display import table_html
from pneumo_utils.reporting.notebook_cells import PageError, link_csv

HEADLINE = ("accuracy", "precision", "recall", "F1", "AUC-ROC")


@dataclass(frozen=True)
class Page:
    """One line of the front page: relative `href`, title, the question it answers, running time in s."""

    href: str
    title: str
    question: str
    seconds: float | None = None


@dataclass(frozen=True)
class KeyFinding:
    """A question of a reader, its answer in a sentence or two, and the `href` of the section that proves it."""

    question: str
    answer: str
    href: str


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
    title: str = page_shell.TITLE,
    findings: Sequence[KeyFinding] = (),
    data: str = "",
    result: str = "",
    rerun: str = "",
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
        findings: questions and answers, in the order of a reader.
        data: markup of a figure that shows the data.
        result: markup of a figure that shows the result.
        rerun: command that makes the report again.

    Raises:
        PageError: `headline` lacks a column or a row, or `exclusions` is negative.
    """
    _check(headline, exclusions)
    page_shell.write(
        target,
        "front_page.html.j2",
        study=study,
        heading=title,
        description=summary,
        notices=list(notices),
        headline=Markup(_with_csv(table_html(headline.rename_axis(index="Model"), caption, csv="seed_spread"))),
        omission=_omission(exclusions),
        findings=list(findings),
        data=Markup(data),
        result=Markup(result),
        rerun=rerun,
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


def _omission(exclusions: int) -> str:
    if exclusions == 0:
        return "No image of the source was left out."
    subject = "One image was" if exclusions == 1 else f"{exclusions:,} images were"
    return f"{subject} left out of every number here; the exploratory page says which and why."


def _total(pages: Sequence[Page]) -> float | None:
    known = [page.seconds for page in pages if page.seconds is not None]
    return sum(known) if known else None


def _with_csv(html: str) -> str:
    soup = BeautifulSoup(html, features="html.parser")
    link_csv(soup)
    return str(soup)
