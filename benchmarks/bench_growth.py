"""How time and memory grow with the number of images: preprocessing, training from kept activations, predictions.

500 to 4,000 distinct JPEG files (phantoms, each with noise of its own) are read, squashed, stored and trained on with
ResNet50, one size after another, each in a fresh process. Four in five train, one in ten validates, one in ten tests.

    python benchmarks/bench_growth.py
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import alone
import cv2
import numpy as np
import pandas as pd
import rows

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import decoding
from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.records import provenance
from pneumo_utils.records.store import Store

COUNTS = (500, 1000, 2000, 4000)
SIZE = 48  # pixels, side of the square; small, so that four sizes take minutes
DRAWN = 64  # different phantoms
MODEL, VIEWS, BATCH = "resnet50", 2, 32
EPOCHS = (4, 1)  # head, top
MOST_BENT, MOST_MEMORY = 0.1, 200  # share; MB


def table(count: int) -> pd.DataFrame:
    """Contract `splits` of `count` files, classes in turn."""
    number = np.arange(count)
    split = np.select([number % 10 == 8, number % 10 == 9], ["validation", "test"], "train")
    label = number // 10 % 2
    columns = {"path": [f"{n}.jpeg" for n in number], "patient": [f"p{n}" for n in number], "label": label}
    columns |= {"etiology": np.where(label == 1, "bacterial", "normal")}
    return pd.DataFrame(columns | {"part": np.where(split == "test", "test", "train"), "split": split})


def draw(folder: Path, count: int) -> None:
    """Write `count` distinct radiographs."""
    kinds = ("normal", "bacterial")
    drawn = [radiograph.draw(kinds[n % 2], n, n, height=220, width=300).pixels for n in range(DRAWN)]
    folder.mkdir()
    with ThreadPoolExecutor() as pool:
        list(pool.map(partial(_save, folder, drawn), range(count), table(count)["label"]))


def _save(folder: Path, drawn: list[np.ndarray], number: int, label: int) -> None:
    generator = np.random.default_rng(number)
    picture = drawn[2 * int(generator.integers(DRAWN // 2)) + label]
    grain = generator.integers(-6, 7, picture.shape, dtype=np.int16)
    noisy = np.clip(picture + grain, 0, 255).astype(np.uint8)
    (folder / f"{number}.jpeg").write_bytes(cv2.imencode(".jpeg", noisy)[1].tobytes())


def process(folder: Path, count: int, size: int) -> tuple[float, float]:
    """Seconds and peak memory, MB, of the first `count` files from JPEG to predictions; starting Python left out."""
    # Here, not above: the peak that Linux reports of a process is at least that of the process which started it.
    from pneumo_utils.networks import optimisation, replicates

    with tempfile.TemporaryDirectory() as reports:
        began, store, parts = time.perf_counter(), Store("growth", reports), table(count)
        store.write_images(decoding.read_all(folder, list(parts["path"]), size), count, size)
        phases = (optimisation.Phase("head", EPOCHS[0], 1e-3), optimisation.Phase("top", EPOCHS[1], 1e-4))
        settings = optimisation.Settings(BATCH, patience=sum(EPOCHS), cached_views=VIEWS)
        varied = Augmentation(rotation=8.0, crop_area_min=0.8)
        recipe = replicates.Recipe(MODEL, None, size, 0.2, phases, settings, varied)
        replicates.train(recipe, 0, store.read_images(), parts, store.activations_folder(MODEL))
        return time.perf_counter() - began, provenance.peak_memory() * 2**20 / 1e6


def line(counts: np.ndarray, seconds: np.ndarray) -> tuple[float, float, float]:
    """Start and seconds an image of the straight line nearest to `seconds`, and the largest relative deviation."""
    slope, start = np.polyfit(counts, seconds, 1, w=1 / seconds)  # relative deviations are what is kept small
    return float(start), float(slope), float(np.abs(seconds / (start + slope * counts) - 1).max())


def rows_of(counts: tuple[int, ...], seconds: np.ndarray, memory: np.ndarray, size: int) -> list[rows.Row]:
    """Straightness, time an image, and memory."""
    start, _, bent = line(np.array(counts), seconds)
    few, many = ((seconds[at] - start) / counts[at] * 1000 for at in (1, -1))
    shown = ", ".join(f"{n:,} images {s:.1f} s" for n, s in zip(counts, seconds, strict=True))
    peaks = ", ".join(f"{n:,} images {m:,.0f} MB" for n, m in zip(counts, memory, strict=True))
    said = f"{MODEL} at {size} px, {VIEWS} views, {EPOCHS[0]} + {EPOCHS[1]} epochs, batch {BATCH}"
    least, most = f"{counts[0]:,}", f"{counts[-1]:,}"
    grown = float(memory[-1] - memory[0])
    return [
        rows.Row(
            f"largest deviation of the time of {least} to {most} images from a straight line, against what is allowed",
            bent, MOST_BENT, "share", bent / MOST_BENT, f"ours at most {MOST_BENT}", bent <= MOST_BENT,
            f"{shown}; fixed start {start:.1f} s; {said}",
        ),
        rows.Row(
            f"time an image at {most} images, against {counts[1]:,}; the fixed start taken off",
            many, few, "ms", many / few, "at most 1.1", many / few <= 1.1, f"{shown}; {said}",
        ),
        rows.Row(
            f"peak memory at {most} images less that at {least}, against what is allowed",
            grown, MOST_MEMORY, "MB", grown / MOST_MEMORY, f"ours below {MOST_MEMORY}", grown < MOST_MEMORY,
            f"{peaks}; pages of the activations on disk that happen to be in memory count; {said}",
        ),
    ]  # fmt: skip


def main() -> None:
    """Draw once, measure each size in its own process."""
    quick = rows.parser(__doc__).parse_args().quick
    counts, size = ((40, 60, 80, 100), 32) if quick else (COUNTS, SIZE)
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder) / "files", counts[-1])
        found = np.array([alone.run(process, Path(folder) / "files", count, size) for count in counts])
    rows.write("growth", rows_of(counts, found[:, 0], found[:, 1], size), keep=not quick)


if __name__ == "__main__":
    main()
