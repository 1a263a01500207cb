"""One phase: which epoch is kept, what averages and penalties do."""

from __future__ import annotations

import numpy as np
import pytest
from support.tiny_pictures import SIZE, N, feed, settings

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


@pytest.mark.long
def test_the_kept_weights_are_those_of_the_lowest_validation_loss(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]
    training.make_reproducible(0)
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    phases = [optimisation.Phase("end_to_end", 6, 1e-2)]
    fed, part, history = training.train(network, feed(images), splits, phases, settings(), 0, tmp_path)
    assert history["kept"].sum() == 1 and history.loc[history["kept"], "val_loss"].item() == history["val_loss"].min()
    predicted = rooms["inference"].predict(part, fed, splits)
    rows = predicted[predicted["split"] == "validation"]
    p = rows["probability"].clip(1e-7, 1 - 1e-7)
    loss = -np.where(rows["label"] == 1, np.log(p), np.log(1 - p)).mean()
    assert loss == pytest.approx(history["val_loss"].min(), rel=1e-3)


@pytest.mark.long
def test_the_average_of_weights_is_what_is_judged_and_kept(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]
    training.make_reproducible(0)
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    asked = optimisation.Settings(8, 50, label_smoothing=0.1, ema_momentum=0.8)
    phases = [optimisation.Phase("end_to_end", 4, 1e-2)]
    fed, part, history = training.train(network, feed(images), splits, phases, asked, 0, tmp_path)
    rows = rooms["inference"].predict(part, fed, splits).query("split == 'validation'")
    p = rows["probability"].clip(1e-7, 1 - 1e-7)
    loss = -np.where(rows["label"] == 1, np.log(p), np.log(1 - p)).mean()
    assert loss == pytest.approx(history["val_loss"].iloc[-1], rel=1e-3), "of plain labels, and of the kept weights"


@pytest.mark.long
def test_of_averaged_weights_no_epoch_is_picked_and_none_is_left_out(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]
    swapped = splits.assign(label=splits["label"].where(splits["split"] == "train", 1 - splits["label"]))
    phases = [optimisation.Phase("end_to_end", 4, 1e-3)]
    kept = {}
    for averaging in (0.0, 0.8):
        training.make_reproducible(0)
        network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
        asked = optimisation.Settings(8, patience=1, ema_momentum=averaging)
        _, _, history = training.train(network, feed(images), swapped, phases, asked, 0, tmp_path)
        assert history["val_loss"].iloc[-1] > history["val_loss"].iloc[0], "validation says the opposite"
        kept[averaging] = list(history["kept"])
    assert kept == {0.0: [True, False], 0.8: [False, False, False, True]}


@pytest.mark.long
def test_averaged_weights_stay_though_an_earlier_phase_had_a_lower_loss(rooms, images, splits):
    optimisation = rooms["optimisation"]
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    phase, asked = optimisation.Phase("end_to_end", 1, 1e-3), optimisation.Settings(8, 5, ema_momentum=0.8)
    before = network.get_layer("logit").get_weights()[0]
    found = optimisation.fit(network, feed(images), splits, phase, asked, 0, to_beat=0.0)
    assert found["kept"].tolist() == [True]
    assert (network.get_layer("logit").get_weights()[0] != before).any()


class Asked(Exception):
    """In place of a training."""


@pytest.mark.parametrize(("balance", "weights"), [("weights", {0: 2 / 3, 1: 2.0}), ("sampling", None)])
def test_both_classes_have_the_same_say_by_the_loss_or_by_the_draw(
    rooms, images, splits, monkeypatch, balance, weights
):
    optimisation, given = rooms["optimisation"], {}

    def fit(network, batches, **options):
        given.update(options, balanced=batches.balanced)
        raise Asked

    monkeypatch.setattr(rooms["models"].keras.Model, "fit", fit)
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    rare = splits.assign(label=(np.arange(N) % 4 == 0).astype(int))
    asked, phase = optimisation.Settings(8, 5, class_balance=balance), optimisation.Phase("end_to_end", 1, 1e-3)
    with pytest.raises(Asked):
        optimisation.fit(network, feed(images), rare, phase, asked, 0)
    assert given["class_weight"] == (weights and pytest.approx(weights)) and given["balanced"] == (weights is None)


@pytest.fixture
def compiled(rooms, images, splits, monkeypatch):
    """A network as it stands when the training of a phase begins."""

    def build(phase, **asked):
        network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
        settings = rooms["optimisation"].Settings(8, 5, label_smoothing=0.1, weight_decay=0.05, **asked)
        with pytest.raises(Asked):
            rooms["optimisation"].fit(network, feed(images), splits, phase, settings, 0)
        return network

    def fit(*_, **__):
        raise Asked

    monkeypatch.setattr(rooms["models"].keras.Model, "fit", fit)
    return build


@pytest.mark.long
@pytest.mark.parametrize("penalty", [0.0, 0.2])
def test_labels_are_smoothed_end_to_end_and_not_while_the_head_is_trained(rooms, compiled, penalty):
    phase = rooms["optimisation"].Phase
    smoothed = {
        name: compiled(phase(name, 1, 1e-3), logit_penalty=penalty).loss.label_smoothing
        for name in ("head", "end_to_end")
    }
    assert smoothed == {"head": 0.0, "end_to_end": 0.1}


def test_the_head_is_trained_by_adam_at_the_rate_of_its_phase_without_decay(rooms, compiled):
    optimiser = compiled(rooms["optimisation"].Phase("head", 1, 3e-4)).optimizer
    assert type(optimiser) is rooms["models"].keras.optimizers.Adam and not optimiser.weight_decay
    assert float(optimiser.learning_rate) == pytest.approx(3e-4)


def test_end_to_end_kernels_decay_and_neither_biases_nor_normalisation(rooms, compiled):
    network = compiled(rooms["optimisation"].Phase("end_to_end", 1, 1e-3))
    optimiser = network.optimizer
    assert isinstance(optimiser, rooms["models"].keras.optimizers.AdamW) and optimiser.weight_decay == 0.05
    decaying = {one.path for one in network.trainable_variables if optimiser._use_weight_decay(one)}
    assert decaying == {one.path for one in network.trainable_variables if one.name == "kernel"}
    assert {one.name for one in network.trainable_variables} == {"kernel", "bias", "gamma", "beta"}


@pytest.mark.long
def test_a_penalty_on_logits_keeps_answers_less_sure(rooms, images, splits, tmp_path):
    training, spread = rooms["training"], []
    for penalty in (0.0, 0.5):
        training.make_reproducible(0)
        network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
        asked = rooms["optimisation"].Settings(8, 50, class_balance="sampling", logit_penalty=penalty)
        phases = [rooms["optimisation"].Phase("end_to_end", 6, 3e-3)]
        fed, part, _ = training.train(network, feed(images), splits, phases, asked, 0, tmp_path)
        answers = rooms["inference"].predict(part, fed, splits)["probability"]
        spread.append(np.abs(np.log(answers / (1 - answers))).mean())
    assert spread[1] < 0.8 * spread[0]


def test_the_loss_is_cross_entropy_and_half_the_mean_square_of_the_logits(rooms):
    loss = rooms["optimisation"].PenalisedCrossentropy(0.0, 0.2)
    logit = np.array([[-2.0], [0.5]])
    likely = 1 / (1 + np.exp(-logit))
    plain = -np.mean([np.log(1 - likely[0, 0]), np.log(likely[1, 0])])
    assert float(loss(np.array([[0.0], [1.0]]), likely)) == pytest.approx(plain + 0.1 * np.mean(logit**2), rel=1e-5)


def test_the_history_tells_the_loss_of_plain_labels_beside_the_one_that_is_minimised(rooms, images, splits, tmp_path):
    optimisation, phases = rooms["optimisation"], [rooms["optimisation"].Phase("end_to_end", 1, 1e-3)]
    found = {}
    for penalty in (0.0, 0.5):
        rooms["training"].make_reproducible(0)
        network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
        asked = optimisation.Settings(N, 5, logit_penalty=penalty)  # one step: both see the same answers
        found[penalty] = rooms["training"].train(network, feed(images), splits, phases, asked, 0, tmp_path)[2].iloc[0]
    assert found[0.0]["loss"] == pytest.approx(found[0.0]["plain_loss"], rel=1e-4)
    assert found[0.5]["plain_loss"] == pytest.approx(found[0.0]["plain_loss"], rel=1e-4)
    assert found[0.5]["loss"] > found[0.5]["plain_loss"] + 1e-4


@pytest.mark.long
def test_a_second_phase_that_is_never_better_changes_nothing(rooms, images, splits, tmp_path):
    optimisation, training, models = rooms["optimisation"], rooms["training"], rooms["models"]
    training.make_reproducible(0)
    network = models.build("cnn", SIZE, dropout=0.0, weights=None)
    before = [weight.copy() for weight in network.get_weights()]
    phase = optimisation.Phase("end_to_end", 2, 1e-2)
    history = optimisation.fit(network, feed(images), splits, phase, settings(), 0, to_beat=0.0)
    assert not history["kept"].any()
    for wanted, found in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(wanted, found)


def test_the_learning_rate_rises_and_falls_once_a_cycle(rooms):
    optimisation = rooms["optimisation"]
    phase, asked = optimisation.Phase("end_to_end", 6, 1e-2, cycles=3), optimisation.Settings(8, 5)
    rate = optimisation.adamw(phase, asked, steps=10)._learning_rate
    seen = np.array([float(rate(step)) for step in range(60)]).reshape(3, 20)
    np.testing.assert_allclose(seen[1:], seen[:1].repeat(2, axis=0))
    assert seen[0].argmax() == 2 and seen[0, 2] == pytest.approx(1e-2) and seen[0, -1] < 1e-3


def test_a_phase_of_a_single_step_learns(rooms, images, splits, tmp_path):
    optimisation = rooms["optimisation"]
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    before = network.get_layer("logit").get_weights()[0]
    phases = [optimisation.Phase("end_to_end", 1, 1e-2)]
    rooms["training"].train(network, feed(images), splits, phases, optimisation.Settings(N, 5), 0, tmp_path)
    assert np.abs(network.get_layer("logit").get_weights()[0] - before).max() > 1e-4


def test_a_loss_that_is_no_number_ends_the_training_in_a_sentence(rooms, images, splits, tmp_path):
    optimisation = rooms["optimisation"]
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    network.get_layer("logit").set_weights(
        [np.full_like(one, np.nan) for one in network.get_layer("logit").get_weights()]
    )
    phases = [optimisation.Phase("end_to_end", 2, 1e-2)]
    with pytest.raises(ValueError, match="loss must be a number, got nan in training of epoch 1: lower the learning"):
        rooms["training"].train(network, feed(images), splits, phases, settings(), 0, tmp_path)


def test_averaged_weights_of_a_short_training_have_statistics_that_fit_them(rooms, images, splits, tmp_path):
    optimisation, training = rooms["optimisation"], rooms["training"]
    training.make_reproducible(0)
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    phases = [optimisation.Phase("end_to_end", 3, 1e-3)]
    asked = optimisation.Settings(8, 50, ema_momentum=0.8)
    training.train(network, feed(images), splits, phases, asked, 0, tmp_path)
    first, *_ = rooms["normalisation_statistics"].normalisations(network)
    kept = first.moving_variance.numpy()
    shown = images[(splits["split"] == "train").to_numpy()]
    rooms["normalisation_statistics"].settle(network, [shown])
    np.testing.assert_allclose(kept, first.moving_variance.numpy(), rtol=0.5)


@pytest.mark.long
def test_after_several_cycles_the_mean_of_the_weights_at_their_ends_is_kept_and_judged(
    rooms, images, splits, monkeypatch
):
    optimisation, training = rooms["optimisation"], rooms["training"]
    asked = optimisation.Settings(8, 5, ema_momentum=0.5)

    class Watched(optimisation.CycleEnds):
        def __init__(self, epochs, now):
            super().__init__(epochs, now)
            watched.append(self)

    watched = []
    monkeypatch.setattr(optimisation, "CycleEnds", Watched)
    training.make_reproducible(0)
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    phase = optimisation.Phase("end_to_end", 4, 3e-3, cycles=2)
    history = optimisation.fit(network, feed(images), splits, phase, asked, 0)
    (ends,) = (one.ends for one in watched)
    assert len(ends) == 2 and any(not np.array_equal(a, b) for a, b in zip(*ends, strict=True))
    for kept, *both in zip(network.weights, *ends, strict=True):
        averaged = np.allclose(kept.numpy(), np.mean(both, axis=0), atol=1e-7)
        assert averaged == kept.trainable, "statistics of batch normalisation are those of the averaged weights"
    answers = rooms["inference"].predict(network, feed(images), splits).query("split == 'validation'")
    likely = np.clip(answers["probability"], 1e-7, 1 - 1e-7)
    loss = -np.mean(np.log(np.where(answers["label"] == 1, likely, 1 - likely)))
    assert history["val_loss"].iloc[-1] == pytest.approx(loss, abs=1e-4)
    assert history["kept"].tolist() == [False, False, False, True]


@pytest.mark.long
@pytest.mark.parametrize("averaging", [0.0, 0.8])
def test_a_step_is_traced_once(rooms, images, splits, tmp_path, monkeypatch, averaging):
    keras, traced = rooms["models"].keras, []
    step = keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda self, *data: (traced.append(1), step(self, *data))[1])
    network = rooms["models"].build("cnn", SIZE, dropout=0.0, weights=None)
    asked = rooms["optimisation"].Settings(8, 50, ema_momentum=averaging)
    phases = [rooms["optimisation"].Phase("end_to_end", 3, 1e-3)]
    rooms["training"].train(network, feed(images), splits, phases, asked, 0, tmp_path)
    assert len(traced) == 1
