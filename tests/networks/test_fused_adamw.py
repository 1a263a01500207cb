"""The optimiser in one operation: the numbers of Keras' own."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.slow  # TensorFlow takes its time to load


def test_every_step_is_that_of_keras_with_decay_averages_and_a_schedule():
    from pneumo_utils.networks.backend import keras, tf
    from pneumo_utils.networks.fused_adamw import FusedAdamW

    steps = np.random.default_rng(0).normal(size=(6, 7, 5)).astype(np.float32)
    found = {}
    for kind in (keras.optimizers.AdamW, FusedAdamW):
        kernel, bias = (keras.Variable(np.ones((7, 5), np.float32), name=name) for name in ("kernel", "bias"))
        rate = keras.optimizers.schedules.CosineDecay(0.0, 4, warmup_target=0.1, warmup_steps=2)
        optimiser = kind(rate, weight_decay=0.3, use_ema=True, ema_momentum=0.1)  # reached with the first step
        optimiser.exclude_from_weight_decay(var_names=["bias"])
        optimiser.build([kernel, bias])
        step = tf.function(optimiser.apply)
        for gradient in steps:
            step([tf.constant(gradient), tf.constant(10 * gradient)])
        found[kind] = [np.asarray(variable) for variable in (kernel, bias, *optimiser.variables)]
    assert not np.allclose(found[FusedAdamW][0], 1), "something was learned"
    for own, known in zip(*found.values(), strict=True):
        np.testing.assert_allclose(own, known, rtol=3e-5, atol=1e-7)  # 1 - 0.999 in float32 is off by 1.3e-5


def test_the_average_forgets_the_first_step_of_a_short_training():
    from pneumo_utils.networks.backend import keras, tf
    from pneumo_utils.networks.fused_adamw import FusedAdamW

    weight = keras.Variable(np.zeros(1, np.float32))
    optimiser = FusedAdamW(1.0, weight_decay=0.0, use_ema=True, ema_momentum=0.99)
    optimiser.build([weight])
    step, steps, followed = tf.function(optimiser.apply), tf.Variable(0.0), tf.Variable([0.0])
    known = tf.train.ExponentialMovingAverage(0.99, num_updates=steps)
    for number in range(60):
        step([tf.constant([-1.0])])
        steps.assign(number)
        followed.assign(weight.value)
        known.apply([followed])  # begins with the weights after the first step, as Keras does
    average = float(optimiser._model_variables_moving_average[0].value[0])
    assert average == pytest.approx(float(known.average(followed)[0]), rel=1e-5)
    assert optimiser.ema_momentum == 0.99
    assert average > 50, "of 60 steps the last count; at 0.99 from the start it would be 25"


def test_a_rule_it_does_not_know_is_refused():
    from pneumo_utils.networks.fused_adamw import FusedAdamW

    with pytest.raises(ValueError, match="amsgrad must be False, got: True"):
        FusedAdamW(1e-3, amsgrad=True)
