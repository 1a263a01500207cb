"""What stands in place of the front page when a study stops: which notebook, why, and how to go on."""

from __future__ import annotations

import importlib.util
import shutil

import nbformat
import pandas as pd
import pytest
from support.examples import example
from support.pages import soup_of

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.datasets import manifest, sources, splits
from pneumo_utils.deployment.quality_control import gate_fitting
from pneumo_utils.pipeline import preflight, training_command
from pneumo_utils.pipeline.notebook_execution import NotebookError
from pneumo_utils.pipeline.notebook_parameters import PipelineError
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.study_run import StudyRun
from pneumo_utils.study import definition
from pneumo_utils.study.definition import load
from pneumo_utils.study.parameters import Data, Split


@pytest.fixture
def pipeline(tmp_path):
    """The smoke study in a project of its own, whose first notebook fails at once."""
    for name in ("notebooks", "pneumo_utils", "params"):
        (tmp_path / name).symlink_to(PROJECT / name) if name != "notebooks" else shutil.copytree(
            PROJECT / name, tmp_path / name
        )
    path = tmp_path / "notebooks" / "01_eda.ipynb"
    notebook = nbformat.read(path, as_version=4)
    given = next(at for at, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    notebook.cells[given + 1 :] = [nbformat.v4.new_code_cell("raise ValueError('grey must be grey, got <red>')")]
    nbformat.write(notebook, path)
    pipeline = Pipeline("smoke", load("smoke", tmp_path / "params"), tmp_path, tmp_path / "reports")
    pipeline.check()
    pipeline.prepare()
    return pipeline


@pytest.mark.parametrize("name", definition.names(PROJECT / "params"))
def test_the_disk_that_a_study_needs_is_known_before_its_radiographs_are_there(name, tmp_path):
    needed = Pipeline(name, load(name, PROJECT / "params"), PROJECT, tmp_path).least_disk()
    assert all(size > 1e6 for size in needed.values()) and len(needed) == 1


def test_a_study_with_too_little_to_train_on_is_refused_before_anything_is_trained(pipeline):
    less = pipeline.study.split.model_copy(update={"validation_fraction": 0.8})  # of 90 pictures outside test
    pipeline.study = pipeline.study.model_copy(update={"split": less})
    with pytest.raises(
        PipelineError, match=r"at least 20 .* got 18 of the 90 outside test.* about 100 or more outside"
    ):
        pipeline.prepare()


def test_a_split_that_leaves_too_little_to_train_on_stops_the_study_at_its_page(pipeline):
    few = [example("splits", n).assign(split=split) for split, n in (("train", 19), ("validation", 6), ("test", 9))]
    step = next(one for one in pipeline.steps if one.page == "02_preprocessing")
    for file in step.writes(pipeline.store):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    pipeline.store.write("splits", pd.concat(few).assign(path=[f"{k}.png" for k in range(34)]))
    with pytest.raises(PipelineError, match=r"at least 20 radiographs .* got 19 of the 25 outside test"):
        pipeline.finish(step, {}, 1.0)


def test_the_smallest_phantom_leaves_enough_to_train_on_whatever_is_validated_on(tmp_path):
    fewest = next(one.ge for one in Data.model_fields["phantom_patients"].metadata if hasattr(one, "ge"))
    largest = next(one.le for one in Split.model_fields["validation_fraction"].metadata if hasattr(one, "le"))
    drawn, *_ = manifest.build(sources.provide("phantom", cache=tmp_path, phantom_patients=fewest))
    parts = splits.split_by_patient(drawn, validation_fraction=largest, seed=0)["split"]
    assert (parts == "train").sum() >= gate_fitting.FEWEST


@pytest.mark.long
@pytest.mark.slow
def test_a_study_that_stops_says_why_and_how_to_go_on_on_its_front_page(pipeline):
    with pytest.raises(NotebookError):
        StudyRun(pipeline).to_the_end()
    page = soup_of(pipeline.store.folder / "index.html")
    assert "01_eda, cell" in page.get_text() and "ValueError: grey must be grey, got <red>" in page.get_text()
    assert "make report STUDY=smoke" in page.get_text()
    assert "Traceback" in page.select_one("details pre").get_text()
    states = [one.get_text() for one in page.select(".pages .time")]
    assert states[0] == "stopped" and set(states[1:]) == {"waits"}
    assert not page.find("meta", attrs={"http-equiv": "refresh"})


def test_an_error_of_the_disk_or_of_a_page_does_not_leave_a_front_page_that_says_it_runs(pipeline, monkeypatch):
    def fail():
        raise OSError(28, "No space left on device")

    run = StudyRun(pipeline)
    monkeypatch.setattr(run, "_run_waiting", lambda: None)
    monkeypatch.setattr(pipeline.pages, "write_front_page", fail)
    with pytest.raises(OSError):
        run.to_the_end()
    page = soup_of(pipeline.store.folder / "index.html")
    assert "No space left on device" in page.get_text()
    assert not page.find("meta", attrs={"http-equiv": "refresh"})


def test_packages_that_a_study_needs_are_looked_for_before_its_first_page(pipeline, monkeypatch):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else there(name))
    preflight.check_packages(["litert"])
    rule = r"tf2onnx must be installed for the engine onnx of deployment.exported_engines \(pip install '.*export,onnx"
    with pytest.raises(PipelineError, match=rule):
        preflight.check_packages(["onnx"])
    pipeline.study.deployment.exported_engines[:] = ["onnx"]
    with pytest.raises(PipelineError, match=rule):
        pipeline.check()


def test_every_notebook_is_read_before_the_first_runs_and_all_that_is_wrong_is_told(pipeline):
    (pipeline.notebooks / "04_evaluation.ipynb").write_text("")
    later = pipeline.notebooks / "07_deployment.ipynb"
    notebook = nbformat.read(later, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("x = ="))
    nbformat.write(notebook, later)
    with pytest.raises(preflight.PreflightError) as told:
        pipeline.check()
    assert [sentence.partition(" must ")[0] for sentence in told.value.sentences] == [
        "04_evaluation.ipynb", f"07_deployment.ipynb, cell {len(notebook.cells)}"
    ]  # fmt: skip


def test_networks_that_were_set_aside_come_back_for_the_plan(pipeline):
    place = pipeline.store.network_folder("cnn", 0)
    place.mkdir(parents=True)
    pipeline.store.set_aside_networks_except([])
    assert not place.exists()
    training_command.tell_plan(pipeline, "1/1")
    assert place.exists()
