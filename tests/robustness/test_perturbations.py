"""Pictures made harder change as they are said to, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import lung_fields
from pneumo_utils.robustness import perturbations
from pneumo_utils.robustness.perturbations import FileFormat


@pytest.fixture(scope="module")
def square():
    return radiograph.draw("bacterial", 0, 0, height=96, width=96)


@pytest.mark.parametrize(
    ("kind", "strength"), [(name, s) for name, kind in perturbations.PERTURBATIONS.items() for s in kind.strengths]
)
def test_every_way_changes_a_picture_and_gives_the_same_each_time(square, kind, strength):
    before = square.pixels.copy()
    found = perturbations.perturb(square.pixels, kind, strength)
    assert found.shape == before.shape and found.dtype == np.uint8 and (found != before).any()
    np.testing.assert_array_equal(found, perturbations.perturb(square.pixels, kind, strength))
    np.testing.assert_array_equal(square.pixels, before)


@pytest.mark.parametrize(
    ("name", "kind"), [(n, k) for n, k in perturbations.PERTURBATIONS.items() if k.neutral is not None]
)
def test_the_neutral_strength_leaves_a_picture_as_it_is(square, name, kind):
    strength = 1e-3 if name == "blur" else kind.neutral  # OpenCV takes a spread of 0 for one that it should choose
    shown = perturbations.perturb(square.pixels, name, strength)
    assert np.abs(shown.astype(int) - square.pixels).max() <= (3 if name == "quality" else 1)
    assert strength == pytest.approx(kind.neutral, abs=1e-3)


def test_a_picture_need_not_be_square():
    oblong = radiograph.draw("normal", 1, 1, height=120, width=200).pixels
    for kind, strength in (("rotation", 15.0), ("framing", 1.25), ("framing", 0.8), ("blur", 0.02)):
        assert perturbations.perturb(oblong, kind, strength).shape == oblong.shape


def test_hidden_lungs_are_hidden_and_only_lungs_are_only_lungs(square):
    hidden, only = (perturbations.perturb(square.pixels, way, 1.0) for way in perturbations.HIDING)
    assert hidden[square.lungs].std() < 0.2 * square.pixels[square.lungs].std()
    inside = np.asarray(square.lungs) & lung_fields.lung_mask(square.pixels)
    np.testing.assert_array_equal(only[inside], square.pixels[inside])
    outside = ~lung_fields.lung_mask(square.pixels)
    assert only[outside].std() == 0
    np.testing.assert_array_equal(hidden[outside], square.pixels[outside])


def test_the_framing_of_the_other_class_is_tight_for_normals_and_wide_for_pneumonia(square):
    tight, wide = (perturbations.swap_framing(square.pixels, label) for label in (0, 1))
    np.testing.assert_array_equal(tight, perturbations.perturb(square.pixels, "framing", 0.8))
    assert (wide[0] == 0).all() and (tight[0] > 0).any(), "black film around a wide picture only"


def test_a_swapped_file_has_the_area_of_the_other_class_and_loses_by_its_quality(square):
    found = perturbations.swap_file(square.pixels, FileFormat(48 * 48, 75))
    assert found.shape == (48, 48)
    same = [
        np.abs(perturbations.swap_file(square.pixels, FileFormat(96 * 96, q)).astype(int) - square.pixels).mean()
        for q in (95, 20)
    ]
    assert same[0] < same[1]


def test_how_files_of_a_class_are_is_learned_outside_test_and_only_from_jpegs():
    rows = [
        ("a", 0, "train", 10, 95.0),
        ("b", 0, "train", 30, 95.0),
        ("c", 0, "test", 90, 75.0),
        ("d", 1, "train", 20, 75.0),
    ]
    frame = pd.DataFrame(rows, columns=["path", "label", "part", "width", "jpeg_quality"]).assign(height=10)
    found = perturbations.typical_files(frame.drop(columns="jpeg_quality"), frame[["path", "jpeg_quality"]])
    assert found == {0: FileFormat(200.0, 95.0), 1: FileFormat(200.0, 75.0)}
    png = frame.assign(jpeg_quality=frame["jpeg_quality"].where(frame["label"] == 0))
    assert perturbations.typical_files(png.drop(columns="jpeg_quality"), png[["path", "jpeg_quality"]]) is None


def test_a_way_is_named_with_its_strength_only_where_there_are_several():
    assert (
        perturbations.name("noise", 10.0) == "Noise, 10" and perturbations.name("without_lungs", 1.0) == "Lungs hidden"
    )
    assert perturbations.name(perturbations.PLAIN, 0.0) == "As it is"


def test_every_way_stands_within_a_sentence_with_its_strength():
    swapped = [perturbations.SWAPPED_FRAMING, perturbations.SWAPPED_FILES]
    ways = [perturbations.PLAIN, *perturbations.PERTURBATIONS, *swapped]
    said = [perturbations.describe(way, -0.5) for way in ways]
    assert all(one[0].islower() or one.startswith("JPEG") for one in said)
    assert not any(sign in one for one in said for sign in "{}-") and len(set(said)) == len(ways)
    with_strength = [way for way, kind in perturbations.PERTURBATIONS.items() if kind.neutral is not None]
    assert [way for way, one in zip(ways, said, strict=True) if "\N{MINUS SIGN}0.5" in one] == with_strength
    assert perturbations.describe("brightness", -0.2) == "brightness changed by \N{MINUS SIGN}0.2 of the grey range"


def moments(image: np.ndarray) -> tuple[float, float, float]:
    """Where the light of a picture of 201 pixels lies, down and right of its middle, and its spread across."""
    places = np.average(np.indices(image.shape).reshape(2, -1) - 100, axis=1, weights=image.ravel())
    return *places, np.average((np.arange(201) - 100 - places[1]) ** 2, weights=image.sum(axis=0, dtype=float))


def test_every_strength_is_what_its_unit_says():
    even, halves = np.full((200, 200), 128, np.uint8), np.full((200, 200), 80, np.uint8)
    halves[:, 100:] = 120
    assert [perturbations.perturb(even, "brightness", by)[0, 0] for by in (-0.2, 0.2)] == [77, 179]
    contrasted = [np.unique(perturbations.perturb(halves, "contrast", by)).tolist() for by in (0.5, 1.5)]
    assert contrasted == [[90, 110], [70, 130]]
    assert perturbations.perturb(even, "noise", 25.0).std() == pytest.approx(25, rel=0.02)
    middle, aside = np.zeros((2, 201, 201), np.uint8)
    middle[90:111, 90:111] = aside[95:106, 165:176] = 255
    for share in (0.01, 0.02):
        wider = moments(perturbations.perturb(middle, "blur", share))[2] - moments(middle)[2]
        assert wider**0.5 == pytest.approx(share * 201, rel=0.03)
    for degrees in (-15.0, 15.0):
        down, right, _ = moments(perturbations.perturb(aside, "rotation", degrees))
        assert np.degrees(np.arctan2(-down, right)) == pytest.approx(degrees, abs=0.1)
    for seen in (0.8, 1.25):
        assert (perturbations.perturb(middle, "framing", seen) > 127).sum() ** 0.5 == pytest.approx(21 / seen, rel=0.04)
