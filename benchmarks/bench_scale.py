"""Trainings and scoring with 1, 2 and 4 workers, and a hundred thousand radiographs of which one worker is killed.

Workers are those of `--scheduler local:N`, each computes with one thread. Trainings are small CNNs on the phantom, one
a seed. Radiographs are phantoms, each with grain of its own, written for the bench and deleted after it; a small CNN
scores them with ONNX Runtime.

    python benchmarks/bench_scale.py
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import bench_scoring
import cv2
import numpy as np
import pandas as pd
import psutil
import rows

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.deployment import score_table
from pneumo_utils.deployment.score_table import GrowingTable

WORKERS = (1, 2, 4)
AT_ONCE = 2  # workers of the large run
SEEDS, FEW, MANY = 4, 4_000, 100_000
DRAWN = 64  # different phantoms, before the grain
HEIGHT, WIDTH = 440, 600  # pixels
LEAST_EFFICIENCY, MOST_BENT, MOST_MEMORY = 0.8, 0.05, 100.0  # share of the ideal; share; MB
EARLY, LATE = (0.1, 0.4), (0.6, 0.9)  # shares of the files, before and after a worker is killed
PROGRAM = (sys.executable, "-m", "pneumo_utils")


def write_study(folder: Path, seeds: int) -> list[str]:
    """A study of the small CNN alone; its arguments on the command line."""
    text = (rows.PROJECT / "params" / "smoke.yaml").read_text(encoding="utf-8")
    text = re.sub(r"models: \[.*\]", "models: [cnn]", text)
    text = re.sub(r"ensemble: \[.*\]", "ensemble: []", text)
    text = re.sub(r"retrained_model: \w+", "retrained_model: none", text)
    text = re.sub(r"seeds: \[.*\]", f"seeds: {list(range(seeds))}", text)
    (folder / "params").mkdir()
    (folder / "params" / "scale.yaml").write_text(text.replace("cache: data", f"cache: {folder / 'cache'}"))
    return ["scale", "--params", str(folder / "params"), "--reports", str(folder / "reports")]


def train(study: list[str], folder: Path, workers: int) -> float:
    """Seconds from where the workers are there to the end of the last training."""
    shutil.rmtree(folder / "reports" / "scale" / "work" / "models", ignore_errors=True)
    asked = [*PROGRAM, "work", *study, "--scheduler", f"local:{workers}", "--threads", "1"]
    began, ended = None, 0.0
    with subprocess.Popen(asked, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
        for line in running.stderr:
            if began is None and "dask's dashboard" in line:
                began = time.perf_counter()
            if re.match(r"cnn-seed-\d+ +\d+ s", line):
                ended = time.perf_counter()
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, asked)
    return ended - began


def of_trainings(folder: Path, seeds: int) -> list[rows.Row]:
    """A row per number of workers: trainings a minute, against one worker."""
    study = write_study(folder, seeds)
    train(study, folder, 1)  # draws the phantom and runs the pages before
    walls = {workers: train(study, folder, workers) for workers in WORKERS}
    return [_efficiency("trainings", seeds, workers, walls, "trainings/min", 60) for workers in WORKERS[1:]]


def _efficiency(what: str, count: int, workers: int, walls: dict[int, float], unit: str, times: float) -> rows.Row:
    most = min(workers, psutil.cpu_count())
    ratio = walls[1] / walls[workers]
    said = f"{count:,} {what}, one thread per worker, {psutil.cpu_count()} cores"
    return rows.Row(
        f"{what} with {workers} workers, to one", times * count / walls[workers], times * count / walls[1], unit, ratio,
        f"at least {LEAST_EFFICIENCY * most:g}", ratio >= LEAST_EFFICIENCY * most, said,
    )  # fmt: skip


def draw(folder: Path, count: int) -> list[Path]:
    """Write `count` distinct radiographs."""
    drawn = [
        radiograph.draw(("normal", "bacterial")[n % 2], n, n, height=HEIGHT, width=WIDTH).pixels for n in range(DRAWN)
    ]
    folder.mkdir()
    with ThreadPoolExecutor() as pool:
        return list(pool.map(partial(_save, folder, drawn), range(count)))


def _save(folder: Path, drawn: list[np.ndarray], number: int) -> Path:
    grain = np.random.default_rng(number).integers(-3, 4, (HEIGHT // 4, WIDTH // 4), dtype=np.int16)
    picture = drawn[number % len(drawn)] + np.kron(grain, np.ones((4, 4), np.int16))
    target = folder / f"{number // 1000:04}" / f"{number:06}.jpeg"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(cv2.imencode(".jpeg", np.clip(picture, 0, 255).astype(np.uint8))[1].tobytes())
    return target


def scoring(bundle: Path, folder: Path, out: Path, workers: int) -> list[str]:
    """The command that scores a folder."""
    given = ["--model", str(bundle), "--engine", "onnx", "--threads", "1", "--out", str(out)]
    return [*PROGRAM, "predict", str(folder), *given, "--scheduler", f"local:{workers}"]


def of_scoring(bundle: Path, folder: Path, count: int) -> list[rows.Row]:
    """A row per number of workers: radiographs a second, against one worker."""
    walls = {}
    for workers in WORKERS:
        began = time.perf_counter()
        _run(scoring(bundle, folder / "few", folder / f"few-{workers}.csv", workers))
        walls[workers] = time.perf_counter() - began
    return [_efficiency("radiographs", count, workers, walls, "radiographs/s", 1) for workers in WORKERS[1:]]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 3):
        raise subprocess.CalledProcessError(done.returncode, command)


@dataclass
class Watched:
    """How scoring in shards went."""

    seconds: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)  # MB of the largest process that scores

    def pace(self, share: tuple[float, float], total: int) -> float:
        """Seconds a file between two shares of the files."""
        first, last = np.searchsorted(self.files, [total * part for part in share])
        return (self.seconds[last] - self.seconds[first]) / (self.files[last] - self.files[first])

    def peak(self, share: float, total: int) -> float:
        """Largest memory until a share of the files was done."""
        return max(self.memory[: int(np.searchsorted(self.files, total * share)) + 1])


def watch(command: list[str], out: Path, total: int) -> Watched:
    """Run a scoring, and kill one of its workers when half of the files are done."""
    seen, killed = Watched(), False
    shards = [GrowingTable(score_table.shard_of(out, number, AT_ONCE)) for number in range(1, AT_ONCE + 1)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
        began = time.perf_counter()
        while running.poll() is None:
            done = sum(shard.count().total() for shard in shards)
            seen.seconds.append(time.perf_counter() - began)
            seen.files.append(max([done, *seen.files[-1:]]))
            scorers = _scorers(running.pid)
            seen.memory.append(max([_memory(one) for one in scorers] or [0.0]))
            if not killed and done > total / 2 and scorers:
                scorers[0].parent().kill()
                killed = True
            time.sleep(0.5)
    if running.returncode not in (0, 3) or not killed:
        raise RuntimeError(f"scoring must end well after one worker was killed, got {running.returncode}, {killed}")
    return seen


def _scorers(pid: int) -> list[psutil.Process]:
    """Processes that a worker has started to score: the children of children."""
    found = []
    for worker in psutil.Process(pid).children():
        try:
            found += [child for child in worker.children() if "spawn_main" in " ".join(child.cmdline())]
        except psutil.Error:  # gone meanwhile
            continue
    return found


def _memory(process: psutil.Process) -> float:
    try:
        return process.memory_info().rss / 2**20
    except psutil.Error:
        return 0.0


def of_many(bundle: Path, folder: Path, count: int) -> list[rows.Row]:
    """Rows of the large run: pace, memory, and what was lost or doubled."""
    out = folder / "many.csv"
    seen = watch(scoring(bundle, folder / "many", out, AT_ONCE), out, count)
    early, late = (seen.pace(share, count) for share in (EARLY, LATE))
    some, all_of_it = seen.peak(0.2, count), seen.peak(1.0, count)
    paths = pd.read_csv(out, usecols=["path"])["path"]
    wrong = count - paths.nunique() + int(paths.duplicated().sum())
    said = f"{count:,} phantoms, two workers, one killed after half of them, {seen.seconds[-1]:.0f} s"
    return [
        rows.Row("seconds a radiograph, late to early", 1000 * late, 1000 * early, "ms", late / early,
                 f"within {MOST_BENT:.0%} of 1", abs(late / early - 1) <= MOST_BENT, said),
        rows.Row("memory of a process that scores, late to early", all_of_it, some, "MB", all_of_it - some,
                 f"at most {MOST_MEMORY:g} more", all_of_it - some <= MOST_MEMORY, f"{said}; ratio is the difference"),
        rows.Row("rows that are missing or doubled", wrong, 0, "rows", wrong, "none", wrong == 0, said),
    ]  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure and write; with `--quick` at tiny sizes, nothing kept."""
    quick = rows.parser(__doc__).parse_args(arguments).quick
    few, many = (60, 400) if quick else (FEW, MANY)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learned = [str(path) for path in draw(folder / "learned", bench_scoring.LEARNED + bench_scoring.HELD_OUT)]
        bundle = bench_scoring.pack(folder, learned, "cnn").folder
        draw(folder / "many", many)
        (folder / "few").mkdir()
        for path in sorted((folder / "many").rglob("*.jpeg"))[:few]:
            os.link(path, folder / "few" / path.name)
        found = [
            *of_trainings(folder, 2 if quick else SEEDS),
            *of_scoring(bundle, folder, few),
            *of_many(bundle, folder, many),
        ]
    rows.write("scale", found, keep=not quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
