"""Variations of a picture: the same for the same numbers, and never further than allowed."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_utils.augmentation import Augmentation, view

FULL = Augmentation(rotation=15, shift=0.1, zoom=0.2, contrast=0.3, brightness=0.2, flip=True)
ORDER = ("turn", "right", "down", "size", "contrast", "brightness", "mirror")


class Fixed:
    """A generator that draws what it is told, and 0 for the rest."""

    def __init__(self, **drawn):
        self.drawn = np.array([drawn.get(name, 0.0) for name in ORDER])

    def uniform(self, low, high, count):
        assert (low, high, count) == (-1, 1, len(ORDER))
        return self.drawn


def picture(height=60, width=60):
    return np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)


def square(side=100, low=40, high=60):
    image = np.zeros((side, side), np.uint8)
    image[low:high, low:high] = 200
    return image


def test_view_0_is_the_picture_itself():
    image = picture()
    assert view(image, FULL, seed=1, row=2, number=0) is image


def test_seed_row_and_number_decide_the_pixels():
    image = picture()
    drawn = {key: view(image, FULL, seed=key[0], row=key[1], number=key[2]) for key in np.ndindex(2, 2, 3) if key[2]}
    for key, pixels in drawn.items():
        assert np.array_equal(pixels, view(image, FULL, seed=key[0], row=key[1], number=key[2]))
    assert len({pixels.tobytes() for pixels in drawn.values()} | {image.tobytes()}) == len(drawn) + 1


def test_zero_augmentation_is_the_identity():
    image = picture(50, 70)
    for number in range(5):
        assert np.array_equal(view(image, Augmentation(), seed=0, row=0, number=number), image)


@pytest.mark.parametrize("shape", [(32, 32), (48, 64)])
def test_shape_and_kind_stay_and_the_picture_is_not_changed(shape):
    image = picture(*shape)
    before = image.copy()
    for number in range(1, 5):
        varied = view(image, FULL, seed=0, row=0, number=number)
        assert (varied.shape, varied.dtype) == (shape, np.uint8)
    assert np.array_equal(image, before)


@pytest.mark.parametrize(("right", "down"), [(0.5, 0), (0, -0.5), (1, 1), (-1, 0.25)])
def test_a_shift_moves_by_its_share_of_the_side(right, down):
    moved = Augmentation(shift=0.2).vary(square(), Fixed(right=right, down=down))
    expected = np.roll(square(), (round(20 * down), round(20 * right)), axis=(0, 1))
    assert np.array_equal(moved, expected)


def test_no_draw_shifts_further_than_allowed():
    shifts = []
    for number in range(60):
        rows, columns = np.nonzero(view(square(), Augmentation(shift=0.2), seed=0, row=0, number=number + 1) > 100)
        shifts += [abs(rows.mean() - 49.5), abs(columns.mean() - 49.5)]
    assert 15 < max(shifts) <= 20.5


def test_a_rotation_turns_by_its_degrees_to_either_side():
    image = picture()
    for turn, quarter in ((1, 1), (-1, -1)):
        turned = Augmentation(rotation=90).vary(image, Fixed(turn=turn))
        assert np.array_equal(turned, np.rot90(image, quarter))


def test_a_zoom_grows_and_shrinks_about_the_middle():
    for size, side in ((1, 30), (-1, 10)):
        zoomed = Augmentation(zoom=0.5).vary(square(), Fixed(size=size)) > 100
        assert abs(np.sqrt(zoomed.sum()) - side) < 1
        assert np.allclose([axis.mean() for axis in np.nonzero(zoomed)], 49.5, atol=0.5)


def test_brightness_adds_and_contrast_spreads_about_the_mean():
    image = np.full((10, 10), 100, np.uint8)
    image[:, 5:] = 140
    brighter = Augmentation(brightness=0.1).vary(image, Fixed(brightness=1))
    assert np.unique(brighter).tolist() == [126, 166]  # 25.5 more, rounded to even
    stronger = Augmentation(contrast=0.5).vary(image, Fixed(contrast=1))
    assert np.unique(stronger).tolist() == [90, 150]


def test_grey_levels_are_cut_off_and_never_wrap_round():
    image = np.array([[0, 250]] * 2, np.uint8)
    assert Augmentation(brightness=0.5).vary(image, Fixed(brightness=1)).tolist() == [[128, 255]] * 2
    assert Augmentation(brightness=0.5).vary(image, Fixed(brightness=-1)).tolist() == [[0, 122]] * 2


def test_what_was_outside_is_the_edge_repeated():
    image = np.full((40, 40), 90, np.uint8)
    assert (Augmentation(rotation=30, shift=0.3, zoom=0.5).vary(image, Fixed(turn=1, right=1, size=-1)) == 90).all()


def test_flip_mirrors_half_of_the_cases_and_only_when_asked():
    image = picture()
    kept, mirrored = 0, 0
    for number in range(1, 101):
        varied = view(image, Augmentation(flip=True), seed=0, row=0, number=number)
        kept += np.array_equal(varied, image)
        mirrored += np.array_equal(varied, image[:, ::-1])
    assert kept + mirrored == 100
    assert 30 < mirrored < 70
    assert np.array_equal(Augmentation().vary(image, Fixed(mirror=-1)), image)


def test_one_limit_does_not_change_what_the_others_draw():
    image = square()
    with_flip_off = view(image, Augmentation(shift=0.2), seed=0, row=0, number=1)
    for other in ({"rotation": 1e-9}, {"contrast": 1e-9}):
        assert np.array_equal(view(image, Augmentation(shift=0.2, **other), seed=0, row=0, number=1), with_flip_off)
