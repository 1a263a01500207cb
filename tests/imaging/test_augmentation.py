"""Variations of a picture: the same for the same numbers, and never further than allowed."""

from __future__ import annotations

import numpy as np
import pytest

from pneumo_utils.imaging import augmentation
from pneumo_utils.imaging.augmentation import Augmentation, view

FULL = Augmentation(rotation=15, crop_area_min=0.6, contrast=0.3, brightness=0.2, flip=True)
STRONG = Augmentation(15, 0.08, 2.0, 1.8, 0.4, 0.12, 1.0, 40, True, 0.5, 0.5)


class Fixed:
    """A generator that draws what it is told, and 0 for the rest."""

    def __init__(self, **drawn):
        self.drawn = np.array([drawn.get(name, 0.0) for name in augmentation._DRAWN])

    def uniform(self, low, high, count):
        assert (low, high, count) == (-1, 1, len(self.drawn))
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


def test_a_rotation_turns_by_its_degrees_to_either_side():
    image = picture()
    for turn, quarter in ((1, 1), (-1, -1)):
        turned = Augmentation(rotation=90).vary(image, Fixed(turn=turn))
        assert np.array_equal(turned, np.rot90(image, quarter))


def test_brightness_adds_and_contrast_spreads_about_the_mean():
    image = np.full((10, 10), 100, np.uint8)
    image[:, 5:] = 140
    brighter = Augmentation(brightness=0.1).vary(image, Fixed(brightness=1))
    assert np.unique(brighter).tolist() == [126, 166]  # 25.5 more, rounded to even
    stronger = Augmentation(contrast=0.5).vary(image, Fixed(contrast=1))
    assert np.unique(stronger).tolist() == [90, 150]


def test_contrast_turns_about_the_mean_of_the_crop_and_not_of_the_picture():
    image = square(low=30, high=70)
    image[:, :50] //= 2
    seen = Augmentation(crop_area_min=0.16, contrast=0.2).vary(image, Fixed(area=1, contrast=1), 40)
    assert (seen[0, 0], seen[-1, -1]) == (90, 210)


def test_grey_levels_are_cut_off_and_never_wrap_round():
    image = np.array([[0, 250]] * 2, np.uint8)
    assert Augmentation(brightness=0.5).vary(image, Fixed(brightness=1)).tolist() == [[128, 255]] * 2
    assert Augmentation(brightness=0.5).vary(image, Fixed(brightness=-1)).tolist() == [[0, 122]] * 2


def test_what_was_outside_is_the_edge_repeated():
    image = np.full((40, 40), 90, np.uint8)
    assert (Augmentation(rotation=30).vary(image, Fixed(turn=1)) == 90).all()


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


def test_a_crop_keeps_its_share_of_the_area_and_stays_inside():
    ramp = np.tile(np.arange(100, dtype=np.uint8) * 2, (100, 1))
    half = Augmentation(crop_area_min=0.25).vary(ramp, Fixed(area=1), 50)
    assert half.shape == (50, 50)
    assert abs(int(half[0, 0]) - 50) <= 2 and abs(int(half[0, -1]) - 148) <= 2, "the middle half of each side"
    left = Augmentation(crop_area_min=0.25).vary(ramp, Fixed(area=1, across=-1), 50)
    assert left[0, 0] <= 2 and abs(int(left[0, -1]) - 98) <= 2, "the left half, and nothing beyond the edge"
    upper = Augmentation(crop_area_min=0.25).vary(np.ascontiguousarray(ramp.T), Fixed(area=1, along=-1), 50)
    assert upper[0, 0] <= 2 and abs(int(upper[-1, 0]) - 98) <= 2, "the upper half"


def test_a_stretched_crop_has_the_area_and_the_aspect_that_were_drawn():
    image = np.zeros((100, 100), np.uint8)
    image[25:75, 25:75] = 200
    seen = Augmentation(crop_area_min=0.36, crop_aspect_max=1.5).vary(image, Fixed(area=1, stretch=1), 100) > 100
    wide, high = (0.36 * 1.5) ** 0.5, (0.36 / 1.5) ** 0.5
    assert abs(seen.any(axis=0).sum() - 100 * 0.5 / wide) < 2
    assert abs(seen.any(axis=1).sum() - min(100, 100 * 0.5 / high)) < 2


def test_a_stretched_crop_reaches_the_edges_and_nothing_beyond():
    ramp = np.tile(np.arange(100, dtype=np.uint8) * 2, (100, 1))
    wide, drawn = Augmentation(crop_area_min=0.25, crop_aspect_max=2.0), Fixed(area=1, stretch=1, across=-1, along=-1)
    across, along = wide.vary(ramp, drawn, 100)[0], wide.vary(np.ascontiguousarray(ramp.T), drawn, 100)[:, 0]
    assert across[0] <= 2 and across[-1] == pytest.approx(200 * (0.25 * 2) ** 0.5, abs=4)
    assert along[0] <= 2 and along[-1] == pytest.approx(200 * (0.25 / 2) ** 0.5, abs=4)


def test_a_crop_that_would_reach_beyond_the_picture_is_cut_off_there_and_keeps_less_than_was_drawn():
    ramp = np.tile(np.arange(100, dtype=np.uint8), (100, 1))
    wide, high = (
        Augmentation(crop_area_min=0.64, crop_aspect_max=4.0).vary(picture, Fixed(area=1, stretch=1), 100)
        for picture in (ramp, np.ascontiguousarray(ramp.T))
    )
    assert abs(int(wide[0, -1]) - int(wide[0, 0]) - 99) <= 1, "the whole width, not 1.6 of it"
    assert abs(int(high[-1, 0]) - int(high[0, 0]) - 40) <= 1, "and 0.4 of the height"


def test_gamma_bends_between_black_and_white_and_leaves_both():
    image = np.array([[0, 64, 128, 255]] * 4, np.uint8)
    darker = Augmentation(gamma=2.0).vary(image, Fixed(gamma=1))[0].tolist()
    brighter = Augmentation(gamma=2.0).vary(image, Fixed(gamma=-1))[0].tolist()
    assert darker == [0, 16, 64, 255] and brighter == [0, 128, 181, 255]


def test_blur_smooths_and_jpeg_saves_again_each_up_to_its_limit():
    image = square()
    blurred = Augmentation(blur=2.0).vary(image, Fixed(blur=1))
    assert 100 <= blurred[50, 40] <= 130 and np.array_equal(Augmentation(blur=2.0).vary(image, Fixed(blur=-1)), image)
    saved = Augmentation(jpeg_quality_min=10).vary(picture(), Fixed(quality=1))
    assert 5 < np.abs(saved.astype(int) - picture()).mean() < 60


def test_jpeg_loses_more_the_more_is_drawn():
    coarse = Augmentation(jpeg_quality_min=10)
    lost = [np.abs(coarse.vary(picture(), Fixed(quality=one)).astype(int) - picture()).mean() for one in (-1, 0, 1)]
    assert lost[0] < 1 < lost[1] < lost[2]


def test_everything_at_once_stays_grey_levels_of_the_size_asked_for():
    for number in range(1, 40):
        varied = view(picture(80, 64), STRONG, seed=3, row=1, number=number, size=48)
        assert (varied.shape, varied.dtype) == ((48, 48), np.uint8)


def test_a_smaller_plain_view_is_the_average_of_what_it_covers():
    image = picture(64, 64)
    small = view(image, STRONG, seed=0, row=0, number=0, size=32)
    assert np.abs(small - image.reshape(32, 2, 32, 2).mean(axis=(1, 3))).max() <= 0.5


def test_test_views_are_the_picture_and_five_crops_of_it_each_with_its_mirror_image():
    image = picture(80, 80)
    views = [augmentation.test_view(image, number) for number in range(12)]
    assert np.array_equal(views[0], image)
    assert all(
        np.array_equal(mirrored, plain[:, ::-1]) for plain, mirrored in zip(views[::2], views[1::2], strict=True)
    )
    assert len({seen.tobytes() for seen in views}) == len(views)
    assert {1: (0,), 2: (0, 1), 4: (0, 1, 2, 3), 10: (*range(2, 12),)} == augmentation.TEST_VIEWS


@pytest.mark.parametrize("size", [70, 35, 80])
def test_the_crops_lie_in_the_middle_and_the_corners_and_are_seven_eighths_of_the_side(size):
    across = np.tile(np.arange(80, dtype=np.uint8) * 3, (80, 1))
    for image, axis in ((across, 1), (across.T, 0)):
        seen = [augmentation.test_view(image, number, size) for number in range(2, 12, 2)]
        lowest = [int(crop.min()) / 3 for crop in seen]
        highest = [int(crop.max()) / 3 for crop in seen]
        place = [5, 0, 10, 0, 10] if axis else [5, 0, 0, 10, 10]
        assert lowest == pytest.approx(place, abs=1.1)
        assert highest == pytest.approx([start + 69 for start in place], abs=1.1)
        assert all(crop.shape == (size, size) for crop in seen)


def test_what_shrinks_to_half_is_averaged_and_not_picked():
    lines = np.tile(np.array([0, 200], np.uint8), (64, 32))
    assert set(np.unique(Augmentation(flip=True).vary(lines, Fixed(), 32))) == {100}
    assert set(np.unique(augmentation.test_view(lines, 2, 28))) == {100}
    checked = picture(64, 64)
    assert np.array_equal(Augmentation().vary(checked, Fixed(), 32), augmentation.unaugmented(checked, 32))


def test_sharpening_widens_an_edge_and_shrinking_blunts_it():
    image = np.full((40, 40), 80, np.uint8)
    image[:, 20:] = 160
    sharp = Augmentation(sharpness=1.0).vary(image, Fixed(sharpness=1, downscale=-1))
    assert sharp.min() < 70 and sharp.max() > 170 and set(sharp[:, [0, -1]].ravel()) == {80, 160}
    blunt = Augmentation(downscale=0.25).vary(image, Fixed(sharpness=-1, downscale=1))
    step = np.abs(np.diff(blunt.astype(int), axis=1)).max()
    assert step < 40 and blunt.shape == image.shape
    assert np.array_equal(
        Augmentation(downscale=0.25, sharpness=1.0).vary(image, Fixed(sharpness=-1, downscale=-1)), image
    )


def test_one_limit_does_not_change_what_the_others_draw():
    image = square()
    alone = view(image, Augmentation(crop_area_min=0.5), seed=0, row=0, number=1)
    for other in ({"rotation": 1e-9}, {"contrast": 1e-9}, {"sharpness": 1e-9}):
        together = view(image, Augmentation(crop_area_min=0.5, **other), seed=0, row=0, number=1)
        assert np.abs(together.astype(int) - alone).max() <= 1


def test_areas_are_uniform_and_aspects_log_uniform_and_no_crop_leaves_the_picture():
    wide = Augmentation(crop_area_min=0.08, crop_aspect_max=2.0)
    across = np.tile(np.linspace(0, 255, 256).astype(np.uint8), (256, 1))
    sides = []
    for number in range(1, 601):
        wide_seen, high_seen = (
            np.ptp(view(ramp, wide, seed=0, row=0, number=number, size=256).astype(int)) / 255
            for ramp in (across, across.T)
        )
        sides.append((wide_seen, high_seen))
    width, height = np.array(sides).T
    free = (width < 0.98) & (height < 0.98)  # no side was cut to the picture's
    assert 0.05 < (width * height).min() < 0.12 and abs(np.median(np.log(width / height)[free])) < 0.1
    assert 1.9 < (width / height)[free].max() < 2.2 and 0.4 < np.quantile(width * height, 0.5) < 0.6
