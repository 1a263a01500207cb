"""Writes `docs/scale.md`, the page that plans past one machine, from the rows that `bench_scale.py` left.

.venv/bin/python benchmarks/scale_page.py
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import rows
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pneumo_utils.records.atomic import atomic_write
from pneumo_utils.study import definition, expected_space, expected_time

TARGET = rows.PROJECT / "docs" / "scale.md"
PICTURES = 5856  # radiographs of the published set
CORES = 2  # of the machine whose times `expected_time` has
FILE = 0.1  # MB of a radiograph, about
MACHINES = (8, 64)  # cores that are reckoned with


def render(found: pd.DataFrame) -> str:
    """The page.

    Args:
        found: rows of `scale.csv`.
    """
    study = definition.load("kermany", rows.PROJECT / "params")
    by_measure = found.set_index("measure")
    scored = by_measure.loc["radiographs with 2 workers, to one"]
    efficiency = {
        "trainings": by_measure["ratio"]["trainings with 2 workers, to one"] / 2,
        "scoring": scored["ratio"] / 2,
    }
    hours = {
        model: CORES * expected_time.of_training(model, study, PICTURES) / 3600
        for model in ("cnn", "vgg16", "resnet50")
    }
    trainings = {
        "the three networks of `kermany`": list(hours.values()),
        "100 networks like its VGG16": [hours["vgg16"]] * 100,
    }
    needed = [
        (what, sum(each), [finish(each, workers) / efficiency["trainings"] for workers in MACHINES])
        for what, each in trainings.items()
    ]
    scoring = 1e6 / scored["theirs"] / 3600
    taken = [scoring / workers / efficiency["scoring"] for workers in MACHINES]
    needed.append(("1,000,000 radiographs scored by a small CNN, ONNX Runtime", scoring, taken))
    loader = FileSystemLoader(Path(__file__).parent)
    made = Environment(loader=loader, undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    return made.get_template("scale.md.j2").render(
        rows=found.to_dict("records"),
        date=found["date"].iloc[0],
        machine=found["machine"].iloc[0],
        efficiency=efficiency,
        pictures=f"{PICTURES:,}",
        needed=needed,
        machines=MACHINES,
        memory={model: expected_space.memory_of_training(model, study) / 1e9 for model in ("vgg16", "resnet50")},
        scorer=by_measure["ours"]["memory of a process that scores, late to early"],
        read=FILE * scored["theirs"],
    )


def finish(hours: Sequence[float], workers: int) -> float:
    """When the last training ends if each worker takes the longest that is left, in the unit of `hours`.

    Args:
        hours: that each training takes one worker.
        workers: who train at the same time.
    """
    ends = [0.0] * workers
    for one in sorted(hours, reverse=True):
        heapq.heapreplace(ends, ends[0] + one)
    return max(ends)


def main() -> int:
    """Write it; 1 where the bench has not run."""
    found = rows.read("scale")
    if found is None:
        sys.stderr.write("error: reports/bench/scale.csv must be there, got none: run benchmarks/bench_scale.py\n")
        return 1
    with atomic_write(TARGET) as part:
        part.write_text(render(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
