"""Throughput of each frozen trunk against what the processor gives a plain matrix product, in the same run.

The trunk is run as by `features.run_trunk`: one graph over the layers up to the cut, batches of 32 pictures of 112 px.
The peak is the best `tf.linalg.matmul` of several sizes. Both take their best of several turns, in turn, so that
other work on the machine disturbs neither more than the other. Where the processor multiplies bfloat16 by itself, the
same is done in bfloat16.

    python benchmarks/bench_trunk.py
"""

from __future__ import annotations

from collections.abc import Callable

import flops
import numpy as np
import peak
import rows

from pneumo_utils.networks import batchnorm_folding, features, models, normalisation_statistics
from pneumo_utils.networks.backend import keras, tf

TRUNKS = ("vgg16", "resnet50")
BATCH, SIZE = 32, 112
TURNS = 6
TARGET = 0.7


def trunk(model: str, batch: int, size: int, dtype: str) -> tuple[Callable[[], object], float]:
    """The frozen trunk of `model` on one batch, as `features.run_trunk` computes it, and its operations."""
    keras.utils.set_random_seed(0)
    network = models.build(model, size, dropout=0.0, weights=None, precision=dtype)
    pixels = np.random.default_rng(0).integers(0, 256, (batch, size, size)).astype(np.float32)
    normalisation_statistics.settle(network, [pixels])  # without it, values overflow: other values, other speed
    cut = models.between(network, None, models.CUT_POINTS[model].frozen_to)
    forward = features.compile_trunk(batchnorm_folding.fold_batch_normalisation(cut))
    return lambda: forward(tf.constant(pixels)).numpy(), float(batch * flops.forward(cut))


def measure(dtype: str, quick: bool) -> list[rows.Row]:
    """A row per trunk, all computing in `dtype`."""
    sides, batch, size, turns = ((256,), 4, 32, 2) if quick else (peak.SIDES, BATCH, SIZE, TURNS)
    works = {f"{side}": peak.product(side, dtype) for side in sides}
    works |= {model: trunk(model, batch, size, dtype) for model in TRUNKS}
    for work, _ in works.values():
        work()  # graphs are traced and caches warm
    taken = {name: [] for name in works}
    for _ in range(turns):
        for name, (work, _) in works.items():
            taken[name].append(peak.seconds(work))
    speed = {name: works[name][1] / min(taken[name]) / 1e9 for name in works}
    side = max(sides, key=lambda side: speed[f"{side}"])
    return [row(model, dtype, speed[model], speed[f"{side}"], side, works[model][1] / batch, batch) for model in TRUNKS]


def row(model: str, dtype: str, ours: float, theirs: float, side: int, operations: float, batch: int) -> rows.Row:
    """Throughput against peak."""
    detail = (
        f"{operations / 1e9:.2f} GFLOP an image, {operations / ours / 1e6:.1f} ms an image, batch {batch}; "
        f"matrix product of side {side}; "
        f"{'' if 'bfloat16' in peak.dtypes() else 'no bfloat16 row: this processor has none'}"
    )
    ratio = ours / theirs
    measure = f"frozen trunk of {model} forward, {dtype}"
    return rows.Row(measure, ours, theirs, "GFLOP/s", ratio, f"at least {TARGET}", ratio >= TARGET, detail.rstrip("; "))


def main() -> None:
    """Measure in float32 and, where there is such a thing, in bfloat16."""
    quick = rows.parser(__doc__).parse_args().quick
    rows.write("trunk", [row for dtype in peak.dtypes() for row in measure(dtype, quick)], keep=not quick)


if __name__ == "__main__":
    main()
