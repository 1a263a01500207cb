"""The one door to TensorFlow and Keras: opened without their start-up lines, and with the fast CPU kernels on.

Importing it does something, because TensorFlow and Keras read their environment while they are loaded. What a user
has set for other programs (`keras.json`, `KERAS_BACKEND`, `TF_XLA_FLAGS`, a coarser format for float32) must not change
a number.
"""

import os

from pneumo_utils.records.quiet import silent
from pneumo_utils.records.unloaded import unloaded

# Off by default on processors without AVX-512, where it still makes training 2 to 4 times faster.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ["KERAS_BACKEND"] = "tensorflow"
_FOREIGN = ("TF_XLA_FLAGS", "TF_SET_ONEDNN_FPMATH_MODE", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")
for _name in _FOREIGN:
    os.environ.pop(_name, None)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Else whoever comes first takes all memory of a GPU, and trainings or pages side by side find none.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

# Keras loads these, where they are installed, for wrappers that nothing here uses: a third of its time.
with silent(), unloaded("IPython", "matplotlib", "pandas", "sklearn"):
    import keras
    import tensorflow as tf
    from keras import layers

# GPUs would round what they multiply in float32 to ten bits: finished networks answer in it, on any machine alike.
tf.config.experimental.enable_tensor_float_32_execution(False)
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")

# Every network has a graph of its own, which TensorFlow takes for one that is traced again and again.
tf.get_logger().addFilter(lambda record: "tf.function retracing" not in record.getMessage())

__all__ = ["keras", "layers", "tf"]
