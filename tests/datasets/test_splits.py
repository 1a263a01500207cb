"""Patients, never pictures: no child and no file stands on two sides, whatever the data set looks like."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pneumo_utils.datasets import filenames, folder_layout, splits
from pneumo_utils.records import tables
from pneumo_utils.records.vocabulary import SPLITS

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "chest_xray"
needs_real_data = pytest.mark.skipif(not REAL.is_dir(), reason="the real radiographs are not beside the project")
quick = settings(max_examples=8, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
SHARES = {"normal": 0.3, "bacterial": 0.45, "viral": 0.25}


def digest(*of):
    return hashlib.sha256(repr(of).encode()).hexdigest()


def manifest(seed, patients=90, views=4, copies=3, val=2):
    """A random manifest: patients with 1 to `views` pictures, `copies` byte-identical files outside test."""
    rng = np.random.default_rng(seed)
    etiologies = rng.permutation([name for name, share in SHARES.items() for _ in range(round(share * patients))])
    rows = []
    for patient, etiology in enumerate(etiologies):
        part = "test" if patient % 6 == 0 else "val" if patient % 7 == 1 and patient < 7 * val else "train"
        for view in range(rng.integers(1, views + 1)):
            rows.append((patient, view, etiology, part))
    frame = pd.DataFrame(rows, columns=["patient", "view", "etiology", "part"])
    frame["sha256"] = [digest(seed, *row[:2]) for row in rows]
    frame["label"] = (frame["etiology"] != "normal").astype(int)
    for _ in range(copies):  # a copy under another patient's number, outside test and within a class
        outside = frame[(frame["part"] != "test") & (frame["label"] == rng.integers(2))]
        one, other = rng.choice(outside.index, 2, replace=False)
        frame.loc[one, "sha256"] = frame.loc[other, "sha256"]
    frame["path"] = frame["part"] + "/" + frame["patient"].astype(str) + "-" + frame["view"].astype(str)
    frame["patient"] = "p" + frame["patient"].astype(str)
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True).drop(columns="view")


def cut(frame, fraction=0.2, seed=0):
    return splits.split_by_patient(frame, validation_fraction=fraction, seed=seed)


manifests = st.builds(
    manifest, seed=st.integers(0, 10_000), patients=st.integers(80, 120), views=st.integers(1, 5),
    copies=st.integers(0, 6), val=st.integers(0, 3),
)  # fmt: skip


def test_two_odd_names_do_not_decide_how_large_validation_is():
    frame = manifest(0)
    odd = frame[frame["part"] == "train"].head(2).assign(patient=["x", "y"], path=["train/x", "train/y"])
    odd = odd.assign(sha256=[digest("x"), digest("y")], etiology="unknown", label=1)
    found = cut(pd.concat([frame, odd], ignore_index=True))
    outside = found[found["split"] != "test"]
    assert (outside["split"] == "validation").mean() == pytest.approx(0.2, abs=0.05)
    assert splits.shared_patients(found) == 0


@pytest.mark.parametrize("fraction", [0.1, 0.2])
@pytest.mark.parametrize("patients", [1, 2, 3])
def test_a_rare_etiology_does_not_decide_how_large_validation_is(patients, fraction):
    frame = manifest(0, patients=120, copies=0)
    viral = (frame["etiology"] == "viral") & (frame["part"] != "test")
    few = frame.loc[viral, "patient"].unique()[:patients]
    found = cut(frame[~viral | frame["patient"].isin(few)].reset_index(drop=True), fraction)
    outside = found[found["split"] != "test"]
    assert (outside["split"] == "validation").mean() == pytest.approx(fraction, abs=0.05)


def test_a_class_of_one_patient_is_named():
    frame = manifest(0, copies=0)
    normal = (frame["label"] == 0) & (frame["part"] != "test")
    one = frame.loc[normal, "patient"].iloc[0]
    with pytest.raises(splits.SplitError, match="each class must have at least 2 patients outside test, got 1 that is"):
        cut(frame[~normal | (frame["patient"] == one)].reset_index(drop=True))


@quick
@given(frame=manifests, fraction=st.sampled_from([0.05, 0.1, 0.2, 0.35, 0.5]), seed=st.integers(0, 2**31 - 1))
def test_no_patient_and_no_file_stands_on_two_sides(frame, fraction, seed):
    got = cut(frame, fraction, seed)
    assert splits.shared_patients(got) == 0
    assert (got.assign(sha256=frame["sha256"]).groupby("sha256")["split"].nunique() == 1).all()


@quick
@given(frame=manifests, seed=st.integers(0, 2**31 - 1))
def test_test_stays_as_published_and_val_goes_back_into_train(frame, seed):
    got = cut(frame, seed=seed)
    assert ((got["split"] == "test") == (frame["part"] == "test")).all()
    assert set(got.loc[got["part"] == "val", "split"]) <= {"train", "validation"}
    assert set(got["split"]) == set(SPLITS)


@quick
@given(frame=manifests, seed=st.integers(0, 2**31 - 1))
def test_rows_are_those_of_the_manifest_and_keep_the_contract(frame, seed):
    got = tables.check("splits", cut(frame, seed=seed))
    for column in ("path", "patient", "label", "etiology", "part"):
        assert got[column].tolist() == frame[column].tolist()


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.2, 0.5])
@pytest.mark.parametrize("seed", [0, 7])
def test_the_fraction_is_met_within_one_fold_and_in_every_etiology(fraction, seed):
    outside = cut(manifest(seed, patients=300), fraction, seed).query("split != 'test'")
    held = outside["split"] == "validation"
    assert abs(held.mean() - fraction) <= 0.05
    for share in held.groupby(outside["etiology"]).mean():
        assert abs(share - fraction) <= 0.08  # patients are cut as a whole


def test_validation_is_as_large_as_asked_where_children_have_very_different_numbers_of_pictures():
    shares = []
    for seed in range(10):
        pictures = np.random.default_rng(seed).geometric(0.2, 40)
        child = np.repeat(np.arange(40), pictures)
        ill, number = child % 2, np.arange(len(child)).astype(str)
        frame = pd.DataFrame({"path": number, "patient": child.astype(str), "label": ill, "sha256": number})
        frame = frame.assign(etiology=np.where(ill, "bacterial", "normal"), part="train")
        shares.append((cut(frame, 0.15, seed)["split"] == "validation").mean())
    assert np.mean(shares) == pytest.approx(0.15, abs=0.01) and max(shares) < 0.17


def test_val_patients_are_not_all_kept_on_one_side():
    frame = manifest(5, patients=150, val=3)
    sides = {side for seed in range(4) for side in cut(frame, 0.5, seed).loc[frame["part"] == "val", "split"]}
    assert sides == {"train", "validation"}


def test_a_seed_cuts_the_same_always_and_another_seed_cuts_otherwise():
    frame = manifest(1)
    first = cut(frame, seed=4)
    pd.testing.assert_frame_equal(first, cut(frame, seed=4))
    assert (first["split"] != cut(frame, seed=5)["split"]).any()


def test_byte_identical_files_tie_patients_together_through_others():
    frame = pd.DataFrame({"patient": list("aabbccd"), "sha256": ["1", "2", "2", "3", "3", "4", "5"]})
    assert len(set(splits.patient_groups(frame)[:6])) == 1
    assert splits.patient_groups(frame)[6] != splits.patient_groups(frame)[0]


def test_patients_on_two_sides_are_counted():
    frame = pd.DataFrame({"patient": ["a", "a", "b", "c", "c"], "split": ["train", "test", "test", "train", "train"]})
    assert splits.shared_patients(frame) == 1


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(splits.SplitError, match=rf"validation_fraction must be in \(0, 1\), got {fraction}"):
        cut(manifest(0), fraction)


def test_the_largest_fraction_of_two_patients_leaves_one_to_train_on():
    frame = manifest(0, copies=0)
    ill = (frame["label"] == 1) & (frame["part"] != "test")
    two = frame.loc[ill, "patient"].unique()[:2]
    got = cut(frame[~ill | frame["patient"].isin(two)].reset_index(drop=True), 0.9)
    assert set(got["split"]) == set(SPLITS)


def test_a_child_in_two_series_is_left_out_with_each_of_them():
    frame = manifest(0, copies=0)
    number = frame["patient"].str[1:].astype(int)
    frame["series"] = np.where((number % 2 == 1) | (frame.index % 5 == 0), "IM", "NORMAL2-IM")
    found = splits.leave_series_out(frame, cut(frame))
    assert [splits.shared_patients(found[name]) for name in ("IM", "NORMAL2-IM")] == [0, 0]


def test_an_etiology_of_enough_patients_is_divided():
    frame = manifest(0, copies=0)
    some = frame.loc[(frame["etiology"] == "viral") & (frame["part"] == "train"), "patient"].unique()[:5]
    got = cut(frame[(frame["etiology"] != "viral") | frame["patient"].isin(some)])
    assert set(got.loc[got["patient"].isin(some), "split"]) == {"train", "validation"}


def test_a_manifest_of_test_alone_cannot_be_divided():
    with pytest.raises(splits.SplitError, match="manifest must hold pictures outside test, got"):
        cut(manifest(0).query("part == 'test'"))


@needs_real_data
def test_the_published_set_is_cut_between_patients():
    rows = []
    for path in folder_layout.list_files(folder_layout.locate(REAL)):
        part, folder = path.split("/")[:2]
        name = filenames.parse(path, folder)
        rows.append((path, name.patient, int(folder == "PNEUMONIA"), name.etiology, part, digest(path)))
    frame = pd.DataFrame(rows, columns=["path", "patient", "label", "etiology", "part", "sha256"])
    frame = frame[frame["patient"].map(lambda patient: digest(patient)[0] < "4")]  # a quarter: seconds matter here
    got = cut(frame, 0.15)
    outside = got[got["split"] != "test"]
    held = outside["split"] == "validation"
    assert splits.shared_patients(got) == 0
    assert abs(held.mean() - 0.15) < 0.02
    for share in held.groupby(outside["etiology"]).mean():
        assert abs(share - 0.15) < 0.04
