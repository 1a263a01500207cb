"""How fast synthetic radiographs are drawn on one core, alone and as a folder of JPEG files with their truth.

Seconds are CPU seconds of the process, pinned to one core, so that other work on the machine does not count.

    python benchmarks/bench_phantom.py
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import rows

from pneumo_utils.datasets.phantom import folder as phantom_folder
from pneumo_utils.datasets.phantom import radiograph

TARGET = 100  # images/s
WIDTHS, ASPECT = (240, 480), 1.3  # as the folder has them


def draw(count: int) -> int:
    """Draw `count` radiographs of all kinds, in sizes spread over those of the folder."""
    for number, width in enumerate(np.linspace(*WIDTHS, count).astype(int).tolist()):
        etiology = radiograph.ETIOLOGIES[number % len(radiograph.ETIOLOGIES)]
        radiograph.draw(etiology, number, number, height=round(width / ASPECT), width=width)
    return count


def write(patients: int) -> int:
    """Write the folder of `patients`; how many images it has."""
    with tempfile.TemporaryDirectory() as folder:
        root = phantom_folder.write(Path(folder) / "phantom", patients=patients, seed=0, shortcut=False)
        return len(list(root.glob("*/*/*.jpeg")))


def rate(work: Callable[[int], int], amount: int) -> tuple[float, int]:
    """Images a CPU second, the best of three, and how many were made each time."""
    work(8)  # caches are warm
    found = []
    for _ in range(3):
        began = time.process_time()
        count = work(amount)
        found.append(count / (time.process_time() - began))
    return max(found), count


def row(measure: str, found: tuple[float, int], said: str) -> rows.Row:
    """Rate against the target, which stands for the other side."""
    speed, count = found
    ratio, detail = speed / TARGET, f"{count} images, {said}, one core, CPU seconds; theirs is the target"
    return rows.Row(measure, speed, TARGET, "images/s", ratio, f"ours at least {TARGET} images/s", ratio >= 1, detail)


def main() -> None:
    """Pin, draw, write."""
    quick = rows.parser(__doc__).parse_args().quick
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    sizes = f"{WIDTHS[0]} to {WIDTHS[1]} px wide"
    found = [
        row("radiographs drawn", rate(draw, 16 if quick else 300), sizes),
        row("radiographs drawn and written with their truth", rate(write, 16 if quick else 200), sizes),
    ]
    rows.write("phantom", found, keep=not quick)


if __name__ == "__main__":
    main()
