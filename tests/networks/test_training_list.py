"""The list of trainings: each once, each with a place of its own."""

import pytest

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.networks import training_list
from pneumo_utils.records.store import Store
from pneumo_utils.study import definition


@pytest.mark.parametrize("name", definition.names(PROJECT / "params"))
def test_every_training_of_every_study_is_there_once_and_writes_where_no_other_does(name, tmp_path):
    given = definition.load(name, PROJECT / "params").training
    jobs, store = training_list.of_study(given, ["IM", "virus"]), Store("tiny", tmp_path)
    assert len({job.name for job in jobs}) == len(jobs)
    assert len({job.store(store).network_folder(job.model, job.seed) for job in jobs}) == len(jobs)
    own = [(job.model, job.seed) for job in jobs if job.splits == training_list.OWN]
    assert own == [(model, seed) for model in given.models for seed in given.seeds]
    others = {job.splits for job in jobs} - {training_list.OWN}
    wanted = {"patients", "pictures", "without IM", "without virus", training_list.PERMUTED}
    assert others == (wanted if given.retrained_model in given.models else set())
