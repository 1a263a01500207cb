"""Batches: both classes have the same say, every picture its turn."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from support.tiny_pictures import N_TRAIN, feed

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


def test_both_classes_are_drawn_equally_often_and_no_picture_has_a_turn_twice(rooms):
    label, seen = np.array([0] * 7 + [1] * 30), []
    for epoch in range(3):
        order, turns = rooms["batches"].balanced_order(label, epoch, np.random.default_rng(epoch))
        assert len(order) == len(label) and np.bincount(label[order]).tolist() == [18, 19]
        times = np.bincount(order[label[order] == 0], minlength=7)[:7]
        assert set(times) <= {2, 3} and len(set(order[label[order] == 1])) == 19
        seen += list(zip(order.tolist(), turns.tolist(), strict=True))
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("views", [2, 3, 4])
def test_balanced_drawing_meets_every_kept_view_of_both_classes(rooms, views):
    label, met = np.array([0] * 26 + [1] * 74), {0: set(), 1: set()}
    for epoch in range(4 * views):
        order, turns = rooms["batches"].balanced_order(label, epoch, np.random.default_rng(epoch))
        for position, turn in zip(order.tolist(), turns.tolist(), strict=True):
            met[label[position]].add((position, (turn + position) % views))
    for one, positions in ((0, 26), (1, 74)):
        assert len(met[one]) > 0.9 * positions * views


def test_class_weights_give_both_classes_the_same_say(rooms):
    weights = rooms["batches"].class_weights(np.array([0, 1, 1, 1]))
    assert weights == {0: 2.0, 1: pytest.approx(2 / 3)}
    with pytest.raises(ValueError, match="label must hold both classes, got 0 normal and 2 pneumonia"):
        rooms["batches"].class_weights(np.array([1, 1]))


@pytest.mark.parametrize("label", [[1, 1, 1], [0, 0]])
def test_a_class_that_is_absent_cannot_be_drawn_as_often_as_the_other(rooms, label):
    with pytest.raises(ValueError, match=r"label must hold both classes, got \d normal and \d pneumonia"):
        rooms["batches"].Batches(lambda at, _: at, np.array(label), 2, 0, balanced=True)


def test_an_epoch_shows_every_training_picture_once_and_in_a_new_order(rooms, images):
    batches = rooms["batches"].Batches(feed(images).training, np.arange(N_TRAIN) % 2, 8, seed=0)
    orders = []
    for _ in range(2):
        orders.append(batches.order.copy())
        assert sorted(batches.order) == list(range(N_TRAIN))
        assert sum(len(batches[i][1]) for i in range(len(batches))) == N_TRAIN
        batches.on_epoch_end()
    assert (orders[0] != orders[1]).any()


def test_batches_that_are_made_ahead_are_those_of_their_epoch(rooms, images):
    label = np.arange(N_TRAIN) % 2
    batches = rooms["batches"].Batches(feed(images).training, label, 8, seed=0, readers=3)
    for _ in range(3):
        for number in range(2):  # the others are under way, and of no use in the next epoch
            rows, labels = batches[number]
            positions = batches.order[number * 8 : (number + 1) * 8]
            np.testing.assert_array_equal(labels[:, 0], label[positions])
            np.testing.assert_array_equal(rows, feed(images).training(positions, batches.turns[number * 8 :][:8]))
        batches.on_epoch_end()


def turned(positions, turns):
    """Rows that say no more than their turn."""
    return turns[:, None].astype(np.float32)


def test_every_picture_of_an_epoch_is_in_the_turn_of_that_epoch(rooms):
    batches = rooms["batches"].Batches(turned, np.arange(40) % 2, 4, seed=0)
    for epoch in (0, 1, 5):
        batches.go_on(epoch)
        assert {float(turn) for number in range(len(batches)) for turn in batches[number][0][:, 0]} == {epoch}


def test_what_is_under_way_is_of_no_use_in_another_epoch(rooms):
    made = threading.Semaphore(0)

    def rows(positions, turns):
        made.release()
        return turned(positions, turns)

    batches = rooms["batches"].Batches(rows, np.arange(8) % 2, 4, seed=0)
    assert set(batches[0][0][:, 0]) == {0}
    assert all(made.acquire(timeout=10) for _ in range(2)), "the second is made ahead"
    batches.go_on(5)
    assert set(batches[1][0][:, 0]) == {5}
