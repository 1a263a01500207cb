"""All metrics x 2,000 patient replicates x 3 models on 624 images: this package against a scikit-learn loop.

Both are timed in this one process, pinned to one core, on the same synthetic predictions and the same replicates. The
loop calls scikit-learn with `sample_weight` wherever it has the metric, and plain NumPy or SciPy where it has none. It
is timed on a part of the replicates, spread evenly over all, and scaled up, for it would take minutes; on those the
two must agree. Seconds are CPU seconds of the process, so that other work on the machine does not count; the wall
clock is told beside.

    python benchmarks/bench_metrics.py [--loop REPLICATES]
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy starts its threads
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import time
import warnings

import numpy as np
import pandas as pd
import rows
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from pneumo_utils.evaluation import intervals, log_odds, weighted_metrics

IMAGES, REPLICATES, THRESHOLD = 624, 2000, 0.5  # the official test part; 234 of its images are normal
FASTER, ALLOWED = 30, 2  # times; s
SKILL = {"cnn": 1.6, "vgg16": 2.2, "resnet50": 2.6}  # how far the two classes stand apart
AGREEMENT = {"calibration_slope": 1e-5, "calibration_intercept": 1e-8}  # 1e-10 else; their solver is iterative


def predictions(seed: int = 0) -> pd.DataFrame:
    """Contract `predictions` of three made-up models; 1 to 4 images a patient, float32 sigmoids as from Keras."""
    generator = np.random.default_rng(seed)
    label = np.repeat([0, 1], [234, 390])
    patient = np.sort(generator.integers(0, 250, 234)).tolist() + np.sort(generator.integers(250, 650, 390)).tolist()
    parts = []
    for model, skill in SKILL.items():
        probability = expit(skill * (2 * label - 1) + generator.normal(0, 2, IMAGES)).astype(np.float32)
        columns = {"path": [f"{row}.jpeg" for row in range(IMAGES)], "patient": [f"p{one}" for one in patient]}
        columns |= {"label": label, "etiology": "unknown", "split": "test", "model": model, "seed": 0}
        parts.append(pd.DataFrame(columns | {"probability": probability.astype(float)}))
    return pd.concat(parts, ignore_index=True)


def by_loop(label: np.ndarray, probability: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """All metrics of one replicate, one call after another."""
    called, given = (probability >= THRESHOLD).astype(int), {"sample_weight": weight}
    x = logit(np.clip(probability, log_odds.LOGIT_CLIP, 1 - log_odds.LOGIT_CLIP))
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8).fit(x[:, None], label, **given)
    return {
        "accuracy": sk.accuracy_score(label, called, **given),
        "precision": sk.precision_score(label, called, zero_division=np.nan, **given),
        "recall": sk.recall_score(label, called, zero_division=np.nan, **given),
        "specificity": sk.recall_score(label, called, pos_label=0, zero_division=np.nan, **given),
        "f1": sk.f1_score(label, called, zero_division=np.nan, **given),
        "auc_roc": sk.roc_auc_score(label, probability, **given),
        "average_precision": sk.average_precision_score(label, probability, **given),
        "balanced_accuracy": sk.balanced_accuracy_score(label, called, **given),
        "mcc": sk.matthews_corrcoef(label, called, **given),
        "brier": sk.brier_score_loss(label, probability, **given),
        "log_loss": sk.log_loss(label, probability, **given),
        "ece": calibration_error(label, probability, weight),
        "calibration_slope": line.coef_[0, 0],
        "calibration_intercept": brentq(lambda a: weight @ (label - expit(a + x)), -50, 50, xtol=1e-12),
    }


def calibration_error(label: np.ndarray, probability: np.ndarray, weight: np.ndarray, bins: int = 10) -> float:
    """Gap between observed and predicted in bins of equal mass, read off the cumulative gap."""
    order = np.argsort(probability)
    mass = np.r_[0, np.cumsum(weight[order])]
    gap = np.r_[0, np.cumsum((weight * (label - probability))[order])]
    ends = np.flatnonzero(np.r_[np.diff(probability[order]) != 0, True]) + 1  # ties move together
    at = np.interp(np.linspace(0, mass[-1], bins + 1), np.r_[0, mass[ends]], np.r_[0, gap[ends]])
    return np.abs(np.diff(at)).sum() / mass[-1]


def timed(work) -> tuple[object, float, float]:
    """What `work` returns, its CPU seconds and its wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return result, time.process_time() - cpu, time.perf_counter() - wall


def loop(frame: pd.DataFrame, draws: np.ndarray) -> dict[str, list[dict[str, float]]]:
    """The loop over the replicates in `draws` (r, n), for every model, which share them."""
    found = {}
    for model, part in frame.groupby("model", sort=False):
        label, probability = part["label"].to_numpy(), part["probability"].to_numpy()
        found[model] = [by_loop(label, probability, weight) for weight in draws]
    return found


def largest_gaps(frame: pd.DataFrame, rows: np.ndarray, theirs: dict) -> pd.Series:
    """Largest absolute difference of each metric between the package and the loop, over models and `rows`."""
    gaps = []
    for model, part in frame.groupby("model", sort=False):
        ours = pd.DataFrame(intervals.replicate_metrics(part, THRESHOLD, REPLICATES, 0)).iloc[1 + rows]
        gaps.append((ours.reset_index(drop=True) - pd.DataFrame(theirs[model])).abs().max(skipna=False))
    return pd.DataFrame(gaps).max(skipna=False)


def both(replicates: int) -> tuple[tuple[float, float], tuple[float, float], pd.Series]:
    """CPU and wall seconds of ours and of the loop, this scaled up, and how far the two differ in each metric.

    Ours is the median of three, drawing included.
    """
    frame, at = predictions(), np.linspace(0, REPLICATES - 1, replicates).astype(int)
    patient = frame["patient"].iloc[:IMAGES]
    draws = intervals.resample_patients(patient, REPLICATES, 0)[at].astype(float)  # a gift to the loop: not timed
    loop(frame, draws[:1])  # imports and caches are warm for both
    runs = [timed(lambda: intervals.table(intervals.bootstrap(frame, THRESHOLD, REPLICATES)))[1:] for _ in range(3)]
    cpu, wall = (float(np.median(seconds)) for seconds in zip(*runs, strict=True))
    theirs, part_cpu, part_wall = timed(lambda: loop(frame, draws))
    scale = REPLICATES / replicates
    return (cpu, wall), (part_cpu * scale, part_wall * scale), largest_gaps(frame, at, theirs)


def check(gaps: pd.Series) -> None:
    """End the run if a metric of the two differs by more than rounding."""
    bad = [metric for metric, gap in gaps.items() if not gap <= AGREEMENT.get(metric, 1e-10)]
    if bad:
        raise SystemExit(f"the two must agree, got differences {gaps[bad].to_dict()}")


def measure(replicates: int) -> list[rows.Row]:
    """Speed against the loop, and seconds by themselves."""
    (ours, ours_wall), (theirs, theirs_wall), gaps = both(replicates)
    check(gaps)
    size = (
        f"{len(weighted_metrics.METRICS)} metrics x {REPLICATES:,} replicates x {len(SKILL)} models on {IMAGES} images"
    )
    agreed = (
        f"largest difference {gaps.drop(list(AGREEMENT)).max():.0e}, "
        f"of the calibration line {gaps[list(AGREEMENT)].max():.0e}"
    )
    run = f"the loop ran {replicates} replicates, scaled; one core, CPU s (wall {ours_wall:.2f} s, {theirs_wall:.0f} s)"
    ratio = theirs / ours
    return [
        rows.Row(
            f"{size}, against a scikit-learn loop", ours, theirs, "s", ratio,
            f"at least {FASTER}", ratio >= FASTER, f"{agreed}; {run}",
        ),
        rows.Row(
            f"{size}, against the seconds allowed", ours, ALLOWED, "s", ours / ALLOWED,
            f"ours at most {ALLOWED} s", ours <= ALLOWED, "one core, CPU s, median of three, drawing included",
        ),
    ]  # fmt: skip


def main() -> None:
    """Pin, time, check, write."""
    parser = rows.parser(__doc__)
    parser.add_argument("--loop", type=int, default=40, help="replicates of each model that the loop is timed on")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measure(2 if given.quick else given.loop)
    rows.write("metrics", found, keep=not given.quick)


if __name__ == "__main__":
    main()
