"""Lengths of time in words, as exact as they are known."""

from __future__ import annotations


def in_words(seconds: float) -> str:
    """Write a running time as a person would: `8 s`, `4 min`, `2 h 05 min`.

    Args:
        seconds: at least 0.
    """
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
