"""Writes `docs/scale.md`, the page that plans past one machine, from the rows that `bench_scale.py` left.

.venv/bin/python benchmarks/scale_page.py
"""

from __future__ import annotations

import sys
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


def render(found: pd.DataFrame) -> str:
    """The page.

    Args:
        found: rows of `scale.csv`.
    """
    study = definition.load("kermany", rows.PROJECT / "params")
    by_measure = found.set_index("measure")
    scored = by_measure.loc["radiographs with 2 workers, to one"]
    hours = {
        model: CORES * expected_time.of_training(model, study, PICTURES) / 3600
        for model in ("cnn", "vgg16", "resnet50")
    }
    needed = [
        ("the three networks of `kermany`", sum(hours.values())),
        ("100 networks like its VGG16", 100 * hours["vgg16"]),
        ("1,000,000 radiographs scored by a small CNN, ONNX Runtime", 1e6 / scored["theirs"] / 3600),
    ]
    loader = FileSystemLoader(Path(__file__).parent)
    made = Environment(loader=loader, undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    return made.get_template("scale.md.j2").render(
        rows=found.to_dict("records"),
        date=found["date"].iloc[0],
        machine=found["machine"].iloc[0],
        efficiency=by_measure["ratio"]["trainings with 2 workers, to one"] / 2,
        pictures=f"{PICTURES:,}",
        needed=needed,
        memory={model: expected_space.memory_of_training(model, study) / 1e9 for model in ("vgg16", "resnet50")},
        scorer=by_measure["ours"]["memory of a process that scores, late to early"],
        read=FILE * scored["theirs"],
    )


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
