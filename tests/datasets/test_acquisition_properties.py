"""How a radiograph was saved and framed: known files in, the settings they were saved with out."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_utils.datasets import acquisition_properties
from pneumo_utils.imaging import decoding
from pneumo_utils.records import tables


@pytest.fixture
def body():
    """A noisy grey picture (120, 180), 60 to 200, without margin or marker."""
    noise = np.random.default_rng(0).integers(60, 201, (120, 180), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1)


def saved(pixels, kind="JPEG", mode="L", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


def measured(data):
    return acquisition_properties.measure(data, decoding.decode(data))


@pytest.mark.parametrize("quality", [1, 2, 10, 24, 49, 50, 59, 75, 90, 95, 99, 100])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_quality_given_to_pillow_is_recovered(body, quality, mode):
    assert measured(saved(body, mode=mode, quality=quality))["jpeg_quality"] == quality


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_the_quality_given_to_opencv_is_recovered(body, quality):
    data = cv2.imencode(".jpeg", body, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    assert measured(data)["jpeg_quality"] == quality


def test_another_makers_table_gets_the_quality_that_is_nearest(body):
    finer = [max(1, entry - 1) for entry in Image.open(io.BytesIO(saved(body, quality=75))).quantization[0]]
    assert 75 <= measured(saved(body, qtables=[finer]))["jpeg_quality"] <= 80
    assert acquisition_properties.estimate_jpeg_quality(np.full(64, 65535)) == 1


def test_tables_have_the_same_name_only_when_they_are_equal(body):
    names = [measured(saved(pixels, quality=q))["jpeg_table"] for pixels, q in ((body, 75), (body.T, 75), (body, 76))]
    assert names[0] == names[1] != names[2]
    assert len(names[0]) == 12


def test_a_png_has_neither_quality_nor_table(body):
    found = measured(saved(body, "PNG"))
    assert (found["jpeg_quality"], found["jpeg_table"], found["progressive"]) == (None, "none", False)


def test_a_progressive_file_is_told_from_a_baseline_one(body):
    assert measured(saved(body, progressive=True))["progressive"] is True
    assert measured(saved(body))["progressive"] is False


def test_bytes_per_pixel_is_the_whole_file_over_its_area(body):
    data = saved(body)
    assert measured(data)["bytes_per_pixel"] == len(data) / (120 * 180)
    assert measured(saved(body, quality=95))["bytes_per_pixel"] > measured(saved(body, quality=50))["bytes_per_pixel"]


def test_grey_levels_are_those_of_the_outer_twelfth_and_equal_those_of_numpy(body):
    found = measured(saved(body, "PNG"))
    high, wide = body.shape[0] // 12, body.shape[1] // 12
    rim = np.concatenate(
        [body[:high].ravel(), body[-high:].ravel(), body[high:-high, :wide].ravel(), body[high:-high, -wide:].ravel()]
    )
    assert found["mean"] == pytest.approx(rim.mean(), rel=1e-12)
    assert found["spread"] == pytest.approx(rim.std(), rel=1e-12)
    for name, percent in (("p5", 5), ("p50", 50), ("p95", 95)):
        assert found[name] == np.percentile(rim, percent, method="inverted_cdf")


def test_what_happens_in_the_lungs_moves_no_grey_level(body):
    ill = body.copy()
    ill[30:90, 40:140] = np.minimum(ill[30:90, 40:140].astype(int) + 60, 255)
    before, after = (measured(saved(one, "PNG")) for one in (body, ill))
    assert all(before[name] == after[name] for name in ("mean", "spread", "p5", "p50", "p95"))


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (5, 2), (13, 25)])
def test_a_picture_that_is_all_rim_is_measured_whole(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    expected = pixels.size if min(shape) <= 2 else pixels.size - (shape[0] - 2) * (shape[1] - 4 if shape[1] > 23 else 0)
    assert len(acquisition_properties.rim(pixels)) == expected


def test_a_percentile_is_the_lowest_level_that_so_many_pixels_do_not_exceed():
    found = measured(saved(np.repeat(np.uint8([[10], [90]]), 10, axis=1), "PNG"))
    assert (found["p5"], found["p50"], found["p95"]) == (10, 10, 90)


@pytest.mark.parametrize("level", [0, 255])
def test_an_even_picture_is_all_margin_and_stays_within_the_grey_levels(level):
    found = measured(saved(np.full((31, 47), level, np.uint8), "PNG"))
    assert (found["mean"], found["p5"], found["p95"], found["spread"], found["border"]) == (level, level, level, 0, 0.5)
    assert found["corners"] == (level == 255)


@pytest.mark.parametrize("edge", [0, 1, 2, 3])
def test_a_black_frame_is_found_with_its_width_at_each_edge(body, edge):
    framed = np.rot90(body, edge).copy()
    framed[:18] = np.random.default_rng(1).integers(0, 9, framed[:18].shape)  # black as a detector sees it
    framed = np.rot90(framed, -edge)
    side = framed.shape[edge % 2]
    assert acquisition_properties.empty_margin(framed) == 18 / side
    assert measured(saved(np.ascontiguousarray(framed), quality=75))["border"] == pytest.approx(18 / side, abs=8 / side)


def test_a_white_frame_counts_and_the_widest_edge_is_told(body):
    body[:, :20], body[-30:] = 255, 0
    assert acquisition_properties.empty_margin(body) == 30 / 120


def test_a_dark_corner_is_no_margin_and_neither_is_a_band_inside(body):
    body[:40, :90] = 0
    body[60:80] = 0
    assert acquisition_properties.empty_margin(body) == 0
    assert body.min(axis=1).max() >= 60  # some rows show only body


def test_a_margin_never_takes_more_than_half(body):
    body[:100] = 0
    assert acquisition_properties.empty_margin(body) == 0.5


@pytest.mark.parametrize("corner", [(0, 0), (0, -30), (-20, 0), (-20, -30)])
def test_a_white_letter_raises_corners_in_whichever_corner_it_stands(body, corner):
    assert acquisition_properties.bright_corners(body) == 0
    rows, columns = (slice(start, start + size or None) for start, size in zip(corner, (20, 30), strict=True))
    body[rows, columns][5:15, 5:25] = 250
    assert acquisition_properties.bright_corners(body) == pytest.approx(200 / (4 * 20 * 30))


def test_a_white_letter_elsewhere_is_no_marker(body):
    body[40:60, 60:90], body[:20, 60:90] = 255, 255
    assert acquisition_properties.bright_corners(body) == 0


def test_what_is_measured_on_pixels_does_not_change_when_the_file_is_saved_otherwise(body):
    files = [saved(body, "PNG"), saved(body, "PNG", compress_level=0), saved(body, "PNG", "RGB")]
    on_pixels = ("mean", "spread", "p5", "p50", "p95", "border", "corners")
    first, *others = ([measured(data)[name] for name in on_pixels] for data in files)
    assert all(other == first for other in others)


def test_grey_levels_do_not_change_when_a_picture_is_mirrored_or_turned(body):
    body[:12], body[:15, -20:] = 0, 255
    names = ("mean", "spread", "p5", "p50", "p95", "border", "corners")
    first = measured(saved(body, "PNG"))
    for other in (body[:, ::-1], body[::-1], np.rot90(body)):
        found = measured(saved(np.ascontiguousarray(other), "PNG"))
        assert [found[name] for name in names] == [pytest.approx(first[name]) for name in names]


def test_a_single_pixel_can_be_measured():
    found = measured(saved(np.full((1, 1), 255, np.uint8), "PNG"))
    assert (found["border"], found["corners"], found["p50"]) == (0.5, 1.0, 255)


def test_the_columns_are_those_of_the_contract(body):
    assert ["path", *measured(saved(body))] == list(tables.CONTRACTS["acquisition"])


@pytest.mark.parametrize("pixels", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8)])
def test_other_pixels_than_decoded_ones_are_refused(body, pixels):
    with pytest.raises(acquisition_properties.AcquisitionError, match="^pixels must be uint8, 2-D, not empty, got "):
        acquisition_properties.measure(saved(body), pixels)
