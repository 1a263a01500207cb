"""Report pages: what they keep, what they refuse, and that they ask nothing of anyone."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import matplotlib
import pytest
from nbformat.v4 import new_markdown_cell
from support.pages import (
    ALT,
    cells,
    demo_study,
    headline,
    index_page,
    rendered,
    soup_of,
)

from pneumo_utils.reporting.index_page import HEADLINE
from pneumo_utils.reporting.notebook_cells import PageError

matplotlib.use("Agg")

CSP = "default-src 'none'; script-src '{}'; img-src data:; style-src 'unsafe-inline'"


def test_a_page_runs_its_own_script_alone_and_loads_nothing(tmp_path):
    for path in demo_study(tmp_path).glob("*.html"):
        soup = soup_of(path)
        (script,) = soup.find_all(["script", "iframe", "object", "embed"])
        own = base64.b64encode(hashlib.sha256(script.string.encode()).digest()).decode()
        assert all(image["src"].startswith("data:") for image in soup.find_all("img"))
        assert all(link["href"].startswith("data:") for link in soup.find_all("link"))
        text = path.read_text(encoding="utf-8").lower()
        assert not re.search(r"@import|(?<!object)url\(|mathjax|require\.js|mermaid", text)
        assert soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"].startswith(
            CSP.format(f"sha256-{own}")
        )


def test_a_page_has_one_heading_landmarks_and_a_skip_link(tmp_path):
    for path in demo_study(tmp_path).glob("*.html"):
        soup = soup_of(path)
        assert soup.html["lang"] == "en"
        assert len(soup.find_all("h1")) == 1
        assert all(soup.find(name) for name in ("header", "main", "footer"))
        assert soup.find(id=soup.find("a", class_="skip")["href"][1:]).name == "main"


def test_every_entry_of_the_contents_resolves_even_when_headings_repeat(tmp_path):
    soup = soup_of(rendered(tmp_path))
    anchors = [link["href"][1:] for link in soup.select("nav.contents a")]
    assert anchors == ["numbers-sums", "numbers-sums-2", "detail"]
    assert all(len(soup.find_all(id=anchor)) == 1 for anchor in anchors)


def test_alternative_text_and_size_reach_the_page(tmp_path):
    image = soup_of(rendered(tmp_path)).find("img")
    assert image["alt"] == ALT
    assert int(image["width"]) < 500  # CSS pixels, not those of the file


def test_a_page_without_a_title_fails_and_a_given_title_wins(tmp_path):
    with pytest.raises(PageError, match="must have a title"):
        rendered(tmp_path, [new_markdown_cell("text")])
    soup = soup_of(rendered(tmp_path, title="03 Fine-tuning: VGG16"))
    assert soup.h1.get_text() == "Fine-tuning: VGG16"
    assert soup.title.get_text() == "Fine-tuning: VGG16 · smoke"


def test_the_same_notebook_gives_the_same_bytes_whatever_its_cell_ids_and_counts(tmp_path):
    first = rendered(tmp_path).read_bytes()
    again = cells()
    for cell in again:
        assert cell.id.encode() not in first
        if cell.cell_type == "code":
            cell.execution_count = 99
            cell.metadata["papermill"] = {"start_time": "2024-01-01", "duration": 1.5}
    assert rendered(tmp_path, again).read_bytes() == first


def test_code_is_folded_under_a_label_that_says_what_it_is(tmp_path):
    soup = soup_of(rendered(tmp_path))
    labels = [summary.contents[0].strip() for summary in soup.select("details.code > summary")]
    assert labels[:4] == ["Setup", "Default parameters", "Parameters of this run", "Code"]
    assert not soup.select("details[open]")


def test_streams_are_quiet_and_messages_are_folded(tmp_path):
    soup = soup_of(rendered(tmp_path))
    short = soup.find("pre", string=re.compile("done"))
    assert short.get_text() == "2/2\ndone <now>"
    assert short.find_parent("details") is None
    logs = {log.summary.get_text(" ", strip=True): log.pre.get_text() for log in soup.select("details.log")}
    assert logs["Messages 1 line"] == "a warning"
    assert logs["Log 30 lines"].count("line") == 30


def test_notices_formulas_and_plain_tables_stay_readable(tmp_path):
    soup = soup_of(rendered(tmp_path, notices=["A <demo>."]))
    assert soup.select_one(".masthead .notice").get_text(" ", strip=True) == "Note. A <demo>."
    assert "$P(a|b)$" in soup.main.get_text()
    assert all(cell.has_attr("scope") for cell in soup.find_all("th"))


def test_a_page_is_put_in_place_in_one_step(tmp_path, monkeypatch):
    target = rendered(tmp_path)
    before = target.read_bytes()

    def interrupted(source, destination):
        assert Path(source).read_bytes() != before
        assert target.read_bytes() == before
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rendered(tmp_path, title="Another")
    assert target.read_bytes() == before


def test_the_front_page_shows_five_metrics_by_model_and_every_page(tmp_path):
    soup = soup_of(index_page(tmp_path, omission="2 files were left out."))
    heads = [cell.get_text() for cell in soup.select("thead th")]
    assert heads == ["Model", *HEADLINE]
    assert [cell.get_text() for cell in soup.select("tbody th")] == list(headline().index)
    assert "n = 20" in soup.caption.get_text().replace("\u00a0", " ")
    assert [link["href"] for link in soup.select("ol.pages a")] == ["04_evaluation.html", "b.html"]
    assert [name.get_text() for name in soup.select("dl dt")] == ["Commit", "Data"]
    text = soup.get_text()
    assert "2 files were left out" in text
    assert "not a medical device" in text


def test_the_front_page_refuses_a_headline_that_lacks_a_metric(tmp_path):
    with pytest.raises(PageError, match="recall"):
        index_page(tmp_path, headline=headline().drop(columns="recall"))
