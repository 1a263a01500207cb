"""What every page with numbers says before them."""

from __future__ import annotations

import pandas as pd
import pytest
from support.examples import example

from pneumo_utils.__main__ import PROJECT
from pneumo_utils.records.store import Store
from pneumo_utils.reporting.notices import notices
from pneumo_utils.study.definition import load


@pytest.fixture
def study():
    return load("kermany", PROJECT / "params", data="/my/data")


@pytest.fixture
def store(tmp_path):
    return Store("mine", tmp_path)


def predictions(*probabilities, model="cnn"):
    rows = [example("predictions", 1, model=model, probability=probability) for probability in probabilities]
    return pd.concat(rows, ignore_index=True)


def test_where_all_is_known_and_told_apart_nothing_is_said(store, study):
    store.write("manifest", example("manifest", 3))
    store.write("predictions", predictions(0.1, 0.2))
    store.write("near_duplicates", example("near_duplicates", 2).head(0))
    assert notices(store, study.data.source, ("cnn",)) == []


def test_a_test_folder_that_is_not_the_published_one_is_told_on_pages_with_numbers(store, study):
    store.write("manifest", example("manifest", 1, part="test", path="test/NORMAL/IM-0001-0001.jpeg"))
    (said,) = notices(store, study.data.source, ("cnn",))
    assert said.startswith("The test folder is not the published one: these numbers cannot be set beside")
    assert notices(store, study.data.source, ()) == [] == notices(store, "phantom", ())[1:]


def test_unknown_patients_are_told_on_pages_with_numbers(store, study):
    table = example("manifest", 3)
    table.loc[1:, "patient"] = table["path"][1:]
    store.write("manifest", table)
    (said,) = notices(store, study.data.source, ("cnn",))
    assert said.startswith("The patient is known for 1 of 3 radiographs.")
    assert notices(store, study.data.source, ()) == [], "pages without numbers of networks say it in their own words"


def test_patients_that_are_tested_and_trained_on_are_counted(store, study):
    cases = pd.concat([example("splits", 4, split="train"), example("splits", 2, split="test")], ignore_index=True)
    cases["patient"], cases["path"] = ["a", "b", "c", "d", "a", "e"], [f"{n}.jpeg" for n in range(6)]
    store.write("splits", cases)
    (said,) = notices(store, study.data.source, ("cnn",))
    assert said.startswith(
        "Patients of the test part who are also in training or validation: 1, with 1 of its radiographs."
    )


def test_files_with_both_labels_are_counted_and_named(store, study):
    table = example("manifest", 4)
    table["patient"], table["path"], table["label"] = list("abcd"), [f"{n}.jpeg" for n in range(4)], [0, 0, 1, 1]
    table["sha256"] = [f"{n:064x}" for n in (1, 2, 3, 3)]
    store.write("manifest", table)
    assert notices(store, study.data.source, ("cnn",)) == [], "a copy in its own class is none of them"
    table["sha256"] = [f"{n:064x}" for n in (1, 2, 1, 3)]
    store.write("manifest", table)
    (said,) = notices(store, study.data.source, ("cnn",))
    assert said == (
        "One file has a copy of the same bytes in the other class (0.jpeg, 2.jpeg): one of the two labels is wrong."
    )
    table["sha256"] = [f"{n:064x}" for n in (1, 2, 1, 2)]
    store.write("manifest", table)
    assert notices(store, study.data.source, ("cnn",))[0].startswith("2 files have a copy")


def test_test_radiographs_that_are_also_trained_on_are_counted_once(store, study):
    other = example("near_duplicates", 2, path="train/NORMAL/b.jpeg", split="validation")
    store.write("near_duplicates", pd.concat([example("near_duplicates", 3), other], ignore_index=True))
    (said,) = notices(store, study.data.source, ("cnn",))
    assert said.startswith("One test radiograph has a nearly equal picture in training or validation")


def test_a_model_that_says_the_same_of_every_radiograph_is_named(store, study):
    store.write("predictions", pd.concat([predictions(0.3, 0.3), predictions(0.3, 0.4, model="vgg16")]))
    store.write("reference_predictions", predictions(1.0, 1.0, model="always"))
    (said,) = notices(store, study.data.source, ("cnn", "vgg16"))
    assert said.startswith("Small CNN gives all radiographs of a split the same probability, 0.300")
