"""The share of a list that one of several processes takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

S = TypeVar("S", bound=Sequence)


def take(everything: S, share: str, name: str) -> S:
    """Every n-th of a list; together the shares hold everything once.

    Args:
        everything: in the same order for every share.
        share: `i/n`, the i-th of n, i from 1 to n.
        name: what the error calls it.

    Raises:
        ValueError: it is not that.
    """
    found = re.fullmatch(r"([1-9][0-9]*)/([1-9][0-9]*)", share)
    if not found or int(found[1]) > int(found[2]):
        raise ValueError(f"{name} must be I/N with I from 1 to N, got {share}")
    return everything[int(found[1]) - 1 :: int(found[2])]
