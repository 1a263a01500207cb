"""What a benchmark leaves behind: one row per comparison, both sides measured in the same run."""

from __future__ import annotations

import argparse
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pandas as pd
import psutil

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "reports" / "bench"
_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "numpy", "scikit-learn", "opencv-python-headless")
_CPUINFO = Path("/proc/cpuinfo")  # Linux


@dataclass(frozen=True)
class Row:
    """One comparison."""

    measure: str  # what was measured, in words
    ours: float
    theirs: float  # of what people do today, or of what the machine can do
    unit: str  # of both
    ratio: float
    target: str  # rule for the ratio (or for `ours`, then it says so), in words
    met: bool
    detail: str  # sizes, settings, what else was seen


def write(name: str, rows: list[Row], *, keep: bool = True) -> None:
    """Print `rows` and, if they are to be kept, write them to `reports/bench/<name>.csv` with machine and versions."""
    for row in rows:
        seen = f"{row.ours:.4g} against {row.theirs:.4g} {row.unit}, ratio {row.ratio:.3g} (target: {row.target})"
        sys.stdout.write(f"{'met   ' if row.met else 'NOT MET'} {row.measure}: {seen}; {row.detail}\n")
    if keep:
        FOLDER.mkdir(parents=True, exist_ok=True)
        said = {"machine": machine(), "versions": versions(), "date": datetime.now(UTC).date().isoformat()}
        frame = pd.DataFrame([asdict(row) for row in rows]).assign(**said)
        frame.to_csv(FOLDER / f"{name}.csv", index=False, lineterminator="\n", float_format="%.4g")


def read(name: str) -> pd.DataFrame | None:
    """The rows that `write` kept under `name`; None where there are none."""
    file = FOLDER / f"{name}.csv"
    return pd.read_csv(file, keep_default_na=False, na_values=["nan", ""]) if file.is_file() else None


def parser(doc: str) -> argparse.ArgumentParser:
    """Arguments that every bench knows: `--quick` tries it out in seconds, and keeps nothing."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--quick", action="store_true", help="try it out at tiny sizes: nothing is written")
    return made


def machine() -> str:
    """Processor, cores and memory, in words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.system()} {_processor()}, {psutil.cpu_count()} cores, {memory:.0f} GiB"


def _processor() -> str:
    """Architecture and, where the system tells, the name of the processor."""
    lines = _CPUINFO.read_text().splitlines() if _CPUINFO.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return " ".join([platform.machine(), *names[:1]])


def versions() -> str:
    """Python and the packages that speed depends on."""
    installed = {found.metadata["Name"].lower().replace("_", "-") for found in metadata.distributions()}
    shown = [f"{name} {metadata.version(name)}" for name in _PACKAGES if name in installed]
    return ", ".join([f"Python {platform.python_version()}", *shown])
