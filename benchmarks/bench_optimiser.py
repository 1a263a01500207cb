"""One gradient step with the study's optimiser against one with Keras' own, on few small pictures, as in the demo.

Both networks start alike and learn from the same batch; steps of the two take turns in one process, and the median of
each counts. The first step, in which TensorFlow traces the graph, is told beside it.

    python benchmarks/bench_optimiser.py
"""

from __future__ import annotations

import time

import numpy as np
import rows

from pneumo_utils.networks import models, optimisation, precision
from pneumo_utils.networks.backend import keras

NETWORKS = ("vgg16", "resnet50")
BATCH, SIZE, STEPS = 8, 48, 40  # pictures, pixels, steps of each
SETTINGS = optimisation.Settings(BATCH, 20, weight_decay=0.02, ema_momentum=0.9)
PHASE = optimisation.Phase("end_to_end", 7, 4e-4)


def plain_adamw() -> keras.optimizers.Optimizer:
    """Keras' AdamW with decay and average like ours."""
    averaged = {"use_ema": True, "ema_momentum": SETTINGS.ema_momentum}
    return keras.optimizers.AdamW(PHASE.learning_rate, weight_decay=SETTINGS.weight_decay, **averaged)


def trained(model: str, optimiser: keras.optimizers.Optimizer, size: int) -> keras.Model:
    """A network with random weights, ready to learn."""
    keras.utils.set_random_seed(0)
    network = models.build(model, size, dropout=0.2, weights=None, precision=precision.choose("auto"))
    network.compile(optimiser, "binary_crossentropy")
    optimiser.build(network.trainable_variables)
    return network


def compare(model: str, quick: bool) -> rows.Row:
    """Milliseconds a step, ours and Keras'."""
    size, steps = (32, 3) if quick else (SIZE, STEPS)
    pixels = np.random.default_rng(0).uniform(0, 255, (BATCH, size, size)).astype(np.float32)
    label = np.array([[0], [1]] * (BATCH // 2), dtype=np.float32)
    ours = optimisation.adamw(PHASE, SETTINGS, steps)
    networks = {"ours": trained(model, ours, size), "plain": trained(model, plain_adamw(), size)}
    taken = {name: [] for name in networks}
    for _ in range(1 + steps):
        for name, network in networks.items():
            began = time.perf_counter()
            network.train_on_batch(pixels, label)
            taken[name].append(1000 * (time.perf_counter() - began))
    first = {name: times.pop(0) / 1000 for name, times in taken.items()}
    mine, theirs = (float(np.median(taken[name])) for name in ("ours", "plain"))
    detail = f"batch {BATCH} of {size} px; first step {first['ours']:.1f} s against {first['plain']:.1f} s"
    ratio = theirs / mine
    return rows.Row(f"gradient step of {model}", mine, theirs, "ms", ratio, "at least 1.1", ratio >= 1.1, detail)


def main() -> None:
    """Compare both networks."""
    quick = rows.parser(__doc__).parse_args().quick
    rows.write("optimiser", [compare(model, quick) for model in NETWORKS], keep=not quick)


if __name__ == "__main__":
    main()
