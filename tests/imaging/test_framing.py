"""The crop finds the chest, keeps the lungs, and says where it was cut from."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import decoding, framing
from pneumo_utils.imaging.framing import Box, Framing
from pneumo_utils.records import tables

N = 60
MARGIN = 0.1


@pytest.fixture(scope="module")
def drawn():
    """Phantoms of many shapes that the lung finder never saw."""
    sides = np.random.default_rng(0).integers((150, 220), (330, 400), (N, 2)).tolist()
    kinds = radiograph.ETIOLOGIES
    return [radiograph.draw(kinds[n % 3], n, n, height=sides[n][0], width=sides[n][1]) for n in range(N)]


def true_box(radiograph) -> Box:
    return framing.lung_box(radiograph.lungs.astype(np.float32))


def test_the_crop_agrees_with_the_true_one_in_nineteen_of_twenty_phantoms(drawn):
    how = Framing("lungs", MARGIN)
    overlaps = [framing.locate(one.pixels, how)[0].overlap(true_box(one).widen(MARGIN)) for one in drawn]
    assert np.mean(np.array(overlaps) >= 0.9) >= 0.95, sorted(overlaps)[:5]


def test_no_lung_of_a_phantom_is_cut_off(drawn):
    for one in drawn:
        box, found = framing.locate(one.pixels, Framing("lungs", MARGIN))
        assert found and box.cut(one.lungs).sum() >= 0.99 * one.lungs.sum()


def test_a_picture_without_lungs_falls_back_to_the_centre_and_says_so():
    blank = np.zeros((200, 300), np.uint8)
    box, found = framing.locate(blank, Framing("lungs", MARGIN))
    assert not found and box == framing.locate(blank, Framing("centre"))[0]


@pytest.mark.parametrize("shape", [(200, 300), (300, 200), (64, 64)])
def test_a_central_crop_is_a_true_square_in_the_middle(shape):
    box, found = framing.locate(np.zeros(shape, np.uint8), Framing("centre"))
    part = box.cut(np.zeros(shape, np.uint8))
    assert not found and part.shape[0] == pytest.approx(0.9 * min(shape), abs=1) == part.shape[1]
    assert (box.left + box.right, box.top + box.bottom) == pytest.approx((1, 1))


def test_one_lung_or_a_speck_is_not_taken_for_two_lungs():
    one, speck, both = (np.zeros((64, 64), np.float32) for _ in range(3))
    one[10:50, 10:24] = both[10:50, 10:24] = both[10:50, 40:54] = 1
    speck[5:8, 5:8] = 1
    assert framing.lung_box(one) is framing.lung_box(speck) is framing.lung_box(np.zeros((64, 64))) is None
    both[60:62, 2:4] = 1  # gas below the diaphragm
    sides = framing.lung_box(both)
    found = (sides.left, sides.top, sides.right, sides.bottom)
    assert found == pytest.approx((10 / 64, 10 / 64, 54 / 64, 50 / 64), abs=0.01)


def test_the_aspect_is_kept_as_far_as_the_picture_reaches():
    wide = Box(0.1, 0.4, 0.5, 0.6).to_square(200, 200)
    assert (wide.right - wide.left, wide.bottom - wide.top) == pytest.approx((0.4, 0.4))
    assert (wide.top + wide.bottom) / 2 == pytest.approx(0.5)
    at_the_edge = Box(0.1, 0.0, 0.5, 0.2).to_square(200, 200)
    assert (at_the_edge.top, at_the_edge.bottom) == pytest.approx((0.0, 0.4)), "moved, not cut"
    too_wide = Box(0.0, 0.2, 1.0, 0.8).to_square(400, 200)
    assert (too_wide.top, too_wide.bottom) == (0.0, 1.0), "cut, where there is no more picture"


def test_overlap_is_intersection_over_union():
    box = Box(0.0, 0.0, 0.5, 0.5)
    assert box.overlap(box) == 1 and box.overlap(Box(0.5, 0.5, 1.0, 1.0)) == 0
    assert box.overlap(Box(0.25, 0.0, 0.75, 0.5)) == pytest.approx(1 / 3)


def test_a_margin_is_a_share_of_the_box_and_ends_with_the_picture():
    found = Box(0.2, 0.2, 0.6, 0.4).widen(0.5)
    assert (found.left, found.top, found.right, found.bottom) == pytest.approx((0.0, 0.1, 0.8, 0.5))
    assert Box(0.05, 0.0, 1.0, 1.0).widen(0.5) == framing.WHOLE


def test_without_any_step_a_file_comes_out_as_ever(tmp_path, drawn):
    path = tmp_path / "a.png"
    path.write_bytes(cv2.imencode(".png", drawn[0].pixels)[1].tobytes())
    found = framing.read(path, Framing(), 48)
    np.testing.assert_array_equal(found.pixels, decoding.read(path, 48))
    assert found.box == framing.WHOLE and not found.found


def test_every_step_is_taken_in_its_turn(tmp_path, drawn):
    from pneumo_utils.imaging import intensity

    path, how = tmp_path / "a.png", Framing("lungs", MARGIN, True, 24, "equalise")
    path.write_bytes(cv2.imencode(".png", drawn[1].pixels)[1].tobytes())
    found = framing.read(path, how, 48)
    part = decoding.resize(decoding.resize(found.box.cut(drawn[1].pixels), 24), 48)
    np.testing.assert_array_equal(found.pixels, intensity.normalise(part, "equalise"))
    assert found.found and found.box != framing.WHOLE


def test_large_files_are_decoded_smaller_with_the_same_crop(tmp_path, drawn):
    large = cv2.resize(drawn[2].pixels, None, fx=6, fy=6)
    path = tmp_path / "a.jpeg"
    path.write_bytes(cv2.imencode(".jpeg", large)[1].tobytes())
    found, whole = framing.read(path, Framing("lungs", MARGIN), 64), framing.frame(large, Framing("lungs", MARGIN), 64)
    assert found.box.overlap(whole.box) > 0.97
    assert np.abs(found.pixels.astype(float) - whole.pixels).mean() < 4


def test_many_files_give_a_table_by_the_contract_and_squares_in_order(tmp_path, drawn):
    names = [f"{n}.png" for n in range(5)]
    for name, one in zip(names, drawn, strict=False):
        (tmp_path / name).write_bytes(cv2.imencode(".png", one.pixels)[1].tobytes())
    kept, how = [], Framing("lungs", MARGIN)
    table = framing.write_all(tmp_path, names, how, 32, lambda squares, *rest: kept.extend([*squares, *rest]))
    tables.check("framing", table)
    assert kept[5:] == [5, 32] and list(table["path"]) == names
    for name, square, box in zip(names, kept, framing.boxes(table, pd.Series(names)), strict=False):
        alone = framing.read(tmp_path / name, how, 32)
        assert box == alone.box
        np.testing.assert_array_equal(square, alone.pixels)


def test_an_unknown_crop_is_told():
    with pytest.raises(ValueError, match="crop must be one of none, centre, lungs, got 'heart'"):
        Framing("heart")
