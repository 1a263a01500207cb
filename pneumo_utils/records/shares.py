"""The share of a list that one of several processes takes, and how many threads it may have."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from typing import TypeVar

S = TypeVar("S", bound=Sequence)
_MOST_THREADS = 1024


class ThreadsError(RuntimeError):
    """No number of threads. No `ValueError`: argparse would take that for its own, and say it in two lines."""


def take(everything: S, share: str, name: str) -> S:
    """Every n-th of a list; together the shares hold everything once.

    Args:
        everything: in the same order for every share.
        share: `i/n`, the i-th of n, i from 1 to n.
        name: what the error calls it.

    Raises:
        ValueError: it is not that.
    """
    number, count = _parse(share, name)
    return everything[number - 1 :: count]


def take_by_name(everything: Sequence[str], names: Sequence[str], share: str, name: str) -> tuple[str, ...]:
    """What belongs to a share by its own name: it stays there, whatever else comes or goes between two looks.

    Args:
        everything: in any order.
        names: one each, by which the share is told.
        share: as `take`, and so is `name`.
        name: likewise.

    Raises:
        ValueError: as `take`.
    """
    number, count = _parse(share, name)
    digests = (hashlib.sha256(os.fsencode(one)).digest() for one in names)
    places = (int.from_bytes(digest[:8], "big") % count for digest in digests)
    return tuple(one for one, place in zip(everything, places, strict=True) if place == number - 1)


def check_threads(threads: int) -> None:
    """Whether so many threads may be asked for; 0: as many as there are cores.

    Raises:
        ValueError: they may not.
    """
    if not 0 <= threads <= _MOST_THREADS:
        raise ValueError(f"threads must be 0 to {_MOST_THREADS:,}, got {threads}")


def parse_threads(typed: str) -> int:
    """The number of threads that was typed; see `check_threads`.

    Raises:
        ThreadsError: it is no number.
    """
    try:
        return int(typed)
    except ValueError:
        raise ThreadsError(f"threads must be 0 to {_MOST_THREADS:,}, got {typed}") from None


def _parse(share: str, name: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", share)
    if not found or int(found[1]) > int(found[2]):
        raise ValueError(f"{name} must be I/N with I from 1 to N, got {share}")
    return int(found[1]), int(found[2])
