"""The smoke study: every notebook through papermill, end to end, as a user runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from support import killing, reliability
from support.browser import faults
from support.pages import soup_of
from support.timed_columns import without_times

from pneumo_utils.__main__ import PROJECT, main
from pneumo_utils.evaluation import calibration, clinical_utility, comparisons, metrics, referral
from pneumo_utils.pipeline import notebook_execution, notebook_source
from pneumo_utils.records import tables
from pneumo_utils.records.contracts.evaluation import EVALUATION
from pneumo_utils.records.vocabulary import ENSEMBLE, IMAGE_MODELS, REFERENCES
from pneumo_utils.study.definition import load

pytestmark = pytest.mark.slow
PROGRAM = [sys.executable, "-m", "pneumo_utils"]
SECRET = "hunter2-AKIAIOSFODNN7EXAMPLE"
WHOLE = reliability.ASKED  # `make test` leaves out ResNet50 and the trainings on other splits and permuted labels
TRAINED = ["cnn", "vgg16", *(["resnet50"] if WHOLE else [])]
NETWORKS = [*TRAINED, ENSEMBLE]
OF_OTHER_SPLITS = {"resplit_predictions", "leakage"}
TABLES = set(tables.CONTRACTS) - (set() if WHOLE else OF_OTHER_SPLITS)
PAGES = (
    "01_eda",
    "02_preprocessing",
    *(f"03_finetune-{model}" for model in TRAINED),
    "04_evaluation",
    "05_gradcam",
    "06_robustness",
    "07_deployment",
    "cards",
    "cases",
    "index",
)


def params(folder: Path) -> Path:
    """Parameter files of the test's own, with a cache of its own, and no default where one could pass for a given."""
    shutil.copytree(PROJECT / "params", folder / "params")
    smoke = folder / "params" / "smoke.yaml"
    text = smoke.read_text().replace("cache: data", f"cache: {folder / 'cache'}")
    if not WHOLE:
        text = text.replace("[cnn, vgg16, resnet50]", "[cnn, vgg16]").replace(
            "retrained_model: cnn", "retrained_model: none"
        )
    smoke.write_text(text.replace("referral_error: 0.02", "referral_error: 0.2"))
    return folder


def command(place: Path, reports: str, *more: str) -> list[str]:
    return ["report", "smoke", "--params", str(place / "params"), "--reports", str(place / reports), *more]


def report(place: Path, reports: str = "reports", *more: str) -> int:
    return main(command(place, reports, *more))


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Where the study has run once."""
    folder = params(tmp_path_factory.mktemp("study"))
    secrets = {"AWS_SECRET_ACCESS_KEY": SECRET, "KAGGLE_KEY": SECRET}
    subprocess.run([*PROGRAM, *command(folder, "reports")], env=os.environ | secrets, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def smoke(place) -> Path:
    return place / "reports" / "smoke"


def check_nothing_lost(killed: killing.Kills, least: int) -> None:
    reliability.note("killed with SIGKILL", killed.moments.total())
    reliability.note("epochs run twice", len(killed.repeated))
    reliability.note("processes left running", killed.orphans)
    assert not killed.repeated and not killed.orphans and killed.moments.total() >= least, killed


def check_equal(first: Path, second: Path) -> None:
    tables_of = (without_times(pd.read_csv(file)) for file in (first, second))
    pd.testing.assert_frame_equal(*tables_of, check_exact=True)
    reliability.note("tables equal to the bit after that", 1)


@pytest.mark.long
def test_a_network_killed_inside_an_epoch_goes_on_and_says_the_same_of_every_picture(place, smoke, tmp_path, request):
    kept, network = tmp_path / "kept", smoke / "work" / "models" / "cnn"
    shutil.copytree(smoke, kept)
    request.addfinalizer(lambda: (shutil.rmtree(smoke), shutil.copytree(kept, smoke)))
    shutil.rmtree(network)
    again = [*PROGRAM, "work", *command(place, "reports")[1:]]
    check_nothing_lost(killing.run(again, smoke, 1, tmp_path / "finished"), 1)
    assert not (network / "seed-0" / "predictions.csv").is_file()
    subprocess.run(again, check=True, capture_output=True)
    made = sorted(file.relative_to(network) for file in network.rglob("*.csv"))
    assert Path("seed-0/predictions.csv") in made
    for file in made:
        check_equal(network / file, kept / "work" / "models" / "cnn" / file)


@pytest.mark.long
def test_the_study_killed_twenty_times_and_run_one_notebook_after_another_gives_equal_tables(smoke, tmp_path):
    folder = params(tmp_path)
    again = [*PROGRAM, *command(folder, "reports")]
    killed = killing.run(again, folder / "reports" / "smoke", 20, tmp_path / "finished")
    check_nothing_lost(killed, 20)
    alone = folder / "params" / "smoke.yaml"
    alone.write_text(alone.read_text().replace("notebooks_at_once: 2", "notebooks_at_once: 1"))
    subprocess.run(again, check=True, capture_output=True)
    for whole in (folder / "reports/smoke", *killed.finished):
        for table in TABLES:
            check_equal(smoke / f"tables/{table}.csv", whole / f"tables/{table}.csv")
        assert not list(whole.rglob("*.part*")) and not list(whole.rglob("*broken*"))


def test_every_page_and_table_is_there_and_nothing_half_written(smoke):
    assert sorted(path.stem for path in smoke.glob("*.html")) == sorted(PAGES)
    found = {path.stem: tables.read(path.stem, path) for path in (smoke / "tables").glob("*.csv")}
    assert set(found) == TABLES
    assert not list(smoke.rglob("*.part*")) and not list(smoke.rglob("*broken*"))


def test_no_credential_of_the_environment_reaches_a_page_a_notebook_or_a_table(smoke):
    holding = [path for path in smoke.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holding == []


def test_no_page_shows_what_only_a_programmer_would_understand(smoke):
    for path in sorted((smoke / "work" / "notebooks").glob("*.ipynb")):
        outputs = [out for cell in nbformat.read(path, as_version=4).cells for out in cell.get("outputs", [])]
        assert [out["text"] for out in outputs if out.get("name") == "stderr"] == [], path.stem


@pytest.mark.long
def test_the_evaluation_runs_from_the_tables_alone_without_tensorflow(place, smoke, tmp_path, monkeypatch):
    for name in ("tensorflow", "keras"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('uninstalled')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # what stands there is found before what is installed
    for name in TABLES - set(EVALUATION):
        tables.write(name, tables.read(name, smoke / f"tables/{name}.csv"), tmp_path / f"smoke/tables/{name}.csv")
    notebook, study = PROJECT / "notebooks" / "04_evaluation.ipynb", load("smoke", place / "params")
    known = study.flat() | {"study": "smoke", "reports": str(tmp_path)}
    given = {name: known[name] for name in notebook_source.parameters(notebook)}
    executed, broken = tmp_path / "executed.ipynb", tmp_path / "broken.ipynb"
    notebook_execution.run(notebook, given, executed=executed, broken=broken, minutes=5)
    for name in EVALUATION:
        first, second = (pd.read_csv(folder / f"tables/{name}.csv") for folder in (smoke, tmp_path / "smoke"))
        pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert "<span>The surest false negatives and false positives" in executed.read_text(encoding="utf-8")


def test_the_python_of_the_documents_runs_on_a_finished_study_and_says_what_its_tables_say(smoke, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "demo").symlink_to(smoke, target_is_directory=True)
    snippets = re.findall(r"```python\n(.*?)```", (PROJECT / "docs" / "python.md").read_text("utf-8"), re.S)
    assert len(snippets) == 4
    outside = os.environ | {"PYTHONPATH": str(PROJECT), "MPLBACKEND": "agg"}
    line = [sys.executable, "-c", "\n".join(snippets)]
    done = subprocess.run(line, cwd=tmp_path, env=outside, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    area, score, answers = done.stdout.splitlines()
    said = tables.read("metrics", smoke / "tables/metrics.csv").query(
        "model == 'cnn' and seed == 0 and split == 'test'"
    )
    assert float(area) == pytest.approx(said.set_index("metric")["value"]["auc_roc"])
    own = tables.read("predictions", smoke / "tables/predictions.csv").query("model == 'cnn' and split == 'test'")
    near = [float(one) for one in answers.strip("[]").split()]
    assert near == pytest.approx(own.query("seed == 0")["probability"].nlargest(4).tolist(), abs=0.01)
    assert score.split()[0] in ("scored", "refused") and (tmp_path / "heat.png").stat().st_size


@pytest.mark.parametrize(("engine", "off"), [("keras", 1e-6), ("onnx", 1e-5)])
def test_the_bundle_scores_every_file_from_the_command_line_as_the_study_did(smoke, place, tmp_path, engine, off):
    folder, out = next((place / "cache").glob("phantom-*")) / "chest_xray", tmp_path / "scores.csv"
    given = ["predict", str(folder), "--model", str(smoke / "model"), "--engine", engine, "--out", str(out)]
    done = subprocess.run([*PROGRAM, *given], capture_output=True, text=True)
    scored = pd.read_csv(out)
    assert done.returncode == (3 if (scored["status"] == "refused").any() else 0), done.stderr
    files = sorted(str(path) for path in folder.rglob("*") if path.is_file())
    assert sorted(scored["path"]) == files and scored["path"].is_unique
    own = tables.read("predictions", smoke / "tables" / "predictions.csv").query("model == 'cnn'")
    own = own.assign(path=[str(folder / path) for path in own["path"]]).set_index("path")["probability"]
    both = scored[scored["status"] == "scored"].set_index("path")["probability"].reindex(own.index).dropna()
    assert len(both) > 0.6 * len(own), "the gate of so small a study may refuse some"
    assert (both - own.reindex(both.index)).abs().max() <= off


@pytest.mark.long
def test_workers_of_a_scheduler_score_together_what_one_process_scores_alone(smoke, place, tmp_path):
    folder = next((place / "cache").glob("phantom-*")) / "chest_xray" / "test"
    given = ["predict", str(folder), "--model", str(smoke / "model"), "--engine", "onnx", "--threads", "1", "--out"]
    for name, more in (("one.csv", []), ("two.csv", ["--scheduler", "local:2"])):
        done = subprocess.run([*PROGRAM, *given, str(tmp_path / name), *more], capture_output=True, text=True)
        assert done.returncode in (0, 3), done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.csv", "two.csv"]
    alone, together = (pd.read_csv(tmp_path / name) for name in ("one.csv", "two.csv"))
    pd.testing.assert_frame_equal(together, alone, atol=1e-6)


def test_predictions_hold_every_held_out_picture_once_a_network_and_seed(smoke):
    splits, predictions = (tables.read(name, smoke / "tables" / f"{name}.csv") for name in ("splits", "predictions"))
    held_out = splits[splits["split"] != "train"]
    assert list(predictions["model"].unique()) == NETWORKS
    for _, part in predictions.groupby(["model", "seed"]):
        assert sorted(part["path"]) == sorted(held_out["path"])
    both = predictions.merge(held_out, on="path", suffixes=("", "_split"))
    for column in ("patient", "label", "etiology", "split"):
        assert (both[column] == both[f"{column}_split"]).all()


def test_the_headline_on_the_front_page_is_that_of_the_table_with_its_intervals(smoke):
    measured = tables.read("seed_spread", smoke / "tables" / "seed_spread.csv")
    cells = {" ".join(cell.get_text().split()) for cell in soup_of(smoke / "index.html").find_all("td")}
    shown = metrics.with_intervals(measured, "test")
    assert list(shown.index) == [*NETWORKS, *REFERENCES] and set(shown.to_numpy().ravel()) <= cells


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith(("01", "02"))])
def test_every_page_with_numbers_says_phantom_and_random_weights(smoke, page):
    text = (smoke / f"{page}.html").read_text(encoding="utf-8")
    assert "these radiographs are drawn" in text
    assert ("started from random weights" in text) == (page != "03_finetune-cnn")


def test_every_page_is_faultless_in_a_browser(browser, smoke):
    only = "*" if WHOLE else "[!0]*"  # the numbered pages are alike, and one of each kind is opened in tests/reporting
    assert faults(smoke, browser, f"{only}.html") + faults(smoke.parent, browser) == []


@pytest.mark.long
def test_the_list_of_trainings_knows_what_the_notebooks_have_trained(place):
    done = subprocess.run(
        [*PROGRAM, "plan", *command(place, "reports")[1:]], capture_output=True, text=True, check=True
    )
    count = 6 if WHOLE else 2
    assert f"{count} trainings, {count} of them done" in done.stdout


def test_a_second_run_runs_and_writes_nothing(place, smoke):
    before = {path: path.stat().st_mtime_ns for path in smoke.rglob("*.*")}
    again = [*PROGRAM, *command(place, "reports")]
    done = subprocess.run(again, capture_output=True, text=True, check=True)
    assert f"0 of {6 + len(TRAINED)} notebooks ran" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in smoke.rglob("*.*")} == before


@pytest.mark.long
def test_a_lost_table_or_page_is_made_again_and_nothing_else_runs(place, smoke, capsys):
    (smoke / "tables" / "metrics.csv").unlink()
    (smoke / "tables" / "predictions.csv").unlink()
    (smoke / "01_eda.html").unlink()
    assert report(place) == 0
    assert f"1 of {6 + len(TRAINED)} notebooks ran" in capsys.readouterr().out
    assert (smoke / "tables" / "metrics.csv").is_file() and (smoke / "01_eda.html").is_file()


@pytest.mark.long
def test_a_parameter_of_the_evaluation_reruns_what_uses_it_and_no_training(place, smoke, caplog):
    path = place / "params" / "smoke.yaml"
    text = path.read_text()
    path.write_text(text.replace("threshold_target: 0.95", "threshold_target: 0.9"))
    caplog.set_level("INFO", logger="pneumo_utils")
    assert report(place) == 0
    path.write_text(text)
    ran = {line.split()[0] for line in caplog.messages if line.split()[1:2] == ["runs,"]}
    assert ran == {"04_evaluation", "05_gradcam", "06_robustness", "07_deployment"}


@pytest.mark.long
def test_bad_files_are_left_out_with_a_reason_and_the_rest_goes_on_from_every_seed(place, smoke, tmp_path, capsys):
    source = next((place / "cache").glob("phantom-*")) / "chest_xray"
    shutil.copytree(source, tmp_path / "set")
    (tmp_path / "set/train/NORMAL/IM-9001-0001.jpeg").write_bytes(b"")
    (tmp_path / "set/train/NORMAL/IM-9002-0001.jpeg").write_text("no picture")
    good = next((tmp_path / "set/train/PNEUMONIA").iterdir()).read_bytes()
    (tmp_path / "set/train/PNEUMONIA/person900_virus_1.JPEG").write_bytes(good[: len(good) // 2])
    smoke_file = place / "params" / "smoke.yaml"
    text = smoke_file.read_text()
    one_network_twice = re.sub(r"(models|ensemble): \[.*\]", r"\1: [cnn]", text).replace("seeds: [0]", "seeds: [3, 1]")
    one_network_twice = one_network_twice.replace("retrained_model: cnn", "retrained_model: none")
    smoke_file.write_text(one_network_twice)
    status = report(place, "bad", "--data", str(tmp_path / "set"))
    smoke_file.write_text(text)
    assert status == 0
    exclusions = tables.read("exclusions", place / "bad/smoke/tables/exclusions.csv").set_index("path")["reason"]
    assert len(exclusions) == 3 and "empty file" in exclusions["train/NORMAL/IM-9001-0001.jpeg"]
    page = (place / "bad/smoke/01_eda.html").read_text(encoding="utf-8")
    assert all(path in page for path in exclusions.index) and "truncated" in page
    over = tables.read("seed_spread", place / "bad/smoke/tables/seed_spread.csv").query("model == 'cnn'")
    assert (over["seeds"] == 2).all() and over["lowest"].lt(over["highest"]).any()
    averaged = tables.read("seed_spread", place / "bad/smoke/tables/seed_spread.csv").query("model == 'ensemble'")
    assert len(averaged) and (averaged["seeds"] == 1).all()
    front = (place / "bad/smoke/index.html").read_text(encoding="utf-8")
    assert "mean over 2 seeds, the ensemble one score of all" in front


def test_a_notebook_run_out_of_order_says_which_one_to_run_first(tmp_path):
    from pneumo_utils.records.run_directory import MissingArtefactError
    from pneumo_utils.records.store import Store

    with pytest.raises(MissingArtefactError, match="run 02_preprocessing first"):
        Store("demo", tmp_path).read("splits")


def test_every_table_is_judged_at_the_point_that_validation_chose_by_plain_counting(smoke):
    names = {"predictions", "reference_predictions", "operating_points", "metrics", "perturbed_predictions",
             "perturbed_performance"} | OF_OTHER_SPLITS & TABLES  # fmt: skip
    read = {name: tables.read(name, smoke / "tables" / f"{name}.csv") for name in names}
    points = read["operating_points"].query("rule == 'sensitivity'").set_index(["model", "seed"])["threshold"].to_dict()
    cut, target = points | {("always", 0): 0.0}, read["operating_points"]["target"].min()  # others change the target

    def judged(part: pd.DataFrame, at: float) -> list[float]:
        ill, called = part["label"] == 1, part["probability"] >= at
        return [called[ill].mean(), (~called)[~ill].mean(), roc_auc_score(part["label"], part["probability"])]

    said = pd.concat([read["predictions"], read["reference_predictions"]])
    told = read["metrics"].set_index(["model", "seed", "split", "metric"])["value"]
    for (*network, split), part in said.groupby(["model", "seed", "split"]):
        found = [told[*network, split, metric] for metric in ("recall", "specificity", "auc_roc")]
        assert found == pytest.approx(judged(part, cut[*network])), (network, split)
        assert split == "test" or found[0] >= target
    ways = ["model", "seed", "perturbation", "strength"]
    told = read["perturbed_performance"].set_index(ways)[["sensitivity", "specificity", "auc"]]
    for key, part in read["perturbed_predictions"].groupby(ways):
        assert told.loc[key].tolist() == pytest.approx(judged(part, cut[key[:2]])), key
    if WHOLE:
        told = read["leakage"].set_index("protocol")["auc"]
        for protocol, part in read["resplit_predictions"].query("split == 'test'").groupby("protocol"):
            assert told[protocol] == pytest.approx(roc_auc_score(part["label"], part["probability"]))
    frozen = json.loads((smoke / "model" / "bundle.json").read_text())
    assert frozen["operating_point"]["threshold"] == points[frozen["model"], 0]


def test_what_follows_from_the_decisions_is_so_by_plain_counting(place, smoke):
    names = ("predictions", "operating_points", "etiology_sensitivity", "predictive_values", "referral_band")
    read = {name: tables.read(name, smoke / "tables" / f"{name}.csv") for name in names}
    cut = read["operating_points"].query("rule == 'sensitivity'").set_index(["model", "seed"])["threshold"]
    said = read["predictions"][lambda rows: rows["seed"] == 0].set_index(["model", "seed", "split"]).sort_index()
    limit = load("smoke", place / "params").evaluation.referral_error
    etiologies, values, bands = (read[name].set_index(["model", "seed", "split"]).sort_index() for name in names[2:])
    assert set(etiologies.index) == set(values.index) == set(bands.index) == set(said.index)
    for *network, split in sorted(set(said.index)):
        part, threshold = said.loc[(*network, split)], cut[tuple(network)]
        ill, called = part["label"] == 1, part["probability"] >= threshold
        told = etiologies.loc[[(*network, split)]].set_index("etiology")
        found = called[ill].groupby(part["etiology"][ill].to_numpy())
        assert told["sensitivity"].to_dict() == pytest.approx(found.mean().to_dict())
        assert told["n"].to_dict() == found.size().to_dict()
        for row in values.loc[[(*network, split)]].itertuples():
            right, wrong = row.prevalence * called[ill].mean(), (1 - row.prevalence) * called[~ill].mean()
            if row.metric == "npv":
                right, wrong = 1 - row.prevalence - wrong, row.prevalence - right
            assert row.value == pytest.approx(
                right / (right + wrong) if right + wrong > 1e-12 else float("nan"), nan_ok=True
            )
        sure, held = (
            abs(np.log(rows["probability"] / (1 - rows["probability"])) - np.log(threshold / (1 - threshold)))
            for rows in (part, said.loc[(*network, "validation")])
        )
        missed = (said.loc[(*network, "validation")]["probability"] >= threshold) != (
            said.loc[(*network, "validation")]["label"] == 1
        )
        enough = [one for one in sorted(held) if missed[held >= one].mean() <= limit]
        kept = sure >= (enough[0] if enough and split == "validation" else bands.loc[(*network, split), "band"])
        counted = [kept.sum(), (called != ill)[kept].mean(), called[ill & kept].mean(), (~called)[~ill & kept].mean()]
        told = bands.loc[(*network, split), ["n", "error", "sensitivity", "specificity"]].astype(float).tolist()
        assert told == pytest.approx(counted, nan_ok=True), (network, split)


def test_decision_curves_are_those_of_probabilities_moved_from_the_prevalence_of_validation(smoke):
    predictions, curves = (
        tables.read(name, smoke / f"tables/{name}.csv") for name in ("predictions", "decision_curve")
    )
    predictions = predictions[predictions["seed"] == 0]
    validation = predictions[predictions["split"] == "validation"]
    own = validation.drop_duplicates("path")["label"].mean()
    assert own != predictions.query("split == 'test'").drop_duplicates("path")["label"].mean()
    platt = calibration.apply(predictions, calibration.fit(validation, "platt"))
    told = curves.set_index(["model", "split", "prevalence", "strategy"])
    for (model, split), part in platt.groupby(["model", "split"]):
        odds, ill = part["probability"] / (1 - part["probability"]), part["label"] == 1
        for prevalence in curves["prevalence"].unique():
            moved = odds * prevalence / (1 - prevalence) / (own / (1 - own))
            for row in told.loc[[(model, split, prevalence, "model")]].itertuples():
                called, price = moved / (1 + moved) >= row.threshold, row.threshold / (1 - row.threshold)
                worth = prevalence * called[ill].mean() - price * (1 - prevalence) * called[~ill].mean()
                assert row.net_benefit == pytest.approx(worth, abs=1e-9), (model, split, prevalence, row.threshold)


def test_what_the_page_of_the_evaluation_says_of_a_part_is_of_that_part(smoke):
    names = ("seed_spread", "comparisons", "etiology_sensitivity", "predictive_values", "referral_band")
    read = {name: tables.read(name, smoke / "tables" / f"{name}.csv") for name in names}
    networks = read["seed_spread"][read["seed_spread"]["model"].isin(IMAGE_MODELS)]

    def of(name, split, show):
        return show(read[name][read[name]["split"] == split])

    def shown_pairs(rows, which):
        return comparisons.for_display(rows[which])

    wanted = {
        split: {
            "Further metrics on": metrics.with_intervals(networks, split, metrics.FURTHER),
            "Differences on": of("comparisons", split, lambda rows: shown_pairs(rows, rows["second"] != "acquisition")),
            "AUC less that of the model": of(
                "comparisons", split, lambda rows: shown_pairs(rows, rows["second"] == "acquisition")
            ),
            "Sensitivity by etiology": of("etiology_sensitivity", split, clinical_utility.etiology_for_display),
            "Predictive values": of("predictive_values", split, clinical_utility.predictive_for_display),
            "What the referral band": of("referral_band", split, referral.for_display),
            f"{split.capitalize()} part, n": metrics.with_intervals(read["seed_spread"], split),
        }
        for split in ("test", "validation")
    }
    page = soup_of(smoke / "04_evaluation.html")
    shown = {" ".join(found.get_text().split()): found.find_parent("table") for found in page.find_all("caption")}
    for split, frames in wanted.items():
        for caption, frame in frames.items():
            (found,) = (one for said, one in shown.items() if said.startswith(caption))
            cells = Counter(" ".join(cell.get_text().split()) for cell in found.find_all("td"))
            texts = texts_of(frame)
            of_part = split == "test" or caption.startswith(("Validation", "Sensitivity by etiology"))
            alike = not of_part and texts == texts_of(wanted["test"][caption])  # both parts may say the same
            assert len(texts) and (texts <= cells) == (of_part or alike), caption


def texts_of(frame):
    return Counter(text for text in frame.to_numpy().ravel() if isinstance(text, str))
