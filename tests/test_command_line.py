"""The command line as its user meets it: one sentence and a non-zero exit for everything that is wrong."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import yaml
from support.radiographs import fill

from pneumo_utils.__main__ import main
from pneumo_utils.networks import pretrained_weights
from pneumo_utils.pipeline import cleaning, notebook_source, several_studies
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
    assert told("kermani") == (1, f"error: study must be one of {there}, got 'kermani'")


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
    assert status == 1 and "no file vgg16*.h5" in line and "name it in training.weights" in line
    assert not list(tmp_path.glob("reports/smoke/*.html"))


def test_no_sentence_goes_among_the_rows_where_the_standard_error_is_closed(tmp_path):
    asked = [sys.executable, "-m", "pneumo_utils", "predict", "nothing.png", "--model", str(tmp_path)]
    code = "import os, sys; os.close(2); os.execv(sys.executable, sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, *asked], stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (1, b"")


def test_weights_none_must_be_allowed_for_every_pretrained_network(told, params):
    change(params, "random_weights_allowed: [vgg16, resnet50]", "random_weights_allowed: []")
    status, line = told()
    assert status == 1 and "weights none must be allowed for resnet50" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_reports_folder_is_told(told, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    status, line = told(reports=tmp_path / "locked")
    assert status == 1 and "must be writable, got Permission denied" in line


@pytest.mark.parametrize(
    ("changed", "blocked", "said"),
    [
        ({}, "cache", "error: cache folder "),
        ({"weights: none": "weights: imagenet", "[vgg16, resnet50]": "[vgg16]"}, "keras", "error: folder of ImageNet"),
    ],
)
def test_a_folder_that_downloads_go_to_is_looked_at_before_anything_is_fetched(
    told, params, tmp_path, monkeypatch, changed, blocked, said
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(pretrained_weights, "_download", lambda model: pytest.fail(f"{model} was fetched"))
    for old, new in changed.items():
        change(params, old, new)
    (tmp_path / blocked).write_text("")
    status, line = told()
    assert status == 1 and line.startswith(said) and "must be writable, got " in line


def test_a_file_system_without_locks_is_refused_since_what_stands_in_for_them_outlives_a_killed_run(
    told, tmp_path, monkeypatch
):
    def fail(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", fail)
    status, line = told()
    told_of = f"error: cache folder {tmp_path / 'cache'} must lie on a file system with locks, got "
    assert (status, line) == (1, f"{told_of}{os.strerror(errno.ENOSYS)}")
    assert not list((tmp_path / "reports").rglob("*lock*"))


def test_a_reports_folder_that_is_a_file_is_told(told, tmp_path):
    (tmp_path / "file").write_text("")
    status, line = told(reports=tmp_path / "file")
    assert status == 1 and "must be writable, got Not a directory" in line


def test_a_folder_in_the_place_of_a_file_is_told_with_what_to_do(told, tmp_path):
    place = tmp_path / "reports" / "smoke" / "index.html"
    place.mkdir(parents=True)
    advice = "a file must stand there; move the folder away and run again"
    assert told() == (1, f"error: {place} must be usable, got: Is a directory: {advice}")


def test_a_table_of_patients_that_names_other_files_is_told_before_anything_runs(told, params, tmp_path, monkeypatch):
    monkeypatch.setattr("pneumo_utils.pipeline.study_run.StudyRun.to_the_end", lambda _: pytest.fail("it runs"))
    (tmp_path / "patients.csv").write_text("path,patient\ntrain/NORMAL/gone.jpeg,1\n")
    change(params, 'patients: ""', f"patients: {tmp_path / 'patients.csv'}")
    status, line = told()
    assert status == 1 and line.endswith("got 1 that are not there: 'train/NORMAL/gone.jpeg'")


def test_a_disk_that_is_too_small_is_told_before_anything_is_drawn(told, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2e8))
    status, line = told()
    assert status == 1 and line.endswith("must have about 1.0 GB for this study, got 0.2: make room")
    assert not list((tmp_path / "cache").glob("phantom*"))


def test_what_can_be_told_early_is_told_in_one_go_and_nothing_is_fetched(params, tmp_path, capsys, monkeypatch):
    def run(*more):
        places = ["--params", str(params), "--reports", str(tmp_path / "reports"), "--data", str(tmp_path / "nowhere")]
        assert main(["report", "smoke", *places, *more]) == 1
        return capsys.readouterr().err.strip().splitlines()

    monkeypatch.setattr(pretrained_weights, "_download", lambda model: pytest.fail(f"{model} was fetched"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    change(params, "weights: none", "weights: imagenet")
    change(params, "explained_layers: []", "explained_layers: [vgg16:block5_conv9]")
    first, second = run()
    assert first.startswith("error: data folder must exist, got '") and "got vgg16:block5_conv9" in second
    change(params, "random_weights_allowed: [vgg16, resnet50]", "random_weights_allowed: []")
    (third,) = run("--weights", str(tmp_path / "no"))[2:]
    assert third.startswith("error: weights must be imagenet, none or a path, got '") and "is not there" in third
    assert [line.split(" must ")[0] for line in run("--weights", str(tmp_path))][2:] == [
        "error: weights of vgg16",
        "error: weights of resnet50",
    ]


def test_a_layer_that_cannot_be_explained_is_told_before_anything_runs(told, params):
    change(params, "explained_layers: []", "explained_layers: [vgg16:block5_conv9]")
    assert told("smoke") == (
        1,
        "error: gradcam.explained_layers must name layers of vgg16 with height and width, in no branch, got "
        "vgg16:block5_conv9, "
        "did you mean vgg16:block5_conv3?",
    )


def test_a_table_of_patients_is_read_before_anything_runs(told, params, tmp_path):
    change(params, 'patients: ""', f"patients: {tmp_path}/gone.csv")
    status, line = told("smoke")
    assert status == 1 and line.startswith("error: patients must name a CSV file, got '")


def test_paths_are_those_of_where_the_command_was_typed_and_of_the_home_folder(params, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "mine")
    for typed in ("mine", "./mine", "~/mine", str(tmp_path / "mine")):
        assert main(["data", "smoke", "--params", str(params), "--data", typed]) == 0
        assert capsys.readouterr().out.strip() == str(tmp_path / "mine")


def test_weights_of_another_network_are_told_before_anything_runs(told, tmp_path):
    with h5py.File(tmp_path / "vgg16_mine.h5", "w") as file:
        file["conv1/kernel"] = np.zeros((7, 7, 3, 64), np.float16)
    status, line = told("smoke", "--weights", str(tmp_path))
    assert status == 1 and "weights of vgg16 must hold its 13 convolutions, got 1 with 0 of the right shape in" in line


def test_reports_are_cleaned_where_they_are_said_to_be(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        cleaning, "clean", lambda *places: asked.append(places) or ([tmp_path / "gone"], {tmp_path / "left": "why"})
    )
    monkeypatch.chdir(tmp_path)
    assert main(["clean", "--params", "mine", "--reports", "there"]) == 0
    assert asked == [(Path("mine"), tmp_path / "there", None)], "what is drawn in data/ is read from other reports, too"
    assert capsys.readouterr().out == "deleted gone\nkept left: why\n"


def test_where_the_projects_own_reports_are_cleaned_what_was_drawn_goes_too(monkeypatch):
    asked = []
    monkeypatch.setattr(cleaning, "clean", lambda *places: asked.append(places) or ([], {}))
    assert main(["clean"]) == 0
    assert asked == [tuple(PARAMS.parent / name for name in ("params", "reports", "data"))]


@pytest.mark.parametrize("command", [["clean"], ["compare", "a", "b"]])
def test_a_tilde_is_the_home_folder_wherever_reports_are_named(command, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main([*command, "--reports", "~/there"]) == 1
    assert str(tmp_path / "there") in capsys.readouterr().err


def test_several_studies_are_run_with_the_places_that_are_given(params, tmp_path, monkeypatch, capsys):
    ran = []
    monkeypatch.setattr(several_studies, "run", lambda *given: ran.append(given))
    monkeypatch.chdir(tmp_path)
    given = [
        "--params",
        str(params),
        "--reports",
        "there",
        "--data",
        "mine",
        "--scheduler",
        "local:2",
        "--threads",
        "2",
    ]
    assert main(["reports", "smoke", "demo", *given]) == 0
    ((lines, place, scheduler, threads),) = ran
    assert (scheduler, threads) == ("local:2", 2)
    assert [one.name for one in lines] == ["smoke", "demo"] and place == tmp_path / "there"
    assert {one.given.place(one.study.data.folder) for one in lines} == {tmp_path / "mine"}
    assert capsys.readouterr().out == "there/smoke/index.html\n"


def test_parameters_are_listed_with_type_range_and_help(capsys):
    assert main(["parameters"]) == 0
    listed = capsys.readouterr().out
    assert "batch_size" in listed and "int in [1, 1024]" in listed and "pictures a gradient step" in listed


@pytest.mark.parametrize(("notebook", "model"), [("01_eda", ""), ("03_finetune", "vgg16"), ("06_robustness", "")])
def test_the_parameters_of_a_notebook_are_printed_as_papermill_reads_them(notebook, model, capsys):
    assert main(["parameters", "kermany-night", "--notebook", notebook, "--model", model]) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    study = definition.load("kermany-night", PARAMS).flat()
    declared = notebook_source.parameters(PARAMS.parent / "notebooks" / f"{notebook}.ipynb")
    assert list(found) == list(declared)
    assert found["study"] == "kermany-night" and found["reports"] == "../reports"
    if model:
        assert found["model"] == model and found["weights"] == "imagenet"
    same = set(found) & set(study) - {"weights", "cache", "folder"}
    assert {name: found[name] for name in same} == {name: study[name] for name in same}
    assert all(type(found[name]) is type(study[name]) for name in same)


def test_what_is_no_notebook_or_no_model_of_it_is_told(capsys):
    def last(*arguments):
        assert main(["parameters", "demo", *arguments]) == 1
        return capsys.readouterr().err.strip().splitlines()[-1]

    assert last("--notebook", "3").startswith("error: notebook must be one of 01_eda, 02_preprocessing, 03_finetune")
    wrong = last("--notebook", "03_finetune", "--model", "bert")
    assert wrong == "error: model of 03_finetune must be cnn, vgg16, resnet50, got 'bert'"
    assert last("--model", "cnn") == "error: model of 01_eda must be left out, got 'cnn'"
    assert main(["parameters", "--notebook", "04_evaluation"]) == 1
    told = capsys.readouterr().err.strip()
    assert told == "error: study must be named with --notebook and --model, got 04_evaluation alone"


@pytest.mark.long
@pytest.mark.slow
def test_papermill_itself_runs_a_notebook_with_what_is_printed(params, tmp_path, capsys):
    given = tmp_path / "given.yaml"
    assert main(["parameters", "smoke", "--params", str(params), "--reports", str(tmp_path / "reports")]) == 0
    given.write_text(capsys.readouterr().out)
    notebook, out = PARAMS.parent / "notebooks" / "01_eda.ipynb", tmp_path / "out.ipynb"
    command = [
        sys.executable,
        "-m",
        "papermill",
        str(notebook),
        str(out),
        "--cwd",
        str(notebook.parent),
        "-f",
        str(given),
    ]
    ran = subprocess.run([*command, "--no-progress-bar"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert (tmp_path / "reports" / "smoke" / "tables" / "manifest.csv").is_file()


@pytest.mark.parametrize("given", [["repor"], ["report"], ["predict", "x", "--engine", "foo"]])
def test_a_command_line_that_is_not_understood_is_told_in_one_sentence(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(given)
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.startswith("error: ") and said.count("\n") == 1


def test_who_reads_a_part_ends_the_output_in_silence_and_a_full_disk_is_told_of_it():
    def run(words):
        line = f"{sys.executable} -m pneumo_utils parameters {words}"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, check=False, cwd=PARAMS.parent
        )
        return done.returncode, done.stderr

    for rest in ("| true", "| head -n 1", "demo | true"):
        assert run(rest) == (0, ""), rest
    if Path("/dev/full").exists():
        for study in ("", "demo"):
            status, told = run(f"{study} > /dev/full")
            assert status == 1 and told.startswith("error: standard output must be usable, got: No space left on dev")
            assert told.count("\n") == 1


def test_where_there_are_no_parameter_files_every_command_says_so(tmp_path, capsys):
    for command in ("report", "reports"):
        assert main([command, "smoke", "--params", str(tmp_path / "none")]) == 1
        assert capsys.readouterr().err.startswith("error: folder of parameter files must hold some that end with .yaml")


@pytest.mark.parametrize("given", [["pdf", "smoke", "--weights", "foo"], ["data", "smoke", "--weights", "foo"]])
def test_an_option_that_a_command_does_nothing_with_is_refused(given, capsys):
    with pytest.raises(SystemExit):
        main(given)
    assert "unrecognized arguments: --weights foo" in capsys.readouterr().err
