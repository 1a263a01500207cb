"""How much of a map lies on lungs and border, by outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.examples import example

from pneumo_utils.evaluation import outcomes
from pneumo_utils.explanation import localisation, plausibility
from pneumo_utils.records import tables

N, SIDE = 8, 20
MASKS = np.zeros((N, SIDE, SIDE), bool)
MASKS[:, 5:15, 3:17] = True


def labelled():
    frame = example("predictions", N).assign(
        label=[0, 1] * 4, probability=[0.1, 0.9, 0.8, 0.2] * 2, patient=[f"p{row}" for row in range(N)],
        path=[f"{row}.jpeg" for row in range(N)], split="test", model="cnn", seed=0,
    )  # fmt: skip
    return outcomes.label(frame, 0.5)


def told(maps):
    own = labelled()
    found = plausibility.table(own.sample(frac=1, random_state=0), own["path"], {"cnn": maps}, MASKS, 200, 0)
    tables.check("plausibility", found)
    return found.set_index(["outcome", "measure"])


def test_the_border_is_a_tenth_on_every_side_as_far_as_no_lung_is_there():
    masks = np.zeros((1, 20, 20), bool)
    masks[:, 8:12, :10] = True
    found = plausibility.borders(masks)[0]
    assert found[:2].all() and found[:, -2:].all() and not found[2:-2, 2:-2].any() and not found[8:12, :2].any()


def test_an_even_map_puts_on_lungs_and_border_no_more_than_what_they_cover():
    found = told(np.ones((N, SIDE, SIDE), np.float32))["value"]
    assert found["all", "lungs"] == pytest.approx(0.35) and found["all", "border"] == pytest.approx(0.36)
    assert (
        found["all", "lungs_gain"] == pytest.approx(0, abs=1e-6) == pytest.approx(found["all", "border_gain"], abs=1e-6)
    )


def test_a_spot_in_the_middle_of_every_picture_knows_no_more_of_lungs_than_the_gaussian():
    spot = np.broadcast_to(localisation.gaussian(SIDE), MASKS.shape)
    found = told(spot)["value"]
    assert found["all", "lungs_gain"] > 0.1 and found["all", "lungs_over_gaussian"] == pytest.approx(0, abs=1e-6)
    on_lungs = told(MASKS.astype(np.float32))["value"]["all", "lungs_over_gaussian"]
    assert on_lungs == pytest.approx(1 - spot[0][MASKS[0]].sum() / spot[0].sum(), abs=1e-6)


def test_shares_are_told_apart_by_outcome_whatever_the_order_of_rows():
    maps = np.where([label == 1 for label in labelled()["label"]], 1.0, 0.0)[:, None, None] * MASKS
    maps[::2, 0, 0] = 1  # of normals all is in a corner
    found = told(maps)
    assert found.loc[("true positive", "lungs"), "value"] == 1 and found.loc[("true negative", "border"), "value"] == 1
    assert found.loc[("all", "lungs"), "value"] == 0.5
    assert found.loc[("false positive", "lungs"), ["value", "n"]].tolist() == [0, 2]


def test_dark_maps_have_no_share_and_are_not_counted():
    maps = np.ones((N, SIDE, SIDE), np.float32)
    maps[0] = 0
    found = told(maps)
    assert found.loc["all"]["n"].tolist() == [N - 1] * 5


def test_lungs_are_found_in_a_drawn_child():
    from pneumo_utils.datasets.phantom import radiograph

    child = radiograph.draw("normal", 1, 1, 96, 96)
    found = plausibility.lung_masks(child.pixels[None])[0]
    assert 2 * (found & child.lungs).sum() / (found.sum() + child.lungs.sum()) > 0.9, "Dice"


def test_rows_are_in_the_order_of_outcomes(labels=("all", "true positive", "true negative")):
    found = told(np.ones((N, SIDE, SIDE), np.float32)).reset_index()
    assert pd.unique(found["outcome"])[:3].tolist() == list(labels)
    said = plausibility.for_display(found)
    assert said.index[0] == ("Small CNN", "all") and said["n"].tolist()[0] == N
