"""A score as one row of a table: written, and read again from a file that may have been cut off."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from pneumo_utils.deployment.scores import REFUSED, SCORED, Score

COLUMNS = (
    "path", "sha256", "status", "probability", "calibrated", "decision", "unsure", "flags", "reason",
    "bundle", "engine",
)  # fmt: skip
DIGITS = 16  # of the bundle's digest
KEY = ("path", "sha256", "bundle", "engine")  # what a row that is kept must share with the one that is wanted


def render(score: Score, own: dict[str, str], as_json: bool) -> bytes:
    """One score as a line.

    Args:
        score: of one file.
        own: columns `bundle` and `engine`.
        as_json: a JSON object instead of a row of CSV.
    """
    if as_json:
        return (json.dumps(score.as_json() | own, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
    row = score.as_row() | own
    return _line([row[name] for name in COLUMNS])


def header() -> bytes:
    """First line of a table in CSV."""
    return _line(COLUMNS)


def _line(cells: list[str] | tuple[str, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([" ".join(cell.splitlines()) for cell in cells])
    return text.getvalue().encode("utf-8", "backslashreplace")


def digest(row: dict[str, str]) -> int:
    """Of what a kept row must share with the one that is wanted."""
    text = "\n".join(row[name] or "" for name in KEY).encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def parse(line: bytes, as_json: bool) -> dict | None:
    """A row by column; None: it is no whole one, or the header."""
    try:
        text = line.decode("utf-8")
        if as_json:
            row = json.loads(text)
            whole = isinstance(row, dict) and all(isinstance(row.get(name, 0), str | None) for name in KEY)
        else:
            row = dict(zip(COLUMNS, next(csv.reader([text])), strict=True))
            whole = True
    except (ValueError, StopIteration, csv.Error, TypeError, RecursionError):
        return None
    return row if whole and row.get("status") in (SCORED, REFUSED) else None


def read(file: Path, as_json: bool) -> Iterator[tuple[int, bytes, dict | None]]:
    """Where each line begins, the line, and its row by column, None for what is no row; without header and cut line."""
    with file.open("rb") as stream:
        start = 0
        for line in lines(stream):
            if line.endswith(b"\n") and (as_json or line != header()):
                yield start, line, parse(line, as_json)
            start += len(line)


def whole_lines(file: Path, as_json: bool) -> Iterator[tuple[bytes, dict]]:
    """Each row as a line and by column; whatever else is in the file is left out."""
    return ((line, row) for _, line, row in read(file, as_json) if row is not None)


def lines(stream: BinaryIO) -> Iterator[bytes]:
    """From where a stream is to its end, with their ends, one at a time."""
    while line := stream.readline():
        yield line
