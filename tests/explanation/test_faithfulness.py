"""Places are taken away and given back in the order of the map, and the answer is followed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pneumo_utils.explanation import faithfulness, localisation
from pneumo_utils.records import tables

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


def told(maps, judge=brightest):
    images, _ = spotted()
    rows = [f"{row}" for row in range(N)]
    cases = pd.DataFrame({"model": "cnn", "seed": 0, "path": rows, "patient": rows})
    centred = np.broadcast_to(localisation.gaussian(SIDE), images.shape)
    orders = {"map": maps, "other": faithfulness.of_another(maps, np.arange(N)), "gaussian": centred}
    return faithfulness.trace_answers(cases, images, np.full_like(images, 40), orders, judge, 0, 0.5)


def test_a_healthy_child_has_the_exposure_of_each_picture_and_is_drawn_once():
    normal = np.random.default_rng(1).integers(50, 90, (9, SIDE, SIDE)).astype(np.uint8)
    normal[:, :, :10] += 60
    images, _ = spotted()
    found = faithfulness.healthy_fill(normal, images, 0)
    assert len({one.tobytes() for one in found}) == N, "as sharp as a child, not the mean of many"
    assert found.shape == images.shape and found.dtype == np.uint8
    assert found.mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)), abs=1)
    assert found.std(axis=(1, 2)) == pytest.approx(images.std(axis=(1, 2)), abs=1)
    assert (found[:, :, :10].mean(axis=(1, 2)) > found[:, :, 10:].mean(axis=(1, 2))).all()


def test_bright_places_come_first_and_equal_ones_at_random():
    heat = np.array([[0.0, 0.9], [0.0, 0.5]])
    place = faithfulness.order(heat, np.random.default_rng(0))
    assert place[:, 1].tolist() == [0, 1] and sorted(place[:, 0]) == [2, 3]
    even = [faithfulness.order(np.zeros((4, 4)), np.random.default_rng(seed)).ravel().tolist() for seed in (0, 1)]
    assert even[0] != even[1] and sorted(even[0]) == list(range(16))


def test_deletion_ends_where_insertion_begins():
    images, spots = spotted()
    place = faithfulness.order(spots[0], np.random.default_rng(0))
    fill = np.full_like(images[0], 40)
    gone, back = (faithfulness.mask_stepwise(images[0], fill, place, kind) for kind in faithfulness.KINDS)
    np.testing.assert_array_equal(gone[0], images[0])
    np.testing.assert_array_equal(back[-1], images[0])
    np.testing.assert_array_equal(gone[-1], back[0])
    np.testing.assert_array_equal(gone[-1], fill)
    assert [int((one != images[0]).sum() > 0) for one in gone[:2]] == [0, 1]


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of deletion, insertion, got 'erasure'"):
        faithfulness.mask_stepwise(*[np.zeros((4, 4), np.uint8)] * 2, np.zeros((4, 4), int), "erasure")


def test_a_true_map_beats_a_random_order_both_ways_and_an_inverted_one_does_not():
    _, spots = spotted()
    good, bad = (faithfulness.table(told(maps), 200, 0) for maps in (spots, 1 - spots))
    for found in (good, bad):
        tables.check("faithfulness", found)
    for measure in ("difference", "over_gaussian"):
        of = good[good["measure"] == measure].set_index("kind")
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


def test_the_rival_is_the_map_of_another_patient():
    maps = np.arange(5, dtype=float)[:, None, None] * np.ones((5, 2, 2))
    found = faithfulness.of_another(maps, np.array(list("aabbc")))
    assert found[:, 0, 0].tolist() == [2, 2, 4, 4, 0]
    assert (faithfulness.of_another(maps, np.array(list("aaaaa"))) == 0).all()


def test_a_fill_that_is_called_pneumonia_cannot_be_asked_though_the_answer_falls():
    found = told(spotted()[1], judge=lambda images: 0.6 + 0.4 * brightest(images))
    assert found.empty


def test_it_is_said_from_where_to_where_deletion_leads():
    lines = faithfulness.mean_curves(told(spotted()[1]))
    assert faithfulness.ends_in_words(lines, {"cnn": "Small CNN"}, 9) == [
        "Small CNN: from 1.00 to 0.00, 6 of 9 radiographs."
    ]


def test_only_pictures_that_are_called_ill_are_asked_and_none_is_no_fault():
    found = told(spotted()[1], judge=lambda images: np.full(len(images), 0.7))
    assert found.empty
    areas = faithfulness.table(found, 100, 0)
    assert tables.check("faithfulness", areas).empty and faithfulness.for_display(areas).empty
    assert tables.check("faithfulness_curves", faithfulness.mean_curves(found)).empty


def test_what_the_difference_means_is_said():
    _, spots = spotted()
    good, bad = (faithfulness.for_display(faithfulness.table(told(maps), 200, 0)) for maps in (spots, 1 - spots))
    assert good["map against another's"].tolist() == ["sooner", "sooner"]
    assert bad["map against another's"].tolist() == ["later", "later"] and bad["radiographs"].tolist() == [N, N]


def test_the_finding_names_each_network_once_per_rival_and_verdict():
    _, spots = spotted()
    good = faithfulness.for_display(faithfulness.table(told(spots), 200, 0))
    sentences = faithfulness.sentences(good)
    assert len(sentences) == 2 and all(one.startswith("Sooner than ") for one in sentences)
    assert sentences[0] == "Sooner than by another child's map: Small CNN (deletion and insertion)."
    assert faithfulness.sentences(faithfulness.for_display(areas_of_none())) == []


def test_what_too_few_radiographs_tell_apart_is_not_called_alike():
    one = told(spotted()[1]).query("path == '0'")  # of a single patient there is no interval
    assert faithfulness.sentences(faithfulness.for_display(faithfulness.table(one, 200, 0))) == [
        f"Not clearly sooner or later than {rival}: Small CNN (deletion and insertion)."
        for rival in ("by another child's map", "from the middle outwards")
    ]


def areas_of_none():
    return faithfulness.table(told(spotted()[1], judge=lambda images: np.full(len(images), 0.7)), 100, 0)
