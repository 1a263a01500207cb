"""How much of a map lies on lungs and rim, by outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_tables import example

from pneumo_utils import outcomes, plausibility, tables

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


def test_the_rim_is_the_outer_tenth_on_every_side():
    found = plausibility.rim(20)
    assert found[:2].all() and found[:, -2:].all() and not found[2:-2, 2:-2].any()


def test_an_even_map_puts_on_lungs_and_rim_what_they_cover():
    found = told(np.ones((N, SIDE, SIDE), np.float32))["value"]
    assert found["all", "lungs"] == pytest.approx(found["all", "lungs_area"]) == pytest.approx(0.35)
    assert found["all", "border"] == pytest.approx(found["all", "border_area"]) == pytest.approx(0.36)


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
    assert found.loc[("all", "lungs"), "n"] == N - 1 and found.loc[("all", "lungs_area"), "n"] == N


def test_lungs_are_found_in_a_drawn_child():
    from pneumo_utils import phantom

    child = phantom.draw("normal", 1, 1, 96, 96)
    found = plausibility.lung_masks(child.pixels[None])[0]
    assert (found & child.lungs).sum() > 0.95 * child.lungs.sum() and found.mean() < 0.7


def test_rows_are_in_the_order_of_outcomes(labels=("all", "true positive", "true negative")):
    found = told(np.ones((N, SIDE, SIDE), np.float32)).reset_index()["outcome"]
    assert pd.unique(found)[:3].tolist() == list(labels)
