"""Looks for a test, made of the training folder alone, that ranks recipes as the official test does.

Public runs on the official test fall into one order: the smaller the crops that a network was trained on, the better
it holds (`PUBLISHED`). An ordinary held-out part cannot tell them apart. Four stress tests are tried on the same crops:

    ring        the outer ring of the picture alone, lungs hidden, tells how much a child looks taken like pneumonia;
                tested are the normals most like pneumonia in it, and the pneumonias most like normal
    aspect      the same with width / height of the original files
    tight       the same with the share of the picture that the lungs take
    weighted    an ordinary part, its cases weighted so that the ring says nothing of the class

Each holds a third of both classes out, patients whole, and VGG16 is trained on 1,500 of the rest at 80 px.
Writes `reports/bench/stress_tests.csv`, a row a stress test and crop, and says how each test ranks them (Kendall's tau
with the published order). Rows that are there are not made again.

    .venv/bin/python benchmarks/stress_tests.py --data FOLDER --weights FILE [--acquisition CSV] [--tests ring ...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
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
from pneumo_utils.networks import optimisation, precision, replicates

STORED, SEEN, JUDGED = 224, 80, 96  # pixels a side
LEARNED, EPOCHS = 1500, 6  # radiographs that are trained on, and how often
HELD_OUT = 1 / 3  # of the patients of each class
RING = 4  # of 32 places a side
REPLICATES, MEASURED = 500, ("auc_roc", "recall", "specificity")  # bootstrap draws of patients, and of what
MOST = 10.0  # a case weighs at most so many times the mean
JITTER = {"flip": True, "contrast": 0.3, "brightness": 0.1}
WIDE = {"rotation": 15.0, "gamma": 1.6, "blur": 1.0, "jpeg_quality_min": 50, "sharpness": 0.5, "downscale": 0.5}
CROPS = {  # how far each goes
    "area .08": Augmentation(**JITTER, crop_area_min=0.08, crop_aspect_max=4 / 3),
    "whole": Augmentation(**JITTER),
    "area .5": Augmentation(**JITTER, crop_area_min=0.5, crop_aspect_max=4 / 3),
    "area .08, aspect 2": Augmentation(**JITTER, crop_area_min=0.08, crop_aspect_max=2.0),
    "area .08, aspect 2, wide": Augmentation(**JITTER, **WIDE, crop_area_min=0.08, crop_aspect_max=2.0),
    "area .8": Augmentation(**JITTER, crop_area_min=0.8, crop_aspect_max=4 / 3),
}
# AUC on the official test of ResNet18 (Horizon-42/ExplainableAI_Medical, test_res.md; means of up to three runs).
PUBLISHED = {"whole": 0.966, "area .8": 0.979, "area .5": 0.987, "area .08": 0.992}


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
        contract `splits`, with `LEARNED` rows to train on.
    """
    group, label = splits.patient_groups(table), table["label"].to_numpy()
    towards = pd.Series(np.where(label == 1, -score, score)).groupby(group).transform("mean")
    rank = towards.groupby(label).rank(pct=True).to_numpy()
    gone = np.isin(group, group[rank > 1 - HELD_OUT])
    parted = splits.split_by_patient(
        table.assign(part=np.where(gone, "test", "train")), validation_fraction=0.05, seed=0
    )
    learned = np.flatnonzero(parted["split"] == "train")
    left_out = np.random.default_rng(0).permutation(learned)[LEARNED:]
    return parted.drop(index=parted.index[left_out])


def weights(label: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Weights under which `score`, the probability of pneumonia, says nothing of the class; mean 1 in both."""
    raw = np.where(label == 1, 1 - score, score)
    for k in (0, 1):
        raw[label == k] = np.minimum(raw[label == k] / raw[label == k].mean(), MOST)
    return raw


def train(pictures: np.ndarray, parted: pd.DataFrame, crops: Augmentation, start: Path) -> pd.DataFrame:
    """What VGG16 says of the test pictures after a short training, contract `predictions`."""
    settings = optimisation.Settings(
        32, 5, frozen_blocks=2, weight_decay=0.02, label_smoothing=0.1, class_balance="sampling", ema_momentum=0.99,
        test_views=2, test_image_size=JUDGED,
    )  # fmt: skip
    phases = (optimisation.Phase("end_to_end", EPOCHS, 1e-4),)
    recipe = replicates.Recipe("vgg16", start, SEEN, 0.5, phases, settings, crops, precision.choose("auto"))
    with tempfile.TemporaryDirectory() as folder:
        made = replicates.train(recipe, 0, pictures, parted, Path(folder))
    return made.predictions.query("split == 'test'")


def row(test: str, crops: str, said: pd.DataFrame, score: pd.Series, seconds: float) -> dict:
    """One line of the table."""
    label, answer = said["label"].to_numpy(), said["probability"].to_numpy()
    how = score.loc[said["path"]].to_numpy()
    weight = weights(label, how) if test == "weighted" else np.ones(len(label))
    counts = np.vstack([np.ones(len(label)), intervals.resample_patients(said["patient"], REPLICATES, 0)])
    found = weighted_metrics.scores(label, answer, counts * weight, 0.5, metrics=MEASURED)
    lower, upper = np.quantile(found["auc_roc"][1:], (0.025, 0.975))
    shares = pd.Series(how).rank(pct=True).to_numpy()  # what a case is told by may be no probability
    return {
        "test": test, "crops": crops, "auc": found["auc_roc"][0], "lower": lower, "upper": upper,
        "sensitivity": found["recall"][0], "specificity": found["specificity"][0],
        "acquisition_auc": weighted_metrics.scores(label, shares, weight[None], 0.5, metrics=MEASURED)["auc_roc"][0],
        "normal": int((label == 0).sum()), "pneumonia": int(label.sum()), "seconds": seconds, "machine": rows.machine(),
    }  # fmt: skip


def rank_agreement(own: pd.DataFrame) -> float:
    """Kendall's tau, in [-1, 1], between the AUC of one test's rows and the published order of the same crops."""
    ranked = own[own["crops"].isin(PUBLISHED)]
    return float(kendalltau(ranked["auc"], ranked["crops"].map(PUBLISHED)).statistic)


def main() -> int:
    """Try every test on every crop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder that holds train/")
    parser.add_argument("--weights", type=Path, required=True, help="VGG16's ImageNet weights without the classifier")
    parser.add_argument("--acquisition", type=Path, help="CSV with path, width, height where files were squashed")
    parser.add_argument("--tests", nargs="*", default=["ring", "aspect", "tight", "weighted"])
    given = parser.parse_args()
    table = manifest.build(given.data)[0].query("part == 'train'").reset_index(drop=True)
    pictures = np.stack(list(decoding.read_all(given.data, list(table["path"]), STORED)))
    sizes = table.set_index("path")[["width", "height"]]
    if given.acquisition:
        sizes = pd.read_csv(given.acquisition).set_index("path")[["width", "height"]].loc[table["path"]]
    ring = ring_scores(pictures, table)
    scores = {
        "ring": ring, "aspect": (sizes["width"] / sizes["height"]).to_numpy(), "tight": lung_shares(pictures),
        "weighted": ring,
    }  # fmt: skip
    file = rows.FOLDER / "stress_tests.csv"
    for test in given.tests:
        ordinary = np.random.default_rng(0).random(len(table))
        parted = hold_out(table, ordinary if test == "weighted" else scores[test])
        for crops in CROPS:
            before = pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=["test", "crops"])
            if ((before["test"] == test) & (before["crops"] == crops)).any():
                continue
            began = time.monotonic()
            said = train(pictures[parted.index], parted.reset_index(drop=True), CROPS[crops], given.weights)
            found = row(test, crops, said, pd.Series(scores[test], table["path"]), time.monotonic() - began)
            pd.concat([before, pd.DataFrame([found])]).to_csv(
                file, index=False, lineterminator="\n", float_format="%.4g"
            )
            sys.stdout.write(f"{found}\n")
            sys.stdout.flush()
    for test, own in pd.read_csv(file).groupby("test", sort=False):
        aucs = dict(zip(own["crops"], own["auc"].round(3), strict=True))
        sys.stdout.write(f"{test}: {aucs}, Kendall's tau {rank_agreement(own):+.2f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
