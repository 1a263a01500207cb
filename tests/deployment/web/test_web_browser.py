"""The page that scores radiographs in a real browser."""

from __future__ import annotations

import csv

import pytest
from axe_playwright_python.sync_playwright import Axe
from support.browser import INSPECT, WINDOWS
from support.scoring_page import FakeMaps, FakeScorer, serving

from pneumo_utils.deployment import input_files, score_rows
from pneumo_utils.deployment.web.web_app import WebApp

pytestmark = pytest.mark.slow
NAMES = ("ill.png", "well é.png", "odd.png", "text.txt", "other, odd.png", "crash.png")
DONE = "6 files done: 3 scored, 1 of them left to a human, 3 refused."


@pytest.fixture
def scorer(tmp_path):
    return FakeScorer(tmp_path / "model")


@pytest.fixture
def address(scorer):
    with serving(WebApp(scorer, FakeMaps)) as one:
        yield one


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(name.encode())
    return [str(folder / name) for name in NAMES]


@pytest.fixture
def said():
    return []


def opened(browser, address, said, **options):
    """The page, and into `said` what the browser complains of or asks elsewhere."""
    page = browser.new_context(reduced_motion="reduce", **options).new_page()
    page.on("console", lambda message: said.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda asked: said.extend([] if asked.url.startswith((address, "data:")) else [asked.url]))
    page.goto(address)
    return page


@pytest.fixture
def page(browser, address, said):
    one = opened(browser, address, said)
    yield one
    one.context.close()


def wait_until_done(page, sentence=DONE):
    page.get_by_role("status").get_by_text(sentence).wait_for()


def saved(page, folder):
    with page.expect_download() as started:
        page.get_by_role("button", name="Save").click()
    started.value.save_as(folder / "scores.csv")
    return (folder / "scores.csv").read_text(encoding="utf-8")


def verdicts(page):
    return page.locator("#cards .verdict").all_inner_texts()


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_the_page_is_faultless_empty_and_filled(browser, address, said, files, width, scheme):
    axe = Axe()
    page = opened(browser, address, said, viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = [one["id"] for one in axe.run(page).response["violations"]] + page.evaluate(INSPECT)
    page.set_input_files("#files", files)
    wait_until_done(page)
    page.locator(".heat").first.wait_for()
    found += [f"{one['id']}: {one['nodes'][0]['html'][:90]}" for one in axe.run(page).response["violations"]]
    found += page.evaluate(INSPECT)
    page.context.close()
    assert found == [] and said == []


def test_each_file_has_its_answer_in_the_order_they_came(page, files, said):
    page.set_input_files("#files", files)
    wait_until_done(page)
    assert verdicts(page) == ["Pneumonia", "Normal", "Unsure: leave it to a human", "Refused", "Refused", "Refused"]
    assert page.locator("#cards h3").all_inner_texts() == list(NAMES)
    odd = page.locator("#cards > li").nth(2).inner_text()
    assert all(text in odd for text in ("would be called pneumonia", "0.550", "0.30", "Rather dark."))
    assert "Is no picture, but text." in page.locator("#cards > li").nth(3).inner_text() and said == []


def test_the_saved_table_is_the_one_of_predict(page, scorer, files, tmp_path):
    page.set_input_files("#files", files[:5])
    wait_until_done(page, "5 files done")
    own = {"bundle": scorer.bundle.digest[: score_rows.DIGITS], "engine": "keras"}
    rows = [score_rows.render(scorer.score_one(n.encode(), n).score, own, False).decode() for n in NAMES[:5]]
    assert saved(page, tmp_path) == score_rows.header().decode() + "".join(rows)


@pytest.mark.long
def test_files_and_folders_can_be_dropped(page, files, tmp_path, said):
    (tmp_path / "files" / "inner").mkdir()
    (tmp_path / "files" / "inner" / "ill.png").write_bytes(b"x")  # called like another
    (tmp_path / "alone.txt").write_bytes(b"x")
    devtools = page.context.new_cdp_session(page)
    box = page.locator("#drop").bounding_box()
    data = {"items": [], "files": [str(tmp_path / "files"), str(tmp_path / "alone.txt")], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        place = {"x": box["x"] + 20, "y": box["y"] + 20}
        devtools.send("Input.dispatchDragEvent", {"type": kind, "data": data} | place)
    wait_until_done(page, "8 files done: 4 scored, 1 of them left to a human, 4 refused.")
    wanted = [*(f"files/{name}" for name in (*NAMES, "inner/ill.png")), "alone.txt"]
    assert sorted(page.locator("#cards h3").all_inner_texts()) == sorted(wanted) and said == []
    assert sorted(row["path"] for row in csv.DictReader(saved(page, tmp_path).splitlines())) == sorted(wanted)


def test_a_file_dropped_beside_the_zone_never_opens_in_its_place(page, files):
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": files[:1], "dragOperationsMask": 1}
        devtools.send("Input.dispatchDragEvent", {"type": kind, "data": data, "x": 5, "y": 5})
    wait_until_done(page, "1 file done: Pneumonia.")


@pytest.mark.long
def test_the_page_is_worked_by_keyboard_alone(page, files):
    page.on("filechooser", lambda _: None)  # from now on: asked for with the key, it may come too late
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "files"
    assert page.locator("#files + label").evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Space")
    chosen.value.set_files(files[:1])
    wait_until_done(page, "1 file done: Pneumonia.")
    page.locator(".heat").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.id") == "opacity"
    assert page.locator(".heat").evaluate("one => getComputedStyle(one).opacity") == "0"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "files" and page.locator("#cards > li").count() == 0


@pytest.mark.long
def test_a_file_that_is_too_large_is_told_and_stands_in_the_table(page, scorer, files, tmp_path):
    page.locator("#content").evaluate("one => { one.dataset.bytes = 2 ** 20; }")
    name = "ill,  lar\\ge.png"
    (tmp_path / name).write_bytes(bytes(2**20 + 1))
    page.set_input_files("#files", [str(tmp_path / name)])
    wait_until_done(page, "1 file done: Refused.")
    row = next(csv.DictReader(saved(page, tmp_path).splitlines()))
    assert row["path"] == input_files.name_safely(name) and row["reason"] == "file must have at most 1 MB, got 1.0"
    assert row["status"] == "refused" and row["engine"] == "keras" and scorer.seen == []


def test_a_page_writes_names_into_its_table_as_python_does(page):
    names = [f"a{chr(code)}b" for code in (*range(256), *range(0x2000, 0x2070), 0xFFFD, 0x1F600)]
    found = page.evaluate("async names => names.map((await import('/file_drop.js')).nameSafely)", names)
    assert found == [input_files.name_safely(name) for name in names]


def test_a_table_that_is_saved_while_files_wait_has_a_row_for_each(page, scorer, files, tmp_path):
    scorer.may_go_on.clear()
    page.set_input_files("#files", files[:3])
    page.get_by_role("status").get_by_text("3 files to be scored").wait_for()
    rows = list(csv.DictReader(saved(page, tmp_path).splitlines()))
    scorer.may_go_on.set()
    wait_until_done(page, "3 files done")
    assert [row["path"] for row in rows] == list(NAMES[:3])
    assert {row["reason"] for row in rows} == {"not looked at: the table was saved before"}
    assert saved(page, tmp_path).count("not looked at") == 0


def test_more_files_than_the_page_takes_are_told(page, files):
    page.locator("#content").evaluate("one => { one.dataset.files = 4; }")
    page.set_input_files("#files", files)
    wait_until_done(page, "2 files left out")
    assert page.locator("#cards > li").count() == 4


def test_a_page_whose_program_has_ended_says_so(browser, scorer, files, tmp_path):
    with serving(WebApp(scorer)) as address:
        page = browser.new_page()
        page.goto(address)
    page.set_input_files("#files", files[:2])
    wait_until_done(page, "2 files done: 0 scored, 2 refused.")
    assert "does not answer" in page.locator("#cards > li").first.inner_text()
    assert saved(page, tmp_path).count("does not answer") == 2
    page.close()


@pytest.mark.long
def test_a_file_that_is_gone_when_its_heat_map_is_asked_for_says_so(page, files):
    page.evaluate(
        """() => {
            const read = Blob.prototype.arrayBuffer;
            let times = 0; // the score reads the file, the heat map would read it again
            Blob.prototype.arrayBuffer = function () {
                return times++ ? Promise.reject(new DOMException("", "NotFoundError")) : read.call(this);
            };
        }"""
    )
    page.set_input_files("#files", files[:1])
    wait_until_done(page, "1 file done: Pneumonia.")
    page.locator("figcaption", has_text="File must be").wait_for()
    assert page.locator(".heat").count() == 0
    assert page.locator("figcaption").inner_text().startswith("File must be one that the browser can read")
