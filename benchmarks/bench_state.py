"""What it costs to keep the state of a training after every epoch, so that it can go on after a kill.

VGG16 learns end to end from few pictures as `kermany` trains it, with averaged weights. What keeping takes, copies in
memory and the file, is set against an epoch of `kermany`'s training part at the size of its smallest, and so shortest,
epochs: seconds a picture of this run times their number.

    python benchmarks/bench_state.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pictures
import rows
from bench_training import SPLITS

from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import callbacks, optimisation, precision, replicates
from pneumo_utils.networks.training_state import TrainingState

TRAINED, SIZE, EPOCHS = 3_910, 80, 4  # pictures of an epoch of `kermany`, pixels, epochs here; the first only warms up
COUNTS = (256, 32, 16)  # pictures a split
PATIENTS = 360  # of the phantom
MOST = 0.02


class Timed(callbacks.Keeper):
    """Keeps the state, and how long that took."""

    seconds: list[float] = []

    def on_epoch_end(self, epoch, logs=None):
        """Keep it."""
        began = time.perf_counter()
        super().on_epoch_end(epoch, logs)
        self.seconds.append(time.perf_counter() - began)


def measure(quick: bool) -> rows.Row:
    """Seconds to keep a state against seconds of an epoch."""
    size, counts = (32, (16, 8, 8)) if quick else (SIZE, COUNTS)
    phases = (optimisation.Phase("end_to_end", EPOCHS, 1e-4),)
    settings = optimisation.Settings(32, patience=EPOCHS, weight_decay=0.02, ema_momentum=0.99, frozen_blocks=2)
    recipe = replicates.Recipe(
        "vgg16", None, size, 0.3, phases, settings, Augmentation(crop_area_min=0.08), precision.choose("auto")
    )
    optimisation.Keeper = Timed
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        source = pictures.find("", place / "phantom", 60 if quick else PATIENTS)
        images, parts = source.sample(dict(zip(SPLITS, counts, strict=True)), size)
        file = place / "state.npz"
        made = replicates.train(recipe, 0, images, parts, place, TrainingState(file, "bench"))
        megabytes = file.stat().st_size / 1e6
    kept = float(np.median(Timed.seconds[1:]))
    epoch = float(made.history["seconds"].iloc[1:].median()) / counts[0] * TRAINED
    detail = (
        f"{megabytes:.0f} MB; an epoch of {TRAINED:,} pictures of {size} px, from {counts[0]} of the phantom with "
        f"{counts[1]} to validate on, batch 32, {recipe.precision}"
    )
    return rows.Row("state of VGG16 kept, against an epoch", kept, epoch, "s", kept / epoch, f"at most {MOST}",
                    kept / epoch <= MOST, detail)  # fmt: skip


def main() -> None:
    """Measure once."""
    quick = rows.parser(__doc__).parse_args().quick
    rows.write("state", [measure(quick)], keep=not quick)


if __name__ == "__main__":
    main()
