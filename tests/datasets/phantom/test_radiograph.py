"""One drawn radiograph: what is true of every one, and what alone tells the classes apart."""

import cv2
import numpy as np
import pytest

from pneumo_utils.datasets.phantom import radiograph

SEEDS = range(12)
SIZE = {"height": 200, "width": 260}
SICK = ("bacterial", "viral")


def drawn(etiology, patient, view=0):
    return radiograph.draw(etiology, patient, view, **SIZE)


@pytest.mark.parametrize("etiology", radiograph.ETIOLOGIES)
def test_same_seed_draws_the_same_bytes(etiology):
    first, again = drawn(etiology, 3, 4), drawn(etiology, 3, 4)
    for name in ("pixels", "lungs", "lesion"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.pixels, drawn(etiology, 5, 4).pixels)
    assert not np.array_equal(first.pixels, drawn(etiology, 3, 5).pixels)


@pytest.mark.parametrize("height, width", [(32, 32), (151, 240), (480, 480)])
def test_arrays_have_the_size_and_kind_that_was_asked_for(height, width):
    found = radiograph.draw("viral", 1, 1, height, width)
    assert found.pixels.dtype == np.uint8
    assert found.lungs.dtype == found.lesion.dtype == bool
    for array in (found.pixels, found.lungs, found.lesion):
        assert array.shape == (height, width)


def test_lesion_is_inside_the_lungs_and_empty_in_normals():
    for seed in SEEDS:
        assert not drawn("normal", seed).lesion.any()
        for etiology in SICK:
            radiograph = drawn(etiology, seed)
            assert radiograph.lesion.any()
            assert not (radiograph.lesion & ~radiograph.lungs).any()


@pytest.mark.parametrize("etiology", SICK)
def test_lesion_is_denser_than_the_same_lungs_without_it(etiology):
    for seed in SEEDS:
        healthy, sick = drawn("normal", seed), drawn(etiology, seed)
        inside = sick.lesion
        gain = sick.pixels[inside].mean() - healthy.pixels[inside].mean()
        elsewhere = healthy.lungs & ~cv2.dilate(inside.astype(np.uint8), np.ones((5, 5))).astype(bool)
        assert gain > 5
        if elsewhere.any():
            change = sick.pixels[elsewhere].astype(float) - healthy.pixels[elsewhere]
            assert abs(change).mean() < gain


@pytest.mark.parametrize("etiology", SICK)
def test_nothing_but_the_lesion_separates_the_classes(etiology):
    for seed in SEEDS:
        healthy, sick = drawn("normal", seed), drawn(etiology, seed)
        assert np.array_equal(healthy.lungs, sick.lungs)
        outside = ~cv2.dilate(healthy.lungs.astype(np.uint8), np.ones((15, 15))).astype(bool)
        assert outside.mean() > 0.2
        assert np.array_equal(healthy.pixels[outside], sick.pixels[outside])


def test_bacterial_is_one_focus_and_viral_is_on_both_sides():
    shares = {etiology: [] for etiology in SICK}
    for seed in SEEDS:
        for etiology in SICK:
            radiograph = drawn(etiology, seed)
            left, right = (
                radiograph.lesion[:, half].sum() / radiograph.lungs[:, half].sum()
                for half in (slice(0, 130), slice(130, 260))
            )
            shares[etiology].append((min(left, right), max(left, right)))
    assert max(smaller for smaller, _ in shares["bacterial"]) < 0.1
    assert np.median([smaller for smaller, _ in shares["viral"]]) > 0.5


def test_severity_varies_from_subtle_to_plain():
    gains = []
    for seed in range(30):
        healthy, sick = drawn("normal", seed), drawn("bacterial", seed)
        gains.append(sick.pixels[sick.lesion].mean() - healthy.pixels[sick.lesion].mean())
    assert min(gains) < 0.5 * max(gains)


def test_anatomy_is_the_patients_and_stays_across_views():
    """Lungs framed upright by their bounding box overlap more within a patient than between patients."""

    def upright(patient, view):
        lungs = drawn("normal", patient, view).lungs.astype(np.uint8)
        x, y, width, height = cv2.boundingRect(lungs)
        return cv2.resize(lungs[y : y + height, x : x + width], (64, 64)).astype(bool)

    def overlap(a, b):
        return (a & b).sum() / (a | b).sum()

    # views 0 and 1 of each patient against view 1 of the next
    same = [overlap(upright(p, 0), upright(p, 1)) for p in SEEDS]
    other = [overlap(upright(p, 0), upright(p + 1, 1)) for p in SEEDS]
    assert np.median(same) > np.median(other) + 0.02


def test_lungs_are_dark_between_a_bright_heart_and_black_air():
    for seed in SEEDS:
        radiograph = drawn("normal", seed)
        lungs = radiograph.pixels[radiograph.lungs].mean()
        between = radiograph.pixels[60:140, 120:140].mean()  # spine, heart and great vessels
        assert 0.1 < radiograph.lungs.mean() < 0.6
        assert lungs + 50 < between


def test_exposure_varies_between_views():
    means = [drawn("normal", 1, view).pixels.mean() for view in SEEDS]
    assert np.std(means) > 5


@pytest.mark.parametrize(
    "change, message",
    [
        ({"etiology": "fungal"}, "etiology must be one of normal, bacterial, viral, got 'fungal'"),
        ({"patient_seed": -1}, "patient_seed must be at least 0, got -1"),
        ({"view_seed": -2}, "view_seed must be at least 0, got -2"),
        ({"height": 31}, "height must be at least 32, got 31"),
        ({"width": 0}, "width must be at least 32, got 0"),
    ],
)
def test_bad_arguments_are_named_with_their_rule(change, message):
    with pytest.raises(ValueError) as caught:
        radiograph.draw(**({"etiology": "normal", "patient_seed": 1, "view_seed": 1} | SIZE | change))
    assert str(caught.value) == message
