"""Tries every recipe of `recipes.yaml` against the shift, and keeps what came of it, the losers included.

Each is a whole study of its own (`reports/recipes/NAME`, or the study's own folder where nothing is changed): what has
run before is not run again, and every page can be read. Writes `reports/bench/recipes.csv`, one row per network and way
in which pictures were made harder, and `reports/bench/recipes_summary.csv`, one row per network, with the paired
difference between its worst case and that of the first recipe, of whose seeds the luckiest counts. Rows of recipes that
are not named, or no longer there, stay as they were.

    make recipes DATA=FOLDER WEIGHTS=FOLDER [ORIGINALS=FOLDER]
    .venv/bin/python benchmarks/recipes.py [NAME ...]      # DATA and the others in the environment
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import rows
from ruamel.yaml import YAML

from pneumo_utils.datasets import acquisition_properties
from pneumo_utils.evaluation import metrics
from pneumo_utils.imaging import decoding
from pneumo_utils.networks import inference, models
from pneumo_utils.pipeline.runner import Pipeline
from pneumo_utils.pipeline.study_run import StudyRun
from pneumo_utils.records.store import Store
from pneumo_utils.records.vocabulary import LABELS
from pneumo_utils.robustness import perturbations, perturbed_performance
from pneumo_utils.study.definition import Study, load

TRIED = Path(__file__).with_suffix(".yaml")
REPLICATES, SEED = 2000, 0


@dataclass(frozen=True)
class Tried:
    """A recipe that has run."""

    name: str
    why: str
    changes: str  # to the parameter file, in words
    study: Study
    store: Store


def study_of(recipe: dict, data: str, weights: str) -> Study:
    """The parameters of a recipe, checked like those of any study."""
    raw = load(recipe["study"], rows.PROJECT / "params", data=data, weights=weights).model_dump()
    for section, changed in recipe["changes"].items():
        raw[section] |= changed
    if recipe["changes"]:
        raw["about"] = {"title": f"Recipe: {recipe['why']}", "summary": words(recipe)}
    return Study.model_validate(raw)


def words(recipe: dict) -> str:
    """The parameter file a recipe starts from, and what differs."""
    changed = [f"{key} {value}" for section in recipe["changes"].values() for key, value in section.items()]
    return f"params/{recipe['study']}.yaml, {', '.join(changed) or 'as it is'}"


def run(name: str, recipe: dict, data: str, weights: str) -> Tried:
    """Run the study of a recipe, as far as it has not been run before."""
    study = study_of(recipe, data, weights)
    folder = f"recipes/{name}" if recipe["changes"] else recipe["study"]
    pipeline = Pipeline(folder, study, rows.PROJECT, rows.PROJECT / "reports")
    pipeline.check()
    pipeline.prepare()
    StudyRun(pipeline).to_the_end()
    return Tried(name, recipe["why"], words(recipe), study, pipeline.store)


def ways(tried: Tried) -> pd.DataFrame:
    """What every network of a recipe is worth in every way."""
    return tried.store.read("perturbed_performance").assign(recipe=tried.name)


def summary(tried: Tried, plain: Tried, originals: str) -> pd.DataFrame:
    """One row per network: validation, test, worst case and how far from plain's, lungs hidden, files swapped."""
    against = luckiest(plain)
    found, table = tried.store.read("metrics"), tried.store.read("perturbed_performance")
    flips = flip_rates(tried, Path(originals)) if originals else {}
    told = []
    for key, answers in tried.store.read("perturbed_predictions").groupby(["model", "seed"], sort=False):
        own = table[(table["model"] == key[0]) & (table["seed"] == key[1])].set_index("perturbation")
        auc = found.query("metric == 'auc_roc' and model == @key[0] and seed == @key[1]").set_index("split")
        worst = perturbed_performance.worst_case(own.reset_index()).iloc[0]
        same = against[against["path"].isin(answers["path"])]  # a recipe may be judged on fewer
        gap = perturbed_performance.worst_case_difference(answers, same, REPLICATES, SEED)
        told.append(
            {
                "recipe": tried.name, "model": key[0], "seed": key[1],
                "validation_auc": auc["value"]["validation"],
                "test_auc": auc["value"]["test"],
                "test_lower": auc["lower"]["test"], "test_upper": auc["upper"]["test"],
                "worst": perturbations.name(worst["perturbation"], worst["strength"]), "worst_auc": worst["auc"],
                **dict(zip(("gap", "gap_lower", "gap_upper"), gap, strict=True)), "cases": int(worst["n"]),
                "without_lungs": own["auc"]["without_lungs"], "only_lungs": own["auc"]["only_lungs"],
                "originals_flip_rate": flips.get(key, np.nan),
                "seconds": seconds(tried, *key),
                "why": tried.why, "changes": tried.changes,
                "date": datetime.now(UTC).date().isoformat(), "machine": rows.machine(),
            }
        )  # fmt: skip
    return pd.DataFrame(told)


def luckiest(plain: Tried) -> pd.DataFrame:
    """What that seed of the first recipe's VGG16 said, contract `perturbed_predictions`, whose worst case is best."""
    worst = perturbed_performance.worst_case(plain.store.read("perturbed_performance")).query("model == 'vgg16'")
    said = plain.store.read("perturbed_predictions").query("model == 'vgg16'")
    return said[said["seed"] == worst.loc[worst["auc"].idxmax(), "seed"]]


def seconds(tried: Tried, model: str, seed: int) -> float:
    """How long the training of a network took; of the ensemble that of its members."""
    made = tried.store.read("models")
    own = made[(made["model"] == model) & (made["seed"] == seed)]
    return float((own if len(own) else made[made["model"].isin(tried.study.training.ensemble)])["seconds"].sum())


def flip_rates(tried: Tried, folder: Path) -> dict[tuple[str, int], float]:
    """Share of original files that every network judges otherwise once they are saved as the other class usually is.

    Args:
        tried: the recipe.
        folder: holds `NORMAL` and `PNEUMONIA`, files as they were published; they may have been trained on.
    """
    files = sorted(path for kind in LABELS for path in (folder / kind).glob("*.jp*g"))
    label = np.array([LABELS[path.parent.name] for path in files])
    data = [path.read_bytes() for path in files]
    pixels = [decoding.decode(one) for one in data]
    quality = [acquisition_properties.measure(*one)["jpeg_quality"] for one in zip(data, pixels, strict=True)]
    seen = pd.DataFrame({"label": label, "area": [one.size for one in pixels], "quality": quality})
    usual = seen.groupby("label").median()
    kinds = [perturbations.FileFormat(*usual.loc[kind].astype(float)) for kind in (0, 1)]
    other = [perturbations.swap_file(one, kinds[1 - kind]) for one, kind in zip(pixels, label, strict=True)]
    shown, settings = tried.study.images, tried.study.training
    sides = [np.stack([decoding.resize(one, shown.stored_size) for one in side]) for side in (pixels, other)]
    points = tried.store.read("operating_points").query("rule == @tried.study.evaluation.threshold_rule")
    shares = {}
    for model, seed in ((model, seed) for model in settings.models for seed in settings.seeds):
        network = models.load(tried.store.require_network(model, seed))
        cut = points.query("model == @model and seed == @seed")["threshold"].item()
        before, after = (metrics.decide(inference.predict_images(network, side, settings), cut) for side in sides)
        shares[model, seed] = float((before != after).mean())
    return shares


def keep(name: str, found: pd.DataFrame) -> None:
    """Write the rows of the recipes that ran now, after those of others in the order of `recipes.yaml`."""
    file = rows.FOLDER / f"{name}.csv"
    if file.is_file():
        before = pd.read_csv(file)
        found = pd.concat([before[~before["recipe"].isin(found["recipe"])], found])
    order = {recipe: place for place, recipe in enumerate(recipes())}  # those that are gone come last
    found = found.sort_values("recipe", key=lambda names: names.map(order).fillna(len(order)), kind="stable")
    found.insert(0, "recipe", found.pop("recipe"))
    found.to_csv(file, index=False, lineterminator="\n", float_format="%.6g")


def line(row: pd.Series) -> str:
    """A row of the summary as `docs/recipes.md` quotes it."""
    test = metrics.format_interval(row["test_auc"], row["test_lower"], row["test_upper"])
    gap = "- | -"
    if not pd.isna(row["gap"]):
        plain = row["worst_auc"] - row["gap"]
        gap = f"{row['gap']:+.3f} ({row['gap_lower']:+.3f} to {row['gap_upper']:+.3f}) | {plain:.3f}"
    worst = f"{row['worst_auc']:.3f} ({row['worst'].lower()})"
    parts = f"{row['without_lungs']:.3f}, {row['only_lungs']:.3f}"
    network = f"{row['model']}, {row['seed']}"
    return f"| {row['recipe']} | {network} | {test} | {worst} | {gap} | {parts} | {row['seconds'] / 60:.0f} min |"


def recipes() -> dict[str, dict]:
    """All recipes, the one that others are compared with first."""
    return YAML(typ="safe").load(TRIED.read_text(encoding="utf-8"))


def main(arguments: list[str] | None = None) -> int:
    """Try the recipes that are named, or all."""
    every = recipes()
    first = next(iter(every))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {'; '.join(every)} (default: all)")
    for name in ("data", "weights", "originals"):
        parser.add_argument(f"--{name}", default=os.environ.get(name.upper(), ""))
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(every)):
        parser.error(f"NAME must be of {'; '.join(every)}, got {'; '.join(unknown)}")
    if given.originals and not all(list(Path(given.originals, kind).glob("*.jp*g")) for kind in LABELS):
        parser.error(f"ORIGINALS must hold JPEG files in {' and '.join(LABELS)}, got {given.originals}")
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("pneumo_utils").setLevel(logging.INFO)
    plain = run(first, every[first], given.data, given.weights)
    for name in dict.fromkeys([first, *(given.names or every)]):
        logging.getLogger("pneumo_utils").info("== %s", name)
        tried = plain if name == first else run(name, every[name], given.data, given.weights)
        found = summary(tried, plain, given.originals)
        keep("recipes", ways(tried))
        keep("recipes_summary", found)
        sys.stdout.write("\n".join(line(row) for _, row in found.iterrows()) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
