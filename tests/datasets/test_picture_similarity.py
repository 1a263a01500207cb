"""A picture that was saved anew is found again, and one that is merely like it is not."""

import cv2
import numpy as np
import pandas as pd
import pytest

from pneumo_utils.datasets import picture_similarity
from pneumo_utils.records import tables

SIDE = 96


def radiographs(count):
    """Bright in the middle, dark outside, and otherwise each its own."""
    body = cv2.GaussianBlur(np.pad(np.full((60, 60), 160.0), 18), (0, 0), 8)
    noise = np.random.default_rng(0).normal(0, 300, (count, SIDE, SIDE))
    return [np.clip(body + cv2.GaussianBlur(one, (0, 0), 5), 0, 255).astype(np.uint8) for one in noise]


def saved(image, quality):
    return cv2.imdecode(cv2.imencode(".jpeg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)


def splits(*named):
    rows = [
        {"path": f"{n}.jpeg", "patient": patient, "label": 0, "etiology": "normal", "part": "train", "split": split}
        for n, (split, patient) in enumerate(named)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def case():
    one, two, three, four = radiographs(4)
    named = splits(("train", "a"), ("train", "b"), ("test", "c"), ("test", "d"), ("validation", "a"), ("train", "e"))
    pictures = [one, two, three, saved(one, 60), cv2.resize(cv2.resize(two, (48, 48)), (SIDE, SIDE)), four]
    digests = pd.Series(["1", "2", "3", "4", "5", "6"])
    return picture_similarity.thumbnails(pictures), named, digests


def test_a_picture_that_was_saved_anew_or_made_smaller_is_found_across_splits(case):
    found = picture_similarity.near_duplicates(*case)
    tables.check("near_duplicates", found)
    assert found[["path", "split", "other", "other_split"]].to_records(index=False).tolist() == [
        ("3.jpeg", "test", "0.jpeg", "train"),
        ("4.jpeg", "validation", "1.jpeg", "train"),
    ]
    assert not found["identical"].any()
    assert not found["same_patient"].any()


def test_an_inverted_copy_is_found_and_counts_as_a_false_alarm_as_any_other_does():
    one, two, three = radiographs(3)
    rows = picture_similarity.thumbnails([one, 255 - saved(two, 60), three, two])
    named, digests = splits(("train", "a"), ("test", "b"), ("test", "c"), ("train", "d")), pd.Series(list("1234"))
    found = tables.check("near_duplicates", picture_similarity.near_duplicates(rows, named, digests))
    assert found[["path", "other"]].to_numpy().tolist() == [["1.jpeg", "3.jpeg"]]
    assert picture_similarity.false_alarms(rows, named.assign(split="train"), digests) == (2, 4)


def test_the_same_bytes_and_the_same_patient_are_told(case):
    rows, named, digests = case
    named.loc[3, "patient"], digests[3] = "a", "1"
    row = picture_similarity.near_duplicates(rows, named, digests).iloc[0]
    assert row["identical"] and row["same_patient"]


def test_where_no_picture_is_there_twice_the_table_is_empty_and_keeps_its_contract(case):
    rows, named, digests = case
    found = picture_similarity.near_duplicates(rows[:3], named[:3], digests[:3])
    assert tables.check("near_duplicates", found).empty


@pytest.mark.parametrize(("correlation", "same"), [(0.97, False), (0.985, False), (0.993, True)])
def test_pictures_that_are_merely_alike_are_not_called_the_same(correlation, same):
    one, other = np.linalg.qr(np.random.default_rng(0).normal(size=(1024, 2)))[0].T
    rows = np.array([one, correlation * one + np.sqrt(1 - correlation**2) * other], np.float32)
    named, digests = splits(("train", "a"), ("test", "b")), pd.Series(["1", "2"])
    assert len(picture_similarity.near_duplicates(rows, named, digests)) == same
    assert picture_similarity.false_alarms(rows, named.assign(split="train"), digests) == (2 * same, 2)


def test_false_alarms_are_counted_where_other_patients_look_the_same(case):
    rows, named, digests = case
    assert picture_similarity.false_alarms(rows, named, digests) == (0, 3)
    doubled = rows[[0, 0, 2, 3, 4, 5]]
    assert picture_similarity.false_alarms(doubled, named, digests) == (2, 3)
    assert picture_similarity.false_alarms(doubled, named.assign(patient="a"), digests) == (0, 3)


@pytest.mark.parametrize(("named", "contents"), [("abcc", "1234"), ("abcd", "1233")])
def test_neither_one_patient_nor_one_content_is_a_false_alarm_in_any_block_of_rows(monkeypatch, named, contents):
    monkeypatch.setattr(picture_similarity, "_AT_ONCE", 2)
    rows = np.eye(3, 1024, dtype=np.float32)[[0, 1, 2, 2]]
    trained = splits(*zip(["train"] * 4, named, strict=True))
    assert picture_similarity.false_alarms(rows, trained, pd.Series(list(contents))) == (0, 4)


def test_an_inverted_picture_is_told_and_a_blank_one_is_not():
    pictures = radiographs(8)
    pictures[5] = 255 - pictures[5]
    pictures[6] = np.full((SIDE, SIDE), 90, np.uint8)
    assert picture_similarity.inverted(picture_similarity.thumbnails(pictures)).nonzero()[0].tolist() == [5]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7, 1.0])
def test_inverted_pictures_are_told_however_many_they_are(share):
    pictures = radiographs(20)
    turned = list(range(int(20 * share)))
    for number in turned:
        pictures[number] = 255 - pictures[number]
    assert picture_similarity.inverted(picture_similarity.thumbnails(pictures)).nonzero()[0].tolist() == turned


@pytest.mark.parametrize("block", [2, 512])
def test_pairs_are_named_rightly_wherever_a_block_of_rows_ends(monkeypatch, block):
    monkeypatch.setattr(picture_similarity, "_AT_ONCE", block)
    rows = np.random.default_rng(0).normal(size=(9, 1024)).astype(np.float32)
    rows[8], rows[3] = rows[1], rows[6]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    named = splits(*zip(["train"] * 5 + ["validation"] * 2 + ["test"] * 2, "abcdefghi", strict=True))
    digests = pd.Series([str(n) for n in range(9)])
    found = picture_similarity.near_duplicates(rows, named, digests)
    assert found[["path", "other"]].to_numpy().tolist() == [["6.jpeg", "3.jpeg"], ["8.jpeg", "1.jpeg"]]
    assert picture_similarity.false_alarms(rows, named.assign(split="train"), digests) == (4, 9)
