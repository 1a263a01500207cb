"""Coarse maps come to the size of a picture where they belong, each up to 1."""

from __future__ import annotations

import numpy as np

from pneumo_utils.explanation import heat_maps


def test_each_map_reaches_1_and_a_dark_one_stays_dark():
    coarse = np.array([[[0, 2], [0, 0]], [[0, 0], [0, 0]], [[5, 5], [5, 5]]], dtype=np.float64)
    fine = heat_maps.enlarge(coarse, 8)
    assert fine.shape == (3, 8, 8) and fine.dtype == np.float32
    assert fine.max(axis=(1, 2)).tolist() == [1, 0, 1] and (fine[2] == 1).all()


def test_nothing_moves_by_half_a_pixel():
    coarse = np.zeros((1, 4, 4))
    coarse[0, 1, 2] = 1
    fine = heat_maps.enlarge(coarse, 64)[0]
    rows, columns = np.indices(fine.shape) + 0.5
    centre = (rows * fine).sum() / fine.sum(), (columns * fine).sum() / fine.sum()
    np.testing.assert_allclose(centre, (1.5 * 16, 2.5 * 16), atol=1e-4)


def test_cells_that_look_at_the_first_pixel_are_drawn_where_they_look():
    places = heat_maps.find_places("resnet50", "conv4_block6_out", 64)
    coarse = np.zeros((1, 4, 4))
    coarse[0, 1, 2] = 1
    fine = heat_maps.enlarge(coarse, 256, places)[0]
    rows, columns = np.indices(fine.shape) + 0.5
    centre = (rows * fine).sum() / fine.sum(), (columns * fine).sum() / fine.sum()
    np.testing.assert_allclose(centre, (4 * 16.5, 4 * 32.5), atol=0.2)  # of pixels 16 and 32, four times as large
    assert (
        heat_maps.find_places("vgg16", "block5_conv3", 64) is heat_maps.find_places("cnn", "block4_relu2", 48) is None
    )
    assert (
        heat_maps.enlarge(np.ones((1, 2, 2)), 48, heat_maps.find_places("resnet50", "conv5_block3_out", 48)) == 1
    ).all()


def test_of_no_pictures_there_are_no_maps_of_the_size_asked_for():
    assert heat_maps.enlarge(np.zeros((0, 4, 4)), 16).shape == (0, 16, 16)
