"""The one door to TensorFlow and Keras: opened without their start-up lines, and with the fast CPU kernels on.

The only room in which importing does something, because TensorFlow reads its environment while it is loaded.
"""

import contextlib
import os
import sys
from collections.abc import Iterator

# Off by default on processors without AVX-512, where it still makes training 2 to 4 times faster.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Send what C++ writes to the standard error to nowhere: lines before its logging starts heed no level."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


with _silent():
    import keras
    import tensorflow as tf
    from keras import layers

# Every network has a graph of its own, which TensorFlow takes for one that is traced again and again.
tf.get_logger().addFilter(lambda record: "tf.function retracing" not in record.getMessage())

__all__ = ["keras", "layers", "tf"]
