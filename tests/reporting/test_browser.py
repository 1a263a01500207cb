"""The pages in a real browser: quiet console, no request, nothing cut off, enough contrast."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from nbformat.v4 import new_markdown_cell, new_output
from pypdf import PdfReader
from support.browser import faults
from support.cards import KERMANY, finished_study
from support.pages import code, demo_study, index_page, rendered

from pneumo_utils.reporting import cards_page, display

TITLE = new_markdown_cell("# 04 Evaluation\n\nHow well?")


@pytest.mark.slow
def test_the_pages_of_a_study_are_faultless_in_a_browser(browser, tmp_path):
    assert faults(demo_study(tmp_path), browser) == []


@pytest.mark.slow
def test_the_inspection_sees_a_fault_when_there_is_one(browser, tmp_path):
    page = "<p style='width:3000px;color:#999'>x</p><a href='#gone'>a</a><a href='gone.html'>b</a>"
    (tmp_path / "bad.html").write_text(page + "<img src='https://example.org/x.png'>", encoding="utf-8")
    text = "\n".join(faults(tmp_path, browser))
    for fault in ("overflows", "contrast", "#gone", "gone.html", "alternative text", "request: https"):
        assert fault in text


@pytest.fixture(scope="module")
def mixed(browser, tmp_path_factory):
    """A page of a real browser, at a phone's width, with a table of four networks."""
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto((demo_study(tmp_path_factory.mktemp("pages")) / "05_gradcam.html").as_uri())
    return page


def networks(page) -> list[str]:
    return page.locator("table.data").last.locator("tbody tr > :first-child").all_inner_texts()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "first", "second"),
    [
        ("AUC", ["ResNet50", "VGG16", "ensemble", "Small CNN"], ["ensemble", "VGG16", "ResNet50", "Small CNN"]),
        ("images", ["VGG16", "ResNet50", "ensemble", "Small CNN"], ["Small CNN", "ensemble", "ResNet50", "VGG16"]),
        ("move", ["Small CNN", "ResNet50", "VGG16", "ensemble"], ["ensemble", "VGG16", "ResNet50", "Small CNN"]),
        ("odds", ["VGG16", "ResNet50", "ensemble", "Small CNN"], ["Small CNN", "ensemble", "ResNet50", "VGG16"]),
        ("change", ["ensemble", "VGG16", "ResNet50", "Small CNN"], ["ResNet50", "VGG16", "ensemble", "Small CNN"]),
        ("network", ["ensemble", "ResNet50", "Small CNN", "VGG16"], ["VGG16", "Small CNN", "ResNet50", "ensemble"]),
    ],
)
def test_a_click_on_a_head_sorts_and_a_third_one_restores(mixed, head, first, second):
    table = mixed.locator("table.data").last
    before = networks(mixed)
    for wanted in (first, second, before):
        table.get_by_role("button", name=head).click()
        assert networks(mixed) == wanted


@pytest.mark.slow
def test_a_table_without_a_file_offers_what_it_shows_as_csv(mixed, tmp_path):
    with mixed.expect_download() as started:
        mixed.locator("table.data").last.locator("a.csv").click()
    started.value.save_as(tmp_path / "table.csv")
    shown = pd.read_csv(tmp_path / "table.csv")
    assert list(shown["network"]) == ["VGG16", "Small CNN", "ResNet50", "ensemble"]
    assert list(shown["images"]) == [1341, 9, 390, 10] and list(shown["move"]) == [-0.5, 0.25, 1e-7, -2.0]


@pytest.mark.slow
def test_a_table_that_is_cut_off_can_be_reached_by_keyboard(mixed):
    cut = "regions => regions.filter(r => r.scrollWidth > r.clientWidth).map(r => [r.tabIndex, r.ariaLabel])"
    found = mixed.eval_on_selector_all(".table-scroll", cut)
    assert found and all(place == 0 and name for place, name in found)


@pytest.mark.slow
def test_tables_of_the_same_caption_are_told_apart_by_name(browser, tmp_path):
    table = display.table(pd.DataFrame({"a": [1, 2]}), "Counts")
    shown = [code("t", new_output("display_data", {"text/html": table.data})) for _ in range(3)]
    page = browser.new_page()
    page.goto(rendered(tmp_path, [TITLE, *shown]).as_uri())
    names = page.eval_on_selector_all(".table-scroll", "regions => regions.map(region => region.ariaLabel)")
    assert names == ["Counts", "Counts, 2", "Counts, 3"]
    page.close()


@pytest.mark.slow
def test_what_is_folded_on_screen_stands_on_paper_and_cards_keep_their_titles(browser, tmp_path):
    table = new_output("display_data", {"text/html": display.table(pd.DataFrame({"a": [1]}), "Folded").data})
    folded = rendered(tmp_path, [TITLE, code("t", table, tags=["more"])])
    cards = cards_page.write_page(*finished_study(tmp_path, KERMANY), [])
    seen = "parts => parts.map(part => part.checkVisibility() && part.getBoundingClientRect().height > 0)"
    for file, has_titles in ((folded, False), (cards, True)):
        page = browser.new_page()
        page.goto(file.as_uri())
        inside, titles = "details.more table", "details.more > summary"
        assert set(page.eval_on_selector_all(inside, seen)) == {False}
        page.emulate_media(media="print")
        assert set(page.eval_on_selector_all(inside, seen)) == {True}, "by the style sheet alone"
        assert set(page.eval_on_selector_all(titles, seen)) == {has_titles}
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details.more:not([open])").count() == 0, "by the script alone"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.locator("details.more[open]").count() == 0
        page.close()


@pytest.mark.slow
def test_a_table_that_goes_on_on_the_next_sheet_has_its_head_again(browser, tmp_path):
    table = display.table(pd.DataFrame({"network": [f"row {row}" for row in range(120)]}), "Long")
    page = browser.new_page()
    page.goto(rendered(tmp_path, [TITLE, code("t", new_output("display_data", {"text/html": table.data}))]).as_uri())
    assert page.locator("thead button").count() == 1, "it can be sorted on screen"
    sheets = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(page.pdf(format="A4"))).pages]
    of_table = [text for text in sheets if "row " in text]
    assert len(of_table) > 2 and all("network" in text for text in of_table)
    page.close()


@pytest.mark.slow
def test_a_long_command_is_seen_whole_on_a_telephone(browser, tmp_path):
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(index_page(tmp_path, rerun=f"make report STUDY={'candidates/' * 9} DATA=FOLDER").as_uri())
    cut = page.locator("pre.command").evaluate("one => one.scrollWidth - one.clientWidth")
    assert cut == 0 and page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()
