"""Runs a function in a fresh process, so that no side of a comparison inherits memory, graphs or settings."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def run(function: Callable[..., Result], *arguments: object) -> Result:
    """What `function`, which must be importable, returns for `arguments` in a new interpreter.

    Raises:
        concurrent.futures.process.BrokenProcessPool: the process was killed, for want of memory for instance.
    """
    fresh = multiprocessing.get_context("spawn")  # a fork would hand down what TensorFlow has started
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(function, *arguments).result()
