"""Grey levels of DICOM files that are stored the other way round: padding, falling slopes, tables packed in words."""

import numpy as np
import pytest
from support.dicom_samples import GREY, dataset, lut, saved, stored

from pneumo_utils.imaging import dicom_files

pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR")  # of the samples, while they are made


def shown(*given, **changed):
    return dicom_files.read(saved(dataset(*given, **changed))).pixels


@pytest.mark.parametrize(
    ("signed", "pad", "limit", "there"),
    [(False, 4000, 65535, 4095), (True, -1900, -32768, -2000), (False, 4095, 4000, 4050)],
    ids=["above all pixels", "below all pixels", "downwards"],
)
def test_a_padding_range_blackens_and_stretches_nothing_outside_it_wherever_its_limit_lies(signed, pad, limit, there):
    padded = stored(np.rint(GREY * 0.8 + 20).astype(np.uint8), 12, signed)
    padded[:10] = there
    pixels = shown(padded, 12, "MONOCHROME1", PixelPaddingValue=pad, PixelPaddingRangeLimit=limit)
    assert (pixels[:10] == 0).all() and (pixels[10:].min(), pixels[10:].max()) == (0, 255)


def test_a_spot_far_from_all_other_grey_levels_is_clipped_where_the_slope_falls_too():
    values = np.rint((GREY / 255) ** 3 * 200 + 1800).astype(np.uint16)  # most of them dark
    values[30, 40] = 4095
    falling = shown(values, 12, RescaleSlope=-1, RescaleIntercept=4095)
    assert np.abs(falling - (255.0 - shown(values, 12))).max() <= 1


def test_of_two_entries_in_a_word_of_a_table_the_lower_byte_is_the_first():
    table = lut([low | high << 8 for low, high in np.arange(255, -1, -1).reshape(-1, 2)], 0, 8, "VOILUTSequence")
    table[0].LUTDescriptor = [256, 0, 8]
    assert (shown(stored(bits=8), 8, VOILUTSequence=table) == 255 - GREY).all()


def test_a_padding_value_that_no_pixel_of_eight_bits_can_have_blackens_none():
    values = stored(bits=8)
    values[:10] = 232  # 1000 without the bits that do not fit
    plain, padded = (dicom_files.read(saved(dataset(values, 8, **told))) for told in ({}, {"PixelPaddingValue": 1000}))
    assert (plain.pixels == padded.pixels).all()
    assert "padding value is none that a pixel can have" in padded.remarks
