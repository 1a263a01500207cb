"""One sentence about an error that nobody foresaw."""

from __future__ import annotations

import traceback
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def describe(error: BaseException) -> str:
    """Name the kind of `error`, what it says, the last line of this package it came through, and how to see more."""
    said = " ".join(str(error).split())
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in Path(frame.filename).parents]
    place = ""
    if frames:
        place = f", in {Path(frames[-1].filename).relative_to(_PACKAGE.parent).as_posix()}:{frames[-1].lineno}"
    named = type(error).__name__ + (f": {said}" if said else "")
    return f"nobody foresaw {named}{place}; PNEUMO_DEBUG=1 shows the traceback"
