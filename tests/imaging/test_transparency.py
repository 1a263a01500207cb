"""What of a picture is transparent shows the black below it, at any depth."""

import cv2
import numpy as np

from pneumo_utils.imaging import decoding


def test_a_half_transparent_pixel_of_sixteen_bits_has_half_its_grey():
    stored = np.full((40, 40, 4), 60000, np.uint16)
    stored[..., 3] = 32768
    decoded = decoding.decode(cv2.imencode(".png", stored)[1].tobytes())
    assert np.abs(decoded - 60000 / 65535 * 255 / 2).max() <= 1
