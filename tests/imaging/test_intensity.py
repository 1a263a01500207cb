"""Grey levels brought to one scale: exposure goes, order and shape stay."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import intensity


@pytest.fixture
def picture():
    """A phantom on the dark side."""
    return (radiograph.draw("normal", 0, 0, height=96, width=128).pixels * 0.7).astype(np.uint8)


@pytest.mark.parametrize("method", intensity.METHODS)
def test_every_method_keeps_shape_and_type_and_the_picture_given(picture, method):
    before = picture.copy()
    found = intensity.normalise(picture, method)
    assert found.shape == picture.shape and found.dtype == np.uint8
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("method", ["equalise", "standardise"])
def test_a_darker_and_flatter_exposure_of_the_same_picture_comes_out_nearly_the_same(picture, method):
    darker = (picture * 0.6 + 5).astype(np.uint8)
    apart = np.abs(picture.astype(float) - darker).mean()
    found = [intensity.normalise(shown, method).astype(float) for shown in (picture, darker)]
    assert np.abs(found[0] - found[1]).mean() < 0.4 * apart


def test_equalised_grey_levels_fill_the_range_and_standardised_ones_have_one_mean_and_spread(picture):
    assert np.ptp(intensity.normalise(picture, "equalise")) > 240
    found = intensity.normalise(picture, "standardise")
    assert found.mean() == pytest.approx(128, abs=1) and found.std() == pytest.approx(56, abs=1)


@pytest.mark.parametrize("method", intensity.METHODS)
def test_a_blank_picture_makes_no_method_fail(method):
    assert np.ptp(intensity.normalise(np.full((32, 32), 7, np.uint8), method)) == 0


def test_an_unknown_method_is_told(picture):
    with pytest.raises(ValueError, match="intensity must be one of none, equalise, clahe, standardise, got 'log'"):
        intensity.normalise(picture, "log")
