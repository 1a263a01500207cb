"""From JPEG files to squares of 224 px: `decoding.read` against OpenCV and TensorFlow in full resolution.

All is measured in this one run, on the same files, which one pass before has brought into the page cache; the sides
take turns and the best of their repeats counts. On one core, where every file has its own best, seconds are CPU
seconds, so that other work on the machine hardly counts; for two cores they must be seconds on the wall, so a busy
machine shows in that row. Beside it stands what two processes reach, which share no interpreter. Writes
`reports/bench/decoding.csv`.

    .venv/bin/python benchmarks/bench_decoding.py [folder of JPEG files, or in ORIGINALS]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import rows

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.imaging import decoding

SIZE, REPEATS = 224, 3
DRAWN, HEIGHT, WIDTH, QUALITY = 48, 1300, 1600, 90  # where no folder is given


def ours(paths: list[str]) -> list[np.ndarray]:
    """Read one after another with this package."""
    return [decoding.read(Path(path), SIZE) for path in paths]


def ours_side_by_side(paths: list[str]) -> list[np.ndarray]:
    """Read with this package in threads."""
    return list(decoding.read_all(Path(), paths, SIZE))


def opencv(paths: list[str]) -> list[np.ndarray]:
    """What people do: decode in full, then average."""
    return [
        cv2.resize(cv2.imread(path, cv2.IMREAD_GRAYSCALE), (SIZE, SIZE), None, 0, 0, cv2.INTER_AREA) for path in paths
    ]


def tensorflow() -> Callable[[list[str]], list[np.ndarray]]:
    """The same in TensorFlow, in one thread."""
    from pneumo_utils.networks.backend import tf  # here, because the two processes need none

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    def read(path: str) -> np.ndarray:
        return tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=1), (SIZE, SIZE), "area").numpy()

    return lambda paths: [read(path) for path in paths]


@contextlib.contextmanager
def cores(count: int) -> Iterator[None]:
    """Keep this thread, and those it starts, on `count` cores; nothing happens where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):  # Linux only
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-count:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def best(clock: Callable[[], float], *works: Callable[[], object]) -> list[float]:
    """The least seconds of each of `works`, which take turns."""
    seconds = []
    for _ in range(REPEATS):
        for work in works:
            start = clock()
            work()
            seconds.append(clock() - start)
    return np.reshape(seconds, (REPEATS, -1)).min(axis=0).tolist()


def on_one_core(paths: list[str], what: str) -> list[rows.Row]:
    """Ours against OpenCV and against TensorFlow."""
    with cores(1):
        works = [ours, opencv, tensorflow()]
        seconds = [best(time.process_time, *(partial(work, [path]) for work in works)) for path in paths]
    speed = 1 / np.mean(seconds, axis=0)
    task = f"JPEG to {SIZE} px on one core"
    by_opencv, by_tensorflow = speed[0] / speed[1:]
    return [
        rows.Row(
            f"{task}: decoding.read against cv2.imread in grey + area resize", *speed[:2], "images per CPU second",
            by_opencv, "at least 1.7", bool(by_opencv >= 1.7), what,
        ),
        rows.Row(
            f"{task}: decoding.read against tf.io.decode_jpeg in grey + area resize", speed[0], speed[2],
            "images per CPU second", by_tensorflow, "-", True, what,
        ),
    ]  # fmt: skip


def on_two_cores(paths: list[str], what: str) -> rows.Row:
    """Threads on two cores against one after another on one."""

    def alone() -> None:
        with cores(1):
            ours(paths)

    with cores(2), ProcessPoolExecutor(2, get_context("spawn")) as pool:
        halves = [paths[0::2], paths[1::2]]
        list(pool.map(work_of_a_process, halves))  # started and warm
        works = [alone, lambda: ours_side_by_side(paths), lambda: list(pool.map(work_of_a_process, halves))]
        one, two, processes = len(paths) / np.array(best(time.perf_counter, *works))
    busy = f"; two processes: {processes:.4g}, ratio {processes / one:.3g}; load of the machine {load()}"
    return rows.Row(
        f"JPEG to {SIZE} px: decoding.read_all on two cores against decoding.read on one",
        two, one, "images per second",
        two / one, "at least 1.7 on 2 cores", bool(two / one >= 1.7), what + busy,
    )  # fmt: skip


def work_of_a_process(paths: list[str]) -> None:
    """Read and forget: what is sent back would be timed, too."""
    cv2.setNumThreads(1)
    ours(paths)


def load() -> str:
    """How many wanted a core in the last minute, of how many cores."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else "unknown"


def difference(paths: list[str], what: str) -> rows.Row:
    """By how much the squares differ from those of the full decode."""
    gaps = [np.abs(a.astype(float) - b).mean() for a, b in zip(ours(paths), opencv(paths), strict=True)]
    mean, largest = np.mean(gaps), np.max(gaps)
    return rows.Row(
        "Mean absolute difference to full decode + area resize: mean over files against largest file", mean, largest,
        "grey levels of 255", mean / largest, "`ours` at most 2, largest too", bool(largest <= 2), what,
    )  # fmt: skip


def draw(folder: Path) -> None:
    """Write phantoms as large JPEG files."""
    for number in range(DRAWN):
        etiology = radiograph.ETIOLOGIES[number % len(radiograph.ETIOLOGIES)]
        pixels = radiograph.draw(etiology, number, number, 390, 480).pixels
        large = cv2.resize(pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f"{number:02}.jpeg"), large, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def measure(folder: Path, kind: str) -> list[rows.Row]:
    """All rows on the JPEG files in `folder`."""
    paths = sorted(str(path) for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not paths:
        raise SystemExit(f"folder must hold JPEG files, got {folder}")
    sides = np.median([cv2.imread(path, cv2.IMREAD_GRAYSCALE).shape for path in paths], axis=0)
    what = f"{len(paths)} {kind}, median {sides[1]:.0f} x {sides[0]:.0f} px, best of {REPEATS}"
    return [*on_one_core(paths, what), on_two_cores(paths, what), difference(paths, what)]


def main() -> None:
    """Find or draw the files, measure, print and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default=os.environ.get("ORIGINALS"), help="of JPEG files")
    folder = parser.parse_args().folder
    cv2.setNumThreads(1)
    if folder:
        rows.write("decoding", measure(Path(folder), "originals"))
        return
    with tempfile.TemporaryDirectory() as temporary:
        draw(Path(temporary))
        rows.write("decoding", measure(Path(temporary), f"drawn phantoms (no originals) of quality {QUALITY}"))


if __name__ == "__main__":
    main()
