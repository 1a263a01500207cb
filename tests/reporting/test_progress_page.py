"""While a study runs its front page says how far it is; when it stops, why and how to go on."""

from __future__ import annotations

from datetime import datetime

import pytest
from support.pages import soup_of

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.records.store import Store
from pneumo_utils.reporting import progress_page
from pneumo_utils.study import steps
from pneumo_utils.study.definition import load


@pytest.fixture
def written(tmp_path):
    study = load("smoke", PROJECT / "params")
    listed = steps.of_study(study.training.models, study.training.seeds, study.training.retrained_model)
    store = Store("smoke", tmp_path)

    def write(at: int, beside: int | None = None, **why: str):
        began = {listed[at].page: datetime(2026, 11, 26, 9, 30)}
        if beside is not None:
            began[listed[beside].page] = datetime(2026, 11, 26, 9, 31)
        done = {step.page: 7.2 for step in listed[:at]}
        progress_page.write(store, study, listed, done, began, **why)
        return soup_of(store.folder / "index.html")

    return write


def test_a_running_study_links_what_is_done_and_loads_itself_anew(written):
    page = written(1)
    states = [line.get_text() for line in page.select(".pages .time")]
    assert states[0] == "done, 7 s" and states[1] == "runs since 2026-11-26 09:30:00" and set(states[2:]) == {"waits"}
    assert [link["href"] for link in page.select(".pages a")] == ["01_eda.html"], "old pages of later steps are not"
    assert page.find("meta", attrs={"http-equiv": "refresh"}) and "1 of 9 pages are done" in page.get_text()


def test_pages_that_run_side_by_side_both_say_so(written):
    states = [line.get_text() for line in written(2, beside=3).select(".pages .time")]
    assert states[2:5] == ["runs since 2026-11-26 09:30:00", "runs since 2026-11-26 09:31:00", "waits"]


def test_what_is_done_now_stands_above_the_list(written):
    page = written(2, doing="seed 0, end to end, epoch 3 of 12 done, loss 0.412; about 4 min left")
    assert (
        page.select_one("p.doing").get_text() == "seed 0, end to end, epoch 3 of 12 done, loss 0.412; about 4 min left."
    )


def test_a_study_that_stopped_says_why_and_how_to_go_on_and_stands_still(written):
    page = written(3, stopped="03_finetune, cell 5: ValueError: <no>.", details="Traceback\n<x>")
    assert not page.find("meta", attrs={"http-equiv": "refresh"})
    text = page.get_text()
    assert "03_finetune, cell 5: ValueError: <no>." in text and "make report STUDY=smoke" in text
    assert page.select_one("details pre").get_text() == "Traceback\n<x>"
    assert page.select(".pages .time")[3].get_text() == "stopped"
