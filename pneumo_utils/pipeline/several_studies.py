"""Several studies one after another, and one page that sets them side by side."""

from __future__ import annotations

import fnmatch
import logging
from collections.abc import Sequence
from pathlib import Path

from pneumo_utils.pipeline import preflight, study_lock, training_work
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.study_run import StudyRun
from pneumo_utils.records import unforeseen
from pneumo_utils.records.durations import in_words
from pneumo_utils.reporting import several_studies_page
from pneumo_utils.study import definition

_log = logging.getLogger(__name__)


class StudiesError(RuntimeError):
    """Some studies did not come to their end."""


def expand(patterns: Sequence[str], params: Path) -> list[str]:
    """Names of studies, each once, in the order in which they are asked for.

    Args:
        patterns: names, or patterns such as `candidates/*`.
        params: folder of the parameter files.

    Raises:
        ValueError: there is no study, or a pattern fits none.
    """
    there, found = definition.require_names(params), []
    for pattern in patterns:
        fits = [pattern] if pattern in there else [name for name in there if fnmatch.fnmatchcase(name, pattern)]
        if not fits:
            raise ValueError(f"studies must be among {', '.join(there)}, got {pattern!r}")
        found += fits
    return list(dict.fromkeys(found))


def run(pipelines: Sequence[Pipeline], reports: Path, scheduler: str = "", threads: int = 0) -> Path | None:
    """Run studies to their ends; one that stops does not stop the others. What is known early is checked for all first.

    Args:
        pipelines: the studies.
        reports: folder of all reports.
        scheduler: whose workers train the networks of each, side by side; see `task_scheduler.check`. None: they are
            trained by the notebooks.
        threads: that a training of the scheduler computes with; 0: TensorFlow's own choice.

    Returns:
        the page that sets them side by side; None for one study alone.

    Raises:
        StudiesError: some stopped; the others have run, and the page is there if two have.
        ValueError: something is wrong before the first begins.
    """
    expected = {}
    for pipeline in pipelines:
        pipeline.check()
    preflight.check_disk({folder: disk for one in pipelines for folder, disk in one.least_disk().items()}, reports)
    for pipeline in pipelines:
        pipeline.prepare()
        expected[pipeline.name] = sum(pipeline.expected.values())
    told = ", ".join(f"{name} {in_words(seconds)}" for name, seconds in expected.items())
    _log.info(
        "%d studies: about %s if nothing of them has run: %s", len(pipelines), in_words(sum(expected.values())), told
    )
    stopped = [pipeline.name for pipeline in pipelines if not _run(pipeline, scheduler, threads)]
    finished = [pipeline.name for pipeline in pipelines if pipeline.name not in stopped]
    page = several_studies_page.write(finished, reports) if len(finished) > 1 else None
    if stopped:
        beside = f"; the others are on {page.relative_to(reports)}" if page else ""
        rule = "studies must run to their end"
        raise StudiesError(f"{rule}, {', '.join(stopped)} did not: see their front pages{beside}")
    return page


def _run(pipeline: Pipeline, scheduler: str, threads: int) -> bool:
    """Whether a study came to its end; if not, its front page says why."""
    _log.info("study %s", pipeline.name)
    try:
        if scheduler:
            training_work.work(pipeline, "1/1", threads, scheduler)
        with study_lock.hold(pipeline.name, pipeline.store.work):
            StudyRun(pipeline).to_the_end()
    except Exception as error:  # noqa: BLE001 - whatever stops one study stops no other
        for sentence in unforeseen.sentences(error):
            _log.error("study %s stopped: %s", pipeline.name, sentence)  # noqa: TRY400 - the sentence, no traceback
        return False
    return True
