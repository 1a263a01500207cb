"""Scoring files with a bundle: against the bare network, from the start to the first row, and memory over many files.

The bundle has the VGG16 of `kermany`, as it is there (sizes, views, float32), from random weights: speed does not
depend on them. Its gate learned from phantoms, and phantoms are scored. Against the bare network both sides take turns
in one process, on the same pictures, once as files and once as arrays in memory. Writes `reports/bench/scoring.csv`.

    python benchmarks/bench_scoring.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import rows

from pneumo_utils.datasets.phantom import radiograph
from pneumo_utils.deployment import averaged_networks, bundle, bundle_writing, exports, scoring
from pneumo_utils.deployment.quality_control import gate_fitting
from pneumo_utils.imaging import decoding
from pneumo_utils.study import definition

KERMANY = definition.load("kermany", rows.PROJECT / "params")
STORED, VIEWS, AVERAGE = KERMANY.images.stored_size, KERMANY.training.test_views, KERMANY.training.test_average
SHOWN = KERMANY.training.test_image_size or KERMANY.images.image_size
LEARNED, HELD_OUT = 160, 60  # phantoms
FILES, TURNS = 96, 5
MANY, FEW = 10_000, 1_000  # files over which memory must stay flat
LEAST_SHARE, MOST_MEMORY = 0.8, 100.0  # of the bare network's pictures a second; MB
FIRST_ROW = {"keras": 6.0, "onnx": 1.5, "litert": 1.5}  # seconds, at most
SCORE = """
import sys
from pneumo_utils.__main__ import main
code = main(sys.argv[1:])
from pathlib import Path
from pneumo_utils.records import provenance
status = Path("/proc/self/status")  # Linux, where getrusage tells at least the peak of whoever started this
lines = status.read_text().splitlines() if status.exists() else []
peaks = [line.split()[1] for line in lines if line.startswith("VmHWM")]
print(int(peaks[0]) / 1024 if peaks else provenance.peak_memory(), file=sys.stderr)
"""


def draw(folder: Path, count: int) -> list[str]:
    """Write `count` distinct radiographs of the size that originals have."""
    folder.mkdir()
    for number in range(count):
        pixels = radiograph.draw(("normal", "bacterial")[number % 2], number, number, height=1000, width=1300).pixels
        (folder / f"{number}.jpeg").write_bytes(cv2.imencode(".jpeg", pixels)[1].tobytes())
    return [str(folder / f"{number}.jpeg") for number in range(count)]


def pack(folder: Path, files: list[str], model: str) -> bundle.Bundle:
    """A bundle of `model` from random weights, whose gate knows the phantoms in `files`."""
    from pneumo_utils.networks import models  # here: what scores without TensorFlow is started from this, too

    network = models.build(model, SHOWN, dropout=0.5, weights=None)
    file = folder / f"{model}.keras"
    network.save(file)
    pictures = np.stack([decoding.read(Path(path), STORED) for path in files[: LEARNED + HELD_OUT]])
    learned, held_out = pictures[:LEARNED], pictures[LEARNED:]
    networks = averaged_networks.AveragedNetworks.load([file], "keras", VIEWS, AVERAGE)
    fitted = gate_fitting.fit(learned, networks.features(learned), held_out, networks.features(held_out))
    engines = [engine for engine in FIRST_ROW if engine != "keras"]
    formats = exports.write({(model, 0): file}, engines, folder / f"exports-{model}", learned, VIEWS)
    told = {
        "title": "Bench", "study": "bench", "created": "2026-01-01", "model": model, "heat_map": "gradcam",
        "explained_layers": {}, "false_alarms": 0.02, **bundle_writing.describe_population("drawn"),
        "operating_point": {"rule": "half", "threshold": 0.5, "band": 0.0, "slope": 1.0, "intercept": 0.0},
        "preparation": {
            "stored_size": STORED, "image_size": SHOWN, "test_views": VIEWS, "test_average": AVERAGE,
            "smallest_side": 24, "least_grey_range": 8,
        },
    }  # fmt: skip
    return bundle_writing.write(folder / f"bundle-{model}", [(model, 0)], formats, fitted, told)


def against_bare(packed: bundle.Bundle, files: list[str]) -> rows.Row:
    """Pictures a second from files, to those of the network on arrays."""
    scorer, told = scoring.Scorer(packed), packed.contents.preparation
    bare = averaged_networks.AveragedNetworks.load(
        packed.networks("keras"), "keras", told.test_views, told.test_average
    )
    answers = list(scorer.score(files))
    passed = [path for path, answer in zip(files, answers, strict=True) if answer.score.status == "scored"]
    pictures = np.stack([decoding.read(Path(path), STORED) for path in passed])
    ours, theirs = [], []
    for _ in range(TURNS):
        for works, work in ((ours, lambda: list(scorer.score(passed))), (theirs, lambda: bare.predict(pictures))):
            began = time.perf_counter()
            work()
            works.append(len(passed) / (time.perf_counter() - began))
    share = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
    seen = f"VGG16, {SHOWN} px, {VIEWS} views, {len(passed)} JPEG files of 1300 x 1000, median of {TURNS} turns"
    return rows.Row(
        "files scored a second, to arrays judged by the bare network", statistics.median(ours),
        statistics.median(theirs), "pictures/s", share, f"at least {LEAST_SHARE}", share >= LEAST_SHARE, seen,
    )  # fmt: skip


def predict(*given: str) -> tuple[float, float]:
    """Seconds and peak memory, MB, of one run of `predict` in a process of its own."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", SCORE, "predict", *given], capture_output=True, text=True, check=True)
    taken = time.perf_counter() - began
    return taken, float(done.stderr.splitlines()[-1])


def first_rows(packed: bundle.Bundle, file: str, turns: int) -> list[rows.Row]:
    """From the start of Python to the row of one file."""
    found = []
    for engine, most in FIRST_ROW.items():
        given = (file, "--model", str(packed.folder), "--engine", engine)
        seconds = min(predict(*given)[0] for _ in range(turns))
        said = f"least of {turns} starts on a machine that may be busy; {packed.contents.model}"
        found.append(
            rows.Row(
                f"start to first row, {engine}", seconds, most, "s", seconds / most, "at most 1", seconds <= most, said
            )
        )
    return found


def memory(packed: bundle.Bundle, folder: Path, files: list[str], few: int, many: int) -> rows.Row:
    """Peak memory over many files, less that over few."""
    peaks = []
    for count in (few, many):
        place = folder / f"{count}"
        place.mkdir()
        for number in range(count):
            os.link(files[number % len(files)], place / f"{number}.jpeg")
        given = (str(place), "--model", str(packed.folder), "--engine", "onnx", "--out", str(folder / f"{count}.csv"))
        peaks.append(predict(*given)[1])
    grown = peaks[1] - peaks[0]
    said = f"{many:,} phantoms against {few:,}, small CNN, onnx; the column ratio is the difference in MB"
    return rows.Row("memory over many files", peaks[1], peaks[0], "MB", grown, f"at most {MOST_MEMORY:g} more",
                    grown <= MOST_MEMORY, said)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure and write; with `--quick` at tiny sizes, nothing kept."""
    quick = rows.parser(__doc__).parse_args(arguments).quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = draw(folder / "drawn", LEARNED + HELD_OUT)
        small = pack(folder, files, "cnn")
        large = small if quick else pack(folder, files, "vgg16")
        found = [
            against_bare(large, files[:8] if quick else files[:FILES]),
            *first_rows(large, files[0], 1 if quick else 5),
            memory(small, folder, files, 40 if quick else FEW, 80 if quick else MANY),
        ]
    rows.write("scoring", found, keep=not quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
