"""The study's training of VGG16 and ResNet50 against plain Keras: wall clock, and the AUC on test images.

Both sides start from the same weights, see the same images in the same split and batch size, train for the same
epochs, are validated in each, and stop early in none, each in a fresh process. Plain Keras computes in float32, as it
does where nobody asks for more, the study in the format it chooses by itself. Two samples are used, since plain Keras
takes minutes for what the study does in seconds. On the larger one the time is compared: plain Keras runs a few epochs
of each phase, which are alike, and the median epoch stands for the rest. On the smaller one both run every epoch, and
their AUC is compared; what this took is told, too.

    python benchmarks/bench_training.py [--data FOLDER] [--weights imagenet|none|PATH]

or the environment's DATA and WEIGHTS; else the phantom and random weights.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import alone
import paired
import pictures
import plain_recipe
import rows
from plain_recipe import Outcome

from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import optimisation, precision, replicates

SPLITS = ("train", "validation", "test")
TIMED = {"vgg16": (360, 66, 54), "resnet50": (1500, 270, 210)}  # images a split, in the shares of the published set
JUDGED = {"vgg16": (160, 40, 480), "resnet50": (256, 64, 480)}
SIZE, BATCH, VIEWS, EPOCHS = 112, 32, 2, (40, 4)  # pixels, pictures, views kept of each, epochs of head and top
VARIED = Augmentation(rotation=8.0, crop_area_min=0.8, contrast=0.2, brightness=0.1)
RUN = {"head": 3, "top": 2}  # epochs of plain Keras where time is compared; the first of each only warms up
PATIENTS = 700  # of the phantom
FASTER = "at least 8"


def recipe_of(model: str, start: str, quick: bool) -> replicates.Recipe:
    """The phases `head` and `top`, as `03_finetune` makes them, but for stopping early."""
    epochs = (3, 2) if quick else EPOCHS
    phases = (optimisation.Phase("head", epochs[0], 3e-3), optimisation.Phase("top", epochs[1], 3e-5))
    settings = optimisation.Settings(BATCH, patience=sum(epochs) + 1, cached_views=VIEWS)
    begin, computed_in = plain_recipe.start_of(model, start), precision.choose("auto")
    return replicates.Recipe(model, begin, 32 if quick else SIZE, 0.3, phases, settings, VARIED, computed_in)


def both(recipe: replicates.Recipe, sample: tuple, most: dict[str, int]) -> tuple[Outcome, Outcome]:
    """Ours and plain Keras, one after another, each in a process of its own."""
    return alone.run(plain_recipe.ours, recipe, *sample), alone.run(plain_recipe.plain, recipe, *sample, most)


def time_row(recipe: replicates.Recipe, sample: tuple, said: str) -> rows.Row:
    """Seconds of both sides on the larger sample."""
    ours, plain = both(recipe, sample, RUN)
    ratio = plain.seconds / ours.seconds
    ran = " and ".join(f"{min(RUN[phase.name], phase.epochs)} {phase.name}" for phase in recipe.phases)
    done = f"plain Keras ran {ran} epochs in {plain.measured:.0f} s, the others are added"
    detail = f"{paired.counts(sample)}; {said}; {done}"
    measure = f"training of {recipe.model}, pictures in memory to predictions"
    return rows.Row(measure, ours.seconds, plain.seconds, "s", ratio, FASTER, ratio >= 8, detail)


def auc_row(recipe: replicates.Recipe, sample: tuple, said: str) -> rows.Row:
    """AUC of both sides on the test images of the smaller sample; `ratio` is their difference."""
    ours, plain = both(recipe, sample, {phase.name: phase.epochs for phase in recipe.phases})
    took = f"all epochs run on both sides, {ours.seconds:.0f} s against {plain.seconds:.0f} s"
    return paired.auc_row(recipe.model, ours, plain, f"{paired.counts(sample)}; {said}; {took}")


def compare(model: str, source: pictures.Source, start: str, quick: bool) -> list[rows.Row]:
    """Both rows of one network."""
    recipe = recipe_of(model, start, quick)
    wanted = [(24, 8, 8), (16, 8, 8)] if quick else [TIMED[model], JUDGED[model]]
    timed, judged = (source.sample(dict(zip(SPLITS, counts, strict=True)), recipe.image_size) for counts in wanted)
    epochs = " + ".join(str(phase.epochs) for phase in recipe.phases)
    begin = {"pretrained": "pretrained weights", "random": "random weights"}[recipe.start]
    settings = f"{recipe.settings.cached_views} views, batch {recipe.settings.batch_size}, ours in {recipe.precision}"
    said = f"{source.words}, {begin}, {epochs} epochs, {settings}"
    return [time_row(recipe, timed, said), auc_row(recipe, judged, said)]


def main() -> None:
    """Compare both networks."""
    parser = rows.parser(__doc__)
    parser.add_argument("--data", default=os.environ.get("DATA", ""), help="folder in the published layout")
    parser.add_argument("--weights", default=os.environ.get("WEIGHTS") or "none", help="imagenet, none or a path")
    parser.add_argument("--model", choices=TIMED, help="only this network; nothing is written")
    given = parser.parse_args()
    chosen = [given.model] if given.model else list(TIMED)
    with tempfile.TemporaryDirectory() as folder:
        source = pictures.find(given.data, Path(folder) / "phantom", 60 if given.quick else PATIENTS)
        found = [row for model in chosen for row in compare(model, source, given.weights, given.quick)]
    rows.write("training", found, keep=not (given.quick or given.model))


if __name__ == "__main__":
    main()
