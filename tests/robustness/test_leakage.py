"""How the test part is drawn decides what is measured, and the table says how many children are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.examples import example

from pneumo_utils.datasets import splits
from pneumo_utils.records import tables
from pneumo_utils.robustness import leakage

N = 400


@pytest.fixture
def manifest():
    generator = np.random.default_rng(0)
    patient = generator.integers(0, 120, N)
    frame = pd.DataFrame({"path": [f"{n}.jpeg" for n in range(N)], "patient": [f"p{k}" for k in patient]})
    label = (patient % 4 > 0).astype(int)
    frame = frame.assign(label=label, etiology=np.where(label, "viral", "normal"), part=["train"] * 340 + ["test"] * 60)
    return frame.assign(sha256=[f"{n:064x}" for n in range(N)])


@pytest.fixture
def like(manifest):
    return splits.split_by_patient(manifest, validation_fraction=0.2, seed=0)


def judged(held):
    """A network that is always right."""
    return held.drop(columns="part").assign(model="cnn", seed=0, probability=np.where(held["label"] == 1, 0.9, 0.2))


@pytest.mark.parametrize("by_patient", [True, False])
def test_a_new_draw_is_as_large_as_before_and_the_same_each_time(manifest, like, by_patient):
    found = splits.repool(manifest, like, by_patient=by_patient, seed=0)
    tables.check("splits", found)
    wanted, got = like["split"].value_counts(), found["split"].value_counts()
    assert (got - wanted).abs().max() <= (8 if by_patient else 1)
    pd.testing.assert_frame_equal(found, splits.repool(manifest, like, by_patient=by_patient, seed=0))
    assert (found["split"] != splits.repool(manifest, like, by_patient=by_patient, seed=1)["split"]).any()


def test_drawn_by_patient_nobody_is_on_two_sides_and_drawn_by_picture_many_are(manifest, like):
    assert splits.shared_patients(splits.repool(manifest, like, by_patient=True, seed=0)) == 0
    assert splits.shared_patients(splits.repool(manifest, like, by_patient=False, seed=0)) > 30


def test_byte_identical_files_of_two_patients_stay_together(manifest, like):
    twin = manifest.copy()
    twin.loc[1, "sha256"] = twin.loc[0, "sha256"]
    for seed in range(20):
        found = splits.repool(twin, like, by_patient=True, seed=seed)
        assert found.loc[0, "split"] == found.loc[1, "split"]


def test_a_row_counts_known_patients_and_decides_at_the_point_of_its_own_validation(manifest, like):
    drawn = splits.repool(manifest, like, by_patient=False, seed=0)
    held = drawn[drawn["split"] != "train"]
    predictions = judged(held)
    told = leakage.resplit_predictions("pictures", drawn, predictions)
    tables.check("resplit_predictions", told)
    row = leakage.table(told, "sensitivity", 0.95)
    tables.check("leakage", row)
    known = set(drawn.loc[drawn["split"] == "train", "patient"])
    test = drawn[drawn["split"] == "test"]
    assert row["known_patient"].item() == test["patient"].isin(known).sum() > 0 and row["n"].item() == len(test)
    assert row[["auc", "accuracy", "sensitivity", "specificity"]].to_numpy().tolist() == [[1.0] * 4]
    assert row["lower"].item() < 1


def test_known_is_who_is_in_train_and_nobody_else():
    drawn = pd.DataFrame({"patient": ["a", "b", "b", "a"], "split": ["train", "validation", "test", "test"]})
    told = leakage.resplit_predictions("pictures", drawn, example("predictions", 2).assign(patient=["b", "a"]))
    assert told["known_patient"].tolist() == [False, True]


def test_the_table_in_words_names_the_draw(manifest, like):
    held = like[like["split"] != "train"]
    predictions = judged(held)
    said = leakage.for_display(leakage.table(leakage.resplit_predictions("published", like, predictions), "half", 0.5))
    assert said.index.tolist() == ["test folder as given"] and "patient also in train" in said


@pytest.fixture
def series(manifest):
    """Two series of normals and two kinds of pneumonia."""
    number = manifest["patient"].str[1:].astype(int)
    normal = manifest["label"] == 0
    kinds = {"series": np.where(normal, np.where(number % 8, "IM", "NORMAL2-IM"), "person")}
    etiology = np.where(normal, "normal", np.where(number % 8 < 4, "viral", "bacterial"))
    return manifest.assign(**kinds, etiology=etiology)


def test_each_series_is_left_out_once_and_tested_on_and_nothing_else_moves(series):
    like = splits.split_by_patient(series, validation_fraction=0.2, seed=0)
    found = splits.leave_series_out(series, like)
    assert sorted(found) == ["IM", "NORMAL2-IM", "bacterial", "viral"]
    for name, parts in found.items():
        tables.check("splits", parts)
        moved = parts["split"] != like["split"]
        named = np.where(series["label"] == 0, series["series"], series["etiology"])
        assert (named[moved] == name).all() and (parts["split"][named == name] == "test").all()
        assert splits.shared_patients(parts) <= splits.shared_patients(like)


def test_series_are_left_out_only_where_it_is_asked_for(series):
    like = splits.split_by_patient(series, validation_fraction=0.2, seed=0)
    short, whole = (leakage.draw_splits(series, like, 0, series=asked) for asked in (False, True))
    assert list(short) == ["patients", "pictures"]
    assert len(whole) > 2 and all(name.startswith(leakage.WITHOUT) for name in list(whole)[2:])


def test_a_series_that_cannot_be_spared_stays(manifest, like):
    alone = manifest.assign(series=np.where(manifest["label"] == 0, "IM", "person"))
    assert splits.leave_series_out(alone, like) == {}


def test_pictures_whose_names_tell_no_series_are_none(series):
    lost = series.index % 10 == 0
    nameless = series.assign(series=series["series"].where(~lost, "unknown"))
    nameless["etiology"] = nameless["etiology"].where(~lost | (nameless["label"] == 0), "unknown")
    like = splits.split_by_patient(nameless, validation_fraction=0.2, seed=0)
    assert sorted(splits.leave_series_out(nameless, like)) == ["IM", "NORMAL2-IM", "bacterial", "viral"]


def test_a_series_left_out_is_judged_against_the_published_test_pictures_of_the_other_class(series):
    like = splits.split_by_patient(series, validation_fraction=0.2, seed=0)
    name, parts = next((n, p) for n, p in leakage.draw_splits(series, like, 0).items() if n == "without IM")
    told = leakage.resplit_predictions(name, parts, judged(parts[parts["split"] != "train"]))
    tables.check("resplit_predictions", told)
    test = told[told["split"] == "test"].merge(series[["path", "series", "part"]], on="path")
    normal = test["label"] == 0
    assert set(test["series"][normal]) == {"IM"} and set(test["part"][normal]) == {"train"}
    assert set(test["part"][~normal]) == {"test"} and normal.any() and (~normal).any()
    row = leakage.table(told, "half", 0.5)
    tables.check("leakage", row)
    assert row["specificity"].item() == 1 and row["n"].item() == len(test)
    assert leakage.for_display(row).index.tolist() == ["series IM, never trained on"]


@pytest.mark.parametrize("own", [0, 1])
def test_against_a_series_of_either_class_stand_no_test_pictures_of_that_class(own):
    rows = [("a", 1 - own, "train", "train"), ("b", own, "validation", "train"), ("c", own, "test", "test")]
    rows += [("d", own, "test", "train"), ("e", own, "test", "val"), ("f", 1 - own, "test", "test")]
    drawn = pd.DataFrame(rows, columns=["path", "label", "split", "part"])
    drawn = drawn.assign(patient=drawn["path"])
    told = leakage.resplit_predictions("without IM", drawn, drawn[1:].drop(columns="part"))
    assert told["path"].tolist() == ["b", "d", "e", "f"]


def test_each_draw_is_judged_at_the_operating_point_of_its_own_validation():
    def cases(split, probability):
        names = [f"{split}-{n}" for n in range(18)]
        own = {"path": names, "patient": names, "label": [0] * 9 + [1] * 9, "split": split}
        more = {"probability": np.repeat(probability, 9), "protocol": "pictures", "known_patient": False}
        return pd.DataFrame(own | more)

    told = pd.concat([cases("validation", [0.2, 0.9]), cases("test", [0.52, 0.53])])  # 0.55 there, not 0.5 or 0.525
    row = leakage.table(told, "sensitivity", 0.95).iloc[0]
    assert (row["auc"], row["sensitivity"], row["specificity"]) == (1, 0, 1)


def test_the_margin_is_the_one_that_was_asked_for():
    said = {"validation": [0.1, 0.2, 0.8, 0.9], "test": [0.1, 0.4, 0.7, 0.9]}
    rows = [example("resplit_predictions", 4, split=split).assign(probability=said[split]) for split in said]
    told = pd.concat(rows).assign(patient=list("abcd") * 2, label=[0, 0, 1, 1] * 2)
    # nine tenths of the gap from 0.2 to 0.8 left to the normals: above 0.7
    row = leakage.table(told, "margin", 0.95, margin=0.9).iloc[0]
    assert (row["sensitivity"], row["specificity"]) == (0.5, 1)
