"""Whether a map points at a lesion is counted as by hand, and maps that know nothing know nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.explanation import localisation
from pneumo_utils.records import tables


def square(left, top, side=3, size=12):
    found = np.zeros((size, size), bool)
    found[top : top + side, left : left + side] = True
    return found


LESIONS = np.stack([square(1, 1), square(6, 5), square(8, 8), square(2, 7)] * 6)
CASES = pd.DataFrame(
    {
        "split": ["validation"] * 12 + ["test"] * 12,
        "patient": [f"p{row}" for row in range(24)],
        "path": [f"{row}.jpeg" for row in range(24)],
    }
)


def test_the_brightest_place_is_looked_up_in_the_lesion():
    maps = np.zeros((3, 12, 12), np.float32)
    maps[0, 2, 2] = maps[1, 0, 0] = 1
    maps[2, 2, 2] = maps[2, 0, 0] = 0.5  # one of two equally bright ones
    assert localisation.pointing(maps, np.stack([square(1, 1)] * 3)).tolist() == [1, 0, 0.5]


def test_a_dark_map_finds_nothing_and_has_no_share():
    dark = np.zeros((1, 12, 12), np.float32)
    assert localisation.pointing(dark, LESIONS[:1]).tolist() == [0]
    assert np.isnan(localisation.energy(dark, LESIONS[:1])).all()
    assert localisation.score_maps(dark, LESIONS[:1], 0.5).iloc[0].to_dict() == dict.fromkeys(localisation.MEASURES, 0)


def test_energy_is_the_share_of_the_sum_and_of_an_even_map_that_of_the_area():
    even = np.ones((1, 12, 12), np.float32)
    assert localisation.energy(even, LESIONS[:1]) == pytest.approx(9 / 144)
    assert localisation.energy(LESIONS[:1] + 0.0, LESIONS[:1]) == 1


def test_overlap_is_intersection_over_union_at_the_cut():
    heat = np.where(square(1, 1), 1.0, 0) + np.where(square(4, 1), 0.4, 0)
    assert localisation.iou(heat[None], LESIONS[:1], 0.5) == 1
    assert localisation.iou(heat[None], LESIONS[:1], 0.3) == 0.5
    assert localisation.best_cut(heat[None], LESIONS[:1]) > 0.4


def test_the_gaussian_is_centred_and_highest_there():
    found = localisation.gaussian(12)
    assert found.max() == 1 and found[5, 5] == found[6, 6] == 1
    np.testing.assert_array_equal(found, found[::-1, ::-1])
    np.testing.assert_array_equal(found, found.T)


def test_random_maps_differ_are_smooth_and_follow_the_seed():
    first, again, other = (localisation.random_maps(40, (4, 4), 32, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other) and first.max(axis=(1, 2)).tolist() == [1] * 40
    assert np.abs(np.diff(first, axis=1)).max() < 0.2, "no steps between neighbours"
    assert first.mean(axis=0).std() < 0.1, "no place is preferred"


def told(maps, lesions=LESIONS):
    found = localisation.table(CASES, maps, lesions, 300, 0)
    tables.check("localisation", found)
    return found.set_index(["model", "method", "against", "measure"])


def near(lesions, seed=0):
    """Maps that lie on the lesions but for some noise."""
    return lesions + np.random.default_rng(seed).uniform(0, 0.1, LESIONS.shape)


def chance():
    lungs = np.zeros_like(LESIONS)
    lungs[:, 1:11, 1:11] = True
    return localisation.baseline_maps(CASES["split"], LESIONS, lungs)


def test_maps_that_know_nothing_are_the_same_for_all_but_the_lungs_own():
    found = chance()
    assert [name for name, _ in found] == list(localisation.BASELINES)
    np.testing.assert_allclose(
        found["lesions", "none"][20], LESIONS[:12].mean(axis=0) / LESIONS[:12].mean(axis=0).max()
    )
    assert found["lungs", "none"].mean() == pytest.approx(100 / 144)


def test_the_mean_lesion_is_that_of_validation_wherever_those_of_the_test_part_lie():
    moved = LESIONS.copy()
    moved[12:] = square(9, 0)
    found = localisation.baseline_maps(CASES["split"], moved, np.zeros_like(LESIONS))
    np.testing.assert_array_equal(found["lesions", "none"], chance()["lesions", "none"])


def test_true_maps_beat_chance_and_the_paired_differences_say_so():
    found = told({("cnn", "gradcam"): near(LESIONS), ("cnn", "random"): near(LESIONS)} | chance())
    for measure in localisation.MEASURES:
        itself, rival = (found.loc[(*key, "nothing", measure)] for key in (("cnn", "gradcam"), ("gaussian", "none")))
        if measure == "iou":
            assert itself["value"] == 1 and np.isnan(itself["lower"]), "the same on every picture has no interval"
        else:
            assert itself["lower"] > rival["upper"]
        gap = found.loc[("cnn", "gradcam", "gaussian", measure)]
        assert gap["value"] == pytest.approx(itself["value"] - rival["value"]) and gap["lower"] > 0
    assert (found["n"] == 12).all() and set(found.loc["cnn"].loc["random"].reset_index()["against"]) == {"nothing"}


def test_the_cut_is_chosen_on_validation_and_never_on_the_test_part():
    heat = LESIONS * 1.0
    heat[:12] = np.maximum(heat[:12], 0.9 * np.stack([square(1, 1, 10)] * 12))  # there nothing below 0.95 will do
    heat[12:] *= 0.92  # which a test map never reaches
    assert told({("cnn", "gradcam"): heat} | chance()).loc[("cnn", "gradcam", "nothing", "iou"), "value"] == 0


def test_differences_are_said_with_what_they_mean():
    inverted = {("vgg16", "gradcam"): near(~LESIONS)}
    said = localisation.for_display(told({("cnn", "gradcam"): near(LESIONS)} | inverted | chance()).reset_index())
    energy = said["share of the map inside the lesion"]
    assert energy["Small CNN, gradcam", "Centred Gaussian"].endswith(", better")
    assert energy["VGG16, gradcam", "Mean lesion of validation"].endswith(", worse")
    assert said.index.get_level_values(0).unique().tolist() == ["Small CNN, gradcam", "VGG16, gradcam"]


def test_without_a_lesion_there_is_no_row_and_the_contract_holds():
    found = localisation.table(CASES, {("cnn", "gradcam"): LESIONS + 0.0}, np.zeros_like(LESIONS), 100, 0)
    assert tables.check("localisation", found).empty
