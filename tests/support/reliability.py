"""What the long tests saw of faults that were injected: noted while they run, written as reports/reliability.md."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import date
from pathlib import Path

VARIABLE = "RELIABILITY"  # environment variable that names the file of notes
ASKED = VARIABLE in os.environ
PAGE = Path(__file__).parents[2] / "reports" / "reliability.md"
_LOST = ("epochs run twice", "processes left running", "tracebacks shown")


def note(what: str, count: int) -> None:
    """Add to the count of `what`; nothing where nobody asked."""
    if ASKED:
        with Path(os.environ[VARIABLE]).open("a", encoding="utf-8") as file:
            file.write(json.dumps([what, count]) + "\n")


def write(notes: Path, page: Path = PAGE) -> None:
    """Write the page from the notes of a run."""
    from pneumo_utils.records import provenance

    counted: Counter[str] = Counter()
    for line in notes.read_text(encoding="utf-8").splitlines():
        what, count = json.loads(line)
        counted[what] += count
    bad = [(what, counted.pop(what, 0)) for what in _LOST]
    rows = [f"| {what} | {count:,} |" for what, count in [*sorted(counted.items()), *bad]]
    page.write_text(
        "# What this study was put through\n\n"
        "`make test-long` injects faults and counts what came of them; the last three rows must be 0.\n\n"
        f"{date.today():%d %B %Y}, {provenance.machine()}\n\n"
        "| what | count |\n|---|---|\n" + "\n".join(rows) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    write(Path(os.environ.get(VARIABLE, PAGE.with_name(".reliability"))))
