"""Sentences about errors, those that nobody foresaw among them."""

from __future__ import annotations

import traceback
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def sentences(error: Exception) -> list[str]:
    """What went wrong, a sentence each, without the number of an operating system's error."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return [f"{error.filename2 or error.filename} must be usable, got: {error.strerror}"]
    if hasattr(error, "sentences") or isinstance(error, (ValueError, RuntimeError, OSError)):
        return getattr(error, "sentences", [str(error) or describe(error)])
    if isinstance(error, MemoryError):
        return [str(error) or "the machine must have memory for this, got too little"]
    return [describe(error)]


def describe(error: BaseException) -> str:
    """Name the kind of `error`, what it says, the last line of this package it came through, and how to see more."""
    said = " ".join(str(error).split())
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in Path(frame.filename).parents]
    place = ""
    if frames:
        place = f", in {Path(frames[-1].filename).relative_to(_PACKAGE.parent).as_posix()}:{frames[-1].lineno}"
    named = type(error).__name__ + (f": {said}" if said else "")
    return f"nobody foresaw {named}{place}; PNEUMO_DEBUG=1 shows the traceback"
