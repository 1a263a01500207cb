"""What stops a page from being built: errors, cells that did not run, undescribed images, anything remote."""

from __future__ import annotations

import pandas as pd
import pytest
from nbformat.v4 import new_markdown_cell, new_output
from support.pages import ALT, code, picture, rendered, soup_of

from pneumo_utils.reporting import display
from pneumo_utils.reporting.notebook_cells import PageError


@pytest.mark.parametrize(
    "cell",
    [
        code("fig", picture(alt=None)),
        new_markdown_cell("![](data:image/png;base64,AAAA)"),
        code("x", new_output("display_data", {"text/html": "<img src='data:image/png;base64,AAAA'>"})),
    ],
)
def test_an_image_without_alternative_text_fails_and_names_its_cell(tmp_path, cell):
    with pytest.raises(PageError, match=r"04_evaluation\.ipynb, cell 2: .*alternative text"):
        rendered(tmp_path, [new_markdown_cell("# T"), cell])


@pytest.mark.parametrize(
    ("html", "rule"),
    [
        ("<script>1</script>", "run or embed"),
        ("<img alt='x' src='https://example.org/x.png'>", "load nothing"),
        ("<style>@import 'x.css'</style>", "load nothing"),
        ("<p style=\"background:url('x.png')\">x</p>", "load nothing"),
    ],
)
def test_an_output_that_would_run_or_load_fails(tmp_path, html, rule):
    with pytest.raises(PageError, match=rf"cell 2: .*{rule}"):
        rendered(tmp_path, [new_markdown_cell("# T"), code("x", new_output("display_data", {"text/html": html}))])


def test_an_error_in_a_cell_fails_and_leaves_no_page(tmp_path):
    error = new_output("error", ename="KeyError", evalue="'auc'", traceback=["…"])
    with pytest.raises(PageError, match=r"cell 2: .*KeyError: 'auc'"):
        rendered(tmp_path, [new_markdown_cell("# T"), code("x", error)])
    assert not (tmp_path / "pages").exists()


def test_a_cell_that_never_ran_fails(tmp_path):
    with pytest.raises(PageError, match="must have run"):
        rendered(tmp_path, [new_markdown_cell("# T"), code("x", ran=None)])


def test_what_is_tagged_more_is_folded_away_under_what_it_shows(tmp_path):
    table = display.table(pd.DataFrame({"AUC": [0.93]}), "On validation, n = 20")
    shown = new_output("display_data", {"text/html": table.data, "text/plain": "x"})
    content = [new_markdown_cell("# 04 Evaluation\n\nHow well?"), code("1"), code("t", shown, tags=["more"])]
    content += [code("fig", picture(), tags=["more"]), code("t", shown)]
    soup = soup_of(rendered(tmp_path, content))
    folded = soup.select("details.more")
    assert [part.summary.get_text(" ", strip=True) for part in folded] == [
        f"More {name}" for name in ("On validation", ALT)
    ]
    assert len(folded[0].select("table")) == 1 and len(soup.select("table")) == 2 and folded[1].select("img")


def test_the_findings_stand_right_after_the_question_wherever_the_notebook_wrote_them(tmp_path):
    content = [
        new_markdown_cell("# T\n\nWhat?"),
        code("setup"),
        new_markdown_cell("## Numbers"),
        code("n", new_output("display_data", {"text/markdown": "seven"})),
        new_markdown_cell("## Findings\n\nWhat to take along."),
        code("f", new_output("display_data", {"text/markdown": "**7** were found"})),
        new_markdown_cell("More of it."),
        new_markdown_cell("## Limits"),
    ]
    page = soup_of(rendered(tmp_path, content))
    assert [link.text for link in page.select("nav.contents a")] == ["Findings", "Numbers", "Limits"]
    text = page.main.get_text()
    places = [text.index(part) for part in ("What?", "What to take along", "7 were found", "More of it", "seven")]
    assert places == sorted(places)


def test_a_table_that_names_its_source_links_the_file_beside_the_page(tmp_path):
    shown = display.table(pd.DataFrame({"AUC": [0.93]}, index=["cnn"]), "One model", csv="metrics").data
    page = soup_of(
        rendered(tmp_path, [new_markdown_cell("# T"), code("t", new_output("display_data", {"text/html": shown}))])
    )
    link = page.select_one("caption a")
    assert link["href"] == "tables/metrics.csv" and link.has_attr("download")
    assert "data-csv" not in str(page)
