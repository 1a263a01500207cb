"""The GPUs of this machine, shared out to workers: one each, as far as they go."""

from __future__ import annotations

import os
import subprocess
from itertools import takewhile

VARIABLE = "CUDA_VISIBLE_DEVICES"
_LIST = ("nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader")  # comes with the driver
_NAMES = ("GPU-", "MIG-")  # how a GPU, or a part of one, is called
_TIMEOUT_SECONDS = 20


class GPUError(ValueError):
    """A GPU that this machine does not have."""


def visible() -> tuple[str, ...]:
    """Names of the GPUs that CUDA may use here: those of `CUDA_VISIBLE_DEVICES`, or, where it is not set, all.

    Raises:
        GPUError: `CUDA_VISIBLE_DEVICES` holds a number that is none of them, or no number or name of a GPU: CUDA would
            ignore it, and its worker use the CPU.
    """
    there = _list()
    if VARIABLE not in os.environ:
        return there
    every = (name.strip() for name in os.environ[VARIABLE].split(","))
    named = tuple(takewhile(lambda name: name not in ("", "-1"), every))  # where CUDA stops, too
    for name in named:
        if not (name.isdecimal() or name.startswith(_NAMES)):
            rule = f"{VARIABLE} must hold numbers, or names that begin with {' or '.join(_NAMES)}"
            raise GPUError(f"{rule}, got {name}")
        if there and name.isdecimal() and int(name) >= len(there):
            raise GPUError(f"{VARIABLE} must name GPUs of this machine, 0 to {len(there) - 1}, got {name}")
    return named


def _list() -> tuple[str, ...]:
    """What the driver lists; none where it cannot be asked."""
    try:
        listed = subprocess.run(_LIST, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):  # no driver: no GPU
        return ()
    return tuple(line.strip() for line in listed.splitlines() if line.strip())


def environment(names: tuple[str, ...], worker: int) -> dict[str, str]:
    """What a worker starts its processes with.

    Args:
        names: of the GPUs that its machine has.
        worker: its number, from 0. With more workers than GPUs some share one.
    """
    if not names:
        return {}
    return {VARIABLE: names[worker % len(names)]}
