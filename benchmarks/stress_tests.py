"""Looks for a test, made of the training folder alone, that ranks recipes as the official test does.

Public runs on the official test fall into one order: the smaller the crops that a network was trained on, the better
it holds (`PUBLISHED`). An ordinary held-out part cannot tell them apart. Four stress tests are tried on the same crops:

    tight       the share of the picture that the lungs take tells how tightly a child is framed; tested are the normals
                that are framed most tightly, as those with pneumonia are, and the pneumonias most widely
    aspect      the same with width / height of the original files
    ring        the same with what the outer ring of the picture alone, lungs hidden, says of the class
    weighted    an ordinary part, its cases weighted so that the ring says nothing of the class

Each holds a third of both classes out, patients whole, and VGG16 is trained on the rest. Recipes are kinds of crops
(`CROPS`), trained alike in everything else, or parameter files of studies. Writes `reports/bench/stress_tests.csv`, a
row a stress test, recipe, seed and way to look at test pictures, and says how each test ranks the crops (Kendall's tau
with the published order). What is there is not made again. A GPU makes it minutes a training; two cores need half an
hour.

    .venv/bin/python benchmarks/stress_tests.py --data FOLDER --weights FILE [--acquisition CSV] [--tests tight ...]
        [--recipes whole ... kermany candidates/wide-112 ...] [--seeds 0 ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import rows
from scipy.stats import kendalltau
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pneumo_utils.datasets import manifest, splits
from pneumo_utils.evaluation import intervals, weighted_metrics
from pneumo_utils.imaging import decoding, lung_fields
from pneumo_utils.imaging.augmentation import Augmentation
from pneumo_utils.networks import inference, models, optimisation, precision, replicates, training, training_recipe
from pneumo_utils.study.definition import load

STORED, SEEN, JUDGED = 224, 112, 144  # pixels a side
EPOCHS = 8
HELD_OUT = 1 / 3  # of the patients of each class
RING = 4  # of 32 places a side
REPLICATES, MEASURED = 500, ("auc_roc", "recall", "specificity")  # bootstrap draws of patients, and of what
MOST = 10.0  # a case weighs at most so many times the mean
JITTER = {"flip": True, "contrast": 0.3, "brightness": 0.1}
CROPS = {  # how far each goes; named by the smallest area that is kept
    "whole": Augmentation(**JITTER),
    "area .8": Augmentation(**JITTER, crop_area_min=0.8, crop_aspect_max=4 / 3),
    "area .5": Augmentation(**JITTER, crop_area_min=0.5, crop_aspect_max=4 / 3),
    "area .08": Augmentation(**JITTER, crop_area_min=0.08, crop_aspect_max=4 / 3),
}
# AUC on the official test of ResNet18 (Horizon-42/ExplainableAI_Medical, test_res.md; means of up to three runs).
PUBLISHED = {"whole": 0.966, "area .8": 0.979, "area .5": 0.987, "area .08": 0.992}
TESTS = ("tight", "aspect", "ring", "weighted")
KEY = ["test", "recipe", "seed"]


def ring_scores(pictures: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Probability of pneumonia by the outer ring alone, out of fold by patient, float (n,)."""
    small = np.stack([decoding.resize(one, 32) for one in pictures])
    outside = np.ones((32, 32), bool)
    outside[RING:-RING, RING:-RING] = False
    seen = small[:, outside].astype(float)
    judge = make_pipeline(StandardScaler(), PCA(60, random_state=0), LogisticRegression(max_iter=2000))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    given = {"groups": splits.patient_groups(table), "cv": folds, "method": "predict_proba"}
    return cross_val_predict(judge, seen, table["label"], **given)[:, 1]


def lung_shares(pictures: np.ndarray) -> np.ndarray:
    """Share of each picture that the lungs take, float (n,)."""
    return np.array([float((lung_fields.lung_probability(one) > 0.5).mean()) for one in pictures])


def hold_out(table: pd.DataFrame, score: np.ndarray) -> pd.DataFrame:
    """The third of the normals with the highest scores, and of the pneumonias with the lowest, in `test`.

    Args:
        table: contract `manifest`.
        score: float (n,), higher where a child is taken like those with pneumonia; patients count by their mean.

    Returns:
        contract `splits`.
    """
    group, label = splits.patient_groups(table), table["label"].to_numpy()
    towards = pd.Series(np.where(label == 1, -score, score)).groupby(group).transform("mean")
    rank = towards.groupby(label).rank(pct=True).to_numpy()
    gone = np.isin(group, group[rank > 1 - HELD_OUT])
    parts = table.assign(part=np.where(gone, "test", "train"))
    return splits.split_by_patient(parts, validation_fraction=0.05, seed=0)


def weights(label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Weights under which `score`, the probability of pneumonia, says nothing of the class; mean 1 in both."""
    raw = np.where(label == 1, 1 - score, score)
    for k in (0, 1):
        raw[label == k] = np.minimum(raw[label == k] / raw[label == k].mean(), MOST)
    return raw


def of_crops(crops: Augmentation, start: Path) -> replicates.Recipe:
    """A short training that differs from others in its crops alone."""
    settings = optimisation.Settings(
        32, 5, frozen_blocks=2, weight_decay=0.02, label_smoothing=0.1, class_balance="sampling", ema_momentum=0.99,
        test_views=2, test_average="logit", test_image_size=JUDGED,
    )  # fmt: skip
    phases = (optimisation.Phase("end_to_end", EPOCHS, 1e-4),)
    return replicates.Recipe("vgg16", start, SEEN, 0.5, phases, settings, crops, precision.choose("auto"))


def of_study(name: str, start: Path) -> replicates.Recipe:
    """The recipe of VGG16 in a parameter file."""
    given = load(name, rows.PROJECT / "params", data="", weights="").flat()
    return training_recipe.of_parameters(given, "vgg16", start)


def train(
    recipe: replicates.Recipe, seed: int, pictures: np.ndarray, parted: pd.DataFrame
) -> dict[tuple, pd.DataFrame]:
    """What a network says of the test pictures, contract `predictions`, by (side, views) of these."""
    with tempfile.TemporaryDirectory() as folder:
        network = replicates.train(recipe, seed, pictures, parted, Path(folder)).network
    own = recipe.settings.test_image_size or recipe.image_size
    told = {}
    for side, views in dict.fromkeys([(own, recipe.settings.test_views), (recipe.image_size, 2), (own, 2), (own, 10)]):
        shown = network if side == network.input.shape[1] else models.copied(network, image_size=side)
        asked = replace(recipe.settings, test_views=views)
        told[side, views] = inference.predict_test_views(shown, pictures, parted, asked).query("split == 'test'")
    return told


def row(key: dict, way: tuple[int, int], said: pd.DataFrame, score: pd.Series) -> dict:
    """One line of the table.

    Args:
        key: values of `KEY`.
        way: side, pixels, and number of views of the test pictures.
        said: contract `predictions`, of the test pictures alone.
        score: how much each is taken like pneumonia, by path.
    """
    label, answer = said["label"].to_numpy(), said["probability"].to_numpy()
    how = score.loc[said["path"]].to_numpy()
    weight = weights(label, how) if key["test"] == "weighted" else np.ones(len(label))
    counts = np.vstack([np.ones(len(label)), intervals.resample_patients(said["patient"], REPLICATES, 0)])
    found = weighted_metrics.scores(label, answer, counts * weight, 0.5, metrics=MEASURED)
    lower, upper = np.quantile(found["auc_roc"][1:], (0.025, 0.975))
    shares = pd.Series(how).rank(pct=True).to_numpy()  # what a case is told by may be no probability
    return {
        **key, "side": way[0], "views": way[1], "auc": found["auc_roc"][0], "lower": lower, "upper": upper,
        "sensitivity": found["recall"][0], "specificity": found["specificity"][0],
        "acquisition_auc": weighted_metrics.scores(label, shares, weight[None], 0.5, metrics=MEASURED)["auc_roc"][0],
        "normal": int((label == 0).sum()), "pneumonia": int(label.sum()),
        "made_on": f"{training.device()} of {rows.machine()}, {rows.versions()}",
    }  # fmt: skip


def rank_agreement(own: pd.DataFrame) -> float:
    """Kendall's tau, in [-1, 1], between the AUC of one test, mean of its seeds, and the published order of crops.

    Args:
        own: rows of one test; other recipes, and other ways to look than two views at `JUDGED`, do not count.
    """
    seen = own[own["recipe"].isin(PUBLISHED) & (own["side"] == JUDGED) & (own["views"] == 2)]
    ranked = seen.groupby("recipe")["auc"].mean()
    return float(kendalltau(ranked, ranked.index.map(PUBLISHED)).statistic)


def scores(pictures: np.ndarray, table: pd.DataFrame, sizes: pd.DataFrame, test: str) -> np.ndarray:
    """How much each picture is taken like those of pneumonia, as `test` sees it, float (n,).

    Args:
        pictures: uint8 (n, side, side).
        table: contract `manifest`.
        sizes: `width` and `height` of the original files.
        test: of `TESTS`.
    """
    if test == "tight":
        return lung_shares(pictures)
    return (sizes["width"] / sizes["height"]).to_numpy() if test == "aspect" else ring_scores(pictures, table)


def add(file: Path, found: list[dict]) -> None:
    """Put lines after those that are there."""
    before = [pd.read_csv(file)] if file.is_file() else []
    table = pd.concat([*before, pd.DataFrame(found)])
    table.to_csv(file, index=False, lineterminator="\n", float_format="%.4g")


def known(file: Path, key: dict) -> bool:
    """Whether the lines of a training are there."""
    return file.is_file() and (pd.read_csv(file)[KEY] == pd.Series(key)).all(axis=1).any()


def main() -> int:
    """Try every recipe on every test."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds train/")
    parser.add_argument("--weights", type=Path, required=True, help="VGG16's ImageNet weights without the classifier")
    parser.add_argument("--acquisition", type=Path, help="CSV with path, width, height where files were squashed")
    parser.add_argument("--tests", nargs="*", default=TESTS[:1], choices=TESTS)
    parser.add_argument("--recipes", nargs="*", default=[*CROPS], help=f"of {'; '.join(CROPS)}; or parameter files")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    given = parser.parse_args()
    made = {r: of_crops(CROPS[r], given.weights) if r in CROPS else of_study(r, given.weights) for r in given.recipes}
    table = manifest.build(given.data)[0].query("part == 'train'").reset_index(drop=True)
    pictures = np.stack(list(decoding.read_all(given.data, list(table["path"]), STORED)))
    sizes = pd.read_csv(given.acquisition) if given.acquisition else table
    sizes = sizes.set_index("path").loc[table["path"]]
    file = rows.FOLDER / "stress_tests.csv"
    for test in given.tests:
        score = scores(pictures, table, sizes, test)
        parted = hold_out(table, np.random.default_rng(0).random(len(table)) if test == "weighted" else score)
        for key in ({"test": test, "recipe": r, "seed": seed} for seed in given.seeds for r in given.recipes):
            if not known(file, key):
                told = train(made[key["recipe"]], key["seed"], pictures, parted)
                add(file, [row(key, way, said, pd.Series(score, table["path"])) for way, said in told.items()])
    for test, own in pd.read_csv(file).groupby("test", sort=False):
        sys.stdout.write(f"{test}: Kendall's tau {rank_agreement(own):+.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
