"""While a study runs its front page says how far it is; when it stops, why and how to go on."""

from __future__ import annotations

from datetime import datetime

import pytest
from support.browser import faults
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
    assert "1 of 9 pages are done" in page.get_text() and "location.reload" in page.find_all("script")[-1].string
    assert page.select_one('a[href="index.html"]').get_text() == "look again", "without the script"
    assert page.find(id="anew").has_attr("hidden") and not page.find("meta", attrs={"http-equiv": "refresh"})


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
    assert "location.reload" not in str(page) and not page.find(id="pause")
    text = page.get_text()
    assert "03_finetune, cell 5: ValueError: <no>." in text and "make report STUDY=smoke" in text
    assert page.select_one("details pre").get_text() == "Traceback\n<x>"
    assert page.select(".pages .time")[3].get_text() == "stopped"


@pytest.fixture
def running(browser, written, tmp_path):
    """The page of a running study in a browser whose clock is turned by hand, and whether it was loaded anew."""
    written(2, doing="epoch 3 of 12")
    page = browser.new_page(viewport={"width": 1000, "height": 300})
    page.clock.install()
    page.goto((tmp_path / "smoke" / "index.html").as_uri())
    page.evaluate("document.querySelector('h1').dataset.old = 1")

    def is_new() -> bool:
        page.clock.fast_forward(11_000)
        page.wait_for_timeout(300)
        page.wait_for_load_state()
        return page.locator("h1[data-old]").count() == 0

    yield page, is_new
    page.close()


@pytest.mark.slow
def test_a_running_page_is_loaded_anew_where_it_was_scrolled_to(running):
    page, is_new = running
    page.evaluate("scrollTo(0, 200)")
    assert is_new() and page.evaluate("scrollY") == 200


@pytest.mark.slow
def test_a_running_page_stands_still_while_somebody_is_at_it_or_has_paused_it(running):
    page, is_new = running
    page.locator(".pages a").first.focus()
    assert not is_new()
    page.evaluate("document.activeElement.blur(); getSelection().selectAllChildren(document.querySelector('.lede'))")
    assert not is_new()
    page.evaluate("getSelection().removeAllRanges()")
    page.get_by_role("button", name="Pause").click()
    page.evaluate("document.activeElement.blur()")
    assert not is_new()
    page.get_by_role("button", name="Go on").click()
    page.locator("h1:not([data-old])").wait_for()


@pytest.mark.slow
def test_running_and_stopped_pages_are_faultless_in_a_browser(browser, written, tmp_path):
    (tmp_path / "looked at").mkdir()
    for name, why in (("running", {"doing": "epoch 3"}), ("stopped", {"stopped": "No.", "details": "x " * 300})):
        written(3, **why)
        (tmp_path / "smoke" / "index.html").rename(tmp_path / "looked at" / f"{name}.html")
    dead = "dead link: "  # the pages of the study are not there
    assert [fault for fault in faults(tmp_path / "looked at", browser) if dead not in fault] == []
