"""Trainings on other splits and labels: done only as long as these are the ones that would be drawn now."""

from __future__ import annotations

import numpy as np
import pytest
from support.examples import example

from pneumo_utils.datasets import splits
from pneumo_utils.networks.training_list import PERMUTED, TrainingJob
from pneumo_utils.records.store import Store

SIZE, N = 32, 60


@pytest.fixture
def store(tmp_path):
    store, label = Store("tiny", tmp_path), np.arange(N) % 2
    own = {"path": [f"train/{i}.jpeg" for i in range(N)], "patient": [f"p{i}" for i in range(N)], "label": label}
    own["sha256"] = [f"{i:064x}" for i in range(N)]
    part = np.where(np.arange(N) < 45, "train", "test")
    manifest = example("manifest", N).assign(**own, part=part, etiology=np.where(label, "viral", "normal"), series="IM")
    store.write("manifest", manifest)
    store.write("splits", splits.split_by_patient(manifest, validation_fraction=0.3, seed=0))
    draw(store, 0)
    return store


def draw(store, seed):
    pictures = np.random.default_rng(seed).integers(0, 256, (N, SIZE, SIZE)).astype(np.uint8)
    store.write_images(iter(pictures), N, SIZE)


@pytest.fixture
def recipe():
    from pneumo_utils.imaging.augmentation import Augmentation
    from pneumo_utils.networks import optimisation, replicates

    phases = (optimisation.Phase("end_to_end", 1, 1e-3),)
    return replicates.Recipe("cnn", None, SIZE, 0.1, phases, optimisation.Settings(8, 3), Augmentation())


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("other", ["patients", PERMUTED])
def test_a_job_is_done_once_and_again_when_its_splits_or_pictures_are_others(store, recipe, other, monkeypatch):
    from pneumo_utils.networks import label_permutation, training_jobs

    monkeypatch.setattr(label_permutation, "_EPOCHS", 1)
    job = TrainingJob("cnn", 0, other)
    assert not training_jobs.look(job, recipe, store, 0)[1]
    assert training_jobs.obtain(job, recipe, store, 0).trained_now
    assert training_jobs.look(job, recipe, store, 0)[1]
    inputs = [job.store(store).table_file("splits"), job.store(store).images_file]
    written = [file.stat().st_mtime_ns for file in inputs]
    assert not training_jobs.obtain(job, recipe, store, 0).trained_now
    assert [file.stat().st_mtime_ns for file in inputs] == written, "somebody may be training from them"
    if other == "patients":
        assert not training_jobs.look(job, recipe, store, 1)[1], "drawn with another seed"
    draw(store, 1)
    assert not training_jobs.look(job, recipe, store, 0)[1]
