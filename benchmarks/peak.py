"""What the machine gives a plain matrix product: the speed nothing can exceed by much."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from pneumo_utils.networks import precision
from pneumo_utils.networks.backend import tf

SIDES = (2048, 3072, 4096)  # of the matrices
_TURNS = 6


def dtypes() -> list[str]:
    """Number formats in which the study would compute here."""
    return list(dict.fromkeys(["float32", precision.choose("auto")]))


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of `work`."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def product(side: int, dtype: str) -> tuple[Callable[[], object], float]:
    """A matrix product, and its operations."""
    generator = np.random.default_rng(0)
    first, second = (tf.cast(generator.normal(size=(side, side)), dtype) for _ in range(2))
    multiply = tf.function(tf.linalg.matmul)
    return lambda: multiply(first, second).numpy()[0, 0], 2.0 * side**3


def speed(dtype: str, sides: tuple[int, ...] = SIDES) -> float:
    """Operations a second of the best product."""
    works = [product(side, dtype) for side in sides]
    for work, _ in works:
        work()  # graphs are traced and caches warm
    return max(operations / seconds(work) for _ in range(_TURNS) for work, operations in works)
