"""Several studies asked for at once: which, and what becomes of the others when one stops."""

from __future__ import annotations

import pytest
from support.finished_studies import study

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.pipeline import several_studies
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


def test_one_that_stops_stops_no_other_and_is_named_at_the_end(tmp_path, monkeypatch, caplog):
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
                raise RuntimeError("03_finetune, cell 4: it broke")

    monkeypatch.setattr(several_studies, "StudyRun", Run)
    with pytest.raises(
        StudiesError, match="bad did not: see their front pages; the others are on compare/one-and-two.html"
    ):
        several_studies.run(pipelines, tmp_path)
    assert (tmp_path / "compare" / "one-and-two.html").is_file()
    assert "study bad stopped: 03_finetune, cell 4: it broke" in caplog.messages
