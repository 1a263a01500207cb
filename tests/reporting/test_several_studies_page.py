"""Several finished studies on one page: every network of each, and what is apart from the first study's."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from support.finished_studies import study
from support.pages import soup_of

from pneumo_utils.reporting import several_studies_page
from pneumo_utils.reporting.finished_study import ComparisonError


def test_every_network_of_every_study_has_a_row_and_what_is_apart_is_said(tmp_path):
    study(tmp_path, "good", 0.9)
    study(tmp_path, "candidates/poor", 0.2)
    study(tmp_path, "other images", 0.9, models=("cnn",), digest="a1")
    target = several_studies_page.write(["good", "candidates/poor", "other images"], tmp_path)
    assert target == tmp_path / "compare" / "good-and-candidates-poor-and-other images.html"
    page = soup_of(target)
    notices = [note.get_text(" ", strip=True) for note in page.select(".notice")]
    assert len([note for note in notices if "good, candidates/poor, other images: Phantom" in note]) == 1
    measured, paired = page.find_all("table")
    assert len(measured.select("tbody tr")) == 5 and len(paired.select("tbody tr")) == 2
    assert measured.get_text().count("one seed") == 5
    said = [line.get_text() for line in page.select("section li")]
    assert said[0].startswith("Highest AUC-ROC on the test images of good, candidates/poor: ")
    assert " of good, " in said[0] and "best of 4 networks" in said[0]
    assert said[1].startswith("Highest AUC-ROC on the test images of other images: Small CNN of other images, ")
    assert "flattered" not in said[1]
    assert said[2] == "2 of 2 networks differ clearly from the same network of good."
    assert re.fullmatch(r"candidates/poor, Small CNN: AUC-ROC −0\.\d{3} \(.*\) against good, p .*\.", said[3])
    assert said[-1].endswith("no network is common: other images.")
    assert "good-and-candidates-poor" in str(soup_of(tmp_path / "index.html"))


def test_no_p_is_told_as_0():
    pairs = pd.DataFrame({"study": "poor", "model": ["cnn", "vgg16"], "difference": -0.98, "p_holm": [0.0, 0.0312]})
    told = several_studies_page._paired_table(pairs.assign(lower=-1.0, upper=-0.96), "good")
    assert [cell.get_text() for cell in BeautifulSoup(told, "html.parser").select("td:last-child")] == [
        "p\u00a0<\u00a00.001",
        "p\u00a0=\u00a00.031",
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["good"], "studies must be two or more, each once, got good"),
        (["good", "good"], "studies must be two or more, each once, got good, good"),
        (["good", "nowhere"], "studies must be finished studies in .*, one of: good, got 'nowhere'"),
    ],
)
def test_what_cannot_be_set_side_by_side_is_one_sentence(tmp_path, names, said):
    study(tmp_path, "good", 0.9)
    with pytest.raises(ComparisonError, match=said):
        several_studies_page.write(names, tmp_path)
