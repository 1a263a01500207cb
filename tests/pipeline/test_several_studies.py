"""Several studies asked for at once: which, and what becomes of the others when one stops."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from support.finished_studies import study

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.pipeline import several_studies, training_work
from pneumo_utils.pipeline.notebook_parameters import PipelineError
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.several_studies import StudiesError
from pneumo_utils.study import definition

PARAMS = PROJECT / "params"


def test_patterns_name_studies_once_in_the_order_asked_for():
    found = several_studies.expand(["kermany", "candidates/*", "kermany*"], PARAMS)
    assert found[0] == "kermany" and len(found) == len(set(found))
    assert found[1:6] == [name for name in definition.names(PARAMS) if name.startswith("candidates/")]
    assert {"kermany-quick", "kermany-night"} <= set(found[6:])


def test_a_pattern_that_fits_nothing_is_refused():
    with pytest.raises(ValueError, match="studies must be among .*demo.*, got 'nowhere/*"):
        several_studies.expand(["demo", "nowhere/*"], PARAMS)


def test_what_all_studies_take_together_is_checked_before_the_first_begins(tmp_path, monkeypatch):
    pipelines = [Pipeline(name, definition.load("smoke", PARAMS), PROJECT, tmp_path) for name in ("one", "two")]
    for pipeline in pipelines:
        monkeypatch.setattr(pipeline, "check", lambda: None)
        monkeypatch.setattr(pipeline, "prepare", lambda: pytest.fail("it began"))
        pipeline.store.work.mkdir(parents=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1e9))  # enough for one of them
    (pipelines[0].store.work / "kept").write_bytes(b"0" * 10**6)
    said = r"disk of .* must have about 2\.\d GB for these 2 studies, got 1\.0: make room"
    with pytest.raises(PipelineError, match=said):
        several_studies.run(pipelines, tmp_path)


def test_a_scheduler_trains_the_networks_of_every_study(tmp_path, monkeypatch):
    asked = []

    class Run:
        def __init__(self, pipeline):
            self.name = pipeline.name

        def to_the_end(self):
            asked.append(self.name)

    pipelines = [Pipeline(name, definition.load("smoke", PARAMS), PROJECT, tmp_path) for name in ("one", "two")]
    for pipeline in pipelines:
        monkeypatch.setattr(pipeline, "check", lambda: None)
        monkeypatch.setattr(pipeline, "prepare", lambda: None)
        pipeline.__dict__["expected"] = {"01_eda": 1.0}
        study(tmp_path, pipeline.name, 0.9)
        pipeline.store.work.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(several_studies, "StudyRun", Run)
    monkeypatch.setattr(training_work, "work", lambda pipeline, *more: asked.append((pipeline.name, *more)))
    several_studies.run(pipelines, tmp_path, "local:2", 1)
    assert asked == [("one", "1/1", 1, "local:2"), "one", ("two", "1/1", 1, "local:2"), "two"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("03_finetune, cell 4: it broke"), "03_finetune, cell 4: it broke"),
        (KeyError("split"), "nobody foresaw KeyError: 'split'"),
        (MemoryError(), "the machine must have memory for this"),
    ],
)
def test_one_that_stops_stops_no_other_and_is_named_at_the_end(tmp_path, monkeypatch, caplog, error, told):
    smoke = definition.load("smoke", PARAMS)
    smoke = smoke.model_copy(update={"data": smoke.data.model_copy(update={"cache": str(tmp_path / "cache")})})
    pipelines = [Pipeline(name, smoke, PROJECT, tmp_path) for name in ("one", "bad", "two")]
    for name in ("one", "two"):
        study(tmp_path, name, 0.9)
    for pipeline in pipelines:
        pipeline.store.work.mkdir(parents=True, exist_ok=True)

    class Run:
        def __init__(self, pipeline):
            self.name = pipeline.name

        def to_the_end(self):
            if self.name == "bad":
                raise error

    monkeypatch.setattr(several_studies, "StudyRun", Run)
    with pytest.raises(
        StudiesError, match="bad did not: see their front pages; the others are on compare/one-and-two.html"
    ):
        several_studies.run(pipelines, tmp_path)
    assert (tmp_path / "compare" / "one-and-two.html").is_file()
    assert any(message.startswith(f"study bad stopped: {told}") for message in caplog.messages)


def test_a_name_that_is_there_is_no_pattern(tmp_path):
    for name in ("try1", "try[1]"):
        (tmp_path / f"{name}.yaml").touch()
    assert several_studies.expand(["try[1]"], tmp_path) == ["try[1]"]
    assert several_studies.expand(["try*"], tmp_path) == ["try1", "try[1]"]
