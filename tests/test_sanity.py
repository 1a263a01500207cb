"""A map must fall apart with what the network knows: those of a trained network do, one that ignores it is caught."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from test_gradcam import N, gradcam, images, trained  # noqa: F401 - fixtures

from pneumo_utils import sanity, stability, tables

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


@pytest.fixture(scope="module")
def cases():
    rows = [f"{row}" for row in range(N)]
    return pd.DataFrame({"model": "cnn", "seed": 0, "path": rows, "patient": rows})


def edges(pictures):
    """A map that never asks the network: how steep the picture is. Many a published map looks like it."""
    return np.stack([np.abs(cv2.Laplacian(cv2.GaussianBlur(one, (0, 0), 2), cv2.CV_32F)) for one in pictures])


def told(found):
    table = sanity.table(found, 300, 0)
    tables.check("sanity", table)
    return table, sanity.verdicts(table)


def test_blocks_go_from_the_answer_downwards(trained):  # noqa: F811
    assert list(sanity.blocks(trained)) == ["logit", "block4", "block3", "block2", "block1"]


def test_every_stage_shuffles_one_block_more_and_all_is_as_before_in_the_end(trained):  # noqa: F811
    before, changed = trained.get_weights(), []
    for _ in sanity.cascade(trained, 0):
        now = trained.get_weights()
        changed.append(sum(not np.array_equal(*pair) for pair in zip(before, now, strict=True)))
        assert all(np.array_equal(np.sort(a.ravel()), np.sort(b.ravel())) for a, b in zip(before, now, strict=True))
    assert changed == sorted(changed) and changed[0] == 1 < changed[-1]
    assert all(np.array_equal(*pair) for pair in zip(before, trained.get_weights(), strict=True))


def test_weights_come_back_even_if_the_caller_fails(trained):  # noqa: F811
    before = trained.get_weights()
    with pytest.raises(RuntimeError):
        for _ in sanity.cascade(trained, 0):
            raise RuntimeError
    assert all(np.array_equal(*pair) for pair in zip(before, trained.get_weights(), strict=True))


def test_grad_cam_of_a_trained_network_passes(gradcam, trained, images, cases):  # noqa: F811
    found, verdict = told(sanity.weights_test(trained, gradcam.Explainer(trained).maps, cases, images, 0))
    assert verdict["passes"].tolist() == [True]
    assert found["stage"].tolist() == ["logit", "block4", "block3", "block2", "block1"] and (found["n"] == N).all()


def test_a_map_that_ignores_the_network_fails(trained, images, cases):  # noqa: F811
    found, verdict = told(sanity.weights_test(trained, edges, cases, images, 0))
    assert verdict["passes"].tolist() == [False]
    assert found["value"].to_numpy() == pytest.approx(1)


def test_a_map_turned_round_fails_too_and_one_with_nothing_left_passes(cases, images):  # noqa: F811
    heat = edges(images)
    turned = sanity.compared(cases, heat, heat.max() - heat, sanity.LABELS, "all")
    dark = sanity.compared(cases, heat, np.zeros_like(heat), sanity.LABELS, "all")
    assert told(turned)[1]["passes"].tolist() == [False]
    found, verdict = told(dark)
    assert verdict["passes"].tolist() == [True] and found["dark"].tolist() == [1]


def test_what_is_compared_is_the_rank_correlation(cases, images):  # noqa: F811
    heat, other = edges(images), np.random.default_rng(0).random(images.shape)
    found = sanity.compared(cases, heat, other, sanity.LABELS, "all")
    np.testing.assert_array_equal(found["correlation"], stability.correlation(heat, other))


def test_the_verdict_is_said_in_words(trained, images, cases):  # noqa: F811
    said = sanity.said(told(sanity.weights_test(trained, edges, cases, images, 0))[1])
    assert said[["network", "shuffled", "verdict"]].to_numpy().tolist() == [["Small CNN", "weights", "FAIL"]]
