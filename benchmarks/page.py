"""One page of all benches, `reports/bench/index.html`, in the look of the study's pages and as self-contained."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import rows
from markupsafe import Markup

from pneumo_utils.reporting import page_shell
from pneumo_utils.reporting.display import table_html

_SHOWN = ["measure", "ours", "theirs", "unit", "ratio", "target", "met", "detail"]


def render(names: tuple[str, ...]) -> Path:
    """Write the page of those benches in `names` that left rows; where it lies."""
    found = {name: frame for name in names if (frame := rows.read(name)) is not None}
    target = rows.FOLDER / "index.html"
    page_shell.write(
        target,
        "bench.html.j2",
        templates=Path(__file__).parent,
        study="bench",
        heading="Benchmarks",
        description="Speed and memory against what people do today, or against what the machine can do.",
        notices=_notices(found, names),
        tables={name: Markup(_table(name, frame)) for name, frame in found.items()},
        runs={name: frame.iloc[0][["date", "machine", "versions"]] for name, frame in found.items()},
    )
    return target


def _notices(found: dict[str, pd.DataFrame], names: tuple[str, ...]) -> list[str]:
    """What a reader must know before the numbers: targets that were missed, benches without rows."""
    missed = [measure for frame in found.values() for measure in frame.loc[~frame["met"], "measure"]]
    absent = [name for name in names if name not in found]
    notices = [f"Targets not met: {'; '.join(missed)}."] if missed else []
    return notices + ([f"No rows of {', '.join(absent)}."] if absent else [])


def _table(name: str, frame: pd.DataFrame) -> str:
    shown = frame[_SHOWN].copy()
    for column in ("ours", "theirs", "ratio"):
        shown[column] = [number(value) for value in shown[column]]
    return table_html(shown.set_index("measure"), f"{name}: ours against theirs")


def number(value: float) -> str:
    """Three digits that count, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"
