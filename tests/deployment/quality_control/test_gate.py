"""Nothing but upright chest radiographs gets past the gate, and nearly all of those do."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.deployment.quality_control import (
    changed_radiographs,
    gate,
    gate_fitting,
    odd_pictures,
    picture_statistics,
    unlearned_pictures,
)
from pneumo_utils.deployment.quality_control.rarity import Rarity
from pneumo_utils.imaging import decoding
from pneumo_utils.robustness import perturbations

SIZE, TRAIN, HELD_OUT, NEW = 64, 70, 40, 40
REAL = Path(__file__).parents[3] / ".." / "shared" / "data" / "chest_xray"


def phantoms(first, count, size=SIZE):
    return np.stack(
        [radiograph.draw(radiograph.ETIOLOGIES[n % 3], n, n, size, size).pixels for n in range(first, first + count)]
    )


def features(count, seed):
    return np.random.default_rng(seed).normal(size=(count, 16)) * np.linspace(0.1, 3, 16)


@pytest.fixture(scope="module")
def made():
    return gate_fitting.fit(phantoms(0, TRAIN), features(TRAIN, 0), phantoms(1000, HELD_OUT), features(HELD_OUT, 1))


@pytest.fixture(scope="module")
def new():
    return phantoms(2000, NEW)


def reasons(made, pictures):
    return [made.look(np.ascontiguousarray(picture)).refused for picture in pictures]


def share(found, start=""):
    return np.mean([bool(one) and one.startswith(start) for one in found])


def test_new_radiographs_of_the_same_kind_pass(made, new):
    assert share(reasons(made, new)) <= 0.05
    assert share(reasons(made, new[:, :, ::-1])) <= 0.05


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda picture: 255 - picture, "greys look inverted"),
        (lambda picture: changed_radiographs.turn(picture, 1), "looks turned by 90 degrees to the left"),
        (lambda picture: changed_radiographs.turn(picture, 2), "looks upside down"),
        (lambda picture: changed_radiographs.turn(picture, 3), "looks turned by 90 degrees to the right"),
        (lambda picture: picture[::-1], "looks upside down"),
    ],
)
def test_an_inverted_or_turned_radiograph_is_refused_and_the_reason_says_how(made, new, change, reason):
    found = reasons(made, [change(picture) for picture in new])
    assert share(found) >= 0.97
    assert share(found, reason) >= 0.9


@pytest.mark.parametrize("kind", odd_pictures.KINDS)
def test_what_is_no_radiograph_is_refused(made, kind):
    assert share(reasons(made, [odd_pictures.draw(kind, 10**6 + n, SIZE) for n in range(30)])) >= 0.95


@pytest.mark.parametrize("room", [odd_pictures, unlearned_pictures], ids=["learned", "unlearned"])
def test_of_what_is_no_radiograph_at_least_99_in_100_are_refused_whether_its_kind_was_learned_or_not(made, room):
    drawn = [room.draw(kind, 2 * 10**6 + n, SIZE) for kind in room.KINDS for n in range(25)]
    assert share(reasons(made, drawn)) >= 0.99


def test_photographs_are_refused(made):
    found = list(odd_pictures.find_photographs())
    assert {"sklearn/china.jpg", "matplotlib/grace_hopper.jpg"} <= {name for name, _ in found}
    for _, pixels in found:
        assert share(reasons(made, odd_pictures.cut_windows(pixels, 8, SIZE))) == 1


def test_a_radiograph_of_which_half_is_missing_is_refused(made, new):
    generator = np.random.default_rng(0)
    assert share(reasons(made, [changed_radiographs.cut_off(picture, generator) for picture in new])) >= 0.8


@pytest.mark.parametrize(
    ("grey", "reason"),
    [
        (np.full((SIZE, SIZE), 120), "is nearly blank: greys must span at least 16 of 255 levels, got 0"),
        (np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 30, "is too dark: mean grey level must be at least 20"),
        (255 - np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 30, "is too bright: mean grey level must be at most 235"),
    ],
)
def test_a_picture_in_which_nothing_can_be_seen_is_refused(made, grey, reason):
    verdict = made.look(grey.astype(np.uint8))
    assert verdict.refused.startswith(reason) and verdict.check == "exposure"


def test_the_stored_size_makes_no_difference(made):
    for one in phantoms(3000, 6, 256):
        assert [made.look(decoding.resize(one, size)).refused for size in (64, 96, 224)] == [""] * 3
        assert all(made.look(255 - decoding.resize(one, size)).refused for size in (64, 96, 224))


def test_a_darker_radiograph_is_told_but_not_refused(made, new):
    verdicts = [made.look((picture * 0.45).astype(np.uint8)) for picture in new]
    assert np.mean([one.refused == "" for one in verdicts]) >= 0.9
    assert np.mean([any(flag.startswith("darker than usual") for flag in one.flags) for one in verdicts]) > 0.8


def test_a_radiograph_within_a_border_is_flagged(made, new):
    framed = cv2.copyMakeBorder(new[0], 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=0)
    assert "a border of constant grey takes" in " ".join(made.look(decoding.resize(framed, SIZE)).flags)


def test_a_noisy_radiograph_is_refused_and_a_mildly_noisy_or_a_smooth_one_is_told(made, new):
    usual = [picture_statistics.measure_noise(one) for one in new]
    for n, one in enumerate(new[:12]):
        verdict = made.look(perturbations.perturb(one, "noise", 40.0))
        assert verdict.check == "noise" and verdict.refused.startswith("is too noisy: noise must be at most")
        noisier = made.look(perturbations.perturb(one, "noise", 1.5 * max(usual)))
        assert noisier.check != "noise" and "much noise or sharpening" in " ".join(noisier.flags), n
        assert "little fine detail" in " ".join(made.look(cv2.GaussianBlur(one, (0, 0), 2)).flags)


def test_noise_is_measured_in_grey_levels_whatever_lies_below_it(new):
    slope = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8) + 50
    assert picture_statistics.measure_noise(slope) == 0
    for strength in (5.0, 15.0):
        found = picture_statistics.measure_noise(perturbations.perturb(slope, "noise", strength))
        assert found == pytest.approx(strength, rel=0.05)


def test_a_refused_radiograph_with_a_wide_border_is_told_to_be_cut(made, new):
    framed = [cv2.copyMakeBorder(one, 12, 12, 12, 12, cv2.BORDER_CONSTANT, value=255) for one in new]
    refused = [made.look(decoding.resize(one, SIZE)).refused for one in framed]
    assert any(refused) and all(one.endswith("of a side): cut it off") for one in refused if one)


def test_lungs_must_be_four_times_as_rare_as_what_other_checks_measure():
    kind, distance, lungs = gate.rate([Rarity(0.0, 1.0, 0.1)] * 3, np.full((1, 3), 2.0))[0]
    assert distance == kind and lungs == pytest.approx(kind - np.log(4))


@pytest.mark.parametrize("rare", [(9.0, 0.0, 0.0), (0.0, 9.0, 0.0), (0.0, 0.0, 9.0)], ids=gate.CHECKS)
def test_one_check_that_comes_near_its_limit_is_enough_to_be_told(made, new, monkeypatch, rare):
    monkeypatch.setattr(gate, "rate", lambda rarities, values: np.array([rare]))
    verdict = replace(made, limits=np.array([10.0, 10.0])).look(new[0])
    assert verdict.flags[-1].startswith("unusual among the radiographs of the study") and not verdict.refused


def test_neither_a_limit_nor_a_rarity_that_is_no_number_lets_a_picture_pass(made, new, monkeypatch):
    assert replace(made, limits=np.full(2, np.nan)).look(new[0]).refused
    monkeypatch.setattr(gate, "rate", lambda rarities, values: np.array([[0.0, np.nan, 0.0]]))
    assert made.look(new[0]).check == "distance"


def test_a_gate_from_before_noise_was_looked_at_has_the_limit_that_needs_no_lesson(made, new):
    old = gate.Gate.of({name: array for name, array in made.arrays().items() if name != "usual.noise"})
    noisy = perturbations.perturb(new[0], "noise", 40.0)
    assert made.look(noisy).check == "noise"
    assert old.look(noisy).refused.startswith("is too noisy: noise must be at most 8 grey levels")
    assert [old.look(one).refused for one in new[:20]] == [made.look(one).refused for one in new[:20]]


def test_a_radiograph_that_was_saved_in_a_handful_of_grey_levels_is_refused(made, new):
    few = [made.look(new[0] // (256 // levels) * (256 // levels)) for levels in (4, 8, 16)]
    assert all(told.check in ("noise", "shades") for told in few), "edges of four levels look like noise, too"
    assert few[-1].refused.startswith("has too few shades of grey: there must be as many as 32 equally common ones")
    framed = new[0].copy()
    framed[:10] = framed[-10:] = 0
    assert made.look(framed).check != "shades", "a border is of one level"


def test_features_far_from_those_of_the_training_set_are_refused(made):
    assert np.mean([made.look_at_features(row).refused != "" for row in features(300, 5)]) <= 0.06
    verdict = made.look_at_features(8 * features(1, 6)[0])
    assert verdict.refused.startswith("is too far from the chest radiographs that this network knows: distance at most")
    assert verdict.check == "features"
    with pytest.raises(gate.GateError, match=r"features must be of shape \(16,\), got \(17,\)"):
        made.look_at_features(np.zeros(17))


def test_features_of_radiographs_changed_mildly_widen_the_limit_where_they_are_given():
    few = phantoms(0, 2 * gate_fitting.FEWEST)
    train, held_out, known = few[: gate_fitting.FEWEST], few[gate_fitting.FEWEST :], features(gate_fitting.FEWEST, 0)
    varied = 3 * features(60, 2)
    made = gate_fitting.fit(train, known, held_out, known, varied_features=varied)
    assert np.mean([made.look_at_features(row).refused != "" for row in varied]) <= 0.02
    made = gate_fitting.fit(train, known, held_out, known)
    assert np.mean([made.look_at_features(row).refused != "" for row in varied]) > 0.3


def test_a_kept_gate_says_the_same_and_is_small(made, new):
    file = io.BytesIO()
    np.savez_compressed(file, **made.arrays())
    assert len(file.getvalue()) < 2e6
    file.seek(0)
    with np.load(file, allow_pickle=False) as stored:
        again = gate.Gate.of(dict(stored))
    for picture, row in zip(new, features(NEW, 9), strict=True):
        for one in (picture, 255 - picture):
            assert again.look(one) == made.look(one)
        assert again.look_at_features(row) == made.look_at_features(row)
    with pytest.raises(gate.GateError, match="got none named 'limits'"):
        gate.Gate.of({name: array for name, array in made.arrays().items() if name != "limits"})


@pytest.mark.long
@pytest.mark.slow
def test_the_same_seed_makes_the_same_gate():
    few = phantoms(0, 2 * gate_fitting.FEWEST)
    train, held_out, known = few[: gate_fitting.FEWEST], few[gate_fitting.FEWEST :], features(gate_fitting.FEWEST, 0)
    one, other = (gate_fitting.fit(train, known, held_out, known, seed=3).arrays() for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)


def test_arguments_that_break_a_rule_are_refused():
    few, known = np.zeros((gate_fitting.FEWEST, SIZE, SIZE), np.uint8), features(gate_fitting.FEWEST, 0)
    with pytest.raises(gate.GateError, match="^train must hold at least 20 pictures, got 19$"):
        gate_fitting.fit(few[1:], known[1:], few, known)
    with pytest.raises(gate.GateError, match="^features of held_out must be as many as its 20 pictures, got 19$"):
        gate_fitting.fit(few, known, few, known[1:])
    with pytest.raises(gate.GateError, match=r"^false_alarms must be in \(0, 1\), got 1$"):
        gate_fitting.fit(few, known, few, known, false_alarms=1)


def test_features_that_are_no_numbers_are_refused(made):
    assert made.look_at_features(np.full(16, np.nan)).refused


def test_looking_needs_neither_scikit_learn_nor_pandas_nor_tensorflow():
    loaded = "print({'sklearn', 'pandas', 'tensorflow'} & set(sys.modules))"
    check = f"import sys, pneumo_utils.deployment.quality_control.gate; {loaded}"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True).stdout.strip() == "set()"


@pytest.mark.long
@pytest.mark.skipif(not REAL.is_dir(), reason="the real radiographs are not beside the project")
def test_real_radiographs_pass_and_their_changed_versions_do_not():
    def load(part, start, count):
        paths = [path for name in ("NORMAL", "PNEUMONIA") for path in sorted((REAL / part / name).iterdir())[start::4]]
        return np.stack([decoding.read(path, SIZE) for path in paths[:: max(1, len(paths) // count)][:count]])

    made = gate_fitting.fit(load("train", 0, 300), features(300, 0), load("train", 1, 150), features(150, 1))
    new = load("test", 0, 100)
    assert share(reasons(made, new)) <= 0.08
    for changed in (255 - new, new[:, ::-1], np.rot90(new, 1, (1, 2)), np.rot90(new, 3, (1, 2))):
        assert share(reasons(made, changed)) >= 0.98
