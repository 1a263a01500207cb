"""A map must fall apart with what the network knows: those of a trained network do, one that ignores it is caught."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from support.squares import N, train

from pneumo_utils.explanation import sanity_check, stability
from pneumo_utils.records import tables

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


@pytest.fixture(scope="module")
def cases():
    rows = [f"{row}" for row in range(N)]
    return pd.DataFrame({"model": "cnn", "seed": 0, "patient": rows})


@pytest.fixture
def noise():
    """Call it for maps that say nothing, others at every call, and the same in every test."""
    generator = np.random.default_rng(0)
    return lambda: generator.random((N, 36, 36))


def edges(pictures):
    """A map that never asks the network: how steep the picture is. Many a published map looks like it."""
    return np.stack([np.abs(cv2.Laplacian(cv2.GaussianBlur(one, (0, 0), 2), cv2.CV_32F)) for one in pictures])


def told(found):
    table = sanity_check.table(found, 300, 0)
    tables.check("sanity", table)
    return table, sanity_check.verdicts(table)


@pytest.mark.long
def test_blocks_go_from_the_answer_downwards(trained):
    assert list(sanity_check.blocks(trained)) == ["logit", "block5", "block4", "block3", "block2", "block1"]


@pytest.mark.long
def test_every_stage_shuffles_one_block_more_and_all_is_as_before_in_the_end(trained):
    before, changed = trained.get_weights(), []
    for _ in sanity_check.cascade(trained, 0):
        now = trained.get_weights()
        changed.append(sum(not np.array_equal(*pair) for pair in zip(before, now, strict=True)))
        assert all(np.array_equal(np.sort(a.ravel()), np.sort(b.ravel())) for a, b in zip(before, now, strict=True))
    assert changed == sorted(changed) and changed[0] == 1 < changed[-1]
    assert all(np.array_equal(*pair) for pair in zip(before, trained.get_weights(), strict=True))


def test_weights_come_back_even_if_the_caller_fails(trained):
    before = trained.get_weights()
    with pytest.raises(RuntimeError):
        for _ in sanity_check.cascade(trained, 0):
            raise RuntimeError
    assert all(np.array_equal(*pair) for pair in zip(before, trained.get_weights(), strict=True))


@pytest.mark.long
def test_grad_cam_of_a_network_that_learned_which_square_counts_passes(gradcam, images, cases):
    shown, generator = images.copy(), np.random.default_rng(1)
    shown[1::2, 22:32, 22:32] += 120  # the other class has its square at the other end
    for picture in shown:  # and a third one says nothing, but any network sees it
        y, x = generator.integers(18, 27), generator.integers(0, 18)
        picture[y : y + 6, x : x + 6] += 100
    network = train(shown, 20)
    found, verdict = told(
        sanity_check.weight_randomisation_test(network, gradcam.Explainer(network).maps, cases, shown, 0, 20)
    )
    assert verdict["verdict"].tolist() == ["pass"]
    assert found["stage"].tolist() == ["logit", "block5", "block4", "block3", "block2", "block1"]
    assert (found["n"] == N / 2).all(), "maps of pictures without the square are dark before and after"
    assert (found["shuffles"] == 20).all()


def test_a_map_that_ignores_the_network_fails(trained, images, cases, noise):
    found, verdict = told(
        sanity_check.weight_randomisation_test(trained, lambda few: edges(few) + noise(), cases, images, 0, 7)
    )
    assert verdict["verdict"].tolist() == ["FAIL"]
    assert found["value"].min() > 0.8


def test_a_map_that_is_turned_round_by_every_shuffling_fails_too(cases, images, noise):
    heat = edges(images)
    after = [heat + noise(), heat.max() - heat + noise()] * 5
    rows = [sanity_check.compare_maps(cases, heat, one, "weights", "logit", turn) for turn, one in enumerate(after)]
    assert told(pd.concat(rows))[1]["verdict"].tolist() == ["FAIL"]


def test_few_shufflings_that_differ_are_less_sure_than_many_patients(cases, images, noise):
    heat = edges(images)
    after = [heat + noise() if turn % 3 else noise() for turn in range(6)]
    rows = [sanity_check.compare_maps(cases, heat, one, "weights", "logit", turn) for turn, one in enumerate(after)]
    found, verdict = told(pd.concat(rows))
    assert found["lower"].item() < 0.4 and found["upper"].item() > 0.8 and verdict["verdict"].item() == "FAIL"
    found, verdict = told(pd.concat(rows[:5]))
    assert np.isnan(found["lower"].item()) and verdict["verdict"].item() == "not tested", "five shufflings are too few"
    found, verdict = told(pd.concat(rows[:1]))
    assert np.isnan(found["lower"].item()) and verdict["verdict"].item() == "not tested", "and so is one"


def test_a_map_that_was_dark_before_has_nothing_to_lose_and_passes_nothing(cases, images, noise):
    heat = edges(images)
    after = heat + noise()
    kept = sanity_check.compare_maps(cases, heat, after, sanity_check.LABELS, "all")
    heat[: 3 * N // 4] = after[: N // 2] = 0
    some = sanity_check.compare_maps(cases, heat, after, sanity_check.LABELS, "all")
    assert some["left"].isna().sum() == some["dark"].isna().sum() == 3 * N // 4
    for rows in (kept, some):
        assert told(rows)[1]["verdict"].tolist() == ["FAIL"]
    none = sanity_check.compare_maps(cases, np.zeros_like(heat), after, sanity_check.LABELS, "all")
    assert told(none)[1]["verdict"].tolist() == ["not tested"]


def test_a_map_with_nothing_left_passes_and_where_some_are_dark_the_others_are_judged(cases, images, noise):
    heat = edges(images)
    dark = sanity_check.compare_maps(cases, heat, np.zeros_like(heat), sanity_check.LABELS, "all")
    found, verdict = told(dark)
    assert verdict["verdict"].tolist() == ["pass"] and found["dark"].tolist() == [1] and found["value"].tolist() == [0]
    after = heat + noise()
    after[:10] = 0
    found, verdict = told(sanity_check.compare_maps(cases, heat, after, sanity_check.LABELS, "all"))
    assert found["value"].item() < 1 - 10 / N and found["dark"].item() == 10 / N and verdict["verdict"].item() == "FAIL"


def test_a_map_that_does_not_ask_the_answer_fails_though_it_falls_apart_with_everything(cases, images, noise):
    heat, stages = edges(images), {"logit": lambda: edges(images), "block1": noise}
    rows = [
        sanity_check.compare_maps(cases, heat, after(), "weights", stage, turn)
        for turn in range(8) for stage, after in stages.items()
    ]  # fmt: skip
    found, verdict = told(pd.concat(rows, ignore_index=True).sort_values("stage", ascending=False, kind="stable"))
    assert found["value"].tolist() == pytest.approx([1, 0], abs=0.05)
    assert verdict["verdict"].tolist() == ["FAIL"] and verdict["stage"].tolist() == ["logit"]


def test_what_is_left_is_the_squared_rank_correlation(cases, images, noise):
    heat, other = edges(images), noise()
    found = sanity_check.compare_maps(cases, heat, other, sanity_check.LABELS, "all")
    np.testing.assert_allclose(found["left"], stability.correlation(heat, other) ** 2)


def test_the_verdict_is_said_in_words(trained, images, cases, noise):
    found = sanity_check.weight_randomisation_test(trained, lambda few: edges(few) + noise(), cases, images, 0, 7)
    said = sanity_check.for_display(told(found)[1])
    assert said[["network", "shuffled", "verdict"]].to_numpy().tolist() == [["Small CNN", "weights", "FAIL"]]


def test_the_interval_of_what_is_left_is_over_patients_and_shufflings_alike():
    generator, images = np.random.default_rng(1), 3
    patients, turns = np.linspace(-0.2, 0.2, 9), np.array([0.3, 0.35, 0.4, 0.6, 0.65, 0.7])
    left = turns[:, None] + patients.repeat(images) + generator.uniform(-0.02, 0.02, (6, 9 * images))
    left[0, :4] = np.nan  # dark before
    case = {"model": "cnn", "seed": 0, "patient": np.arange(9).repeat(images).astype(str), "test": "weights"}
    rows = [
        pd.DataFrame(case | {"stage": "logit", "shuffle": k, "left": one, "dark": np.isnan(one) * 1.0})
        for k, one in enumerate(left)
    ]
    found = sanity_check.table(pd.concat(rows, ignore_index=True), 3000, 4).iloc[0]
    drawn = []
    for _ in range(3000):
        whose = (generator.integers(0, 9, 9)[:, None] * images + np.arange(images)).ravel()
        drawn.append(np.nanmean(left[generator.integers(0, 6, 6)][:, whose]))
    assert found["value"] == pytest.approx(np.nanmean(left))
    # Student's 2.571 for six shufflings, fewer than the patients, times the root of 6/5, is 2.816 standard errors,
    # 0.24% of draws at each end. It is sure to about 0.01 with 3,000 draws; over patients alone it would be .05 nearer.
    assert (found["lower"], found["upper"]) == pytest.approx(tuple(np.quantile(drawn, [0.0024, 0.9976])), abs=0.02)
