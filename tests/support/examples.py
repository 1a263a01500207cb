"""A row of every table of the study that keeps its contract."""

from __future__ import annotations

import pandas as pd

from pneumo_utils.records import tables

CASE = {"path": "train/NORMAL/IM-0001-0001.jpeg", "patient": "IM-1", "label": 0, "etiology": "normal"}
HARDER = {"path": CASE["path"], "patient": "IM-1", "label": 0, "perturbation": "blur", "strength": 0.01}
JUDGED = {"model": "cnn", "seed": 0, "split": "test"}
RATES = {"sensitivity": 0.9, "sensitivity_lower": 0.8, "sensitivity_upper": 0.95}
RATES |= {"specificity": 0.8, "specificity_lower": 0.7, "specificity_upper": 0.9}
GOOD = {
    "manifest": CASE
    | {"part": "train", "series": "IM", "number": 1, "width": 40, "height": 30, "mode": "grey", "bytes": 900}
    | {"sha256": "0f" * 32},
    "exclusions": {"path": "train/NORMAL/a.txt", "files": 1, "reason": "not an image"},
    "acquisition": {"path": CASE["path"], "bytes_per_pixel": 0.3, "jpeg_quality": 95.0, "jpeg_table": "0f" * 6}
    | {"progressive": False, "mean": 120.5, "spread": 60.1, "p5": 3.0, "p50": 110.0, "p95": 230.0}
    | {"border": 0.1, "corners": 0.01},
    "acquisition_audit": {"property": "bytes_per_pixel", "part": "train", "direction": "lower", "auc": 0.9}
    | {"lower": 0.8, "upper": None, "normal": 10, "pneumonia": 30},
    "acquisition_drift": {"property": "width", "label": 0, "part": "test", "centre": 1640.0, "auc": 0.6}
    | {"lower": 0.5, "upper": None, "n": 10},
    "resplit_predictions": CASE
    | {"split": "test", "model": "cnn", "seed": 0, "probability": 0.25, "protocol": "pictures", "known_patient": True},
    "leakage": {"protocol": "pictures", "auc": 0.99, "lower": 0.98, "upper": None, "accuracy": 0.95}
    | RATES
    | {"n": 40, "known_patient": 12},
    "perturbations": HARDER,
    "perturbed_predictions": HARDER | {"model": "cnn", "seed": 0, "probability": 0.25},
    "perturbed_performance": {
        "model": "cnn",
        "seed": 0,
        "perturbation": "blur",
        "strength": 0.01,
        "auc_change": -0.02,
        "change_lower": -0.05,
        "change_upper": 0.01,
        "auc": 0.9,
        "lower": 0.8,
    }
    | RATES
    | {"upper": 0.95, "flip_rate": 0.1, "n": 40},
    "near_duplicates": {"path": "test/NORMAL/a.jpeg", "split": "test", "other": CASE["path"], "other_split": "train"}
    | {"same_patient": False, "identical": False, "correlation": 0.999},
    "splits": CASE | {"part": "val", "split": "validation"},
    "history": {
        "model": "cnn",
        "seed": 0,
        "phase": "end_to_end",
        "epoch": 1,
        "loss": 0.6,
        "plain_loss": 0.55,
        "auc": 0.7,
    }
    | {"val_loss": 0.5, "val_auc": 0.8, "seconds": 1.5, "kept": True},
    "predictions": CASE | {"split": "test", "model": "cnn", "seed": 3, "probability": 0.25},
    "varied_predictions": CASE | {"split": "validation", "model": "cnn", "seed": 3, "probability": 0.25},
    "outline_predictions": {name: CASE[name] for name in ("path", "patient", "label")} | {"probability": 0.75},
    "reference_predictions": CASE | {"split": "test", "model": "always", "seed": 0, "probability": 0.75},
    "models": {"model": "cnn", "seed": 0, "start": "scratch", "weights_sha256": None, "image_size": 32}
    | {
        "parameters": 10,
        "trained_parameters": 8,
        "seconds": 0.5,
        "device": "CPU",
        "threads": 2,
        "precision": "float32",
        "peak_memory": 9.5,
    },
    "metrics": {"model": "cnn", "seed": 0, "split": "test", "metric": "auc_roc", "value": 0.9}
    | {"lower": None, "upper": None, "n": 40},
    "seed_spread": {"model": "cnn", "split": "test", "metric": "auc_roc", "mean": 0.9, "lower": 0.8, "upper": 0.95}
    | {"sd": 0.01, "lowest": 0.89, "highest": 0.91, "seeds": 3, "n": 40},
    "comparisons": {"split": "test", "seed": 0, "first": "cnn", "second": "vgg16", "metric": "accuracy"}
    | {
        "difference": -0.02,
        "lower": -0.05,
        "upper": 0.01,
        "p": 0.2,
        "p_holm": 0.4,
        "method": "McNemar over patients",
        "n": 40,
    },
    "operating_points": {"model": "cnn", "seed": 0, "rule": "sensitivity", "target": 0.95, "threshold": 0.4}
    | {"sensitivity": 0.96, "specificity": 0.8, "n": 40},
    "shifted_rates": JUDGED | {"rule": "margin", "shift": -1.5, "sensitivity": 0.96, "specificity": 0.8, "n": 40},
    "shift_tolerance": JUDGED | {"rule": "half", "target": 0.95, "normals": -0.5, "pneumonias": 2.5, "n": 40},
    "reliability": JUDGED
    | {"method": "none", "bin": 1, "mean_probability": 0.1, "observed": 0.2, "lower": 0.1, "upper": 0.3, "n": 4},
    "predictive_values": JUDGED
    | {"prevalence": 0.05, "metric": "ppv", "value": 0.5, "lower": 0.4, "upper": 0.6, "n": 40},
    "decision_curve": JUDGED
    | {"prevalence": 0.05, "strategy": "all", "threshold": 0.1, "net_benefit": -0.2, "lower": None, "upper": None},
    "referral": JUDGED
    | {"band": 0.5, "coverage": 0.9, "error": 0.01, "sensitivity": 0.9, "specificity": None, "n": 36},
    "referral_band": JUDGED
    | {"band": 0.5, "coverage": 0.9, "error": 0.01, "lower": 0.0, "upper": 0.02}
    | RATES
    | {"specificity": None, "n": 36},
    "etiology_sensitivity": JUDGED
    | {"etiology": "viral", "sensitivity": 0.9, "lower": 0.8, "upper": 1.0, "n": 40, "patients": 30},
    "localisation": {"model": "gaussian", "method": "none", "against": "nothing", "measure": "pointing", "value": 0.2}
    | {"lower": 0.1, "upper": 0.3, "n": 40},
    "plausibility": {"model": "cnn", "seed": 0, "outcome": "false positive", "measure": "lungs", "value": 0.2}
    | {"lower": 0.1, "upper": None, "n": 4},
    "stability": {"first": "cnn", "first_seed": 0, "second": "cnn", "second_seed": 1, "pictures": "same"}
    | {"value": -0.2, "lower": -0.3, "upper": 0.1, "n": 40},
    "faithfulness_curves": {"model": "cnn", "seed": 0, "kind": "deletion", "order": "map", "share": 0.1}
    | {"probability": 0.8, "n": 40},
    "faithfulness": {"model": "cnn", "seed": 0, "kind": "insertion", "measure": "difference", "value": -0.1}
    | {"lower": -0.2, "upper": 0.1, "n": 40},
    "sanity": {"model": "cnn", "seed": 0, "test": "weights", "stage": "logit", "value": 0.1, "lower": 0.05}
    | {"upper": 0.2, "dark": 0.25, "shuffles": 10, "n": 40},
    "gate_checks": {"pictures": "inverted", "lesson": "learned", "wanted": "refused", "n": 40, "sources": 30}
    | {"refused": 40}
    | {"share": 1.0, "lower": 0.9, "upper": 1.0},
    "exports": {"engine": "onnx", "bytes": 4_000_000, "latency_ratio": 0.5, "latency_lower": 0.4}
    | {"latency_upper": 0.6}
    | {"auc_difference": 0.0, "auc_lower": -0.01, "auc_upper": None, "largest_difference": 0.001, "n": 40}
    | {"refused": 1},
    "bundle_scores": {"path": "test/NORMAL/a.jpeg", "status": "refused", "probability": None, "reason": "inverted"},
}


def example(name, rows=3, **changed):
    """A table that keeps contract `name`."""
    made = pd.DataFrame([GOOD[name] | changed] * rows)
    if name in ("splits", *tables.ONCE) and "path" not in changed:  # the first has the path of other tables
        made["path"] = [f"{path}-{row}" if row else path for row, path in enumerate(made["path"])]
    return made
