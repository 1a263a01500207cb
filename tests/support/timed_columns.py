"""What two runs of one study may tell otherwise: how long something took."""

from __future__ import annotations

import pandas as pd


def without_times(table: pd.DataFrame) -> pd.DataFrame:
    """`table` without the columns that hold a clock or the memory of a process."""
    timed = [name for name in table if name in ("seconds", "peak_memory") or name.startswith("latency")]
    return table.drop(columns=timed).reset_index(drop=True)
