"""The front page while a study runs, or after it stopped: what is done, what runs, what waits, and how to go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pneumo_utils.records.store import Store
from pneumo_utils.reporting import front_page, page_shell
from pneumo_utils.study.definition import Study
from pneumo_utils.study.steps import Step


@dataclass(frozen=True)
class _Row:
    """One page: title, question, state in words; `href` and running time in s once it is done."""

    title: str
    question: str
    state: str
    href: str
    seconds: float | None


def write(
    store: Store, study: Study, steps: list[Step], done: Mapping[str, float | None], running: Mapping[str, datetime], *,
    doing: str = "", stopped: str = "", details: str = "",
) -> None:  # fmt: skip
    """Write `index.html` in place of the front page, which needs all pages.

    Args:
        store: the run directory.
        study: the parameters it runs with.
        steps: in running order.
        done: running time of every page that is up to date.
        running: when each page began that runs now, or that did when the study stopped.
        doing: what is done now and how long it will take, in words.
        stopped: why the study did, one sentence; empty: it runs.
        details: what a programmer would look at, as the traceback.
    """
    rows = []
    for step in steps:
        state = "done" if step.page in done else "waits"
        if step.page in running:
            state = "stopped" if stopped else f"runs since {running[step.page]:%Y-%m-%d %H:%M:%S}"
        href = f"{step.page}.html" if state == "done" else ""
        rows.append(_Row(step.title, step.question, state, href, done.get(step.page)))
    page_shell.write(
        store.folder / "index.html",
        "progress.html.j2",
        scripts=() if stopped else ("progress.js",),
        study=store.study,
        heading=study.about.title,
        description=" ".join(study.about.summary.split()),
        notices=[],
        rows=rows,
        done=sum(bool(row.href) for row in rows),
        doing=doing,
        stopped=stopped,
        details=details,
        rerun=front_page.rerun(store.study, study),
        now=f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}",
    )
