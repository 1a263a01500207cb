"""AdamW whose step is one operation of TensorFlow a variable, where Keras takes a dozen."""

from __future__ import annotations

from pneumo_utils.networks.backend import keras, tf


@keras.saving.register_keras_serializable(package="pneumo_utils")
class FusedAdamW(keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`, the same numbers but for rounding, in less time.

    Keras writes Adam as separate sums, products and roots, each of which reads and writes all weights. Of the step of a
    large network on few small pictures that is a third, and its hundreds of small operations are traced anew by every
    training. TensorFlow has the whole rule as one (`ResourceApplyAdam`; Kingma & Ba 2015, the form that precedes
    section 2.1, as in Keras). Weight decay stays Keras' own, and so do averages once `ema_momentum` is reached.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.amsgrad:
            raise ValueError("amsgrad must be False, got: True")

    def _update_model_variables_moving_average(self, trainable_variables):
        """Average over fewer steps at first, by the rule of `tf.train.ExponentialMovingAverage(num_updates)`.

        Keras begins with the weights after the first step and forgets them by `ema_momentum` alone: of a training of a
        hundred steps at 0.99 a third of the average would be weights that had learned nothing.
        """
        reached, steps = self.ema_momentum, tf.cast(self.iterations, tf.float32)
        self.ema_momentum = tf.minimum(reached, (1 + steps) / (10 + steps))
        try:
            super()._update_model_variables_moving_average(trainable_variables)
        finally:
            self.ema_momentum = reached

    def update_step(self, gradient, variable, learning_rate):
        """Move `variable` against `gradient`, both float32 of one shape."""
        place = self._get_variable_index(variable)
        step = tf.cast(self.iterations, variable.dtype) + 1
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=self._momentums[place].value.handle, v=self._velocities[place].value.handle,
            beta1_power=tf.pow(self.beta_1, step), beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(learning_rate, variable.dtype), beta1=self.beta_1, beta2=self.beta_2, epsilon=self.epsilon,
            grad=gradient,
        )  # fmt: skip
