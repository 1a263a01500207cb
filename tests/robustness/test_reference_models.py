"""The references know how a picture was taken, never a lung and never the label of a held-out child."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pneumo_utils.datasets import manifest, splits
from pneumo_utils.datasets.phantom import folder as phantom_folder
from pneumo_utils.evaluation import metrics
from pneumo_utils.records import tables
from pneumo_utils.records.vocabulary import REFERENCES
from pneumo_utils.robustness import reference_models


def study(folder, shortcut):
    root = phantom_folder.write(folder, patients=80, seed=4, shortcut=shortcut)
    radiographs, _, acquisition = manifest.build(root)
    return splits.split_by_patient(radiographs, validation_fraction=0.35, seed=0), radiographs, acquisition


@pytest.fixture(scope="module")
def trapped(tmp_path_factory):
    return study(tmp_path_factory.mktemp("trapped") / "set", shortcut=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return study(tmp_path_factory.mktemp("plain") / "set", shortcut=False)


def made_up(rows, seed=0):
    """Three tables of `rows` radiographs, at random but for the brightness of the rim."""
    rng = np.random.default_rng(seed)
    label = np.arange(rows) % 2
    case = pd.DataFrame({"path": [f"{k:05}.jpeg" for k in range(rows)], "label": label})
    parts = case.assign(patient=case["path"], etiology=np.where(label, "viral", "normal"), part="train")
    parts["split"] = np.where(
        np.arange(rows) % 5 == 4, "test", np.where(np.arange(rows) % 7 == 6, "validation", "train")
    )
    sizes = {"width": rng.integers(700, 2000, rows), "height": rng.integers(500, 1500, rows)}
    radiographs = case.assign(**sizes, mode=rng.choice(["grey", "RGB"], rows))
    names = ("mean", "spread", "p5", "p50", "p95", "border", "corners")
    acquisition = case[["path"]].assign(**{name: rng.random(rows) for name in names})
    acquisition["bytes_per_pixel"] = rng.random(rows)
    acquisition["mean"] = rng.random(rows) + 2 - 2 * label
    acquisition["jpeg_quality"], acquisition["progressive"] = 75.0, rng.random(rows) < 0.1
    acquisition["jpeg_table"] = rng.choice(["0" * 12, "1" * 12], rows)
    return parts, radiographs, acquisition


def auc(predictions, split):
    part = predictions[(predictions["model"] == "acquisition") & (predictions["split"].isin(split))]
    return roc_auc_score(part["label"], part["probability"])


def test_the_table_keeps_its_contract_and_holds_every_held_out_row_once_a_reference(trapped):
    found = reference_models.table(*trapped)
    tables.check("reference_predictions", found)
    held_out = trapped[0][trapped[0]["split"] != "train"]
    assert list(found["model"].unique()) == list(REFERENCES)
    for _, part in found.groupby("model"):
        for column in ("path", "patient", "label", "etiology", "split"):
            assert part[column].tolist() == held_out[column].tolist()


def test_always_gives_the_share_of_pneumonia_in_train_and_calls_everybody_ill(trapped):
    found = reference_models.always_pneumonia(trapped[0])
    train = trapped[0][trapped[0]["split"] == "train"]
    assert found["probability"].unique().tolist() == [train["label"].mean()]
    assert metrics.decide(found["probability"], reference_models.ALWAYS_THRESHOLD).all()


def test_a_shortcut_in_the_files_is_all_that_validation_takes_and_is_worthless_without(trapped, plain):
    with_it, without = (reference_models.no_lungs(*three) for three in (trapped, plain))
    assert auc(with_it, ["validation"]) > 0.95
    assert 0.3 < auc(without, ["validation", "test"]) < 0.7


def test_no_held_out_row_has_a_say(trapped):
    parts, radiographs, acquisition = trapped
    before = reference_models.no_lungs(*trapped)
    held_out = parts["split"] != "train"
    turned = parts.assign(label=parts["label"].where(~held_out, 1 - parts["label"]))
    assert reference_models.no_lungs(turned, radiographs, acquisition)["probability"].equals(before["probability"])
    fewer = (parts["split"] != "test") | (np.arange(len(parts)) % 3 == 0)
    some = reference_models.no_lungs(parts[fewer], radiographs[fewer], acquisition[fewer])
    both = some.merge(before, on="path")
    assert len(both) == len(some) < len(before)
    assert (both["probability_x"] == both["probability_y"]).all()


def test_labels_of_train_do_have_a_say(trapped):
    parts, radiographs, acquisition = trapped
    turned = reference_models.no_lungs(parts.assign(label=1 - parts["label"]), radiographs, acquisition)
    assert roc_auc_score(1 - turned["label"], turned["probability"]) < 0.5


def test_the_labels_in_the_manifest_and_the_names_of_files_are_not_read(trapped):
    parts, radiographs, acquisition = trapped
    before = reference_models.no_lungs(*trapped)["probability"]
    blind = radiographs.assign(label=0, etiology="unknown", patient="x", series="x", number=0, part="train")
    renamed = [frame.assign(path="z" + frame["path"]) for frame in (parts, blind, acquisition)]
    assert reference_models.no_lungs(*renamed)["probability"].equals(before)


def test_it_is_equal_each_time_whatever_the_order_of_the_other_tables(trapped):
    parts, radiographs, acquisition = trapped
    shuffled = (frame.sample(frac=1, random_state=1) for frame in (radiographs, acquisition))
    pd.testing.assert_frame_equal(reference_models.table(parts, *shuffled), reference_models.table(*trapped))
    assert not reference_models.no_lungs(*trapped, seed=1)["probability"].equals(
        reference_models.no_lungs(*trapped)["probability"]
    )


def test_forty_training_rows_png_without_quality_and_unknown_tables_are_enough():
    parts, radiographs, acquisition = made_up(58)
    assert (parts["split"] == "train").sum() <= 40
    held_out = (parts["split"] != "train").to_numpy()
    acquisition.loc[held_out, "jpeg_table"] = "none"
    acquisition.loc[held_out, "jpeg_quality"] = np.nan
    radiographs.loc[held_out, "mode"] = "grey16"
    assert auc(reference_models.table(parts, radiographs, acquisition), ["validation", "test"]) > 0.9
    acquisition["jpeg_quality"] = None  # a folder of PNG alone
    assert auc(reference_models.table(parts, radiographs, acquisition), ["validation", "test"]) > 0.9


def test_a_class_that_train_lacks_is_named(trapped):
    parts, radiographs, acquisition = trapped
    ill = parts.assign(label=parts["label"].where(parts["split"] != "train", 1))
    for make in (
        lambda: reference_models.always_pneumonia(ill),
        lambda: reference_models.no_lungs(ill, radiographs, acquisition),
    ):
        with pytest.raises(
            reference_models.UnfitReferenceError, match=r"^train must hold both classes, 0 and 1, got \[1\]$"
        ):
            make()


def test_tables_about_other_paths_are_refused(trapped):
    parts, radiographs, acquisition = trapped
    rows = len(parts)
    rule = f"^acquisition must hold each path of splits once, got {rows - 1} rows for {rows}, 1 paths in one alone$"
    with pytest.raises(reference_models.UnfitReferenceError, match=rule):
        reference_models.no_lungs(parts, radiographs, acquisition[1:])
    with pytest.raises(
        reference_models.UnfitReferenceError, match="^manifest must hold each path of splits once, got "
    ):
        reference_models.no_lungs(parts, pd.concat([radiographs, radiographs[:1]]), acquisition)
    twice = [pd.concat([frame, frame[:1]]) for frame in trapped]
    with pytest.raises(
        reference_models.UnfitReferenceError, match="^manifest must hold each path of splits once, got "
    ):
        reference_models.no_lungs(*twice)
