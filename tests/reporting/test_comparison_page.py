"""Two finished studies on one page: what differs, what came of it, and when nothing can be paired."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from support.browser import faults
from support.finished_studies import predictions, study
from support.pages import soup_of

from pneumo_utils.__main__ import main
from pneumo_utils.evaluation import comparisons, study_comparison
from pneumo_utils.evaluation.weighted_metrics import MetricError
from pneumo_utils.records.store import Store
from pneumo_utils.reporting import comparison_page, several_studies_page, studies_page
from pneumo_utils.reporting.comparison_page import ComparisonError


def test_what_differs_and_what_came_of_it_stand_side_by_side(tmp_path):
    study(tmp_path, "good", 0.9)
    study(tmp_path, "candidates/poor", 0.2, cnn_epochs=1, explained_extra=[])
    target = comparison_page.write("good", "candidates/poor", tmp_path)
    assert target == tmp_path / "compare" / "good-against-candidates-poor.html"
    page = soup_of(target)
    differ, headline, paired = page.find_all("table")
    assert [row.get_text(" ", strip=True) for row in differ.select("tbody tr")] == [
        "training.cnn_epochs 2 1", "training.explained_extra — none"
    ]  # fmt: skip
    assert [head.get_text() for head in headline.select("thead th")] == ["network", "metric", "good", "candidates/poor"]
    found = study_comparison.paired(
        predictions(0.9), predictions(0.2), ({("cnn", 0): 0.5, ("vgg16", 0): 0.5},) * 2, 200, 0
    ).set_index(["model", "metric"])
    gap = found.loc[("cnn", "auc_roc"), "difference"]
    assert paired.select_one("tbody td").get_text().startswith(f"{gap:.3f}")
    said = [line.get_text() for line in page.select("section li")]
    assert said[0] == "2 parameters differ." and said[1].startswith("Small CNN: good is better; AUC-ROC of good less")
    assert [link["href"] for link in page.select("section p a")] == [
        "../good/index.html",
        "../candidates/poor/index.html",
    ]


def test_the_better_study_is_named_wherever_it_stands_and_only_where_holm_agrees():
    rows = [("cnn", 0.1, 0.03, 0.09), ("vgg16", -0.1, 0.01, 0.02)]
    pairs = pd.DataFrame(rows, columns=["model", "difference", "p", "p_holm"]).assign(metric="auc_roc", n=60)
    sides = [SimpleNamespace(name="one"), SimpleNamespace(name="other")]
    said = comparison_page._findings(sides, 2, pairs.assign(lower=-0.2, upper=0.2))
    assert said[1].startswith("Small CNN: no clear difference; AUC-ROC of one less other 0.100 (")
    assert said[1].endswith("p = 0.090, n = 60.") and said[2].startswith("VGG16: other is better; ")


def test_two_studies_are_paired_though_only_one_knows_the_patients():
    points = ({("cnn", 0): 0.5, ("vgg16", 0): 0.5},) * 2
    known, unknown = predictions(0.9), predictions(0.2).assign(patient="unknown")
    found = study_comparison.paired(known, unknown, points, 100, 0)
    pd.testing.assert_frame_equal(found, study_comparison.paired(known, predictions(0.2), points, 100, 0))


def test_the_page_of_all_studies_names_it(tmp_path):
    for name in ("one", "other"):
        study(tmp_path, name, 0.9)
    comparison_page.write("one", "other", tmp_path)
    links = soup_of(tmp_path / "index.html").select("section ul a")
    assert [(link["href"], link.get_text()) for link in links] == [
        ("compare/one-against-other.html", "one against other")
    ]


def test_a_study_that_is_damaged_stops_no_other(tmp_path, caplog):
    for name in ("one", "other", "torn", "empty"):
        study(tmp_path, name, 0.9)
    (tmp_path / "torn" / "tables" / "seed_spread.csv").write_text("model,mean\ncnn,1\n")
    (tmp_path / "empty" / "index.html").write_text("")
    comparison_page.write("one", "other", tmp_path)
    assert "study torn is left out of the page of all studies: seed_spread must have the columns" in caplog.text
    shown = soup_of(tmp_path / "index.html").get_text()
    assert "other" in shown and "torn" not in shown


def test_no_numbers_of_a_study_that_runs_anew_or_lacks_its_warnings_stand_on_the_page_of_all_studies(tmp_path, caplog):
    for name in ("one", "again", "torn"):
        study(tmp_path, name, 0.9)
    Store("again", tmp_path).parameters_file.unlink()
    Store("torn", tmp_path).table_file("manifest").write_text("path\n")
    studies_page.write(tmp_path)
    page = soup_of(tmp_path / "index.html")
    assert [row.get_text() for row in page.select("tbody th")] == ["one"]
    assert [link.get_text(strip=True) for link in page.select("ol.pages a")] == ["one"]
    assert "study torn is left out of the page of all studies: manifest must" in caplog.text


def test_other_test_images_are_not_paired_and_the_page_says_so(tmp_path):
    study(tmp_path, "one", 0.9)
    study(tmp_path, "other", 0.2, digest="1e")
    page = soup_of(comparison_page.write("one", "other", tmp_path))
    assert "The test images differ, so no difference is paired" in page.get_text()
    assert not page.find(id="paired") and "No parameter differs." in page.get_text()


def test_a_network_that_one_study_lacks_is_shown_and_not_paired(tmp_path):
    study(tmp_path, "one", 0.9)
    study(tmp_path, "other", 0.9, models=("cnn",))
    page = soup_of(comparison_page.write("one", "other", tmp_path))
    assert "VGG16" in page.find_all("table")[0].get_text()
    assert "VGG16" not in page.find(id="paired").find_next("table").get_text()
    assert "no clear difference" in page.get_text()


def test_studies_without_a_network_in_common_stand_side_by_side_and_the_page_says_why_none_is_paired(tmp_path):
    study(tmp_path, "one", 0.9, models=("cnn",))
    study(tmp_path, "other", 0.9, models=("vgg16",))
    page = soup_of(comparison_page.write("one", "other", tmp_path))
    assert "The studies have no network in common, so no difference is paired" in page.get_text()
    headline = page.find(id="metrics").find_next("table").get_text()
    assert not page.find(id="paired") and "VGG16" in headline and "Small CNN" in headline


def test_a_name_with_odd_letters_still_leads_to_its_page(tmp_path):
    for name in ("a #1", "b%20"):
        study(tmp_path, name, 0.9)
    page = comparison_page.write("a #1", "b%20", tmp_path)
    of_all = soup_of(tmp_path / "index.html").select("section a")
    for link in [*soup_of(page).select("section p a"), *of_all]:
        folder = tmp_path if link in of_all else page.parent
        assert (folder / unquote(link["href"])).is_file() and not set("# ") & set(link["href"])
    several = several_studies_page.write(["a #1", "b%20"], tmp_path)
    assert all((several.parent / unquote(link["href"])).is_file() for link in soup_of(several).select("section p a"))


def test_the_page_of_all_studies_reads_the_tables_of_each_once(tmp_path, monkeypatch):
    for name in ("one", "other"):
        study(tmp_path, name, 0.9)
    read, own = [], Store.read
    monkeypatch.setattr(Store, "read", lambda store, name: (read.append((store.study, name)), own(store, name))[1])
    studies_page.write(tmp_path)
    assert read.count(("one", "predictions")) == 2, "once for who is tested, once for what is said of all"


def test_the_difference_is_that_of_the_networks_of_one_study():
    """Pairing across studies is the pairing within one, under other names."""
    first, second = predictions(0.9, ("cnn",)), predictions(0.4, ("cnn",), seed=1)
    points = {("cnn", 0): 0.5}
    across = study_comparison.paired(first, second, (points, points), 300, 0)
    within = comparisons.table(pd.concat([first, second.assign(model="vgg16")]), 0.5, study_comparison.METRICS, 300, 0)
    for column in ("difference", "lower", "upper", "p", "p_holm"):
        np.testing.assert_allclose(across[column].astype(float), within[column].astype(float))


def test_studies_without_a_network_in_common_cannot_be_paired():
    with pytest.raises(MetricError, match="must have a network in common, got none"):
        study_comparison.paired(predictions(0.9, ("cnn",)), predictions(0.9, ("vgg16",)), ({}, {}), 10, 0)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("one", "one"), "A and B must be two studies, got 'one' twice"),
        (("one", "absent"), "A and B must be finished studies in .*, one of: one, got 'absent'"),
        (("one/", "one"), "A and B must be finished studies in .*, one of: one, got 'one/'"),
        (("../one", "one"), "A and B must be finished studies in .*, one of: one, got '../one'"),
        (("", "one"), "A and B must be finished studies in .*, one of: one, got ''"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(tmp_path, names, said):
    study(tmp_path, "one", 0.9)
    with pytest.raises(ComparisonError, match=said):
        comparison_page.write(*names, tmp_path)


def test_the_command_line_names_the_page_and_every_refusal(tmp_path, capsys):
    study(tmp_path, "one", 0.9)
    study(tmp_path, "other", 0.8)
    assert main(["compare", "one", "other", "--reports", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip().endswith("compare/one-against-other.html")
    assert main(["compare", "one", "absent", "--reports", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: A and B must be finished studies in")


@pytest.mark.slow
def test_the_page_is_faultless_in_a_browser(browser, tmp_path):
    study(tmp_path, "good", 0.9)
    study(tmp_path, "poor", 0.2, cnn_epochs=1)
    assert faults(comparison_page.write("good", "poor", tmp_path).parent, browser) == []
