"""Exploring by hand: a finished study stays as it is, and a notebook in a wrong folder is told so."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from support.examples import example

from pneumo_utils.records import fingerprint, notebook_store
from pneumo_utils.records.notebook_store import PlaceError, open_store
from pneumo_utils.records.run_directory import MissingArtefactError
from pneumo_utils.records.store import Store

BY_HAND = "finished and stays as it is"


def contents(folder):
    return {path: fingerprint.of_file(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def finished(tmp_path):
    """A finished study of one network, as far as notebooks read it."""
    store = Store("smoke", tmp_path / "reports")
    store.write("splits", example("splits", 2))
    store.write_images(iter(np.zeros((2, 8, 8), np.uint8)), 2, 8)
    store.write_network("cnn", 0, lambda path: path.write_bytes(b"of the study"))
    store.write_data_folder(tmp_path / "data" / "chest_xray", "phantom")
    (store.activations_folder("cnn") / "keys.bin").parent.mkdir()
    (store.activations_folder("cnn") / "keys.bin").write_bytes(b"of the study")
    store.training_lock("cnn", 0).touch()
    store.parameters_file.write_text("about:")
    return store


def test_a_notebook_on_a_finished_study_changes_none_of_its_files_networks_included(finished):
    before, opened = contents(finished.folder), open_store("smoke", finished.reports)
    opened.write("splits", example("splits", 5))
    opened.write_images(iter(np.ones((5, 8, 8), np.uint8)), 5, 8)
    opened.write_network("cnn", 0, lambda path: path.write_bytes(b"explored"))
    opened.write("predictions", example("predictions", 3))
    opened.delete_activations("cnn")
    assert {path: now for path, now in contents(finished.folder).items() if path in before} == before
    assert [len(opened.read(name)) for name in ("splits", "predictions")] == [5, 3]


def test_it_reads_what_the_study_holds_until_a_notebook_wrote_it_anew(finished):
    opened = open_store("smoke", finished.reports)
    assert len(opened.read("splits")) == 2 and opened.require_network("cnn", 0).read_bytes() == b"of the study"
    assert opened.data_folder() == finished.data_folder()
    opened.write("splits", example("splits", 5))
    again = open_store("smoke", finished.reports)
    assert len(again.read("splits")) == 5 and len(again.read_images()) == 2
    again.table_file("splits").unlink()
    assert len(open_store("smoke", finished.reports).read("splits")) == 2


def test_what_is_written_on_in_place_is_no_second_name_of_the_studys_own(finished):
    opened = open_store("smoke", finished.reports)
    assert not opened.activations_folder("cnn").exists() and not opened.training_lock("cnn", 0).exists()
    with opened.table_file("splits").open("a") as table:  # as an editor may
        table.write("edited")
    assert "edited" not in finished.table_file("splits").read_text()
    assert opened.images_file.samefile(finished.images_file), "large ones take no room"


def test_on_a_file_system_without_second_names_all_is_copied(finished, monkeypatch):
    def fail(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", fail)
    opened = open_store("smoke", finished.reports)
    assert not opened.images_file.samefile(finished.images_file)
    assert (opened.read_images() == finished.read_images()).all()


def test_it_says_in_a_sentence_where_it_writes(finished, caplog):
    opened = open_store("smoke", finished.reports)
    assert len(caplog.messages) == 1 and BY_HAND in caplog.text and str(opened.folder.resolve()) in caplog.text


def test_a_study_that_is_not_finished_is_written_to_as_it_is(finished, caplog):
    finished.parameters_file.unlink()  # as the pipeline does before it runs a notebook
    assert open_store("smoke", finished.reports).folder == finished.folder
    assert open_store("new", finished.reports).folder == finished.reports / "new"
    assert caplog.messages == [] and not finished.by_hand_folder.exists()


def test_tables_alone_are_enough(tmp_path):
    store = Store("smoke", tmp_path)
    store.write("splits", example("splits", 2))
    store.parameters_file.write_text("about:")
    assert len(open_store("smoke", tmp_path).read("splits")) == 2


def test_a_notebook_that_runs_in_another_folder_than_its_own_is_told_before_anything_is_written(tmp_path, monkeypatch):
    (tmp_path / "clone" / "pneumo_utils").mkdir(parents=True)
    (tmp_path / "clone" / "pneumo_utils" / "__main__.py").touch()
    for name in ("notebooks", "notebooks/mine"):
        (tmp_path / "clone" / name).mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    with pytest.raises(PlaceError, match=r"--cwd notebooks.*got \.\./reports, which is") as caught:
        open_store("demo", "../reports")
    assert str(caught.value).endswith(f"{tmp_path / 'reports'} from here")
    for folder, reports in (("notebooks", "../reports"), ("notebooks", "../../x"), ("notebooks/mine", "../../reports")):
        monkeypatch.chdir(tmp_path / "clone" / folder)
        assert not open_store("demo", reports).folder.exists()
    monkeypatch.chdir(tmp_path)
    assert open_store("demo", tmp_path / "reports").reports == tmp_path / "reports"


def test_what_is_missing_is_told_with_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingArtefactError) as caught:
        Store("demo", "../reports").read("predictions")
    assert f"got no predictions.csv in {tmp_path.parent / 'reports' / 'demo' / 'tables'}: run" in str(caught.value)


def test_the_data_folder_is_found_from_where_it_is_explored_though_its_path_is_relative(finished):
    opened = open_store("smoke", finished.reports)
    kept = [json.loads(one.data_file.read_text())["root"] for one in (finished, opened)]
    assert kept[1] == f"../{kept[0]}" and notebook_store.open_store("smoke", finished.reports).data_folder()
