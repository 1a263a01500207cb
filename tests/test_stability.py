"""Two maps of the same picture are compared by the ranks of their places."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from pneumo_utils import stability, tables

MAPS = np.random.default_rng(0).random((5, 8, 8))


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


def test_every_pair_of_networks_and_seeds_is_compared_once():
    maps = {("cnn", 0): MAPS, ("cnn", 1): MAPS, ("vgg16", 0): 1 - MAPS}
    found = stability.table(maps, np.array(list("abcde")), 100, 0)
    tables.check("stability", found)
    assert list(zip(found["first"], found["first_seed"], found["second"], strict=True)) == [
        ("cnn", 0, "cnn"), ("cnn", 0, "vgg16"), ("cnn", 1, "vgg16"),
    ]  # fmt: skip
    assert found["value"].tolist() == pytest.approx([1, -1, -1], abs=1e-5)


def test_one_network_has_nothing_to_be_compared_with():
    assert tables.check("stability", stability.table({("cnn", 0): MAPS}, np.array(list("abcde")), 100, 0)).empty


def test_in_words_a_pair_is_named_with_its_seeds():
    found = stability.said(stability.table({("cnn", 0): MAPS, ("vgg16", 3): MAPS}, np.array(list("abcde")), 100, 0))
    assert found[["first", "second", "radiographs"]].to_numpy().tolist() == [["Small CNN, seed 0", "VGG16, seed 3", 5]]
    assert found["rank correlation"].item().startswith("1.000")
