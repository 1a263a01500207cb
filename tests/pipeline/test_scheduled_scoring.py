"""What the client of a scheduler learns from its shards."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from support import bundles

from pneumo_utils.deployment import prediction
from pneumo_utils.deployment.growing_table import GrowingTable
from pneumo_utils.deployment.input_files import InputFiles
from pneumo_utils.pipeline import scheduled_scoring


def test_dicom_answers_that_no_worker_could_write_are_counted_together(tmp_path, caplog):
    unwritten = {"first": 2, "second": 1}
    tasks = SimpleNamespace(result=lambda task, name: unwritten[name], check_alive=lambda: None)
    shards = [
        scheduled_scoring._Shard(name, GrowingTable(tmp_path / name), SimpleNamespace(done=lambda: True))
        for name in unwritten
    ]
    missing = scheduled_scoring._wait(shards, tasks, 0)
    code = prediction.conclude(InputFiles(["a.dcm"] * 5, 0, 0, 0, []), Counter(scored=5), missing)
    assert code == 3
    assert "3 DICOM answers could not be written; the column flags says why" in caplog.text


def test_a_worker_with_another_bundle_at_the_same_place_writes_no_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, given = (
        InputFiles(("a.png",), 0, 0, 0, ()),
        SimpleNamespace(model="model", out="scores.csv.shard-1-of-1.part"),
    )
    there = bundles.write(tmp_path / "model")
    sentence = f"must be the one that scoring began with .* on every worker, got {there.digest[:16]} in model"
    with pytest.raises(scheduled_scoring.ShardError, match=sentence):
        scheduled_scoring._score(given, found, "0" * 64, (), tmp_path)
    assert not list(tmp_path.glob("*.part"))
