"""What is no radiograph as it was taken, since it holds colour, is told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import colour


@pytest.fixture(scope="module")
def grey():
    return radiograph.draw(radiograph.ETIOLOGIES[0], 1, 1, 200, 240).pixels


def encoded(pixels, ending=".png"):
    return cv2.imencode(ending, pixels)[1].tobytes()


@pytest.mark.parametrize("ending", [".png", ".jpg", ".bmp", ".webp"])
def test_a_grey_picture_is_not_said_to_be_coloured_however_it_is_saved(grey, ending):
    for pixels in (grey, np.dstack([grey] * 3)):
        assert colour.remark(colour.measure(encoded(pixels, ending))) == ""


def test_false_colours_are_told_with_how_strong_they_are(grey):
    drawn = cv2.applyColorMap(grey, cv2.COLORMAP_JET)
    strength = (drawn.max(axis=2).astype(int) - drawn.min(axis=2)).mean()
    assert colour.measure(encoded(drawn)) == pytest.approx(strength)
    assert colour.remark(colour.measure(encoded(drawn))).startswith(
        f"in colour: channels differ by {strength:.0f} grey"
    )


def test_a_jpeg_is_looked_at_in_reduced_scale_and_says_about_the_same(grey):
    drawn = cv2.applyColorMap(grey, cv2.COLORMAP_JET)
    assert colour.measure(encoded(drawn, ".jpg")) == pytest.approx(colour.measure(encoded(drawn)), rel=0.1)


def test_sixteen_bits_count_as_eight_and_what_is_transparent_not_at_all(grey):
    drawn = cv2.applyColorMap(grey, cv2.COLORMAP_JET)
    assert colour.measure(encoded(drawn.astype(np.uint16) * 257)) == pytest.approx(colour.measure(encoded(drawn)))
    clear = np.dstack([drawn, np.zeros_like(grey)])
    assert colour.measure(encoded(clear)) == 0
    half = np.dstack([drawn, np.full_like(grey, 51)])
    assert colour.measure(encoded(half)) == pytest.approx(colour.measure(encoded(drawn)) / 5)


def test_what_opencv_cannot_decode_has_no_colour():
    assert colour.measure(b"no picture") == 0
