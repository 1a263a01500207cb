"""How far a table of scores is that another process writes."""

from __future__ import annotations

from collections import Counter
from itertools import takewhile
from pathlib import Path

from pneumo_utils.deployment import score_rows


class GrowingTable:
    """How far a table is that another process writes.

    Args:
        path: of the table; it lies in its `.part` file until it is whole.
        as_json: one JSON object a line instead of CSV.
    """

    def __init__(self, path: Path, as_json: bool = False):
        self._files, self._json = (path.with_name(f"{path.name}.part"), path), as_json
        self._read, self._counts = 0, Counter()  # bytes that are counted, and what was

    def count(self) -> Counter:
        """Its whole rows by status; counted anew where it is written anew, since its process died."""
        for file in self._files:
            try:
                if file.stat().st_size < self._read:
                    self._read, self._counts = 0, Counter()
                with file.open("rb") as stream:
                    stream.seek(self._read)
                    for line in takewhile(lambda line: line.endswith(b"\n"), score_rows.lines(stream)):
                        self._add(line)
                break
            except FileNotFoundError:
                continue
        return Counter(self._counts)

    def _add(self, line: bytes) -> None:
        self._read += len(line)
        row = score_rows.parse(line, self._json)
        if row is not None:
            self._counts[row["status"]] += 1
