"""The front page says what its headline counts; how it looks is the business of `pages` and of the smoke study."""

from __future__ import annotations

import pandas as pd
import pytest
from support.cards import KERMANY, finished_study
from support.examples import example

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.reporting import front_page
from pneumo_utils.study.definition import load


def seed_spread(**seeds):
    """The contract of that name, with so many seeds of each model."""
    rows = [example("seed_spread", 1, model=model, seeds=number) for model, number in seeds.items()]
    return pd.concat([*rows, example("seed_spread", 1, split="validation", seeds=9, n=9000)], ignore_index=True)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ({"cnn": 1, "vgg16": 1, "always": 1}, ""),
        ({"cnn": 3, "vgg16": 3, "always": 1}, "each network the mean over 3 seeds; "),
        ({"cnn": 3, "ensemble": 1}, "each network the mean over 3 seeds, the ensemble one score of all; "),
        ({"cnn": 3, "vgg16": 2}, "each network the mean over 3 or 2 seeds; "),
        ({"always": 1}, ""),
    ],
)
def test_the_caption_says_over_how_many_seeds_the_mean_goes(seeds, said):
    assert front_page.caption(seed_spread(**seeds), "youden") == (
        f"Test part, n = 40 radiographs; {said}operating point of rule youden, from validation; "
        "in brackets 95% intervals, bootstrap over patients"
    )


@pytest.mark.parametrize(
    ("name", "data", "weights", "command"),
    [
        ("demo", "", "", "make report STUDY=demo"),
        ("kermany", "", "", "make report STUDY=kermany"),
        ("kermany", "/my/data", "/my/weights", "make report STUDY=kermany DATA=FOLDER WEIGHTS=FOLDER"),
    ],
)
def test_the_command_that_reruns_a_study_names_what_it_needs_and_no_folder_of_this_machine(
    name, data, weights, command
):
    assert front_page.rerun(name, load(name, PROJECT / "params", data=data, weights=weights)) == command


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "Every picture below the data folder was used."),
        ([("train/a.jpeg", 1)], "One file below the data folder was left out of every number here; "),
        ([("train/COVID19/", 16), ("a", 1)], "17 files below the data folder were left out of every number here, "
         "among them all of train/COVID19/ (16); "),
        ([(f"{n}/", 1) for n in range(6)], "6 files below the data folder were left out of every number here, among "
         "them all of 0/ (1), 1/ (1), 2/ (1), 3/ (1) and 2 more folders; "),
    ],
)  # fmt: skip
def test_what_no_number_counts_is_named_with_its_count(rows, said):
    exclusions = pd.DataFrame([{"path": path, "files": files, "reason": "r"} for path, files in rows])
    exclusions = exclusions.reindex(columns=["path", "files", "reason"]).astype({"path": "str"})
    assert front_page.omission(exclusions).startswith(said)


def test_the_memory_of_the_provenance_is_what_the_hungriest_training_took(tmp_path):
    store, study = finished_study(tmp_path, KERMANY)
    store.parameters_file.write_text("")
    trained = [example("models", 1, seed=seed, peak_memory=peak) for seed, peak in ((0, 9.5), (1, 1234.4), (2, 70.0))]
    store.write("models", pd.concat(trained, ignore_index=True))
    told = front_page._provenance(store, study, [{"commit": "3f2a9c1"}, {"commit": "3f2a9c1"}])
    assert told["Memory"] == "at most 1,234 MiB in training" and told["Seed"] == "0, 1, 2"
    assert told["Trained on"] == "CPU (threads: 2) in float32"
    assert told["Code"] == "3f2a9c1" and "14 " in told["Data"]
