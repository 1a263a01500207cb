"""What decides whether a page runs again: the radiographs for the first alone, and the rooms that its notebook uses."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.study.definition import load


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of its own, with code of its own."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("notebooks", "pneumo_utils", "params"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def keys(project):
    """Call it for the keys of the pages of the smoke study that do not train, as they are now."""
    ready = Pipeline("smoke", load("smoke", project / "params"), project, project / "reports")
    ready.data = ready.obtain()
    untrained = [step for step in ready.steps if not step.own]
    call = SimpleNamespace(now=lambda: {step.page: ready.key(step) for step in untrained}, data=ready.data)
    assert call.now() == call.now()
    return call


def changed(before, after):
    return {page for page, key in after.items() if key != before[page]}


def test_a_picture_that_is_touched_runs_the_first_page_again_and_no_other_by_itself(keys):
    before, picture = keys.now(), next(keys.data.rglob("*.jpeg"))
    picture.write_bytes(picture.read_bytes() + b"\0")
    assert changed(before, keys.now()) == {"01_eda"}


@pytest.mark.parametrize(
    ("room", "pages"),
    [
        ("evaluation/referral.py", {"04_evaluation"}),
        ("imaging/decoding.py", {"01_eda", "02_preprocessing", "05_gradcam", "06_robustness", "07_deployment"}),
    ],
)
def test_changed_code_runs_the_pages_again_that_use_it(keys, project, room, pages):
    before, file = keys.now(), project / "pneumo_utils" / room
    file.write_text(file.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    assert pages <= changed(before, keys.now()) < set(before)
