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


@dataclass(frozen=True)
class FrontPage:
    """What stands on the front page of a study.

    Raises:
        PageError: `headline` lacks a column or a row.
    """

    study: str  # its name
    summary: str  # the study in one sentence
    pages: Sequence[Page]  # in reading order
    headline: pd.DataFrame  # a row per model (index: its name), at least the columns of `HEADLINE`, numbers or texts
    caption: str  # what the headline counts, with n, the threshold and the kind of interval
    provenance: Mapping[str, str]  # name and value of whatever identifies this run
    notices: Sequence[str] = ()  # plain sentences to be read before the numbers
    extent: str = ""  # how many radiographs of how many patients, and which are tested on
    omission: str = ""  # sentence about files below the data folder that no number here counts
    title: str = page_shell.TITLE
    findings: Sequence[KeyFinding] = ()  # in the order of a reader
    data: str = ""  # markup of a figure that shows the data
    result: str = ""  # markup of a figure that shows the result
    rerun: str = ""  # command that makes the report again

    def __post_init__(self):
        missing = [name for name in HEADLINE if name not in self.headline.columns]
        if missing or self.headline.empty:
            raise PageError(f"headline must have rows and the columns {', '.join(HEADLINE)}, lacks {missing}")


def render_index(target: Path, front: FrontPage) -> None:
    """Write the front page of a study to `target`, an `.html`, atomically; its folder is made if missing."""
    headline = table_html(front.headline.rename_axis(index="Model"), front.caption, csv="seed_spread")
    page_shell.write(
        target,
        "front_page.html.j2",
        extent=front.extent,
        study=front.study,
        heading=front.title,
        description=front.summary,
        notices=list(front.notices),
        headline=Markup(_with_csv(headline)),
        omission=front.omission,
        findings=list(front.findings),
        data=Markup(front.data),
        result=Markup(front.result),
        rerun=front.rerun,
        pages=list(front.pages),
        total=_total(front.pages),
        provenance=dict(front.provenance),
    )


def _total(pages: Sequence[Page]) -> float | None:
    known = [page.seconds for page in pages if page.seconds is not None]
    return sum(known) if known else None


def _with_csv(html: str) -> str:
    soup = BeautifulSoup(html, features="html.parser")
    link_csv(soup)
    return str(soup)
