"""The command line as its user meets it: one sentence and a non-zero exit for everything that is wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pneumo_utils.__main__ import main
from pneumo_utils.study import definition

PARAMS = Path(__file__).parent.parent / "params"


@pytest.fixture
def params(tmp_path):
    """A copy of params/ whose smoke study keeps its data under the test's own folder."""
    folder = tmp_path / "params"
    shutil.copytree(PARAMS, folder)
    smoke = folder / "smoke.yaml"
    smoke.write_text(smoke.read_text().replace("cache: data", f"cache: {tmp_path / 'cache'}"))
    return folder


@pytest.fixture
def told(params, tmp_path, capsys):
    """Run `report` and return the exit status and the last line of the standard error."""

    def run(study="smoke", *more, reports=tmp_path / "reports"):
        status = main(["report", study, "--params", str(params), "--reports", str(reports), *more])
        return status, capsys.readouterr().err.strip().splitlines()[-1]

    return run


def test_an_unknown_study_is_told_with_those_there_are(told):
    there = ", ".join(definition.names(PARAMS))
    assert {"candidates/wide-160", "demo", "kermany"} <= set(there.split(", "))
    assert told("kermani") == (1, f"error: STUDY must be one of {there}, got 'kermani'")


def change(params, old, new):
    path = params / "smoke.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_misspelt_parameter_is_told_with_its_neighbour(told, params):
    change(params, "batch_size: 32", "batchsize: 32")
    status, line = told()
    assert status == 1
    assert "smoke.yaml: training.batch_size is missing" in line
    assert "training.batchsize is not a parameter, did you mean batch_size?" in line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("batch_size: 32", "batch_size: '32'", "training.batch_size: input should be a valid integer, got '32'"),
        ("batch_size: 32", "batch_size: 0", "training.batch_size: input should be greater than or equal to 1, got 0"),
        ("flip: false", "flip: no", "augmentation.flip: input should be a valid boolean, got 'no'"),
        ("source: phantom", "source: kagle", "got 'kagle'"),
        ("models: [cnn,", "models: [vgg19,", "got 'vgg19'"),
        ("batch_size: 32", "batch_size: 32\n  batch_size: 16", "valid YAML"),
    ],
)
def test_an_ill_typed_parameter_is_told_by_name_rule_and_value(told, params, old, new, said):
    change(params, old, new)
    status, line = told()
    assert status == 1 and line.startswith("error: smoke.yaml") and said in line


def test_a_missing_data_folder_is_told(told, tmp_path):
    status, line = told("smoke", "--data", str(tmp_path / "nowhere"))
    assert status == 1 and line.startswith("error: data folder must exist, got '")


def test_an_empty_data_folder_is_told(told, tmp_path):
    (tmp_path / "empty").mkdir()
    status, line = told("smoke", "--data", str(tmp_path / "empty"))
    assert status == 1 and "must hold train/ and test/, got nothing" in line


def test_a_folder_without_a_class_is_told_before_any_notebook_runs(told, tmp_path):
    for place in ("train/NORMAL", "train/PNEUMONIA", "test/NORMAL"):
        (tmp_path / "set" / place).mkdir(parents=True)
        (tmp_path / "set" / place / "IM-0001-0001.jpeg").write_bytes(b"not looked into yet")
    status, line = told("smoke", "--data", str(tmp_path / "set"))
    assert status == 1 and "test must hold NORMAL/ and PNEUMONIA/" in line


def test_weights_that_cannot_be_had_stop_the_run_at_the_start(told, params, tmp_path):
    change(params, "random_weights_allowed: [vgg16, resnet50]", "random_weights_allowed: [resnet50]")
    status, line = told("smoke", "--weights", str(tmp_path))
    assert status == 1 and "no file vgg16*.h5" in line and "WEIGHTS=<folder>" in line
    assert not list(tmp_path.glob("reports/smoke/*.html"))


def test_weights_none_must_be_allowed_for_every_pretrained_network(told, params):
    change(params, "random_weights_allowed: [vgg16, resnet50]", "random_weights_allowed: []")
    status, line = told()
    assert status == 1 and "weights none must be allowed for vgg16" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_reports_folder_is_told(told, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    status, line = told(reports=tmp_path / "locked")
    assert status == 1 and "must be writable, got Permission denied" in line


def test_a_reports_folder_that_is_a_file_is_told(told, tmp_path):
    (tmp_path / "file").write_text("")
    status, line = told(reports=tmp_path / "file")
    assert status == 1 and "must be writable, got Not a directory" in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_full_disk_is_told_and_leaves_no_half_written_table(tmp_path, monkeypatch):
    import pandas as pd

    from pneumo_utils.records import tables

    def full(*_, **__):
        Path("/dev/full").write_text("x")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(OSError, match="No space left on device"):
        tables.write("exclusions", pd.DataFrame({"path": ["a"], "reason": ["b"]}), tmp_path / "exclusions.csv")
    assert list(tmp_path.iterdir()) == []


def test_parameters_are_listed_with_type_range_and_help(capsys):
    assert main(["parameters"]) == 0
    listed = capsys.readouterr().out
    assert "batch_size" in listed and "int in [1, 1024]" in listed and "pictures a gradient step" in listed
