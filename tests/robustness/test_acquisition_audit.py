"""The audit finds what the files betray, cries no wolf, learns nothing from whom it judges, and bears any folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.datasets import manifest
from pneumo_utils.datasets.phantom import folder as phantom_folder
from pneumo_utils.evaluation import proportions
from pneumo_utils.records import tables
from pneumo_utils.robustness import acquisition_audit, audit_findings, reference_models

ORIGINALS = Path(__file__).parents[2] / ".." / "shared" / "data" / "originals"
SEEDS = [0, 1, 2]


def made_up(train=120, val=0, test=60, seed=0):
    """Both tables of radiographs that are alike in all properties, two of three with pneumonia, one a patient."""
    rng, rows = np.random.default_rng(seed), train + val + test
    part = np.repeat(["train", "val", "test"], [train, val, test])
    label = (np.arange(rows) % 3 > 0).astype(int)
    names = [f"{place}-{k:04}" for k, place in enumerate(part)]
    radiographs = pd.DataFrame({"path": names, "patient": names, "label": label, "part": part, "sha256": names})
    sizes = {"width": rng.integers(700, 2000, rows), "height": rng.integers(500, 1500, rows)}
    radiographs = radiographs.assign(**sizes, mode=rng.choice(["grey", "RGB"], rows))
    measured = ("bytes_per_pixel", "jpeg_quality", "mean", "spread", "p5", "p50", "p95", "border", "corners")
    acquisition = radiographs[["path"]].assign(**{name: rng.random(rows) for name in measured})
    acquisition["progressive"] = rng.random(rows) < 0.2
    return radiographs, acquisition.assign(jpeg_table=rng.choice(["0" * 12, "1" * 12, "2" * 12], rows))


def cell(table, name, part="train", column="auc", **where):
    rows = table[(table["property"] == name) & (table["part"] == part)]
    for key, value in where.items():
        rows = rows[rows[key] == value]
    assert len(rows) == 1
    return rows[column].iloc[0]


@pytest.fixture
def quick(monkeypatch):
    """A forest of few trees, for tests that do not look at it."""
    monkeypatch.setattr(reference_models, "_TREES", 5)


@pytest.mark.parametrize("seed", [SEEDS[0], *(pytest.param(seed, marks=pytest.mark.long) for seed in SEEDS[1:])])
@pytest.mark.parametrize("shortcut", [True, False])
def test_the_shortcut_of_the_phantom_is_found_where_it_is_and_only_there(tmp_path, seed, shortcut):
    root = phantom_folder.write(tmp_path / "set", patients=60, seed=seed, shortcut=shortcut)
    radiographs, _, acquisition = manifest.build(root)
    found = tables.check("acquisition_audit", acquisition_audit.table(radiographs, acquisition))
    tables.check("acquisition_drift", acquisition_audit.drift(radiographs, acquisition))
    first, *rest = audit_findings.sentences(found)
    if shortcut:
        assert {"bytes_per_pixel", "jpeg_quality", "jpeg_table", acquisition_audit.TOGETHER} == set(
            audit_findings.shortcuts(found)
        )
        assert all(name in first for name in ("The files of train hold a shortcut", "bytes per pixel", "JPEG quality"))
        assert cell(found, "jpeg_quality", "test") == 0.5
        assert any(sentence.startswith("Lost in test") and "JPEG quality" in sentence for sentence in rest)
    else:
        assert audit_findings.shortcuts(found) == []
        assert first.startswith("**No shortcut is shown:**")


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the original radiographs are not beside the project")
def test_the_published_originals_betray_their_class_by_compression_and_shape(tmp_path):
    for name in ("NORMAL", "PNEUMONIA"):
        for k, file in enumerate(sorted((ORIGINALS / name).iterdir())):
            place = tmp_path / ("test" if k % 2 else "train") / name
            place.mkdir(parents=True, exist_ok=True)
            (place / file.name).symlink_to(file.resolve())
    radiographs, _, acquisition = manifest.build(tmp_path)
    found = acquisition_audit.table(radiographs, acquisition)
    assert {"bytes_per_pixel", "jpeg_quality", "jpeg_table", "height", "area"} <= set(audit_findings.shortcuts(found))
    assert cell(found, "bytes_per_pixel") > 0.99
    assert any("Kept in test" in sentence for sentence in audit_findings.sentences(found))


def test_every_property_stands_once_in_every_part_with_the_images_that_have_it(quick):
    found = acquisition_audit.table(*made_up(val=60))
    tables.check("acquisition_audit", found)
    assert list(found["property"]) == list(np.repeat(list(acquisition_audit.NAMES), 3))
    assert list(found["part"]) == ["train", "val", "test"] * len(acquisition_audit.NAMES)
    assert found.loc[found["part"] == "train", ["normal", "pneumonia"]].drop_duplicates().to_numpy().tolist() == [
        [40, 80]
    ]
    moved = acquisition_audit.drift(*made_up(val=60))
    tables.check("acquisition_drift", moved)
    assert not moved.duplicated(["property", "label", "part"]).any()
    assert len(moved) == (len(acquisition_audit.NAMES) - 1) * 2 * 3
    assert moved.loc[moved["part"] == "train", ["auc", "lower", "upper"]].isna().all(axis=None)


def test_every_measure_of_the_references_is_asked_and_has_a_name():
    known = {*reference_models.MEASURES, *reference_models.CATEGORIES, "area", acquisition_audit.TOGETHER}
    assert known | audit_findings.PIXEL_PROPERTIES == set(acquisition_audit.NAMES)
    assert not known & audit_findings.PIXEL_PROPERTIES, "what depends on the lungs is in no model that sees none"


def test_a_property_that_turns_round_reads_below_a_half_elsewhere(quick):
    radiographs, acquisition = made_up()
    sign = np.where(radiographs["part"] == "test", 1, -1)
    acquisition["mean"] = sign * (2 * radiographs["label"] - 1) * 50 + 100.0
    acquisition["jpeg_table"] = np.where(acquisition["mean"] > 100, "a" * 12, "b" * 12)
    found = acquisition_audit.table(radiographs, acquisition)
    for name, direction in (("mean", "lower"), ("jpeg_table", "learned")):
        assert cell(found, name, column="direction") == direction
        assert (cell(found, name), cell(found, name, "test")) == (1, 0)
        assert cell(found, name, "test", "upper") == 1 - proportions.clopper_pearson(1, 20)[0]
    said = next(sentence for sentence in audit_findings.sentences(found) if sentence.startswith("Lost in test"))
    assert "mean grey level of the rim 0.000" in said


def test_a_category_of_ones_own_says_nothing_out_of_fold(quick):
    radiographs, acquisition = made_up(train=121)  # folds of several sizes
    acquisition["jpeg_table"] = [f"{k:012x}" for k in range(len(acquisition))]
    found = acquisition_audit.table(radiographs, acquisition)
    assert cell(found, "jpeg_table") == cell(found, "jpeg_table", "test") == 0.5
    assert np.isnan(cell(found, "jpeg_table", column="lower"))


@pytest.mark.parametrize(("well", "ill"), [("RGB", "CMYK"), ("CMYK", "grey")])
def test_a_category_that_train_lacks_is_as_ill_as_all_of_train(quick, well, ill):
    radiographs, acquisition = made_up()
    label, in_train = radiographs["label"] == 1, radiographs["part"] == "train"
    known = np.where(label & (radiographs.index % 2 == 0), "grey", "RGB")
    # in train 2 of 3 are ill: of RGB every other, of grey all
    frame = radiographs.assign(mode=np.where(in_train, known, np.where(label, ill, well)))
    assert cell(acquisition_audit.table(frame, acquisition), "mode", "test") == 1


def test_pictures_of_one_patient_and_copies_of_one_file_are_judged_by_what_others_taught(quick):
    radiographs, acquisition = made_up()
    pair = np.arange(len(radiographs)) // 6 * 3 + radiographs["label"]
    acquisition["jpeg_table"] = [f"{k:012x}" for k in pair]  # a table that only these pictures have
    for column in ("patient", "sha256"):
        together = radiographs.assign(**{column: [f"{k}" for k in pair]})
        assert cell(acquisition_audit.table(together, acquisition), "jpeg_table") == 0.5
    assert cell(acquisition_audit.table(radiographs, acquisition), "jpeg_table") > 0.8


def test_no_label_outside_train_has_a_say(quick):
    radiographs, acquisition = made_up()
    turned = radiographs["label"].where(radiographs["part"] == "train", 1 - radiographs["label"])
    before, after = (
        acquisition_audit.table(frame, acquisition) for frame in (radiographs, radiographs.assign(label=turned))
    )
    in_train = before["part"] == "train"
    pd.testing.assert_frame_equal(before[in_train], after[in_train])
    assert after["auc"][~in_train].to_numpy() == pytest.approx(1 - before["auc"][~in_train].to_numpy())


def test_chance_alone_is_never_called_a_shortcut_and_is_0_5_on_average(quick):
    found = [acquisition_audit.table(*made_up(train=60, test=30, seed=seed), seed=seed) for seed in range(12)]
    assert all(audit_findings.shortcuts(table) == [] for table in found)
    learned = [cell(table, name) for table in found for name in ("jpeg_table", "mode", acquisition_audit.TOGETHER)]
    assert np.mean(learned) == pytest.approx(0.5, abs=0.05)
    held_out = np.concatenate([table.loc[table["part"] == "test", "auc"] for table in found])
    assert held_out.mean() == pytest.approx(0.5, abs=0.03)


def test_a_val_too_small_to_judge_counts_as_train():
    small, _ = made_up(val=3 * acquisition_audit.FEWEST - 3)
    large, _ = made_up(val=3 * acquisition_audit.FEWEST)
    assert set(acquisition_audit.parts(small)) == {"train", "test"}
    assert acquisition_audit.parts(large).equals(large["part"])


def test_a_val_of_one_class_or_of_many_pictures_of_few_patients_counts_as_train():
    large, _ = made_up(val=3 * acquisition_audit.FEWEST)
    inside = large["part"] == "val"
    ill, few = large[~inside | (large["label"] == 1)], large.assign(patient=large["patient"].mask(inside, "alone"))
    assert all(set(acquisition_audit.parts(frame)) == {"train", "test"} for frame in (ill, few))


def test_with_fewer_patients_not_even_a_perfect_ranking_is_called_a_shortcut():
    assert (
        proportions.clopper_pearson(1, acquisition_audit.FEWEST - 1)[0]
        < audit_findings.LIMIT
        < proportions.clopper_pearson(1, acquisition_audit.FEWEST)[0]
    )


def test_png_alone_and_gaps_are_no_reason_to_fail(quick):
    radiographs, acquisition = made_up()
    png = acquisition.assign(jpeg_quality=None, jpeg_table="none", progressive=False)
    found, moved = (
        acquisition_audit.table(radiographs, png),
        tables.check("acquisition_drift", acquisition_audit.drift(radiographs, png)),
    )
    tables.check("acquisition_audit", found)
    assert np.isnan(cell(found, "jpeg_quality")) and cell(found, "jpeg_quality", column="pneumonia") == 0
    assert np.isnan(cell(moved, "jpeg_quality", "test", "centre", label=0))
    assert cell(found, "jpeg_table") == cell(found, "progressive") == 0.5
    assert np.isnan(cell(found, "progressive", column="lower"))
    some = acquisition.assign(jpeg_quality=acquisition["jpeg_quality"].where(radiographs["label"] == 1))
    assert np.isnan(cell(acquisition_audit.table(radiographs, some), "jpeg_quality"))


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize("label", [0, 1])
def test_a_class_absent_from_a_part_leaves_it_undefined(quick, part, label):
    kept = [~((frame["part"] == part) & (frame["label"] == label)) for frame in (made_up()[0],)][0]
    radiographs, acquisition = (frame[kept] for frame in made_up())
    found, moved = acquisition_audit.table(radiographs, acquisition), acquisition_audit.drift(radiographs, acquisition)
    tables.check("acquisition_audit", found), tables.check("acquisition_drift", moved)
    assert found.loc[found["part"] == part, "auc"].isna().all()
    assert moved.loc[moved["label"] == label, "auc"].isna().all()
    said = audit_findings.sentences(found) + audit_findings.drift_sentences(moved)
    assert said[0].startswith("**Train cannot be judged:**") == (part == "train")


def test_a_class_of_one_patient_has_no_interval_and_cannot_be_judged_out_of_fold(quick):
    radiographs, acquisition = made_up()
    one = radiographs["patient"].where((radiographs["label"] == 1) | (radiographs["part"] == "test"), "alone")
    found = acquisition_audit.table(radiographs.assign(patient=one), acquisition)
    assert found.loc[found["part"] == "train", "lower"].isna().all()
    assert np.isnan(cell(found, acquisition_audit.TOGETHER)) and not np.isnan(
        cell(found, acquisition_audit.TOGETHER, "test")
    )


def test_a_folder_that_is_all_train_is_audited(quick):
    radiographs, acquisition = made_up(test=0)
    found = acquisition_audit.table(radiographs, acquisition)
    assert set(found["part"]) == {"train"}
    assert audit_findings.drift_sentences(acquisition_audit.drift(radiographs, acquisition)) == []


def test_tables_about_other_paths_are_refused():
    radiographs, acquisition = made_up()
    for make in (acquisition_audit.table, acquisition_audit.drift):
        with pytest.raises(
            reference_models.UnfitReferenceError, match="^acquisition must hold each path of splits once"
        ):
            make(radiographs, acquisition[1:])


def test_drift_is_told_within_a_class_by_median_share_and_area():
    radiographs, acquisition = made_up()
    healthy_test = (radiographs["label"] == 0) & (radiographs["part"] == "test")
    acquisition["mean"] = np.where(healthy_test, 200.0, acquisition["mean"])
    acquisition["jpeg_table"] = np.where(healthy_test, "b" * 12, "a" * 12)
    moved = acquisition_audit.drift(radiographs, acquisition)
    assert cell(moved, "mean", "test", "centre", label=0) == 200
    assert cell(moved, "mean", "test", label=0) == 1
    assert cell(moved, "mean", "test", "lower", label=0) == proportions.clopper_pearson(1, 20)[0]
    assert [cell(moved, "jpeg_table", part, "centre", label=0) for part in ("train", "test")] == [1, 0]
    assert cell(moved, "jpeg_table", "test", label=0) == 0
    assert cell(moved, "jpeg_table", "test", label=1) == 0.5
    healthy, ill = audit_findings.drift_sentences(moved)
    assert healthy.startswith("NORMAL, train → test: ") and "mean grey level" in healthy and "JPEG tables" in healthy
    assert ill == "PNEUMONIA, train → test: none clearly as far as 0.3 or 0.7."


def test_drift_is_from_what_is_most_common_in_train_even_where_another_part_is_larger():
    radiographs, acquisition = made_up(train=60, test=120)
    acquisition["jpeg_table"] = np.where(radiographs["part"] == "train", "a" * 12, "b" * 12)
    moved = acquisition_audit.drift(radiographs, acquisition)
    assert [cell(moved, "jpeg_table", part, "centre", label=0) for part in ("train", "test")] == [1, 0]
