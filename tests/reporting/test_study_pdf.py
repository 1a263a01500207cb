"""A finished study becomes one PDF through the browser that is at hand; where none is, a sentence says so."""

from __future__ import annotations

import pytest
from pypdf import PdfReader
from support.browser import CHROMIUM

from pneumo_utils.__main__ import main
from pneumo_utils.records.store import Store
from pneumo_utils.reporting import study_pdf
from pneumo_utils.reporting.study_pdf import PdfError


@pytest.fixture
def store(tmp_path):
    found = Store("a study", tmp_path)
    study = found.folder
    for file in (found.parameters_file, found.table_file("seed_spread")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    for name, title in (("index", "Front"), ("01_eda", "What the radiographs <are>")):
        text = title.replace("<", "&lt;").replace(">", "&gt;")
        (study / f"{name}.html").write_text(
            f"<!doctype html><title>{name}</title><h1>{text}</h1><p>Text of {name}.</p>"
        )
    return found


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the path")
def test_every_page_is_in_it_in_order_with_its_heading_as_bookmark(store):
    target = study_pdf.write(store, ["index", "01_eda"])
    assert target == store.folder / "a study.pdf"
    printed = PdfReader(target)
    assert [mark.title for mark in printed.outline] == ["Front", "What the radiographs <are>"]
    assert [printed.get_destination_page_number(mark) for mark in printed.outline] == [0, 1]
    assert ["Text of index." in printed.pages[0].extract_text(), len(printed.pages)] == [True, 2]
    assert sorted(path.name for path in store.folder.glob("*.*")) == [
        "01_eda.html", "a study.pdf", "index.html", "parameters.yaml"
    ]  # fmt: skip


def test_a_study_that_is_not_finished_is_not_printed(store):
    with pytest.raises(PdfError, match=r"must be finished before it is printed, got no cases\.html in"):
        study_pdf.write(store, ["index", "cases"])


def test_a_study_that_runs_anew_is_not_printed_as_its_pages_are_of_two_runs(store):
    store.parameters_file.unlink()
    with pytest.raises(PdfError, match="must be finished before it is printed, got one in .*a study that runs, or has"):
        study_pdf.write(store, ["index", "01_eda"])


def test_where_there_is_no_browser_a_sentence_says_what_to_do(store, monkeypatch):
    monkeypatch.setattr(study_pdf.shutil, "which", lambda _: None)
    with pytest.raises(PdfError, match="got none: install one, or open .*index.html in any browser and print it"):
        study_pdf.write(store, ["index"])


@pytest.mark.parametrize(("does", "got"), [("exit 3", "got CalledProcessError"), ("exit 0", "got no file")])
def test_a_browser_that_prints_nothing_leaves_no_file(store, monkeypatch, does, got):
    browser = store.reports / "browser"
    browser.write_text(f"#!/bin/sh\n{does}\n")
    browser.chmod(0o755)
    monkeypatch.setattr(study_pdf.shutil, "which", lambda _: str(browser))
    with pytest.raises(PdfError, match=f"must print index.html, {got}"):
        study_pdf.write(store, ["index"])
    assert not list(store.folder.glob("*.pdf"))


def test_the_command_line_refuses_a_study_without_pages(tmp_path, capsys):
    assert main(["pdf", "smoke", "--reports", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("error: study must be finished before it is printed, got no index.html")
