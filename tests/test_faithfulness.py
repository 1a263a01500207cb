"""Places are taken away and given back in the order of the map, and the answer is followed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pneumo_utils import faithfulness, localisation, tables

SIDE, N = 40, 6


def spotted():
    """Dark noise with one bright spot each, and where it is."""
    rng = np.random.default_rng(0)
    images, spots = rng.integers(20, 60, (N, SIDE, SIDE)).astype(np.uint8), np.zeros((N, SIDE, SIDE), np.float32)
    for image, spot in zip(images, spots, strict=True):
        row, column = rng.integers(4, SIDE - 12, 2)
        image[row : row + 8, column : column + 8] = 220
        spot[row : row + 8, column : column + 8] = 1
    return images, spots


def brightest(images):
    """Answers by how many places are very bright."""
    return np.minimum((images > 200).mean(axis=(1, 2)) * SIDE * SIDE / 64, 1)


def told(maps):
    images, _ = spotted()
    cases = pd.DataFrame({"model": "cnn", "seed": 0, "path": range(N), "patient": [f"p{n}" for n in range(N)]})
    noise = localisation.random_maps(N, (5, 5), SIDE, 1)
    return faithfulness.followed(cases.astype({"path": str}), images, maps, noise, brightest, 0)


def test_bright_places_come_first_and_equal_ones_at_random():
    heat = np.array([[0.0, 0.9], [0.0, 0.5]])
    place = faithfulness.order(heat, np.random.default_rng(0))
    assert place[:, 1].tolist() == [0, 1] and sorted(place[:, 0]) == [2, 3]
    even = [faithfulness.order(np.zeros((4, 4)), np.random.default_rng(seed)).ravel().tolist() for seed in (0, 1)]
    assert even[0] != even[1] and sorted(even[0]) == list(range(16))


def test_deletion_ends_where_insertion_begins():
    images, spots = spotted()
    place = faithfulness.order(spots[0], np.random.default_rng(0))
    gone, back = (faithfulness.changed(images[0], place, kind) for kind in faithfulness.KINDS)
    np.testing.assert_array_equal(gone[0], images[0])
    np.testing.assert_array_equal(back[-1], images[0])
    np.testing.assert_array_equal(gone[-1], back[0])
    assert gone[-1].std() < images[0].std() / 2, "what is left is a blur"
    assert [int((one != images[0]).sum() > 0) for one in gone[:2]] == [0, 1]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of deletion, insertion, got 'erasure'"):
        faithfulness.changed(np.zeros((4, 4), np.uint8), np.zeros((4, 4), int), "erasure")


def test_a_true_map_beats_a_random_order_both_ways_and_an_inverted_one_does_not():
    _, spots = spotted()
    good, bad = (faithfulness.table(told(maps), 200, 0) for maps in (spots, 1 - spots))
    for found in (good, bad):
        tables.check("faithfulness", found)
    of = good[good["measure"] == "difference"].set_index("kind")
    assert of.loc["deletion", "upper"] < 0 < of.loc["insertion", "lower"]
    of = bad[bad["measure"] == "difference"].set_index("kind")
    assert of.loc["deletion", "value"] > 0 > of.loc["insertion", "value"]


def test_areas_are_those_of_the_curves_that_are_shown():
    found = told(spotted()[1])
    curves, areas = faithfulness.mean_curves(found), faithfulness.table(found, 100, 0)
    tables.check("faithfulness_curves", curves)
    line = curves.query("kind == 'deletion' and order == 'map'")
    assert (line["n"] == N).all() and line["share"].tolist() == faithfulness.shares().tolist()
    area = np.trapezoid(line["probability"], line["share"])
    assert areas.query("kind == 'deletion' and measure == 'map'")["value"].item() == pytest.approx(area)
