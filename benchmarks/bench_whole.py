"""An end-to-end epoch of VGG16 under strong variations against plain Keras: wall clock, and the AUC on test images.

Both sides start from the same weights, see the same 112 px images in the same split and batch size, and train all
layers for the same epochs, each in a fresh process. The study computes in the format it chooses by itself, bfloat16
where the processor has it, and varies pictures beside the step; plain Keras is `fit` in float32 with layers of
`keras.layers` in the network that vary as strongly. The study's epoch is set against the machine's peak, too.

    python benchmarks/bench_whole.py [--data FOLDER] [--weights imagenet|none|PATH]

or the environment's DATA and WEIGHTS; else the phantom and random weights.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import alone
import flops
import paired
import peak
import pictures
import plain_recipe
import rows

from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import models, optimisation, precision, replicates

MODEL, SIZE, BATCH, EPOCHS, PATIENTS = "vgg16", 112, 32, 3, 700
COUNTS = {"train": 480, "validation": 64, "test": 160}
# of the variations that `kermany` once had, those for which Keras has a layer
STRONG = Augmentation(
    rotation=15.0, crop_area_min=0.08, crop_aspect_max=1.8, contrast=0.3, brightness=0.1, blur=1.0, flip=True
)
SHARE, OF_PEAK = 0.55, 0.65


def recipe_of(start: str, size: int, epochs: int) -> replicates.Recipe:
    """All layers, from the first epoch on."""
    settings = optimisation.Settings(BATCH, patience=epochs + 1, weight_decay=0.01)
    phases = (optimisation.Phase("end_to_end", epochs, 4e-5),)
    chosen = precision.choose("auto")
    return replicates.Recipe(MODEL, plain_recipe.start_of(MODEL, start), size, 0.5, phases, settings, STRONG, chosen)


def operations(size: int, counts: dict[str, int]) -> float:
    """Of one epoch: forward and twice as much backward for a training picture, forward for one of validation."""
    one = flops.forward(models.build(MODEL, size, dropout=0.0, weights=None))
    return float(one * (3 * counts["train"] + counts["validation"]))


def compare(source: pictures.Source, start: str, quick: bool) -> list[rows.Row]:
    """Time, throughput and AUC."""
    size, epochs = (32, 2) if quick else (SIZE, EPOCHS)
    counts = {"train": 16, "validation": 8, "test": 8} if quick else COUNTS
    recipe, sample = recipe_of(start, size, epochs), source.sample(counts, size)
    ours = alone.run(plain_recipe.our_epoch, recipe, *sample)
    plain = alone.run(plain_recipe.plain_epoch, recipe, *sample)
    best = alone.run(peak.speed, recipe.precision, (256,) if quick else peak.SIDES) / 1e9
    done, share = operations(size, counts) / ours.seconds / 1e9, ours.seconds / plain.seconds
    said = f"{paired.counts(sample)}; {source.words}, {recipe.start} weights, batch {BATCH}; ours in {recipe.precision}"
    name, against = f"end-to-end epoch of {MODEL} at {size} px, validation included", f"at least {OF_PEAK}"
    matrix = f"operations of that epoch against a matrix product in {recipe.precision}"
    return [
        rows.Row(name, ours.seconds, plain.seconds, "s", share, f"at most {SHARE}", share <= SHARE, said),
        rows.Row(matrix, done, best, "GFLOP/s", done / best, against, done >= OF_PEAK * best, said),
        paired.auc_row(f"{MODEL} after {epochs} epochs end to end", ours, plain, said),
    ]


def main() -> None:
    """Compare both sides."""
    parser = rows.parser(__doc__)
    parser.add_argument("--data", default=os.environ.get("DATA", ""), help="folder in the published layout")
    parser.add_argument("--weights", default=os.environ.get("WEIGHTS") or "none", help="imagenet, none or a path")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = pictures.find(given.data, Path(folder) / "phantom", 60 if given.quick else PATIENTS)
        found = compare(source, given.weights, given.quick)
    rows.write("whole", found, keep=not given.quick)


if __name__ == "__main__":
    main()
