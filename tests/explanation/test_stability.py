"""Two maps of the same picture are compared by the ranks of their places."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from pneumo_utils.evaluation import bootstrap_mean, intervals
from pneumo_utils.explanation import stability
from pneumo_utils.records import tables

MAPS = np.random.default_rng(0).random((5, 8, 8))
ONE = np.ones(5)  # all of one class


def test_it_is_spearmans_correlation_ties_included():
    other = np.random.default_rng(1).integers(0, 4, MAPS.shape) / 4
    wanted = [spearmanr(first.ravel(), second.ravel())[0] for first, second in zip(MAPS, other, strict=True)]
    assert stability.correlation(MAPS, other) == pytest.approx(wanted, abs=1e-5)


def test_only_the_order_of_places_counts():
    assert stability.correlation(MAPS, MAPS**3) == pytest.approx(1, abs=1e-5)
    assert stability.correlation(MAPS, 1 - MAPS) == pytest.approx(-1, abs=1e-5)


def test_a_dark_map_agrees_with_nothing_not_even_with_itself():
    dark = np.zeros_like(MAPS)
    assert stability.correlation(dark, MAPS).tolist() == stability.correlation(dark, dark).tolist() == [0] * 5


def test_every_pair_of_networks_is_compared_on_the_same_and_on_two_patients_pictures():
    maps = {("cnn", 0): MAPS, ("cnn", 1): MAPS, ("vgg16", 0): 1 - MAPS}
    found = stability.table(maps, np.array(list("abcde")), ONE, 100, 0)
    tables.check("stability", found)
    same = found[found["pictures"] == "same"]
    assert list(zip(same["first"], same["first_seed"], same["second"], strict=True)) == [
        ("cnn", 0, "cnn"), ("cnn", 0, "vgg16"), ("cnn", 1, "vgg16"),
    ]  # fmt: skip
    assert same["value"].tolist() == pytest.approx([1, -1, -1], abs=1e-5)
    assert (found["pictures"] == "other").sum() == 6, "a network and itself, too"


def test_a_network_that_draws_the_same_map_for_everybody_is_found_out():
    maps = {("cnn", 0): np.stack([MAPS[0]] * 5), ("vgg16", 0): MAPS}
    found = stability.table(maps, np.array(list("abcde")), ONE, 100, 0)
    habit = found[(found["first"] == found["second"]) & (found["pictures"] == "other")].set_index("first")["value"]
    assert habit["cnn"] == pytest.approx(1, abs=1e-5) and abs(habit["vgg16"]) < 0.3


def test_two_patients_are_every_two_and_the_interval_is_that_of_a_loop_over_drawn_patients():
    maps, patient = np.random.default_rng(2).random((9, 4, 4)), np.array(list("aabbccdef"))
    label = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1])
    found = stability.table({("cnn", 0): maps}, patient, label, 300, 3).set_index("pictures").loc["other"]
    ranked = stability.ranks(maps).astype(float)
    pairs = [(i, j) for i in range(9) for j in range(9) if patient[i] != patient[j] and label[i] == label[j]]
    assert found["value"] == pytest.approx(np.mean([ranked[i] @ ranked[j] for i, j in pairs]), abs=1e-6)
    looped = []
    for count in intervals.resample_patients(patient, 300, 3).astype(float):
        weight = np.array([count[i] * count[j] for i, j in pairs])
        looped.append(np.average([ranked[i] @ ranked[j] for i, j in pairs], weights=weight) if weight.any() else np.nan)
    expected = bootstrap_mean.of_draws(found["value"], np.array(looped), 6)
    assert (found["lower"], found["upper"]) == pytest.approx(expected, abs=1e-6)
    alone = stability.table({("cnn", 0): maps}, np.array(["a"] * 9), label, 300, 3)
    assert alone["value"].isna().all(), "one patient is no two"


def test_maps_of_ill_and_of_normal_children_do_not_hide_a_habit_and_dark_ones_are_left_out():
    maps, label = np.stack([MAPS[0], 1 - MAPS[0], MAPS[0], 1 - MAPS[0], np.zeros((8, 8))]), np.array([0, 1, 0, 1, 1])
    habit = stability.table({("cnn", 0): maps}, np.array(list("abcde")), label, 100, 0).iloc[0]
    assert habit["value"] == pytest.approx(1, abs=1e-5) and habit["n"] == 4
    both = stability.table({("cnn", 0): maps, ("vgg16", 0): MAPS}, np.array(list("abcde")), label, 100, 0)
    assert both.set_index("pictures").loc["same", "n"] == 4


def test_in_words_a_pair_is_named_with_its_seeds_and_the_same_picture_stands_beside_two():
    found = stability.for_display(
        stability.table({("cnn", 0): MAPS, ("vgg16", 3): MAPS}, np.array(list("abcde")), ONE, 100, 0)
    )
    assert found.index.tolist() == [
        ("Small CNN, seed 0", "Small CNN, seed 0"), ("Small CNN, seed 0", "VGG16, seed 3"), ("VGG16, seed 3",) * 2,
    ]  # fmt: skip
    assert (
        found["same radiograph"].iloc[1].startswith("1.000")
        and found["same radiograph"].isna().tolist()[::2] == [True] * 2
    )
    assert found["two patients' of one class"].notna().all()
