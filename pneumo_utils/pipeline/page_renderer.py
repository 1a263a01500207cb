"""Renders the pages of a study, and only those whose content, neighbours or look have changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pneumo_utils.pipeline import run_records
from pneumo_utils.records import fingerprint
from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.records.store import Store
from pneumo_utils.reporting.notices import notices
from pneumo_utils.study import steps
from pneumo_utils.study.definition import Study, to_yaml


class PageRenderer:
    """The pages of one study.

    Args:
        study: its checked parameters.
        every: its steps, in running order.
        store: its run directory.
        project: folder that holds `pneumo_utils`.
        reports: folder of all reports.
    """

    def __init__(self, study: Study, every: list[steps.Step], store: Store, project: Path, reports: Path):
        self.study, self.steps, self.store, self.project, self.reports = study, every, store, project, reports

    def render(self, step: steps.Step, record: dict) -> None:
        """Render the page of `step`, which has run, unless it is there as it would be rendered now.

        Args:
            step: of the study.
            record: of its run; what the page was made of is added to it.

        Raises:
            PageError: the notebook cannot become a page.
        """
        page = self.store.page_file(step.page)
        sentences = notices(self.store, self.study.data.source, step.networks)
        titles = [other.title for other in self.steps]
        key = fingerprint.of(
            record["key"], record["written"], sentences, titles, self.study.about.title, self._appearance("pages")
        )
        if record.get("page") == [key, fingerprint.of_file(page)]:
            return
        from pneumo_utils.reporting import (
            pages,  # imported here: nbconvert takes seconds to load, and often nothing has changed
        )

        pages.render_notebook(
            self.store.executed_notebook(step.page), page,
            study=self.store.study, nav=self._nav(step), title=step.title, notices=sentences,
        )  # fmt: skip
        run_records.write(self.store, step.page, record | {"page": [key, fingerprint.of_file(page)]})

    def write_front_page(self) -> None:
        """Write what needs all pages, if anything behind it has changed: front page, cases, the page of all studies."""
        records = [run_records.read(self.store, step.page) for step in self.steps]
        sentences = notices(self.store, self.study.data.source, tuple(self.study.training.models))
        key = fingerprint.of(
            records, self.study.digest(), sentences,
            self._appearance("front_page", "cases_page", "cards_page", "studies_page"),
        )  # fmt: skip
        fresh = run_records.read(self.store, "index") == {"page": [key, *self._page_hashes()]}
        if fresh and (self.reports / "index.html").is_file():
            return
        from pneumo_utils.deployment import bundle  # imported here, as in `render`
        from pneumo_utils.reporting import (
            cards_page,
            cases_page,
            front_page,
            model_card,
            studies_page,
        )

        with atomic_write(self.store.parameters_file) as part:
            part.write_text(to_yaml(self.study.model_dump()), encoding="utf-8")
        cases_page.write(self.store, self.study, sentences)
        cards_page.write_page(self.store, self.study, sentences)
        bundled = self.study.deployment.bundled_model
        bundle.write_card(self.store.bundle_folder, model_card.model_card(self.store, self.study, bundled))
        front_page.write(self.store, self.study, self.steps, records, sentences)
        studies_page.write(self.reports)
        run_records.write(self.store, "index", {"page": [key, *self._page_hashes()]})

    def write_progress(self, done: list[str], running: Mapping[str, datetime], **why: str) -> None:
        """Say in place of the front page what runs, or why it stopped; see `progress_page.write`."""
        from pneumo_utils.reporting import progress_page  # imported here, as in `render`

        seconds = {page: run_records.read(self.store, page).get("seconds") for page in done}
        progress_page.write(self.store, self.study, self.steps, seconds, running, **why)

    def _page_hashes(self) -> list[str]:
        pages = [self.store.page_file(page) for page in ("index", "cases", "cards")]
        others = [self.store.parameters_file, *self.store.bundle_card_files]
        return [fingerprint.of_file(file) for file in (*pages, *others)]

    def _nav(self, step: steps.Step):
        from pneumo_utils.reporting.pages import Link, Nav

        links = [Link(f"{other.page}.html", other.title) for other in self.steps]
        here = self.steps.index(step)
        return Nav(
            Link("index.html", self.study.about.title),
            links[here - 1] if here else None,
            links[here + 1] if here + 1 < len(links) else None,
        )

    def _appearance(self, *rooms: str) -> str:
        """Hash over what decides how a page looks: the templates, and the rooms that render it."""
        package = self.project / "pneumo_utils"
        return fingerprint.of(
            fingerprint.of_folder(package / "reporting" / "templates"),
            *(fingerprint.of_room(f"reporting.{room}", package) for room in rooms),
        )
