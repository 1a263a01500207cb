"""The page of all studies in the folder of reports, each with the result of its best network."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from bs4 import BeautifulSoup
from markupsafe import Markup

from pneumo_utils.evaluation import metrics
from pneumo_utils.records.atomic import alone
from pneumo_utils.records.vocabulary import MODELS
from pneumo_utils.reporting import finished_study, page_shell
from pneumo_utils.reporting.display import table_html
from pneumo_utils.reporting.finished_study import FinishedStudy

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Row:
    """One finished study: relative `href`, title, its best network, n of the test part, metrics in words."""

    study: FinishedStudy
    href: str
    title: str
    model: str
    n: int
    metrics: Mapping[str, str]


def write(reports: Path) -> None:
    """Write `index.html` into the folder of reports.

    Args:
        reports: holds a folder per study, some of them one deeper (`recipes/NAME`); what is not finished is left out.
    """
    with alone(reports / "index.html"):  # or one of two studies that end together would be missing
        _write(reports)


def _write(reports: Path) -> None:
    pages = (*reports.glob("*/index.html"), *reports.glob("*/*/index.html"))
    names = sorted(page.parent.relative_to(reports).as_posix() for page in pages)
    studies = [row for name in names if finished_study.is_finished(name, reports) and (row := _row(name, reports))]
    best = [{"network": one.model, "n": one.n} | dict(one.metrics) for one in studies]
    table = pd.DataFrame(best, index=pd.Index([one.study.name for one in studies], name="study"))
    caption = (
        "Network of the highest AUC-ROC on the test part of each study, 95% intervals over patients; "
        "the best of several is flattered by being picked"
    )
    page_shell.write(
        reports / "index.html",
        "studies.html.j2",
        study="all",
        heading=page_shell.TITLE,
        description="Every study of this folder that has a result.",
        notices=finished_study.notices_of([one.study for one in studies]),
        studies=studies,
        headline=Markup(table_html(table, caption)) if studies else "None has a result yet.",
        compared=[
            (quote(page.relative_to(reports).as_posix()), _title(page))
            for page in sorted(reports.glob("compare/*.html"))
        ],
    )


def _row(name: str, reports: Path) -> _Row | None:
    """The row of a study; None where a table is another version's or damaged: it must not stop the others.

    No numbers are shown without what its own pages say before them.
    """
    try:
        study = finished_study.find(name, reports, "studies")
        measured, _ = study.store.read("seed_spread"), study.notices
    except (ValueError, OSError, LookupError) as error:
        _log.warning("study %s is left out of the page of all studies: %s", name, error)
        return None
    test = measured[(measured["split"] == "test") & measured["model"].isin(MODELS)]
    auc = test[test["metric"] == "auc_roc"].set_index("model")["mean"]
    best = test[test["model"] == auc.idxmax()]
    shown = metrics.with_intervals(best, "test").iloc[0]
    return _Row(
        study,
        f"{quote(name)}/index.html",
        _title(study.store.folder / "index.html"),
        MODELS[auc.idxmax()],
        int(best["n"].max()),
        dict(shown),
    )


def _title(page: Path) -> str:
    head = BeautifulSoup(page.read_text(encoding="utf-8", errors="replace"), "html.parser").h1
    return head.get_text() if head else page.stem
