"""A run that finds networks trained, as `make work` leaves them, does not promise to train them once more."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import MagicMock

from pneumo_utils.pipeline import training_process
from pneumo_utils.pipeline.study_run import StudyRun
from pneumo_utils.pipeline.time_left import TimeLeft


def look(monkeypatch, tmp_path, done, there=("cnn-0", "vgg16-0")):
    """Pages that are still planned for the networks of a study, where these keys are there and good."""
    for name in there:
        (tmp_path / name).touch()
    asked = []
    monkeypatch.setattr(training_process.TrainingInputs, "of", lambda pipeline: None)
    monkeypatch.setattr(training_process, "find_done", lambda given, jobs, _: asked.extend(jobs) or done(jobs))
    training = SimpleNamespace(networks=[("cnn", 0), ("vgg16", 0), ("vgg16", 1)])
    run = SimpleNamespace(
        _pipeline=SimpleNamespace(study=SimpleNamespace(training=training)),
        _store=SimpleNamespace(run_file=lambda model, seed: tmp_path / f"{model}-{seed}"),
    )
    stages = {"c": {"seed 0, end to end": 50.0}, "v": {"seed 0, end to end": 70.0, "seed 1, end to end": 70.0}}
    left = TimeLeft({"c": 60.0, "v": 160.0}, stages=stages)
    steps = [SimpleNamespace(own={"model": model}, page=page) for model, page in (("cnn", "c"), ("vgg16", "v"))]
    StudyRun._leave_out_trained(run, left, steps, None)
    return left.expected, [(job.model, job.seed) for job in asked]


def test_only_what_has_a_key_is_asked_for_and_only_what_is_good_is_left_out(monkeypatch, tmp_path):
    expected, asked = look(monkeypatch, tmp_path, lambda jobs: [job.model == "vgg16" for job in jobs])
    assert asked == [("cnn", 0), ("vgg16", 0)]
    assert expected == {"c": 60.0, "v": 90.0}


def test_a_look_that_fails_changes_nothing(monkeypatch, tmp_path):
    def fail(jobs):
        raise training_process.WorkError("killed")

    assert look(monkeypatch, tmp_path, fail)[0] == {"c": 60.0, "v": 160.0}


def test_the_look_is_taken_once_and_as_the_first_training_begins(tmp_path):
    run, looks = MagicMock(_looked=False, _running={}, _since={}), []
    run._store.by_hand_folder = tmp_path / "by-hand"

    def look():
        run._looked = True
        looks.append(page)

    run._look_for_trained = look
    for page, own in (("02_preprocessing", None), ("c", {"model": "cnn"}), ("v", {"model": "vgg16"})):
        StudyRun._begin(run, SimpleNamespace(own=own, page=page), {})
    assert looks == ["c"], "before, what networks are known by may change yet"
